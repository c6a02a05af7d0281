import { flowGraph } from '../../bpf/blocks.ts';
import type { Profile } from './profiler.ts';

/** A natural loop: the blocks from which its head is reached again without leaving it. */
export interface HotLoop {
  /** First instruction of its head. */
  readonly head: number;
  /** First and last instruction of its blocks, which other code may lie between. */
  readonly from: number;
  readonly to: number;
  /** Times that it was entered, and that it went back to its head. */
  readonly entries: number;
  readonly iterations: number;
  /** Executed in its own blocks; functions that it calls are not among them. */
  readonly executed: number;
  /** Loops around it in the same function. */
  readonly depth: number;
}

/** Loops of the functions at `starts` (sorted) that ran, the ones with most executed instructions first. `code` is 8 bytes an instruction. */
export function hotLoops(code: Uint8Array, starts: readonly number[], { counts, taken }: Pick<Profile, 'counts' | 'taken'>): HotLoop[] {
  const all: HotLoop[] = [];
  starts.forEach((from, at) => {
    const to = starts[at + 1] ?? code.length / 8;
    if (counts[from]! > 0) all.push(...loopsOf(code, from, to, counts, taken));
  });
  return all.sort((a, b) => b.executed - a.executed || a.head - b.head);
}

function loopsOf(code: Uint8Array, from: number, to: number, counts: Float64Array, taken: Float64Array): HotLoop[] {
  const { blocks, edges } = flowGraph(code, from, to);
  const before: number[][] = blocks.map(() => []);
  for (const edge of edges) before[edge.to]!.push(edge.from);
  const last = blocks.map(({ start, end }) => {
    let idx = end - 1;
    // The second half of a wide load is no instruction.
    if (idx > start && code[(idx - 1) * 8] === 0x18) idx--;
    return idx;
  });
  const members = new Map<number, Set<number>>();
  const rounds = new Map<number, number>();
  for (const edge of edges) {
    if (!edge.back) continue;
    const end = last[edge.from]!;
    const times = edge.kind === 'true' ? taken[end]! : edge.kind === 'false' ? counts[end]! - taken[end]! : counts[end]!;
    rounds.set(edge.to, (rounds.get(edge.to) ?? 0) + times);
    const body = members.get(edge.to) ?? new Set([edge.to]);
    members.set(edge.to, body);
    const open = [edge.from];
    while (open.length > 0) {
      const block = open.pop()!;
      if (body.has(block)) continue;
      body.add(block);
      open.push(...before[block]!);
    }
  }
  const bodies = [...members];
  return bodies.flatMap(([head, body]): HotLoop[] => {
    const iterations = rounds.get(head)!;
    const { start } = blocks[head]!;
    if (counts[start] === 0) return [];
    let executed = 0;
    let [low, high] = [Number.POSITIVE_INFINITY, 0];
    for (const block of body) {
      low = Math.min(low, blocks[block]!.start);
      high = Math.max(high, last[block]!);
      for (let idx = blocks[block]!.start; idx < blocks[block]!.end; idx++) executed += counts[idx]!;
    }
    const depth = bodies.filter(([other, around]) => other !== head && around.has(head)).length;
    return [{ head: start, from: low, to: high, entries: counts[start]! - iterations, iterations, executed, depth }];
  });
}
