import { textAt } from './columns.ts';
import type { ProgramView, VerifiedView } from './views.ts';

/** What stands first below the whole program. */
export type Grouping = 'node' | 'function' | 'line';
export type Measure = 'processed' | 'states' | 'insns';

/** A part of the program with what it takes; figures are fractions where an instruction serves several nodes. */
export interface BudgetItem {
  readonly id: string;
  readonly kind: 'program' | 'function' | 'node' | 'line' | 'run' | 'insn' | 'pruned';
  readonly label: string;
  /** Index in `ProgramView.origins` of what all of its instructions serve; -1 where none or several do. */
  readonly origin: number;
  /** Runs of instructions [from, to), in order. */
  readonly runs: readonly (readonly [from: number, to: number])[];
  readonly processed: number;
  readonly states: number;
  readonly insns: number;
  readonly parent: BudgetItem | null;
  /** Instructions that serve several nodes count by an even share. */
  readonly shared: boolean;
}

export interface BudgetTree {
  readonly root: BudgetItem;
  /** Parts that take something, the largest first. Computed when first asked for. */
  readonly childrenOf: (item: BudgetItem, by: Measure) => readonly BudgetItem[];
  /** What stands here where `item` stood in another tree, or else the nearest part around it. */
  readonly counterpart: (item: BudgetItem) => BudgetItem;
}

/** What of a verdict the tree is made of. */
export type Work = Pick<VerifiedView, 'processed' | 'totalStates' | 'visits' | 'states'>;

/** A way of dividing instructions: by numbers, which have names. */
interface Level {
  readonly kind: 'function' | 'node' | 'line';
  readonly each: (insn: number, add: (key: number) => void) => void;
  readonly label: (key: number) => string;
  readonly origin: (key: number) => number;
}

/** A run is shown in at most so many pieces before single instructions. */
const MOST_PIECES = 64;
const NONE = -1;

/**
 * The verifier's work as a tree: program, then nodes, functions or source lines, then what is left to tell of them, then runs of instructions. An
 * instruction that serves several nodes counts for each by an even share, so that all parts add up to what was processed.
 */
export function budgetTree(
  program: ProgramView,
  verified: Work,
  grouping: Grouping,
  words: { readonly hand: string; readonly noLine: string; readonly pruned: string },
): BudgetTree {
  const { visits } = verified;
  const states = verified.states ?? new Uint32Array(0);
  const count = program.code.length / 8;
  const origins = (insn: number): number => (program.originStart[insn + 1] ?? 0) - (program.originStart[insn] ?? 0);
  const funcOf = functions(program, count);
  const { lineOf, names } = sourceLines(program, count);
  const byNode: Level = {
    kind: 'node',
    each: (insn, add) => {
      if (origins(insn) === 0) add(NONE);
      for (let at = program.originStart[insn]!; at < program.originStart[insn + 1]!; at++) add(program.originIdx[at]!);
    },
    label: (key) => program.origins[key]?.label ?? words.hand,
    origin: (key) => key,
  };
  const byFunction: Level = {
    kind: 'function',
    each: (insn, add) => add(funcOf[insn]!),
    label: (key) => program.subprogs[key]?.name ?? program.name,
    origin: () => NONE,
  };
  const byLine: Level = {
    kind: 'line',
    each: (insn, add) => add(lineOf[insn]!),
    label: (key) => names[key] ?? words.noLine,
    origin: () => NONE,
  };
  const inside = program.origins.length > 0 ? byNode : names.length > 0 ? byLine : null;
  const [first, second] =
    grouping === 'function' ? [byFunction, inside] : grouping === 'line' ? [byLine, byFunction] : [byNode, byFunction];
  const weight = (insn: number, shared: boolean): number => (shared ? 1 / Math.max(1, origins(insn)) : 1);

  const item = (
    parent: BudgetItem,
    name: string,
    kind: BudgetItem['kind'],
    label: string,
    origin: number,
    shared: boolean,
    runs: [number, number][],
  ): BudgetItem => {
    const sum = { processed: 0, states: 0, insns: 0 };
    for (const [from, to] of runs)
      for (let insn = from; insn < to; insn++) {
        const part = weight(insn, shared);
        sum.processed += (visits[insn] ?? 0) * part;
        sum.states += (states[insn] ?? 0) * part;
        sum.insns += part;
      }
    return { id: `${parent.id}/${name}`, kind, label, origin, runs, parent, shared, ...sum };
  };
  const divide = (parent: BudgetItem, level: Level): BudgetItem[] => {
    const open = new Map<number, [number, number][]>();
    for (const [from, to] of parent.runs)
      for (let insn = from; insn < to; insn++)
        level.each(insn, (key) => {
          const runs = open.get(key);
          const last = runs?.at(-1);
          if (!runs) open.set(key, [[insn, insn + 1]]);
          else if (last![1] === insn) last![1]++;
          else runs.push([insn, insn + 1]);
        });
    const shared = parent.shared || level.kind === 'node';
    return [...open].map(([key, runs]) => {
      const origin = level.kind === 'node' ? level.origin(key) : parent.origin;
      return item(parent, `${level.kind}${key}`, level.kind, level.label(key), origin, shared, runs);
    });
  };
  const runsOf = (parent: BudgetItem): BudgetItem[] =>
    (parent.runs.length > 1 ? parent.runs : split(parent.runs[0]!)).map(([from, to]) =>
      item(parent, `${from}-${to}`, to - from === 1 ? 'insn' : 'run', '', parent.origin, parent.shared, [[from, to]]),
    );
  const make = (parent: BudgetItem): readonly BudgetItem[] => {
    if (parent.kind === 'insn' || parent.kind === 'pruned') return [];
    if (parent.parent !== null) {
      const parts = parent.parent.parent === null && second ? divide(parent, second) : [];
      // A single part would only say the same once more.
      return parts.length > 1 ? parts : runsOf(parent);
    }
    const parts = divide(parent, first);
    // The verifier counts an instruction at which it finds a known state and turns back; nobody visits it.
    const pruned = verified.processed - visits.reduce((sum, n) => sum + n, 0);
    if (pruned <= 0) return parts;
    return [...parts, { ...item(parent, 'pruned', 'pruned', words.pruned, NONE, false, []), processed: pruned }];
  };

  const root: BudgetItem = {
    id: '',
    kind: 'program',
    label: program.name,
    origin: NONE,
    runs: [[0, count]],
    processed: verified.processed,
    states: verified.totalStates,
    insns: count,
    parent: null,
    shared: false,
  };
  const known = new Map<string, readonly BudgetItem[]>();
  const parts = (parent: BudgetItem): readonly BudgetItem[] => {
    const found = known.get(parent.id) ?? make(parent);
    known.set(parent.id, found);
    return found;
  };
  const counterpart = (item: BudgetItem): BudgetItem => {
    if (item.parent === null) return root;
    const parent = counterpart(item.parent);
    return parts(parent).find(({ id, label }) => id === item.id && label === item.label) ?? parent;
  };
  return {
    root,
    childrenOf: (parent, by) =>
      parts(parent)
        .filter((child) => child[by] > 0)
        .sort((a, b) => b[by] - a[by]),
    counterpart,
  };
}

/** Pieces of a run, few enough to show; single instructions where it is short. */
function split([from, to]: readonly [number, number]): [number, number][] {
  const size = Math.ceil((to - from) / MOST_PIECES);
  const pieces: [number, number][] = [];
  for (let at = from; at < to; at += size) pieces.push([at, Math.min(to, at + size)]);
  return pieces;
}

/** Number of the function of each instruction. */
function functions(program: ProgramView, count: number): Uint32Array {
  const of = new Uint32Array(count);
  program.subprogs.forEach(({ start }, at) => {
    of.fill(at, start);
  });
  return of;
}

/** Number of the source line of each instruction, -1 without one, and the lines' names: `file.c:12  text`. */
function sourceLines(program: ProgramView, count: number): { lineOf: Int32Array; names: string[] } {
  const { insn, line, file, files } = program.lines;
  const lineOf = new Int32Array(count).fill(NONE);
  const names: string[] = [];
  const numbers = new Map<string, number>();
  for (let at = 0; at < insn.length; at++) {
    const place = `${files[file[at]!]!.replace(/^.*\//, '')}:${line[at]}`;
    let number = numbers.get(place);
    if (number === undefined) {
      number = names.push(`${place}  ${textAt(program.lines.text, at).trim()}`) - 1;
      numbers.set(place, number);
    }
    lineOf.fill(number, insn[at]!, insn[at + 1] ?? count);
  }
  return { lineOf, names };
}
