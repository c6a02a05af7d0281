import { InputError } from '../../base/errors.ts';
import { Classifier } from './classify.ts';
import { cleanLog } from './clean.ts';
import { decodeLog, LINE, type LineKind, type LogColumns, type LogEncoding, type LogFunction, type LogRun } from './lines.ts';
import { findPrefix, type PrefixPattern, prefixLength } from './prefix.ts';
import { logSample } from './recognise.ts';
import { isSection, REPORT_HEAD } from './report.ts';
import { newRun, type RunDraft, settleRun } from './runs.ts';
import { GAP, unwrapLog } from './unwrap.ts';

/** A browser tab holds a log and its columns; beyond this it might not. */
export const MOST_LOG_BYTES = 512 * 1024 * 1024;
export const MOST_LOG_LINES = 8_000_000;

const MOST_RUNS = 10_000;
const MOST_FUNCTIONS = 1_000;
const LF = 10;

/** How loaders speak: libbpf, bpftool, cilium/ebpf, bcc, aya, bpftrace, iproute2. */
const LOADERS =
  /-- (?:BEGIN|END) PROG LOAD LOG --|BPF program load failed|failed to load|^(?:Error|ERROR): |\bload program: |^libbpf: |^bpf: Failed|\bVerifier output:$|^Kernel error log:|^BPF verifier log:|^Verifier analysis:|^PROCESSING \S+, |^Prog section '|rejected: .*\(\d+\)!$|^Caused by:/i;
/** What veristat prints above a log. */
const VERISTAT = /^PROCESSING (?:.*\/)?([^/]+), DURATION US: \d+, VERDICT: (success|failure)/;

function indentOf(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] === 32 || bytes[at] === 9)) at++;
  return at - from;
}

/** Longest line of which words are read; the kernel's own lines are shorter than this. */
const LONGEST_READ = 4096;

/**
 * Reads a verifier log of any kernel, slice by slice: what each line is and which instruction it is about. Bytes that are no log at all
 * become lines of the kind `message`; nothing makes it fail but sheer size.
 */
export class LogReader {
  /** The text as it is shown: without colours and carriage returns. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly encoding: LogEncoding;
  private readonly pattern: PrefixPattern | null;
  private readonly line = new Classifier();
  private readonly warnings: string[] = [];
  private readonly runs: { draft: RunDraft; to: number }[] = [];
  private readonly functions: LogFunction[] = [];
  private lineStart: Uint32Array<ArrayBuffer>;
  private kind: Uint8Array<ArrayBuffer>;
  private insn: Int32Array<ArrayBuffer>;
  private frame: Uint8Array<ArrayBuffer>;
  private prefix: Uint8Array<ArrayBuffer>;
  private lines = 0;
  private at = 0;
  private currentFrame = 0;
  private run: RunDraft;
  /** Whether anything of the kernel's has been seen in this run: what loaders say comes before it. */
  private begun = false;
  /** A loader has said that the run's log is over, whether it was whole or not. */
  private ended = false;
  /** Programs that a loader says it could not load. */
  private readonly failed = new Set<string>();
  /** Inside of a report: how far its head is indented; -1 outside. */
  private reportIndent = -1;
  /** Whether the report has not come to its causal path yet: what it names is the instruction at fault. */
  private reportPoints = false;
  /** A report whose lines have lost their indentation ends where something else begins. */
  private flatReport = false;
  /** First line of those that belong to the next instruction: its source. */
  private sourceFrom = -1;

  constructor(raw: Uint8Array<ArrayBuffer>, name = 'the log') {
    if (raw.length > MOST_LOG_BYTES) {
      const megabytes = Math.round(raw.length / 1024 / 1024);
      throw new InputError(
        `the log has ${megabytes} MB, more than the ${MOST_LOG_BYTES / 1024 / 1024} MB that are read`,
        name,
        'Cut its beginning off: the reason stands at the end',
      );
    }
    const cleaned = cleanLog(raw);
    const { bytes, encoding } = unwrapLog(cleaned.bytes, cleaned.encoding);
    this.bytes = bytes;
    this.encoding = encoding;
    this.pattern = findPrefix(this.sample());
    const capacity = Math.max(64, Math.min(MOST_LOG_LINES, Math.ceil(bytes.length / 80)));
    this.lineStart = new Uint32Array(capacity + 1);
    this.kind = new Uint8Array(capacity);
    this.insn = new Int32Array(capacity);
    this.frame = new Uint8Array(capacity);
    this.prefix = new Uint8Array(capacity);
    this.run = newRun(0, '');
  }

  private sample(): string {
    return logSample(this.bytes, this.encoding);
  }

  /** Bytes read so far. */
  get done(): number {
    return this.at;
  }

  /** Reads on for about `budget` bytes; true once all is read. */
  step(budget: number): boolean {
    const { bytes } = this;
    const stop = Math.min(bytes.length, this.at + budget);
    while (this.at < stop) {
      if (this.lines >= MOST_LOG_LINES) {
        this.warnings.push(`Only the first ${MOST_LOG_LINES.toLocaleString('en')} lines are shown`);
        return true;
      }
      const found = bytes.indexOf(LF, this.at);
      const next = found < 0 ? bytes.length : found + 1;
      this.add(this.at, next);
      this.at = next;
    }
    return this.at >= bytes.length;
  }

  private add(from: number, next: number): void {
    if (this.lines === this.kind.length) this.grow();
    const { line, bytes } = this;
    const n = this.lines++;
    const end = bytes[next - 1] === LF ? next - 1 : next;
    const skip = this.pattern ? prefixLength(this.pattern, bytes, from, end) : 0;
    const prefix = skip > 255 ? 0 : skip;
    line.read(bytes, from + prefix, end);
    this.lineStart[n] = from;
    this.prefix[n] = prefix;
    let { kind } = line;
    if (this.reportIndent >= 0) kind = this.inReport(kind, from + prefix, end);
    if (line.frame >= 0 && kind !== LINE.report) this.currentFrame = line.frame;
    if (kind === LINE.message) kind = this.words(n, from + prefix, end);
    else if (kind === LINE.loader) this.loader(n, from + prefix, end);
    let insn = kind === LINE.report || kind === LINE.gap ? -1 : line.insn;
    switch (kind) {
      case LINE.insn:
        this.begin(n);
        this.run.insnLines++;
        this.run.lastInsnLine = n;
        this.run.lastInsn = insn;
        this.enter(n, insn);
        break;
      case LINE.path:
      case LINE.state:
        this.begin(n);
        break;
      case LINE.note:
        this.note(n, from + prefix, end);
        break;
      case LINE.precision:
        // Up to 5.16 the state of an earlier instruction stands above the words that it is about.
        if (n > 0 && this.kind[n - 1] === LINE.state && this.insn[n - 1]! < 0 && this.text(from + prefix, end).startsWith('parent '))
          this.kind[n - 1] = LINE.precision;
        this.begin(n);
        break;
      case LINE.liveness:
      case LINE.source:
        this.begin(n);
        break;
      case LINE.summary:
        this.run.summaryLine = n;
        this.adoptReason(n);
        break;
      case LINE.gap:
        this.run.gaps++;
        this.begun = true;
        break;
      case LINE.report:
        this.report(n, from + prefix, end);
        break;
      case LINE.message:
        this.begin(n);
        this.run.lastMessageLine = n;
        insn = this.run.lastInsn;
        break;
    }
    if (kind === LINE.source) {
      if (this.sourceFrom < 0) this.sourceFrom = n;
    } else if (this.sourceFrom >= 0) {
      // A source line is about the instruction below it.
      if (kind === LINE.insn || kind === LINE.state) for (let at = this.sourceFrom; at < n; at++) this.insn[at] = insn;
      this.sourceFrom = -1;
    }
    this.kind[n] = kind;
    this.insn[n] = insn;
    this.frame[n] = this.currentFrame;
  }

  /** A new run begins with the first line of the kernel's after the counters of the one before. */
  private begin(line: number): void {
    if (this.run.summaryLine >= 0) this.split(line);
    this.begun = true;
  }

  private split(line: number): void {
    if (this.runs.length >= MOST_RUNS) return;
    this.runs.push({ draft: this.run, to: line });
    this.run = newRun(line, '');
    this.begun = false;
    this.ended = false;
    this.reportIndent = -1;
    this.currentFrame = 0;
    this.functions.length = 0;
  }

  private text(from: number, to: number): string {
    return decodeLog(this.bytes.subarray(from, Math.min(to, from + LONGEST_READ)), this.encoding).trim();
  }

  /** What an unrecognised line is by its words: a loader's, or a reason of the verifier's. */
  private words(line: number, from: number, to: number): LineKind {
    const text = this.text(from, to);
    if (REPORT_HEAD.test(text)) return LINE.report;
    if (GAP.test(text)) return LINE.gap;
    if (LOADERS.test(text)) {
      this.loader(line, from, to);
      return LINE.loader;
    }
    // Up to 6.1 said of the main program's context, and of no consequence.
    if (/^reg type unsupported for arg#\d+ function /.test(text)) return LINE.note;
    // Of a context whose type BTF does not know; of a global function it is the reason.
    if (/^arg#\d+ reference type\(.*\) size cannot be determined/.test(text) && !this.isValidating(line)) return LINE.note;
    if (/ is global and (?:assumed valid|validated)|^func '.*' \(ret void\)/.test(text)) return LINE.note;
    if (/processed \d+ insns \(limit \d+\)/.test(text)) {
      // A message without its line feed: the reason and the counters stand in one line.
      this.begin(line);
      this.run.lastMessageLine = line;
      this.run.summaryLine = line;
      return LINE.summary;
    }
    // Before the kernel's first words and behind its last, others speak.
    return this.begun && this.run.summaryLine < 0 ? LINE.message : LINE.loader;
  }

  /** Whether the verification of a global function begins above a line. */
  private isValidating(line: number): boolean {
    const above = line - 1;
    if (above < 0 || this.kind[above] !== LINE.note) return false;
    return this.text(this.lineStart[above]! + this.prefix[above]!, this.lineStart[line]!).startsWith('Validating ');
  }

  /** What a line inside of a report is: its own, or the first one behind it. */
  private inReport(kind: LineKind, from: number, to: number): LineKind {
    const { bytes } = this;
    if (kind === LINE.blank) return kind;
    const indent = indentOf(bytes, from, to);
    const isOther = kind === LINE.summary || kind === LINE.loader || (kind === LINE.note && indent <= this.reportIndent);
    if (isOther) this.reportIndent = -1;
    else if (indent > this.reportIndent || isSection(this.text(from, to))) return LINE.report;
    else if (kind !== LINE.message) this.reportIndent = -1;
    else if (this.flatReport || this.lastIsSection()) {
      this.flatReport = true;
      return LINE.report;
    } else this.reportIndent = -1;
    return kind;
  }

  /** Whether the line before is the head of a section, so that its words must follow. */
  private lastIsSection(): boolean {
    const last = this.lines - 2;
    if (last < 0 || this.kind[last] !== LINE.report) return false;
    return isSection(this.text(this.lineStart[last]! + this.prefix[last]!, this.lineStart[last + 1]!));
  }

  private report(line: number, from: number, to: number): void {
    const text = this.text(from, to);
    if (REPORT_HEAD.test(text)) {
      this.begin(line);
      this.run.reportLine = line;
      this.reportIndent = indentOf(this.bytes, from, to);
      this.flatReport = false;
      this.reportPoints = true;
    } else if (text === 'Causal path:') this.reportPoints = false;
    const at = this.reportPoints ? (/^insn (\d+)$/.exec(text) ?? /^>>> *(\d+) \| \([0-9a-f]{2}\) /.exec(text)) : null;
    if (at && this.run.reportInsn < 0) this.run.reportInsn = Number(at[1]);
  }

  private loader(line: number, from: number, to: number): void {
    const text = this.text(from, to);
    const veristat = VERISTAT.exec(text);
    if (veristat) {
      this.frameRun(line, veristat[1]!);
      this.run.stated = veristat[2] === 'success' ? 'accepted' : 'rejected';
      return;
    }
    if (/\bVerifier output:$|^Kernel error log:|^BPF verifier log:|^Verifier analysis:/i.test(text)) this.frameRun(line, this.run.program);
    const named = /\bprog(?:ram)? '?([\w.]+)'?[: ]/.exec(text);
    if (named && /: (?:BPF program load failed|failed to load)/.test(text)) this.failed.add(named[1]!);
    if (/END PROG LOAD LOG/.test(text)) this.ended = true;
    else if (/BEGIN PROG LOAD LOG/.test(text)) this.frameRun(line, named?.[1] ?? this.run.program);
    else if (named && this.run.program === '' && this.run.summaryLine < 0) this.run.program = named[1]!;
  }

  /** A loader says that the log of a program begins behind this line. */
  private frameRun(line: number, program: string): void {
    if (this.run.insnLines > 0 || this.run.summaryLine >= 0 || this.ended) this.split(line);
    this.run.program = program;
    this.begun = true;
  }

  private note(line: number, from: number, to: number): void {
    const text = this.text(from, to);
    if (this.run.summaryLine >= 0) this.begin(line);
    if (/^(stack depth|verification time) /.test(text)) {
      // At level 4 the reason stands above the statistics, without an instruction.
      if (this.run.statistics.length === 0) this.adoptReason(line);
      this.run.statistics.push(line);
    }
    this.begin(line);
    const func = /^func#(\d+) @(\d+)/.exec(text);
    if (func && this.functions.length < MOST_FUNCTIONS) this.functions.push({ name: `func#${func[1]}`, start: Number(func[2]), line: -1 });
  }

  private enter(line: number, insn: number): void {
    for (let i = 0; i < this.functions.length; i++) {
      const func = this.functions[i]!;
      if (func.start === insn && func.line < 0) this.functions[i] = { ...func, line };
    }
  }

  /** A log whose beginning was cut off may hold nothing but the reason and the counters. */
  private adoptReason(line: number): void {
    if (this.run.lastInsnLine >= 0 || this.run.lastMessageLine >= 0 || this.run.reportLine >= 0) return;
    for (let at = line - 1; at >= this.run.from; at--) {
      if (this.kind[at] === LINE.blank || this.kind[at] === LINE.note || this.kind[at] === LINE.state) continue;
      if (this.kind[at] !== LINE.loader) return;
      const from = this.lineStart[at]! + this.prefix[at]!;
      const text = this.text(from, this.lineStart[at + 1] ?? this.bytes.length);
      if (LOADERS.test(text) || /^(-- |HINT:)/.test(text)) return;
      this.kind[at] = LINE.message;
      this.run.lastMessageLine = at;
      // What a reason says in more lines names registers or sizes.
      for (let above = at - 1; above >= this.run.from && this.kind[above] === LINE.loader; above--) {
        const words = this.text(this.lineStart[above]! + this.prefix[above]!, this.lineStart[above + 1]!);
        if (LOADERS.test(words) || !/\bR\d+\b|\b(?:off|size|value_size|mem_size)=|Unreleased reference/.test(words)) break;
        this.kind[above] = LINE.message;
      }
      return;
    }
  }

  private grow(): void {
    const capacity = Math.min(MOST_LOG_LINES, Math.ceil(this.kind.length * 1.5));
    const grown = <T extends Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(old: T, length: number): T => {
      const column = new (old.constructor as new (length: number) => T)(length);
      column.set(old);
      return column;
    };
    this.lineStart = grown(this.lineStart, capacity + 1);
    this.kind = grown(this.kind, capacity);
    this.insn = grown(this.insn, capacity);
    this.frame = grown(this.frame, capacity);
    this.prefix = grown(this.prefix, capacity);
  }

  /** The columns of what has been read. */
  columns(): LogColumns {
    const { lines } = this;
    const lineStart = this.lineStart.slice(0, lines + 1);
    lineStart[lines] = this.at;
    const kind = this.kind.slice(0, lines);
    const insn = this.insn.slice(0, lines);
    const prefix = this.prefix.slice(0, lines);
    const textOf = (line: number): string => this.text(lineStart[line]! + prefix[line]!, lineStart[line + 1]!);
    const drafts = [...this.runs, { draft: this.run, to: lines }];
    const runs = drafts.map(({ draft, to }) => settleRun(draft, to, this.failed.has(draft.program), textOf));
    const run = chosenRun(runs);
    const { from, to } = runs[run]!;
    return {
      encoding: this.encoding,
      lines,
      lineStart,
      kind,
      insn,
      frame: this.frame.slice(0, lines),
      prefix,
      ...visits(kind, insn, from, to),
      runs,
      run,
      functions: run === runs.length - 1 ? [...this.functions] : [],
      warnings: [...this.warnings, ...gapWarnings(runs[run]!)],
    };
  }
}

/** The last rejected run, else the last with instructions, else one of which nothing but words is there, else the last. */
function chosenRun(runs: readonly LogRun[]): number {
  const rejected = runs.findLastIndex((run) => run.verdict === 'rejected' && (run.insnLines > 0 || (run.message !== null && run.complete)));
  if (rejected >= 0) return rejected;
  const walked = runs.findLastIndex((run) => run.insnLines > 0);
  if (walked >= 0) return walked;
  const worded = runs.findLastIndex((run) => run.verdict === 'rejected' && run.message !== null);
  return worded >= 0 ? worded : runs.length - 1;
}

/** A log with holes says less than it seems to: values from before a hole are not known behind it. */
function gapWarnings({ gaps, insnLines }: LogRun): string[] {
  if (gaps === 0) return [];
  const places = gaps === 1 ? 'a place' : `${gaps.toLocaleString('en')} places`;
  return [
    `The loader left out lines at ${places}: ${insnLines > 0 ? 'what was known before is not known behind' : 'nothing but the reason is left'}`,
  ];
}

/** Lines by instruction, in order, for the lines `[from, to)`. */
function visits(
  kind: Uint8Array,
  insn: Int32Array,
  from: number,
  to: number,
): { visitStart: Uint32Array<ArrayBuffer>; visitLine: Uint32Array<ArrayBuffer> } {
  let most = -1;
  for (let line = from; line < to; line++) if (kind[line] === LINE.insn && insn[line]! > most) most = insn[line]!;
  const visitStart = new Uint32Array(most + 2);
  for (let line = from; line < to; line++) if (kind[line] === LINE.insn) visitStart[insn[line]! + 1]!++;
  for (let i = 1; i < visitStart.length; i++) visitStart[i]! += visitStart[i - 1]!;
  const next = visitStart.slice();
  const visitLine = new Uint32Array(visitStart.at(-1) ?? 0);
  for (let line = from; line < to; line++) if (kind[line] === LINE.insn) visitLine[next[insn[line]!]!++] = line;
  return { visitStart, visitLine };
}

/** Reads a whole log at once. */
export function readLog(raw: Uint8Array<ArrayBuffer>, name?: string): { bytes: Uint8Array<ArrayBuffer>; columns: LogColumns } {
  const reader = new LogReader(raw, name);
  while (!reader.step(1 << 20));
  return { bytes: reader.bytes, columns: reader.columns() };
}
