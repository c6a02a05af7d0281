import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Precision } from '../api.ts';
import { packLinear, putRow } from '../plan/weights.ts';
import { kernelProgram, layoutFor, PACK_BYTES, runKernel, SCRATCH_BYTES } from '../testing/kernel-bench.ts';
import { type DotShape, dotKernel, dotWeights, MAX_LANE_TERMS } from './dot.ts';

const A = PACK_BYTES;
const OUT = 28000;

/** `clamp((sum·mul + add) s>> 32)` in exact arithmetic. */
function finish(sum: bigint, mul: bigint, add: bigint, max: number, relu: boolean): number {
  let y = BigInt.asIntN(64, sum * mul + add) >> 32n;
  if (relu && y < 0n) y = 0n;
  const bound = BigInt(max);
  // In range means what a saturated 16-bit value can be: −max − 1 is the one value below −max that is left alone.
  if (y > bound) return max;
  if (y < -bound - 1n) return -max;
  return Number(y);
}

function linearCase(
  k: number,
  n: number,
  lanes: 1 | 2,
  relu: boolean,
  x: Int16Array,
  w: Int8Array | Int16Array,
  mul: number,
  precision: Precision = 'w8a16',
) {
  const how = dotWeights(k, lanes, precision);
  const shape: DotShape = {
    lanes,
    aSpace: 'scratch',
    aLevels: [{ n: k, strides: [2] }],
    aLane: 0,
    k,
    n,
    b: null,
    outLane: 0,
    outBytes: 2,
    outMax: 32767,
    relu,
    precision,
  };
  const bytes = packLinear({ dims: [n, k], data: new Float64Array(n * k) }, null, { unit: 1, outScale: 1 }, how).fill(0);
  const add = BigInt(12345) << 20n;
  for (let row = 0; row < n; row++) putRow(bytes, row, Int16Array.from(w.subarray(row * k, (row + 1) * k)), how, { add, mul: BigInt(mul) });
  const scratch = new Uint8Array(SCRATCH_BYTES);
  new Int16Array(scratch.buffer, A, x.length).set(x);
  const program = kernelProgram(
    dotKernel('dot', shape, layoutFor(bytes.length), 0),
    [A, OUT, 0, ...(lanes === 2 ? [A + 2 * k, OUT + 2 * n] : [])],
    bytes,
  );
  const result = runKernel(program, scratch);
  for (let lane = 0; lane < lanes; lane++) {
    for (let row = 0; row < n; row++) {
      let sum = 0n;
      const narrow = (v: number): number => (how.xShift ? (v + 128) >> 8 : v);
      for (let j = 0; j < k; j++) sum += BigInt(narrow(x[lane * k + j]) * w[row * k + j]);
      const want = finish(sum >> BigInt(how.sumShift), BigInt(mul), add, 32767, relu);
      expect(result.getInt16(OUT + lane * 2 * n + 2 * row, true), `lane ${lane} row ${row}`).toBe(want);
    }
  }
}

describe('linear pair kernel', () => {
  test('is exact at 512 terms of extreme values, which fill a lane to its limit', () => {
    const k = MAX_LANE_TERMS;
    for (const [xv, wv] of [
      [-32768, 127],
      [-32768, -127],
      [32767, 127],
      [32767, -127],
    ]) {
      const x = new Int16Array(2 * k).fill(xv);
      // The other lane takes the other sign: borrows between lanes are the hard part.
      x.fill(-1 - xv, k);
      linearCase(k, 5, 2, false, x, new Int8Array(5 * k).fill(wv), 1 << 15);
    }
  });

  test.each([1, 3, 16, 33, 64, 127, 128, 129])('is exact for %i terms of the largest weights and values', (k) => {
    const w = dotWeights(k, 2).most;
    const x = new Int16Array(2 * k).fill(-32768).fill(32767, k);
    linearCase(k, 4, 2, false, x, new Int16Array(4 * k).fill(w), 1 << 15);
    linearCase(k, 4, 2, false, x, new Int16Array(4 * k).fill(-w), 1 << 15);
  });

  test('is exact for random values of any length, in pairs and single rows', () => {
    fc.assert(
      fc.property(
        fc.record({
          // Sums that leave their lanes once and more often, too.
          k: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 200 }) }, fc.constantFrom(511, 513, 577, 1024, 1025)),
          n: fc.integer({ min: 1, max: 9 }),
          lanes: fc.constantFrom(1 as const, 2 as const),
          relu: fc.boolean(),
          precision: fc.constantFrom<Precision>('w16a16', 'w8a16', 'w8a8', 'w4a16', 'w2a16', 'w1a16'),
          seed: fc.infiniteStream(fc.integer({ min: -32768, max: 32767 })),
          mul: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        }),
        ({ k, n, lanes: both, relu, precision, seed, mul }) => {
          const lanes = precision === 'w16a16' ? 1 : both;
          const next = (): number => seed.next().value as number;
          const x = Int16Array.from({ length: lanes * k }, next);
          const w = Int16Array.from({ length: n * k }, () => Math.round((next() / 32768) * dotWeights(k, lanes, precision).most));
          linearCase(k, n, lanes, relu, x, w, mul, precision);
        },
      ),
      { seed: 1, numRuns: 60 },
    );
  });

  test.each<[Precision, number]>([
    ['w4a16', 9362],
    ['w2a16', 65535],
    ['w8a8', 132104],
  ])('%s takes as many terms as a lane can hold, and one more would not fit', (precision, terms) => {
    const { run, most, xShift } = dotWeights(1024, 2, precision);
    expect(run).toBe(terms);
    expect(run * most * 2 ** (15 - xShift)).toBeLessThan(2 ** 31);
    expect((run + 1) * most * 2 ** (15 - xShift)).toBeGreaterThanOrEqual(2 ** 31);
  });
  test.each<Precision>(['w4a16', 'w2a16', 'w8a8'])('%s is exact for long sums of extreme values', (precision) => {
    const k = 1999;
    const { most } = dotWeights(k, 2, precision);
    for (const sign of [1, -1]) {
      const x = new Int16Array(2 * k).fill(-32768).fill(32767, k);
      linearCase(k, 4, 2, false, x, new Int16Array(4 * k).fill(sign * most), 1 << 12, precision);
    }
  });
  test('leaves the lanes in time when there are more terms than one can hold', () => {
    const k = 1500;
    const w = new Int8Array(2 * k).fill(127);
    linearCase(k, 2, 1, false, new Int16Array(k).fill(-32768), new Int16Array(2 * k).fill(32512), 1 << 12);
    linearCase(k, 2, 2, false, new Int16Array(2 * k).fill(32767).fill(-32768, k), w, 1 << 12);
  });
});

describe('product of activations', () => {
  test('is exact at the width limit of both operands, for both stride orders', () => {
    fc.assert(
      fc.property(fc.constantFrom(8, 16, 32, 64), fc.boolean(), fc.boolean(), (k, transposed, extreme) => {
        const n = 6;
        const bits = 30 - Math.log2(k);
        const amax = 2 ** Math.ceil(bits / 2);
        const bmax = 2 ** Math.floor(bits / 2);
        const a = Int16Array.from({ length: 2 * k }, (_, i) => (extreme ? (i < k ? -amax : amax - 1) : ((i * 7919) % (2 * amax)) - amax));
        const b = Int16Array.from({ length: n * k }, (_, i) => (extreme ? -bmax : ((i * 104729) % (2 * bmax)) - bmax));
        const at = (j: number, col: number): number => (transposed ? col * k + j : j * n + col);
        const shape: DotShape = {
          lanes: 2,
          aSpace: 'scratch',
          aLevels: [{ n: k, strides: [2] }],
          aLane: 2 * k,
          k,
          n,
          b: { space: 'scratch', kOffs: Array.from({ length: k }, (_, j) => 2 * at(j, 0)), nStride: 2 * at(0, 1) },
          outLane: 2 * n,
          outBytes: 2,
          outMax: 32767,
          relu: false,
        };
        const B = A + 1024;
        const scratch = new Uint8Array(SCRATCH_BYTES);
        new Int16Array(scratch.buffer, A, a.length).set(a);
        new Int16Array(scratch.buffer, B, b.length).set(b);
        const params = new BigInt64Array([1n << 31n, 1n << 17n]);
        const bytes = new Uint8Array(params.buffer);
        const result = runKernel(kernelProgram(dotKernel('dot', shape, layoutFor(bytes.length), 0), [A, OUT, 0, B], bytes), scratch);
        for (let lane = 0; lane < 2; lane++) {
          for (let col = 0; col < n; col++) {
            let sum = 0n;
            for (let j = 0; j < k; j++) sum += BigInt(a[lane * k + j] * b[at(j, col)]);
            expect(result.getInt16(OUT + lane * 2 * n + 2 * col, true)).toBe(finish(sum, 1n << 17n, 1n << 31n, 32767, false));
          }
        }
      }),
      { seed: 1, numRuns: 16 },
    );
  });

  test('leaves the sums themselves for a softmax', () => {
    const shape: DotShape = {
      lanes: 2,
      aSpace: 'scratch',
      aLevels: [{ n: 3, strides: [2] }],
      aLane: 6,
      k: 3,
      n: 5,
      b: { space: 'scratch', kOffs: [0, 2, 4], nStride: 6 },
      outLane: 20,
      outBytes: 4,
      outMax: 2 ** 31 - 1,
      relu: false,
    };
    const a = [-8192, 8191, -5, 3, -7, 8191];
    const b = Array.from({ length: 15 }, (_, i) => ((i * 4099) % 16384) - 8192);
    const scratch = new Uint8Array(SCRATCH_BYTES);
    new Int16Array(scratch.buffer, A, 6).set(a);
    new Int16Array(scratch.buffer, A + 1024, 15).set(b);
    const bytes = new Uint8Array(new BigInt64Array([1n << 31n, 1n << 17n]).buffer);
    const result = runKernel(kernelProgram(dotKernel('dot', shape, layoutFor(16), 0), [A, OUT, 0, A + 1024], bytes), scratch);
    for (const lane of [0, 1]) {
      for (let col = 0; col < 5; col++) {
        const want = [0, 1, 2].reduce((sum, j) => sum + a[3 * lane + j] * b[3 * col + j], 0);
        expect(result.getInt32(OUT + 20 * lane + 4 * col, true)).toBe(want);
      }
    }
  });

  test('a distribution in units of 2⁻¹⁵ leaves room for values of 16 bits', () => {
    const k = 64;
    const shape: DotShape = {
      lanes: 2,
      aSpace: 'scratch',
      aLevels: [{ n: k, strides: [2] }],
      aLane: 2 * k,
      k,
      n: 4,
      b: { space: 'scratch', kOffs: Array.from({ length: k }, (_, j) => 8 * j), nStride: 2 },
      outLane: 8,
      outBytes: 2,
      outMax: 32767,
      relu: false,
    };
    const scratch = new Uint8Array(SCRATCH_BYTES);
    // Rounding up everywhere: 64 probabilities of 513 sum to 2¹⁵ + 64.
    new Int16Array(scratch.buffer, A, 2 * k).fill(513);
    new Int16Array(scratch.buffer, A + 1024, 4 * k).fill(-32768);
    const bytes = new Uint8Array(new BigInt64Array([1n << 31n, 1n << 17n]).buffer);
    const result = runKernel(kernelProgram(dotKernel('dot', shape, layoutFor(16), 0), [A, OUT, 0, A + 1024], bytes), scratch);
    for (let i = 0; i < 8; i++) expect(result.getInt16(OUT + 2 * i, true)).toBe(-32767);
  });
});
