import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { IntervalLab } from '../verifier/lab/interval.ts';
import { sliceFrom } from '../verifier/lab/slice.ts';
import { randomLines } from '../verifier/lab/testing/lines.ts';
import { misses, word } from '../verifier/testing/abstract.ts';
import { SampleRunner } from './samples.ts';

const SAMPLES = 12;
const S64 = (x: bigint): bigint => BigInt.asIntN(64, x);

it('keeps every sample within what the verifier knows, after each step and on both sides of branches', () => {
  let checked = 0;
  fc.assert(
    fc.property(
      randomLines,
      fc.array(fc.tuple(word, word), { minLength: 5, maxLength: 5 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: SAMPLES, maxLength: SAMPLES }),
      fc.uniqueArray(fc.nat(40)),
      ({ insns, from }, bounds, places, takes) => {
        const slice = sliceFrom(insns, from, new Set([1, 2, 3, 4, 5]), new Set(takes));
        const runner = SampleRunner.for(slice, SAMPLES)!;
        const intervals = slice.inputs.map((_, i) => {
          const [a, b] = bounds[i]!.map(S64) as [bigint, bigint];
          return a < b ? { min: a, max: b } : { min: b, max: a };
        });
        const columns = intervals.map(({ min, max }) => {
          const column = new Int32Array(2 * SAMPLES);
          places.forEach((place, i) => {
            const value = i === 0 ? min : i === 1 ? max : min + ((max - min) * BigInt(Math.round(place * 4294967296))) / 4294967296n;
            column[2 * i] = Number(BigInt.asIntN(32, value));
            column[2 * i + 1] = Number(BigInt.asIntN(32, value >> 32n));
          });
          return column;
        });
        const after = new IntervalLab(insns, '6.18').run(slice, new Map(slice.inputs.map((reg, i) => [reg, intervals[i]!])), new Map());
        const { values, leaves } = runner.run(columns);
        for (const [k, { reg, way, forked }] of after.entries()) {
          // Behind a fork the line is one of two paths.
          if (forked) break;
          for (let i = 0; i < SAMPLES; i++) {
            if (leaves[i]! < k) continue;
            if (leaves[i] === k) {
              expect(way, 'a sample goes where the verifier says nobody does').not.toBe(slice.steps[k]!.taken ? 1 : 0);
              continue;
            }
            if (!reg) continue;
            const at = 2 * (k * SAMPLES + i);
            expect(misses(reg, (BigInt(values[at + 1]!) << 32n) | BigInt(values[at]! >>> 0)), `step ${k}`).toBe('');
            checked++;
          }
          if (way === (slice.steps[k]!.taken ? 0 : 1)) break;
        }
      },
    ),
    { seed: 11, numRuns: 400 },
  );
  expect(checked).toBeGreaterThan(10_000);
});

it('computes what the interpreter computes, for as many samples as there are', () => {
  const { program } = assemble('.section xdp\nr6 &= 255\nr6 *= 3\nif r6 > 300 goto out\nr6 += 1\nout: exit');
  const slice = sliceFrom(program!.insns, 0, new Set(), new Set());
  const { values, leaves } = SampleRunner.for(slice, 3)!.run([Int32Array.of(5, 0, 256 + 7, 9, 200, 0)]);
  expect(Array.from(leaves)).toEqual([4, 4, 2]);
  expect([values[2 * 3 * 3], values[2 * (3 * 3 + 1)]]).toEqual([16, 22]);
});

it('needs one free register', () => {
  const text = Array.from({ length: 10 }, (_, r) => `r${r} += 1`).join('\n');
  const { program } = assemble(`.section xdp\n${text}\nexit`);
  expect(SampleRunner.for(sliceFrom(program!.insns, 0, new Set(), new Set()), 4)).toBeNull();
});
