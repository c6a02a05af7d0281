import { isPacketLoad, OP_TAIL_CALL, WORD_OP, WORDS } from '../decode.ts';
import { type Graph, leavesFunction, MAY_GOTO } from './graph.ts';

/** A part of a chain: a block that every run of the chain passes, or one that a branch may skip. */
export interface Link {
  readonly block: number;
  readonly optional: boolean;
}

/**
 * Blocks that run one after the other whenever the first does: a block, the sides of a small `if`, the block where they meet, and so
 * on. Sides make no calls, and `may_goto` ends a chain since it counts. Every block is in exactly one chain.
 */
export function findChains(graph: Graph, code: Int32Array): Link[][] {
  const { blocks, predecessors } = graph;
  const chains: Link[][] = [];
  const taken = new Uint8Array(blocks.length);
  // Block 0 is entered from outside as well.
  const onlyFrom = (block: number, ...from: number[]): boolean =>
    block > 0 && predecessors[block].length === from.length && predecessors[block].every((p) => from.includes(p));
  const isPlain = (block: number): boolean => {
    for (let at = blocks[block].start; at <= blocks[block].last; at += WORDS) {
      if (leavesFunction(code[at + WORD_OP])) return false;
    }
    return true;
  };
  /** True for a side that leads from `head` nowhere but to `join`. */
  const isSide = (side: number, head: number, join: number): boolean =>
    side !== join && onlyFrom(side, head) && blocks[side].successors.length === 1 && blocks[side].successors[0] === join && isPlain(side);
  for (let first = 0; first < blocks.length; first++) {
    if (taken[first]) continue;
    const chain: Link[] = [];
    let at: number | null = first;
    while (at !== null) {
      taken[at] = 1;
      chain.push({ block: at, optional: false });
      at = follow(at, chain);
    }
    chains.push(chain);
  }
  return chains;

  /** The block that surely runs after `head`, with the sides in between added to the chain; null at the end. */
  function follow(head: number, chain: Link[]): number | null {
    const { successors } = blocks[head];
    if (successors.length === 1) return onlyFrom(successors[0], head) ? successors[0] : null;
    if (successors.length !== 2 || code[blocks[head].last + WORD_OP] === MAY_GOTO) return null;
    const [a, b] = successors;
    const sides: number[] = [];
    let join: number;
    if (isSide(a, head, b)) {
      sides.push(a);
      join = b;
    } else if (isSide(b, head, a)) {
      sides.push(b);
      join = a;
    } else {
      join = blocks[a].successors[0] ?? -1;
      if (a === b || !isSide(a, head, join) || !isSide(b, head, join)) return null;
      sides.push(a, b);
    }
    if (join === head || !onlyFrom(join, ...(sides.length === 2 ? sides : [head, sides[0]]))) return null;
    for (const side of sides) {
      taken[side] = 1;
      chain.push({ block: side, optional: true });
    }
    return join;
  }
}

/** The instructions that each block stands for: the first of a chain for all that surely run, up to one that may end the function. */
export function chargesOf({ blocks }: Graph, code: Int32Array, chains: readonly (readonly Link[])[]): Float64Array {
  const charges = new Float64Array(blocks.length);
  for (const chain of chains) {
    let first = -1;
    for (const { block, optional } of chain) {
      const { start, last } = blocks[block];
      const count = (last - start) / WORDS + 1;
      if (first < 0 || optional) charges[block] = count;
      else charges[first] += count;
      if (optional) continue;
      if (first < 0) first = block;
      for (let at = start; at <= last; at += WORDS) if (mayEnd(code[at + WORD_OP])) first = -1;
    }
  }
  return charges;
}

/** What may end the function on the way. */
const mayEnd = (op: number): boolean => op === OP_TAIL_CALL || isPacketLoad(op);
