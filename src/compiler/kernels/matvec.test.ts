import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kernelProgram, layoutFor, PACK_BYTES, runKernel, SCRATCH_BYTES } from '../testing/kernel-bench.ts';
import { MATVEC, type MatvecPacking, type MatvecShape, matvecKernel, packMatvec } from './matvec.ts';

const X = PACK_BYTES;
const OUT = 24000;

function check(packing: MatvecPacking, k: number, n: number, xShift: number, x: Int16Array, w: Int8Array, cpu: 'v3' | 'v4'): void {
  const shape: MatvecShape = { packing, k, n, xSpace: 'scratch', xShift, outMax: 32767, relu: false };
  // The sum itself, in steps that fit 16 bits and leave the rest for a second multiplier.
  const scale = k * 127 * (MATVEC[packing].bits === 8 ? 127 : 32768) > 2 ** 31 ? 2 ** 4 : 2 ** 8;
  const mul = BigInt(scale * 2 ** 8);
  const bytes = packMatvec(
    shape,
    (row, j) => w[row * k + j]!,
    () => ({ add: 1n << 31n, mul }),
  );
  const scratch = new Uint8Array(SCRATCH_BYTES);
  new Int16Array(scratch.buffer, X, k).set(x);
  const result = runKernel(kernelProgram(matvecKernel('mv', shape, layoutFor(bytes.length), 0), [X, OUT, 0], bytes, cpu), scratch);
  for (let row = 0; row < n; row++) {
    let sum = 0n;
    for (let j = 0; j < k; j++) {
      let value = x[j]!;
      if (xShift) value = (value + (1 << (xShift - 1))) >> xShift;
      if (MATVEC[packing].bits === 8) value = Math.min(127, value);
      sum += BigInt(value * w[row * k + j]!);
    }
    const y = (sum * mul + (1n << 31n)) >> 32n;
    const want = y > 32767n ? 32767 : y < -32768n ? -32767 : Number(y);
    expect(result.getInt16(OUT + 2 * row, true), `${packing} k${k} row ${row}`).toBe(want);
  }
}

describe('matvec', () => {
  const cases = fc.record({
    packing: fc.constantFrom<MatvecPacking>('dot3', 'dot2', 'bytes'),
    k: fc.integer({ min: 1, max: 1100 }),
    n: fc.integer({ min: 1, max: 6 }),
    seed: fc.integer(),
    cpu: fc.constantFrom<'v3' | 'v4'>('v3', 'v4'),
    // Extremes are what lanes overflow at.
    extreme: fc.boolean(),
  });
  test('sums are exact at every length, at the extremes too', () => {
    fc.assert(
      fc.property(cases, ({ packing, k, n, seed, cpu, extreme }) => {
        let state = seed | 1;
        const random = (): number => {
          state = (Math.imul(state, 1103515245) + 12345) | 0;
          return (state >>> 8) / 2 ** 24;
        };
        const eight = MATVEC[packing].bits === 8;
        const xShift = eight ? 8 : 0;
        const sign = random() < 0.5 ? 1 : -1;
        const x = Int16Array.from({ length: k }, () =>
          extreme ? (sign > 0 ? 32767 : eight ? -32512 : -32768) : Math.floor(random() * 65536) - 32768,
        );
        if (eight) for (const [i, v] of x.entries()) if (v < -32512) x[i] = -32512;
        const w = Int8Array.from({ length: n * k }, () => (extreme ? (random() < 0.9 ? 127 : -127) : Math.floor(random() * 255) - 127));
        check(packing, k, n, xShift, x, w, cpu);
      }),
      { seed: 1, numRuns: 60 },
    );
  });
  test.each(['dot3', 'dot2'] as const)('%s is exact for the longest sum that stays in its lane', (packing) => {
    const k = MATVEC[packing].run;
    const eight = MATVEC[packing].bits === 8;
    for (const x of eight ? [32767, -32512] : [32767, -32768])
      for (const w of [127, -127]) check(packing, k, 4, eight ? 8 : 0, new Int16Array(k).fill(x), new Int8Array(4 * k).fill(w), 'v4');
  });
});
