import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kernelProgram, layoutFor, PACK_BYTES, runKernel, SCRATCH_BYTES } from '../testing/kernel-bench.ts';
import { packTri, type TriShape, triForm, triKernel, triStep } from './tri.ts';

const A = PACK_BYTES;
const OUT = 28000;

/** Runs the kernel on integer weights (their unit is 1) and compares with sums in exact arithmetic. */
function check(k: number, n: number, x: Int16Array, w: Float64Array, relu: boolean, cpu: 'v3' | 'v4'): void {
  const shape: TriShape = { aSpace: 'scratch', aLevels: [{ n: k, strides: [2] }], aLane: 2 * k, outLane: 2 * n, k, n, outMax: 32767, relu };
  const { bits } = triForm(k);
  const shift = 15 - bits;
  const outScale = 2 ** 6 * 2 ** shift * 2 ** 7;
  const bytes = packTri(n, k, w, null, { unit: 1, outScale });
  const scratch = new Uint8Array(SCRATCH_BYTES);
  new Int16Array(scratch.buffer, A, x.length).set(x);
  const result = runKernel(kernelProgram(triKernel('tri', shape, layoutFor(bytes.length), 0), [A, OUT, 0], bytes, cpu), scratch);
  for (let row = 0; row < n; row++) {
    const values = w.subarray(row * k, (row + 1) * k);
    const step = triStep(values);
    const mul = BigInt(Math.round(((2 ** shift * step) / outScale) * 2 ** 32));
    const integers = Array.from(values, (v) => Math.round(v / step));
    const total = integers.reduce((a, v) => a + v, 0);
    const add = BigInt(Math.round(0.5 * 2 ** 32 + Number(mul) * (0.5 - 2 ** -(shift + 1)) * total));
    for (let lane = 0; lane < 3; lane++) {
      let sum = 0n;
      for (let j = 0; j < k; j++) sum += BigInt((x[lane * k + j]! >> shift) * integers[j]!);
      let y = (sum * mul + add) >> 32n;
      if (relu && y < 0n) y = 0n;
      const want = y > 32767n ? 32767 : y < -32768n ? -32767 : Number(y);
      expect(result.getInt16(OUT + lane * 2 * n + 2 * row, true), `k${k} lane ${lane} row ${row}`).toBe(want);
    }
  }
}

describe('tri kernel', () => {
  test('never lets a sum out of its lane: rows of weights fill their limit and no more', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })), (k, stream) => {
        const row = Float64Array.from({ length: k }, () => stream.next().value as number);
        const { terms, bits, rowLimit } = triForm(k);
        const step = triStep(row);
        for (let from = 0; from < k; from += terms) {
          const sum = row.subarray(from, from + terms).reduce((a, v) => a + Math.abs(Math.round(v / step)), 0);
          expect(sum).toBeLessThanOrEqual(rowLimit);
        }
        expect(rowLimit * 2 ** bits).toBeLessThan(2 ** 20);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
  test.each([1, 2, 16, 33, 64, 65, 100, 128, 129, 400])('is exact for sums of %i terms that fill their lanes', (k) => {
    const row = new Float64Array(2 * k).fill(1).fill(-1, k);
    for (const x of [32767, -32768]) {
      const values = new Int16Array(3 * k).fill(x);
      // One lane of the other sign beside two full ones.
      values.fill(x < 0 ? 32767 : -32768, k, 2 * k);
      check(k, 2, values, row, false, 'v4');
    }
  });
  test('is exact on random numbers', () => {
    fc.assert(
      fc.property(
        fc.record({
          k: fc.integer({ min: 1, max: 300 }),
          n: fc.integer({ min: 1, max: 9 }),
          relu: fc.boolean(),
          cpu: fc.constantFrom('v3' as const, 'v4' as const),
          seed: fc.infiniteStream(fc.integer({ min: -32768, max: 32767 })),
        }),
        ({ k, n, relu, cpu, seed }) => {
          const next = (): number => seed.next().value as number;
          const x = Int16Array.from({ length: 3 * k }, next);
          check(
            k,
            n,
            x,
            Float64Array.from({ length: n * k }, () => next() / 300),
            relu,
            cpu,
          );
        },
      ),
      { seed: 1, numRuns: 30 },
    );
  });
});
