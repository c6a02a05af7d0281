import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from './asm.ts';
import { encodeInsns } from './insn.ts';
import { collectJumps, crossingJumps, type Jumps, MOST_LANES } from './jumps.ts';

const JEQ = 0x15;
const MOV = 0xb7;

/** A program of `count` instructions with a jump at each of `pairs` whose place is still free. */
function program(count: number, pairs: readonly (readonly [number, number])[]): Uint8Array {
  const insns = Array.from({ length: count }, () => ({ opcode: MOV, dst: 0, src: 0, off: 0, imm: 0 }));
  for (const [from, to] of pairs) insns[from] = { opcode: JEQ, dst: 0, src: 0, off: to - from - 1, imm: 0 };
  return encodeInsns(insns);
}

const code = fc
  .integer({ min: 1, max: 900 })
  .chain((count) =>
    fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 700 }).map((pairs) => ({ count, bytes: program(count, pairs) })),
  );

const ends = ({ from, to }: Jumps, at: number): [number, number] => [Math.min(from[at], to[at]), Math.max(from[at], to[at])];

describe('collectJumps', () => {
  it('knows branches, goto, gotol and may_goto, and neither calls nor the second half of a wide load', () => {
    const { program: parsed } = assemble(`
      r1 = 0x1500000005 ll
      if r1 == 0 goto +1
      call bpf_get_prandom_u32#7
      goto -3
      gotol +0
      exit`);
    const jumps = collectJumps(encodeInsns(parsed!.insns));
    expect([...jumps.from.keys()].map((at) => [jumps.from[at], jumps.to[at]])).toEqual([
      [2, 4],
      [4, 2],
      [5, 6],
    ]);
  });

  it('gives jumps that pass the same place different lanes', () => {
    fc.assert(
      fc.property(code, ({ bytes }) => {
        const jumps = collectJumps(bytes);
        for (let a = 0; a < jumps.from.length; a++) {
          for (let b = a + 1; b < jumps.from.length && ends(jumps, b)[0] <= ends(jumps, a)[1]; b++) {
            if (jumps.lane[a] < MOST_LANES) expect(jumps.lane[a]).not.toBe(jumps.lane[b]);
          }
        }
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it('finds the jumps that cross a stretch of code', () => {
    fc.assert(
      fc.property(code, fc.nat(900), fc.nat(60), ({ bytes }, first, length) => {
        const jumps = collectJumps(bytes);
        const found: number[] = [];
        crossingJumps(jumps, first, first + length, (at) => found.push(at));
        const expected = [...jumps.from.keys()].filter((at) => ends(jumps, at)[0] <= first + length && ends(jumps, at)[1] >= first);
        expect(found).toEqual(expected);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('draws inner loops inside outer ones', () => {
    const jumps = collectJumps(
      program(20, [
        [15, 2],
        [10, 5],
      ]),
    );
    expect([...jumps.lane]).toEqual([1, 0]);
  });
});
