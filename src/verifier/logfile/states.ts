import type { StateRow } from '../api.ts';
import { LINE, type LogColumns, lineText } from './lines.ts';

/** One register or slot as a line of the log prints it. */
export interface StateEntry {
  /** `r0`, `fp-8`. */
  readonly name: string;
  readonly text: string;
}

/** What a line says about registers. */
export interface LineState {
  readonly frame: number;
  readonly entries: readonly StateEntry[];
  /** Whether everything that is known is printed, rather than what changed. */
  readonly full: boolean;
  /** Ids of references that are held; absent where none are printed. */
  readonly refs?: string;
}

const HEAD = /^\s*(?:(?:from \d+ to \d+(?: \([^)]*\))?:|\d+:)\s*)?(?:frame(\d+):\s*)?(?=(?:R\d|fp-\d)|$)/;
/** Behind the semicolon; or, where the kernel went back to a branch, the state of its other side: `goto pc+2 4: R0=5`. */
const INSN_STATE = /(?:;\s*|\s\d+: )(?=(?:frame\d+: *)?(?:R\d+|fp-\d+)(?:_[a-zA-Z]+)?=)/;

/** Where the state begins in the text of an instruction's line; -1 where it shows none. */
export function stateOffset(text: string): number {
  return INSN_STATE.exec(text)?.index ?? -1;
}

/** The registers that a line of the given kind prints; null for one that prints none. */
export function lineState(text: string, kind: number): LineState | null {
  let rest = text;
  if (kind === LINE.insn) {
    const at = stateOffset(text);
    if (at < 0) return null;
    rest = text.slice(at + 1);
  } else if (kind !== LINE.state && kind !== LINE.path) return null;
  const head = HEAD.exec(rest);
  if (!head) return null;
  const entries = splitEntries(rest.slice(head[0].length));
  if (entries.length === 0 && kind !== LINE.state) return null;
  // Kernels before 5.17 print the whole state after every instruction.
  const whole = /\bR10=/.test(rest) && /=inv|\(id=0,/.test(rest);
  const numbered = /^\s*\d+:/.test(rest);
  const refs = REFS.exec(rest)?.[1];
  return {
    frame: Number(head[1] ?? 0),
    entries,
    full: kind === LINE.path || (kind === LINE.state && (!numbered || whole)),
    ...(refs === undefined ? {} : { refs }),
  };
}

/** A value without its ids and the mark of what must be known exactly: they tie it to others and say nothing of itself. */
export const withoutTies = (text: string): string =>
  text
    .replace(/^P(?=-?\d|0x|scalar)/, '')
    .replace(/\bid=\d+(?:[+-]\d+)?,?/, '')
    .replace(/\bref_obj_id=\d+,?/, '')
    .replace(/,\)$/, ')');

const REFS = /\srefs=([\d,]+)/;
const ENTRY = /^(R\d+|fp-\d+)(?:_[a-zA-Z]+)?=/;

/** Splits `R0=scalar(…) R10=fp0 fp-8=mmmm????` at the blanks outside parentheses. */
function splitEntries(text: string): StateEntry[] {
  const entries: StateEntry[] = [];
  let depth = 0;
  let from = 0;
  const add = (to: number) => {
    const word = text.slice(from, to);
    const match = ENTRY.exec(word);
    if (match) entries.push({ name: match[1]!.replace('R', 'r'), text: word.slice(match[0].length) });
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '(') depth++;
    else if (char === ')') depth = Math.max(0, depth - 1);
    else if (char === ' ' && depth === 0) {
      add(at);
      from = at + 1;
    }
  }
  add(text.length);
  return entries;
}

const S64_MIN = -(2n ** 63n);
const S64_MAX = 2n ** 63n - 1n;
const U64_MAX = 2n ** 64n - 1n;
const CONSTANT = /^P?(?:inv)?P?(-?\d{1,20}|0x[0-9a-f]{1,16})$/;
const TNUM = /var_off=\((0x[0-9a-f]{1,16}); (0x[0-9a-f]{1,16})\)/;

const signed = (text: string): bigint => BigInt.asIntN(64, BigInt(text));

/** Bounds and known bits in the kernel's notation, old or new. */
export function boundsOf(text: string): Pick<StateRow, 'smin' | 'smax' | 'tnumValue' | 'tnumMask'> {
  const constant = CONSTANT.exec(text);
  if (constant) {
    const value = signed(constant[1]!);
    return { smin: value, smax: value, tnumValue: BigInt.asUintN(64, value), tnumMask: 0n };
  }
  const isScalar = /^P?(?:scalar|inv|unknown)/.test(text);
  const given = new Map<string, bigint>();
  // `smin=smin32=0` gives two names one number.
  for (const [, names, number] of text.matchAll(/((?:[su](?:min|max)(?:32)?(?:_value)?=)+)(0x[0-9a-f]{1,16}|-?\d{1,20})/g)) {
    for (const name of names!.split('=')) if (name) given.set(name.replace('_value', ''), BigInt(number!));
  }
  const tnum = TNUM.exec(text);
  if (!isScalar && given.size === 0 && !tnum) return {};
  const umin = given.get('umin') ?? (tnum ? BigInt(tnum[1]!) : 0n);
  const umax = given.get('umax') ?? (tnum ? BigInt(tnum[1]!) | BigInt(tnum[2]!) : U64_MAX);
  // What is not printed follows from the unsigned bounds, or is not known.
  const positive = umax <= S64_MAX;
  const smin = given.has('smin') ? BigInt.asIntN(64, given.get('smin')!) : positive ? umin : S64_MIN;
  const smax = given.has('smax') ? BigInt.asIntN(64, given.get('smax')!) : positive ? umax : S64_MAX;
  const bits = tnum ? { tnumValue: BigInt(tnum[1]!), tnumMask: BigInt(tnum[2]!) } : { tnumValue: 0n, tnumMask: U64_MAX };
  return { smin, smax, ...bits };
}

/** A register as the log knows it at a line. */
export interface LogStateRow extends StateRow {
  /** The line that printed it. */
  readonly line: number;
}

export interface LogState {
  readonly frame: number;
  readonly rows: readonly LogStateRow[];
  /** Whether older lines would have to be read to know the rest. */
  readonly partial: boolean;
}

/** How far back values are looked for. */
const MOST_LINES_BACK = 5_000;

const HELPER_CALL = /^\s*\d+: \(85\) call (?!pc)/;
const CLOBBERED = ['r1', 'r2', 'r3', 'r4', 'r5'];
const SAFE = /: safe\s*$/;

/**
 * The registers as they stand behind a line, put together from what it and the lines before it print: a line prints what changed, and
 * the rest stands further up.
 */
export function logStateAt(bytes: Uint8Array, columns: LogColumns, line: number): LogState {
  const run = columns.runs.find(({ from, to }) => line >= from && line < to);
  const frame = columns.frame[line] ?? 0;
  const found = new Map<string, LogStateRow>();
  const gone = new Set<string>();
  let partial = false;
  for (let at = line; at >= (run?.from ?? 0); at--) {
    const kind = columns.kind[at]!;
    if (line - at > MOST_LINES_BACK) {
      partial = true;
      break;
    }
    if (kind === LINE.gap) {
      partial = true;
      break;
    }
    if (kind !== LINE.insn && kind !== LINE.state && kind !== LINE.path) continue;
    const text = lineText(bytes, columns, at);
    if (kind === LINE.path && SAFE.test(text)) {
      // Another path ended here: what it knew is not what this one knows.
      partial = at < line;
      break;
    }
    const state = lineState(text, kind);
    if (state && state.frame === frame) {
      for (const { name, text: value } of state.entries) {
        if (!found.has(name) && !gone.has(name)) found.set(name, { name, text: value, line: at, ...boundsOf(value) });
      }
      if (state.full) break;
    }
    if (kind === LINE.insn && columns.frame[at] === frame && at < line && HELPER_CALL.test(text))
      for (const name of CLOBBERED) gone.add(name);
    else if (kind === LINE.insn && at === line && HELPER_CALL.test(text)) for (const name of CLOBBERED) gone.add(name);
  }
  const place = (name: string): number => (name[0] === 'r' ? Number(name.slice(1)) : 100 + Number(name.slice(3)));
  return { frame, rows: [...found.values()].sort((a, b) => place(a.name) - place(b.name)), partial };
}
