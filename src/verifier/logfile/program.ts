import { parseInsn } from '../../bpf/asm-insn.ts';
import { encodeInsns, isPseudoCall, OP_LDDW } from '../../bpf/insn.ts';
import { SyntaxProblem, TokenReader, tokenize } from '../../bpf/lexer.ts';
import type { Insn } from '../../bpf/program.ts';
import { beforeComment, LINE, type LogColumns, lineText } from './lines.ts';
import { stateOffset } from './states.ts';

/** The instructions that a log shows. What it does not show is a gap: nothing is invented. */
export interface LogProgram {
  /** 8 bytes an instruction, up to the last one seen; zeros where nothing is known or the text does not assemble. */
  readonly code: Uint8Array<ArrayBuffer>;
  /** Instructions that the log shows, in order, and the words in which it does. */
  readonly seen: Uint32Array<ArrayBuffer>;
  readonly texts: readonly string[];
  /** Instructions without a line of their own, second halves of wide loads left out. */
  readonly missing: number;
  /** Functions by their first instruction: what `func#` lines and calls name. */
  readonly functions: readonly { readonly name: string; readonly start: number }[];
  readonly sources: readonly { readonly insnIdx: number; readonly file: string; readonly line: number; readonly text: string }[];
}

const SHOWN = /(?<!\d)(\d+): (?:[.0-9]{10} )?\(([0-9a-f]{2})\) (.*)$/;
const SOURCE = /^\s*;\s?(.*)$/;
const PLACE = /^(.*) @ (\S+):(\d{1,7})$/;
const MOST_SOURCES = 200_000;

/** Puts the program together, slice by slice. */
export class LogProgramBuilder {
  private readonly bytes: Uint8Array;
  private readonly columns: LogColumns;
  private readonly texts = new Map<number, string>();
  private readonly slots = new Map<number, readonly Insn[]>();
  private readonly wide = new Set<number>();
  private readonly known = new Map<string, readonly Insn[] | null>();
  private readonly sources: { insnIdx: number; file: string; line: number; text: string }[] = [];
  private readonly sourced = new Set<number>();
  private seen = new Uint8Array(1024);
  private at: number;
  private readonly to: number;

  constructor(bytes: Uint8Array, columns: LogColumns) {
    this.bytes = bytes;
    this.columns = columns;
    const run = columns.runs[columns.run];
    this.at = run?.from ?? 0;
    this.to = run?.to ?? 0;
  }

  /** Looks at so many lines more; true once all are seen. */
  step(lines: number): boolean {
    const { kind, insn } = this.columns;
    const stop = Math.min(this.to, this.at + lines);
    for (; this.at < stop; this.at++) {
      const index = insn[this.at]!;
      if (index < 0) continue;
      switch (kind[this.at]) {
        case LINE.insn:
        case LINE.liveness:
        case LINE.precision:
          if (this.seen[index]) break;
          this.add(index, lineText(this.bytes, this.columns, this.at));
          break;
        case LINE.source:
          if (!this.sourced.has(index) && this.sourced.size < MOST_SOURCES) this.source(index);
          break;
      }
    }
    return this.at >= this.to;
  }

  private add(index: number, line: string): void {
    const state = stateOffset(line);
    const match = SHOWN.exec(state < 0 ? line : line.slice(0, state));
    if (!match || Number(match[1]) !== index) return;
    if (index >= this.seen.length) {
      const grown = new Uint8Array(Math.max(index + 1, this.seen.length * 2));
      grown.set(this.seen);
      this.seen = grown;
    }
    this.seen[index] = 1;
    const text = beforeComment(match[3]!);
    this.texts.set(index, text);
    if (Number.parseInt(match[2]!, 16) === OP_LDDW) this.wide.add(index);
    const slots = this.assembled(match[2]!, text);
    if (slots) this.slots.set(index, slots);
  }

  /** The slots that a text stands for; null for one that does not assemble, such as the address of a map. */
  private assembled(opcode: string, text: string): readonly Insn[] | null {
    const key = `${opcode} ${text}`;
    const before = this.known.get(key);
    if (before !== undefined) return before;
    const expected = Number.parseInt(opcode, 16);
    let slots: readonly Insn[] | null = null;
    try {
      const reader = new TokenReader(tokenize(text, 1));
      const statement = parseInsn(reader, expected === OP_LDDW);
      reader.end();
      const fits = statement.slots[0]?.opcode === expected && !statement.reference && statement.kfunc === undefined;
      if (fits) slots = statement.slots;
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error;
    }
    this.known.set(key, slots);
    return slots;
  }

  private source(index: number): void {
    this.sourced.add(index);
    const shown = SOURCE.exec(lineText(this.bytes, this.columns, this.at).trimEnd())?.[1] ?? '';
    const [, text = shown, file = '', line = 0] = PLACE.exec(shown) ?? [];
    if (text !== '') this.sources.push({ insnIdx: index, file, line: Number(line), text });
  }

  /** Lines looked at so far. */
  get done(): number {
    return this.at;
  }

  program(): LogProgram {
    const seen = Uint32Array.from(this.texts.keys()).sort();
    // A wide load takes two places even where its text, such as a map's address, does not assemble.
    const isWide = (index: number): boolean => this.wide.has(index);
    const last = seen.at(-1);
    const count = last === undefined ? 0 : last + (isWide(last) ? 2 : 1);
    const code = new Uint8Array(count * 8);
    let missing = 0;
    let next = 0;
    for (const index of seen) {
      missing += Math.max(0, index - next);
      next = index + (isWide(index) ? 2 : 1);
      const slots = this.slots.get(index);
      if (slots) code.set(encodeInsns(slots).subarray(0, (count - index) * 8), index * 8);
      else if (isWide(index)) code[index * 8] = OP_LDDW;
    }
    return {
      code,
      seen,
      texts: Array.from(seen, (index) => this.texts.get(index)!),
      missing,
      functions: this.functionsOf(count),
      sources: this.sources.sort((a, b) => a.insnIdx - b.insnIdx),
    };
  }

  private functionsOf(count: number): { name: string; start: number }[] {
    const byStart = new Map<number, string>();
    if (count > 0) byStart.set(0, this.columns.runs[this.columns.run]?.program || 'func#0');
    for (const { name, start } of this.columns.functions) if (!byStart.has(start) && start < count) byStart.set(start, name);
    for (const [index, slots] of this.slots) {
      const [insn] = slots;
      if (!insn || !isPseudoCall(insn)) continue;
      const start = index + 1 + insn.imm;
      if (start > 0 && start < count && !byStart.has(start)) byStart.set(start, `function at ${start}`);
    }
    return [...byStart].map(([start, name]) => ({ name, start })).sort((a, b) => a.start - b.start);
  }
}

/** The program of a whole log at once. */
export function programOfLog(bytes: Uint8Array, columns: LogColumns): LogProgram {
  const builder = new LogProgramBuilder(bytes, columns);
  while (!builder.step(1 << 16));
  return builder.program();
}
