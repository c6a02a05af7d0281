import { isPacketLoad, OP_HELPER, OP_PAST_END, OP_TAIL_CALL, WORD_ARG, WORD_OP, WORDS } from '../decode.ts';

/** A run of decoded instructions that only its last one leaves. Positions are indices into the code array. */
export interface Block {
  readonly start: number;
  /** Position of the last instruction. */
  readonly last: number;
  /** Numbers of the blocks that follow: the next in the text first, then the branch's target. */
  readonly successors: readonly number[];
}

/** One function's blocks in reverse postorder; the first is its entry. */
export interface Graph {
  readonly blocks: readonly Block[];
  readonly predecessors: readonly (readonly number[])[];
  /** Forward edges into each block. */
  readonly forwardEdges: readonly number[];
  readonly isLoopHeader: readonly boolean[];
  /** Blocks that each block immediately dominates, in reverse postorder. */
  readonly dominated: readonly (readonly number[])[];
  /** False when some loop has a second entry. */
  readonly reducible: boolean;
}

export const EXIT = 0x95;
export const CALL = 0x85;
export const CALL_REGISTER = 0x8d;
export const GOTO = 0x05;
export const MAY_GOTO = 0xe5;
/** Steps through dominator trees, which hostile graphs make quadratic: a fraction of a second. */
const MOST_STEPS = 50_000_000;

/** The program does what only the interpreter can take: no verified program does. */
export class Untranslatable extends Error {}

/** Comparisons of the two jump classes, RFC 9669 section 4.3. */
const COMPARISONS = new Set([0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]);

/** True for branches, conditional or not; calls and exits are none. */
export function isBranch(op: number): boolean {
  const cls = op & 15;
  return op === GOTO || op === MAY_GOTO || (op < 0x100 && (cls === 13 || cls === 14) && COMPARISONS.has(op & 0xf0));
}

/** True for calls, and for what ends the function on the way: loads from the packet. */
export function leavesFunction(op: number): boolean {
  return op === OP_HELPER || op === CALL || op === CALL_REGISTER || op === OP_TAIL_CALL || isPacketLoad(op);
}

const isLeaf = (op: number): boolean => op === EXIT || op === OP_PAST_END;

/** Where a branch leads. Targets are stored one entry early (decode.ts). */
export const branchTarget = (code: Int32Array, at: number): number => code[at + WORD_ARG] + WORDS;

/** The blocks that can be reached from `entry` without calls. */
export function buildGraph(code: Int32Array, entry: number): Graph {
  const leaders = findLeaders(code, entry);
  const unordered = new Map<number, { last: number; next: number[] }>();
  for (const start of leaders) {
    let last = start;
    while (!isBranch(code[last + WORD_OP]) && !isLeaf(code[last + WORD_OP]) && !leaders.has(last + WORDS)) last += WORDS;
    unordered.set(start, { last, next: followers(code, last) });
  }
  const order = reversePostorder(entry, (start) => unordered.get(start)!.next);
  const numberOf = new Map(order.map((start, i) => [start, i]));
  const blocks = order.map((start) => {
    const { last, next } = unordered.get(start)!;
    return { start, last, successors: next.map((to) => numberOf.get(to)!) };
  });
  const predecessors: number[][] = blocks.map(() => []);
  blocks.forEach((block, i) => {
    for (const to of block.successors) predecessors[to].push(i);
  });
  let steps = 0;
  const step = (): void => {
    if (++steps > MOST_STEPS) throw new Untranslatable('the branches of this program are too tangled');
  };
  const idom = immediateDominators(predecessors, step);
  const dominated: number[][] = blocks.map(() => []);
  for (let i = 1; i < blocks.length; i++) dominated[idom[i]].push(i);
  const dominates = (a: number, b: number): boolean => {
    let at = b;
    while (at > a) {
      step();
      at = idom[at];
    }
    return at === a;
  };
  let reducible = true;
  const isLoopHeader = blocks.map((_, i) => {
    const back = predecessors[i].filter((from) => from >= i);
    if (back.some((from) => !dominates(i, from))) reducible = false;
    return back.length > 0;
  });
  const forwardEdges = predecessors.map((from, i) => from.filter((f) => f < i).length);
  return { blocks, predecessors, forwardEdges, isLoopHeader, dominated, reducible };
}

function followers(code: Int32Array, at: number): number[] {
  const op = code[at + WORD_OP];
  if (isLeaf(op)) return [];
  if (op === GOTO) return [branchTarget(code, at)];
  return isBranch(op) ? [at + WORDS, branchTarget(code, at)] : [at + WORDS];
}

function findLeaders(code: Int32Array, entry: number): Set<number> {
  const leaders = new Set([entry]);
  const reached = new Set<number>();
  const open = [entry];
  while (open.length > 0) {
    let at = open.pop()!;
    while (!reached.has(at)) {
      reached.add(at);
      const op = code[at + WORD_OP];
      if (isLeaf(op)) break;
      if (isBranch(op)) {
        for (const to of followers(code, at)) {
          leaders.add(to);
          open.push(to);
        }
        break;
      }
      at += WORDS;
    }
  }
  return leaders;
}

function reversePostorder(entry: number, next: (at: number) => readonly number[]): number[] {
  const done: number[] = [];
  const seen = new Set([entry]);
  const path = [{ at: entry, child: 0 }];
  while (path.length > 0) {
    const top = path[path.length - 1];
    const children = next(top.at);
    if (top.child < children.length) {
      const to = children[top.child++];
      if (!seen.has(to)) {
        seen.add(to);
        path.push({ at: to, child: 0 });
      }
    } else {
      done.push(top.at);
      path.pop();
    }
  }
  return done.reverse();
}

/** Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm": block numbers are reverse postorder. */
function immediateDominators(predecessors: readonly (readonly number[])[], step: () => void): number[] {
  const idom: number[] = predecessors.map((_, i) => (i === 0 ? 0 : -1));
  const common = (a: number, b: number): number => {
    let x = a;
    let y = b;
    while (x !== y) {
      step();
      if (x > y) x = idom[x];
      else y = idom[y];
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 1; i < predecessors.length; i++) {
      let best = -1;
      // Latest first: where many branches lead out of a nest to one place, each is one step from the one before.
      for (let p = predecessors[i].length - 1; p >= 0; p--) {
        const from = predecessors[i][p];
        if (idom[from] >= 0) best = best < 0 ? from : common(best, from);
      }
      if (best !== idom[i]) {
        idom[i] = best;
        changed = true;
      }
    }
  }
  return idom;
}
