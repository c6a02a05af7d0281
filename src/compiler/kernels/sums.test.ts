import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kernelProgram, layoutFor, PACK_BYTES, runKernel, SCRATCH_BYTES } from '../testing/kernel-bench.ts';
import type { Lanes } from './frame.ts';
import { packSums, type SumsShape, sumsKernel, sumsPackBytes, sumsShift } from './sums.ts';

const A = PACK_BYTES;
const OUT = 28000;
const MUL = 1 << 19;

interface Case {
  readonly binary: boolean;
  readonly lanes: Lanes;
  readonly k: number;
  readonly n: number;
  readonly relu?: boolean;
  readonly cpu?: 'v3' | 'v4';
}

/** Runs the kernel and compares every result with sums in exact arithmetic. */
function check({ binary, lanes, k, n, relu = false, cpu = 'v4' }: Case, x: Int16Array, w: Int8Array): void {
  const shape: SumsShape = {
    binary,
    lanes,
    aSpace: 'scratch',
    aLevels: [{ n: k, strides: [2] }],
    aLane: 2 * k,
    outLane: 2 * n,
    k,
    n,
    outMax: 32767,
    relu,
  };
  const add = 12345n << 20n;
  const bytes = packSums(
    shape,
    (row, j) => w[row * k + j]!,
    () => ({ add, mul: BigInt(MUL) }),
  );
  const scratch = new Uint8Array(SCRATCH_BYTES);
  new Int16Array(scratch.buffer, A, x.length).set(x);
  const result = runKernel(kernelProgram(sumsKernel('sums', shape, layoutFor(bytes.length), 0), [A, OUT, 0], bytes, cpu), scratch);
  const shift = sumsShift(lanes, k);
  for (let row = 0; row < n; row++) {
    const weights = w.subarray(row * k, (row + 1) * k);
    const total = weights.reduce((a, v) => a + v, 0);
    const cut = shift === 0 ? 0 : BigInt(Math.round(MUL * (0.5 - 2 ** -(shift + 1)) * total));
    for (let lane = 0; lane < lanes; lane++) {
      let sum = 0n;
      for (let j = 0; j < k; j++) sum += BigInt((x[lane * k + j]! >> shift) * weights[j]!);
      let y = (sum * BigInt(MUL) + add + BigInt(cut)) >> 32n;
      if (relu && y < 0n) y = 0n;
      const want = y > 32767n ? 32767 : y < -32768n ? -32767 : Number(y);
      expect(result.getInt16(OUT + lane * 2 * n + 2 * row, true), `k${k} lane ${lane} row ${row}`).toBe(want);
    }
  }
}

describe('sums of ternary and binary weights from tables', () => {
  const lengths = [1, 2, 3, 4, 5, 6, 31, 32, 33, 63, 64, 120, 160];
  test.each(lengths.flatMap((k) => ([1, 2, 3] as const).map((lanes) => [k, lanes] as const)))(
    'are exact for %i terms of the largest magnitude, %i rows at a time, beside rows of the other sign',
    (k, lanes) => {
      for (const binary of [false, true]) {
        const w = new Int8Array(2 * k).fill(1).fill(-1, k);
        for (const value of [32767, -32768]) {
          const x = new Int16Array(lanes * k).fill(value);
          if (lanes > 1) x.fill(-1 - value, k, 2 * k);
          check({ binary, lanes, k, n: 2 }, x, w);
        }
      }
    },
  );

  test('are exact on random numbers', () => {
    fc.assert(
      fc.property(
        fc.record({
          binary: fc.boolean(),
          lanes: fc.constantFrom<Lanes>(1, 2, 3),
          k: fc.integer({ min: 1, max: 180 }),
          n: fc.integer({ min: 1, max: 9 }),
          relu: fc.boolean(),
          cpu: fc.constantFrom('v3' as const, 'v4' as const),
          seed: fc.infiniteStream(fc.integer({ min: -32768, max: 32767 })),
        }),
        ({ seed, ...shape }) => {
          const next = (): number => seed.next().value as number;
          const x = Int16Array.from({ length: shape.lanes * shape.k }, next);
          const w = Int8Array.from({ length: shape.n * shape.k }, () =>
            shape.binary ? (next() < 0 ? -1 : 1) : (Math.abs(next()) % 3) - 1,
          );
          check(shape, x, w);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  test('stay in lanes of 21 bits whatever the activations and weights are', () => {
    for (let k = 1; k <= 4096; k++) {
      const shift = sumsShift(3, k);
      // The largest magnitude that a shifted int16 has, times k terms.
      expect(k * 2 ** (15 - shift)).toBeLessThan(2 ** 20);
      // No bit is lost that the lane has room for.
      if (shift > 0) expect(k * 2 ** (16 - shift)).toBeGreaterThanOrEqual(2 ** 20);
    }
  });

  test('read no byte behind the packing area, whatever the bytes of the weights are', () => {
    for (const binary of [false, true]) {
      for (const k of [1, 5, 30, 160]) expect(sumsPackBytes(binary, k)).toBeLessThanOrEqual(PACK_BYTES);
    }
    const shape: SumsShape = {
      binary: true,
      lanes: 1,
      aSpace: 'scratch',
      aLevels: [{ n: 5, strides: [2] }],
      aLane: 10,
      outLane: 8,
      k: 5,
      n: 4,
      outMax: 32767,
      relu: false,
    };
    const bytes = packSums(
      shape,
      () => 1,
      () => ({ add: 0n, mul: 1n << 32n }),
    ).fill(255, 0, 4);
    const layout = { ...layoutFor(bytes.length), bytes: { ...layoutFor(bytes.length).bytes } };
    const program = kernelProgram(sumsKernel('sums', shape, layout, 0), [A, OUT, 0], bytes);
    expect(() => runKernel(program, new Uint8Array(SCRATCH_BYTES))).not.toThrow();
  });
});
