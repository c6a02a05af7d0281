import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from './asm.ts';
import { type FlowGraph, flowGraph } from './blocks.ts';
import { encodeInsns } from './insn.ts';

const graphOf = (text: string): FlowGraph => {
  const code = encodeInsns(assemble(text).program!.insns);
  return flowGraph(code, 0, code.length / 8);
};
const shape = ({ blocks, edges }: FlowGraph) => ({
  blocks: blocks.map(({ start, end }) => [start, end]),
  edges: edges.map(({ from, to, kind, back }) => `${from} ${kind} ${to}${back ? ' back' : ''}`),
});

describe('flowGraph', () => {
  it('ends blocks at branches and before targets, not at calls', () => {
    const graph = graphOf(`
      r6 = 8
      loop:
      call bpf_get_prandom_u32#7
      r6 += -1
      if r6 == 0 goto out
      goto loop
      out:
      r0 = 0
      exit`);
    expect(shape(graph)).toEqual({
      blocks: [
        [0, 1],
        [1, 4],
        [4, 5],
        [5, 7],
      ],
      edges: ['0 next 1', '1 true 3', '1 false 2', '2 jump 1 back'],
    });
    expect(graph.blocks.map(({ exits }) => exits)).toEqual([false, false, false, true]);
  });

  it('tells dead blocks, jumps out of the function, and knows wide loads, gotol and may_goto', () => {
    const graph = graphOf(`
      r1 = 0x1500000005 ll
      may_goto +1
      gotol dead
      exit
      r2 = 1
      exit
      dead:
      exit`);
    expect(shape(graph).blocks).toEqual([
      [0, 3],
      [3, 4],
      [4, 5],
      [5, 7],
      [7, 8],
    ]);
    expect(graph.blocks.map(({ reachable }) => reachable)).toEqual([true, true, true, false, true]);
    const { program } = assemble('if r1 == 0 goto +5\nexit\nr0 = 0\nr0 = 0\nr0 = 0\nr0 = 0\nexit');
    expect(flowGraph(encodeInsns(program!.insns), 0, 2).leaving).toBe(1);
  });

  const JUMPS = [0x05, 0x15, 0x1d, 0x16];
  const program = fc.integer({ min: 1, max: 80 }).chain((count) =>
    fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1), fc.constantFrom(...JUMPS, 0x95, 0x85)), { maxLength: 50 }).map((jumps) => {
      const insns = Array.from({ length: count }, () => ({ opcode: 0xb7, dst: 0, src: 0, off: 0, imm: 0 }));
      for (const [at, target, opcode] of jumps) insns[at] = { opcode, dst: 0, src: 0, off: target - at - 1, imm: 0 };
      return insns;
    }),
  );

  it('covers a function exactly, with the edges that its instructions have and without loops but for back edges', () => {
    fc.assert(
      fc.property(program, (insns) => {
        const { blocks, edges } = flowGraph(encodeInsns(insns), 0, insns.length);
        expect(blocks.map(({ start }) => start)).toEqual([0, ...blocks.slice(0, -1).map(({ end }) => end)]);
        expect(blocks.at(-1)!.end).toBe(insns.length);
        // What one step of the program can do, instruction by instruction.
        const next = (at: number): number[] => {
          const { opcode, off } = insns[at];
          const all = opcode === 0x95 ? [] : opcode === 0x05 ? [at + 1 + off] : JUMPS.includes(opcode) ? [at + 1 + off, at + 1] : [at + 1];
          return all.filter((to) => to < insns.length);
        };
        const reached = new Set([0]);
        for (const at of reached) for (const to of next(at)) reached.add(to);
        blocks.forEach(({ start, end, reachable }, at) => {
          expect(reachable).toBe(reached.has(start));
          for (let insn = start; insn < end - 1; insn++) expect(next(insn)).toEqual([insn + 1]);
          const to = edges.filter((edge) => edge.from === at).map((edge) => blocks[edge.to].start);
          expect(to).toEqual(next(end - 1));
        });
        // Without its back edges the graph can be put in order.
        const incoming = blocks.map((_, at) => edges.filter((edge) => edge.to === at && !edge.back).length);
        const free = [...blocks.keys()].filter((at) => incoming[at] === 0);
        let done = 0;
        for (let at = free.pop(); at !== undefined; at = free.pop()) {
          done++;
          for (const edge of edges) if (edge.from === at && !edge.back && --incoming[edge.to] === 0) free.push(edge.to);
        }
        expect(done).toBe(blocks.length);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
