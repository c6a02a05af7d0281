import { expect, it } from 'vitest';
import { collectJumps } from '../bpf/jumps.ts';
import { nodeEntries } from './node-entries.ts';
import type { ProgramView } from './views.ts';

/** A program whose instructions serve these nodes, with jumps and functions. */
function view(
  serves: readonly (readonly number[])[],
  starts: readonly number[],
  jumps: readonly (readonly [number, number])[],
): ProgramView {
  const code = new Uint8Array(serves.length * 8);
  const bytes = new DataView(code.buffer);
  for (let insn = 0; insn < serves.length; insn++) code[insn * 8] = 0xb7;
  for (const [from, to] of jumps) {
    code[from * 8] = 0x15;
    bytes.setInt16(from * 8 + 2, to - from - 1, true);
  }
  const originStart = new Uint32Array(serves.length + 1);
  serves.forEach((own, insn) => {
    originStart[insn + 1] = originStart[insn]! + own.length;
  });
  const nodes = Math.max(...serves.flat()) + 1;
  return {
    code,
    jumps: collectJumps(code),
    subprogs: starts.map((start) => ({ name: `f${start}`, start, linkage: 'static' })),
    origins: Array.from({ length: nodes }, (_, nodeIdx) => ({ kind: 'node', nodeIdx, label: `n${nodeIdx}` })),
    originStart,
    originIdx: Uint16Array.from(serves.flat()),
  } as unknown as ProgramView;
}

it('enters an operator where control comes from elsewhere: falling in, or by a jump, not round its own loop', () => {
  const program = view(
    [[0], [1], [1], [1], [0], [1], [0]],
    [0],
    [
      [3, 1],
      [0, 2],
      [4, 6],
    ],
  );
  expect(nodeEntries(program, 1)).toEqual([1, 2, 5]);
});

it('takes what an operator shares with fewest, and its calls rather than the function that is called', () => {
  const program = view([[0, 1], [0], [0], [1], [0, 1], [0], [0]], [0, 4, 5], []);
  expect(nodeEntries(program, 0)).toEqual([1]);
  expect(nodeEntries(program, 1)).toEqual([3]);
});

it('enters a function that serves one operator alone at its beginning, and an operator without code nowhere', () => {
  const program = view([[0], [0], [2], [2]], [0, 2], []);
  expect(nodeEntries(program, 2)).toEqual([2]);
  expect(nodeEntries(program, 1)).toEqual([]);
});
