import { LINE, type LogColumns, lineText } from './lines.ts';
import { codeOf } from './reason.ts';
import { type LogStateRow, logStateAt, withoutTies } from './states.ts';

const FROM = /^\s*from (\d+) to (\d+)/;
const SAFE = /: safe\s*$/;
/** Steps of a path that are looked at: a panel shows what lies around one line. */
const MOST_STEPS = 20_000;

/** The line before `line` at which the branch was left whose other side begins here; -1 where the log does not show it. */
function leftAt(bytes: Uint8Array, log: LogColumns, line: number): number {
  const branch = FROM.exec(lineText(bytes, log, line));
  if (!branch) return -1;
  const insn = Number(branch[1]);
  const first = log.runs[log.run]!.from;
  for (let at = line - 1; at >= first; at--) if (log.kind[at] === LINE.insn && log.insn[at] === insn) return at;
  return -1;
}

/**
 * The line of the instruction that the verifier looked at before the one at `line`, on the same path: where a path begins, the branch that
 * it left. -1 at the program's beginning, or where the log does not show it.
 */
export function lineBefore(bytes: Uint8Array, log: LogColumns, line: number): number {
  const first = log.runs[log.run]!.from;
  for (let at = line - 1; at >= first; at--) {
    if (log.kind[at] === LINE.insn) return at;
    if (log.kind[at] === LINE.gap) return -1;
    if (log.kind[at] !== LINE.path) continue;
    if (SAFE.test(lineText(bytes, log, at))) return -1;
    return leftAt(bytes, log, at);
  }
  return -1;
}

/** The line of the instruction that comes next on the path that goes on here; -1 where it ends. */
export function lineBehind(bytes: Uint8Array, log: LogColumns, line: number): number {
  const { to } = log.runs[log.run]!;
  for (let at = line + 1; at < to; at++) {
    const kind = log.kind[at];
    if (kind === LINE.insn) return at;
    if (kind === LINE.path || kind === LINE.summary || kind === LINE.gap) return -1;
    if (kind === LINE.note && SAFE.test(lineText(bytes, log, at))) return -1;
  }
  return -1;
}

/** The lines where another path begins that left an instruction's branch: where its other side was walked, or found safe. */
export function otherSides(log: LogColumns, bytes: Uint8Array, line: number): number[] {
  const { to } = log.runs[log.run]!;
  const insn = log.insn[line];
  const found: number[] = [];
  for (let at = line + 1; at < to && found.length < 50; at++) {
    // The next visit of the branch puts another side aside.
    if (log.kind[at] === LINE.insn && log.insn[at] === insn) break;
    if (log.kind[at] === LINE.path && Number(FROM.exec(lineText(bytes, log, at))?.[1]) === insn) found.push(at);
  }
  return found;
}

/** Registers and slots before and behind an instruction. */
export interface LineStates {
  readonly before: readonly LogStateRow[];
  readonly behind: readonly LogStateRow[];
  /** Names of what the two do not agree on. */
  readonly changed: ReadonlySet<string>;
}

/** What the log knows before and behind the instruction at a line. */
export function statesAround(bytes: Uint8Array, log: LogColumns, line: number): LineStates {
  const before = stateBefore(bytes, log, line);
  const behind = logStateAt(bytes, log, line).rows;
  const texts = new Map(before.map(({ name, text }) => [name, text]));
  const changed = new Set(behind.filter(({ name, text }) => texts.get(name) !== text).map(({ name }) => name));
  for (const name of texts.keys()) if (!behind.some((row) => row.name === name)) changed.add(name);
  return { before, behind, changed };
}

/** The state with which the verifier came to an instruction. */
function stateBefore(bytes: Uint8Array, log: LogColumns, line: number): readonly LogStateRow[] {
  return line <= log.runs[log.run]!.from ? [] : logStateAt(bytes, log, line - 1).rows;
}

/** One visit of an instruction. */
export interface Round {
  readonly line: number;
  /** Values of the names in {@link Rounds.names}; '' where the log does not know. */
  readonly values: readonly string[];
}

/** Visits of one instruction side by side. */
export interface Rounds {
  readonly insn: number;
  readonly visits: number;
  /** Number of the first visit that is shown, from 0. */
  readonly first: number;
  /** What does not hold the same on all visits that are shown. */
  readonly names: readonly string[];
  readonly rounds: readonly Round[];
}

/** The visits `[first, first + count)` of an instruction, with the registers that differ between them. */
export function roundsAt(bytes: Uint8Array, log: LogColumns, insn: number, first: number, count: number): Rounds {
  const from = log.visitStart[insn] ?? 0;
  const visits = Math.max(0, (log.visitStart[insn + 1] ?? from) - from);
  const begin = Math.max(0, Math.min(first, visits - 1));
  const lines = Array.from(log.visitLine.subarray(from + begin, from + Math.min(visits, begin + count)));
  const states = lines.map((line) => new Map(stateBefore(bytes, log, line).map(({ name, text }) => [name, withoutTies(text)])));
  const names = [...new Set(states.flatMap((state) => [...state.keys()]))].filter(
    (name) => new Set(states.map((state) => state.get(name) ?? '')).size > 1,
  );
  const rounds = lines.map((line, i) => ({ line, values: names.map((name) => states[i]!.get(name) ?? '') }));
  return { insn, visits, first: begin, names, rounds };
}

/** What an instruction reads and writes, in the log's own words. */
export interface Touched {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

const REG = /\b[rw](\d+)\b/g;
const regs = (text: string): string[] => [...new Set([...text.matchAll(REG)].map((match) => `r${match[1]}`))];
const slot = (off: string): string => `fp${Math.floor(Number(off) / 8) * 8}`;

/** Registers and stack slots that an instruction's text reads and writes. */
export function touched(code: string): Touched {
  const call = /^call (.*)$/.exec(code);
  if (call) return { reads: ['r1', 'r2', 'r3', 'r4', 'r5'], writes: ['r0', 'r1', 'r2', 'r3', 'r4', 'r5'] };
  if (code.startsWith('exit')) return { reads: ['r0'], writes: [] };
  const atomic = /^(?:[rw]\d+ = )?(?:lock |atomic|load_acquire|store_release)/.test(code);
  const store = /^\*\(([us]\d+) \*\)\(([rw]\d+) ([-+]\d+)\) = (.*)$/.exec(code);
  if (store && !atomic) {
    const base = regs(store[2]!)[0]!;
    const writes = base === 'r10' ? [slot(store[3]!)] : [];
    return { reads: [...new Set([base, ...regs(store[4]!)])], writes };
  }
  const load = /^([rw]\d+) = \*\([us]\d+ \*\)\(([rw]\d+) ([-+]\d+)\)$/.exec(code);
  if (load) {
    const base = regs(load[2]!)[0]!;
    return { reads: base === 'r10' ? [base, slot(load[3]!)] : [base], writes: regs(load[1]!) };
  }
  const sets = /^([rw]\d+) ([^=]*)= (.*)$/.exec(code);
  if (sets && !atomic && !code.startsWith('if ')) {
    const to = regs(sets[1]!)[0]!;
    const more = sets[2]!.trim() === '' ? [] : [to];
    return { reads: [...new Set([...more, ...regs(sets[3]!)])], writes: [to] };
  }
  return { reads: regs(code), writes: atomic ? regs(code) : [] };
}

/** Where the values come from that an instruction reads, and where what it writes is read: on the path through its line. */
export interface DefUse {
  /** For each name that is read: the line that gave it its value; -1 where the log does not show it. */
  readonly definedAt: readonly { readonly name: string; readonly line: number }[];
  /** For each name that is written: the lines that read it before it is written again. */
  readonly usedAt: readonly { readonly name: string; readonly lines: readonly number[] }[];
}

const codeAt = (bytes: Uint8Array, log: LogColumns, line: number): string => codeOf(lineText(bytes, log, line));

/** Definitions and uses around an instruction's line, within its own function. */
export function defUse(bytes: Uint8Array, log: LogColumns, line: number): DefUse {
  const { reads, writes } = touched(codeAt(bytes, log, line));
  const frame = log.frame[line]!;
  const wanted = new Map(reads.map((name) => [name, -1]));
  const open = new Set(reads);
  for (let at = lineBefore(bytes, log, line), n = 0; at >= 0 && open.size > 0 && n < MOST_STEPS; at = lineBefore(bytes, log, at), n++) {
    if (log.frame[at] !== frame) continue;
    for (const name of touched(codeAt(bytes, log, at)).writes) {
      if (!open.delete(name)) continue;
      wanted.set(name, at);
    }
  }
  const uses = new Map(writes.map((name) => [name, [] as number[]]));
  const live = new Set(writes);
  for (let at = lineBehind(bytes, log, line), n = 0; at >= 0 && live.size > 0 && n < MOST_STEPS; at = lineBehind(bytes, log, at), n++) {
    if (log.frame[at] !== frame) continue;
    const here = touched(codeAt(bytes, log, at));
    for (const name of here.reads) if (live.has(name) && uses.get(name)!.length < 50) uses.get(name)!.push(at);
    for (const name of here.writes) live.delete(name);
  }
  return {
    definedAt: [...wanted].map(([name, at]) => ({ name, line: at })),
    usedAt: [...uses].map(([name, lines]) => ({ name, lines })),
  };
}
