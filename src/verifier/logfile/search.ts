import { decodeLog, type LogColumns } from './lines.ts';

export interface LogQuery {
  readonly text: string;
  readonly regex: boolean;
}

/** Lines that match, each with the place of its first match in characters. */
export interface LogMatches {
  readonly line: Uint32Array<ArrayBuffer>;
  readonly from: Uint32Array<ArrayBuffer>;
  readonly to: Uint32Array<ArrayBuffer>;
}

/** A growing column. */
class Column {
  private values = new Uint32Array(256);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const grown = new Uint32Array(this.length * 2);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.length++] = value;
  }

  take(): Uint32Array<ArrayBuffer> {
    const taken = this.values.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}

/** Why a regular expression cannot be searched for; null when it can. */
export function patternProblem(query: LogQuery): string | null {
  if (!query.regex) return null;
  try {
    void new RegExp(query.text, 'i');
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : String(error);
  }
}

/** Searches a log slice by slice, without regard to case: whole slices are decoded at once, since a million short texts cost more. */
export class LogSearch {
  /** Lines searched so far. */
  done = 0;
  /** Lines found so far. */
  found = 0;
  private readonly bytes: Uint8Array;
  private readonly columns: Pick<LogColumns, 'lineStart' | 'lines' | 'encoding'>;
  private readonly needle: string;
  private readonly pattern: RegExp | null;
  private readonly line = new Column();
  private readonly from = new Column();
  private readonly to = new Column();

  constructor(bytes: Uint8Array, columns: Pick<LogColumns, 'lineStart' | 'lines' | 'encoding'>, query: LogQuery) {
    this.bytes = bytes;
    this.columns = columns;
    this.needle = query.text.toLowerCase();
    this.pattern = query.regex ? new RegExp(query.text, 'i') : null;
  }

  /** Searches about `budget` bytes more, at least one line; true once all is searched. */
  step(budget: number): boolean {
    const { lineStart, lines, encoding } = this.columns;
    if (this.done >= lines) return true;
    const first = this.done;
    const limit = lineStart[first]! + budget;
    let last = first + 1;
    while (last < lines && lineStart[last + 1]! <= limit) last++;
    const text = decodeLog(this.bytes.subarray(lineStart[first]!, lineStart[last]!), encoding);
    if (this.pattern) this.byPattern(text, first, this.pattern);
    else this.byText(text, first);
    this.done = last;
    return last >= lines;
  }

  private add(line: number, from: number, to: number): void {
    this.found++;
    this.line.push(line);
    this.from.push(from);
    this.to.push(to);
  }

  private byText(text: string, first: number): void {
    const { needle } = this;
    if (needle === '') return;
    const lower = text.toLowerCase();
    // A few letters change their number of characters with their case; places are exact without them.
    const exact = lower.length === text.length;
    let line = first;
    let start = 0;
    let found = lower.indexOf(needle);
    while (found >= 0) {
      let end = lower.indexOf('\n', start);
      while (end >= 0 && end < found) {
        start = end + 1;
        line++;
        end = lower.indexOf('\n', start);
      }
      this.add(line, exact ? found - start : 0, exact ? found - start + needle.length : 0);
      if (end < 0) return;
      start = end + 1;
      line++;
      found = lower.indexOf(needle, start);
    }
  }

  private byPattern(text: string, first: number, pattern: RegExp): void {
    let line = first;
    let start = 0;
    while (start < text.length) {
      let end = text.indexOf('\n', start);
      if (end < 0) end = text.length;
      const match = pattern.exec(text.slice(start, end));
      if (match) this.add(line, match.index, match.index + match[0].length);
      start = end + 1;
      line++;
    }
  }

  /** What was found since the last time. */
  take(): LogMatches {
    return { line: this.line.take(), from: this.from.take(), to: this.to.take() };
  }
}
