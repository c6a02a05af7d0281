import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UNARY } from '../graph/functions.ts';
import { int64s, WeightBytes } from '../plan/weights.ts';
import { kernelProgram, layoutFor, PACK_BYTES, runKernel, SCRATCH_BYTES } from '../testing/kernel-bench.ts';
import { normKernel, normParams, rsqrtTable } from './norm.ts';
import { reduceKernel } from './reduce.ts';
import { addKernel, affineKernel, divKernel, embedKernel, mulKernel, type RowShape, TABLE_BITS, tableKernel } from './rows.ts';
import { expParams, expTable, softmaxKernel } from './softmax.ts';

const A = PACK_BYTES;
const B = A + 2048;
const OUT = A + 4096;

const shapeOf = (n: number, operands: number, lanes: 1 | 2 = 2): RowShape => ({
  lanes,
  levels: [{ n, strides: Array.from({ length: operands }, () => 2) }],
  laneStrides: Array.from({ length: operands }, () => 2 * n),
  spaces: Array.from({ length: operands }, () => 'scratch' as const),
  outMax: 32767,
});

function scratchWith(a: ArrayLike<number>, b: ArrayLike<number> = []): Uint8Array {
  const scratch = new Uint8Array(SCRATCH_BYTES);
  new Int16Array(scratch.buffer, A, a.length).set(a);
  new Int16Array(scratch.buffer, B, b.length).set(b);
  return scratch;
}
const read = (view: DataView, n: number): number[] => Array.from({ length: n }, (_, i) => view.getInt16(OUT + 2 * i, true));
/** What saturation may give: −32768 is in range of the type and left alone. */
const saturate = (y: bigint): number => (y > 32767n ? 32767 : y < -32768n ? -32767 : Number(y));
const bytesOf = (array: BigInt64Array): Uint8Array => new Uint8Array(array.buffer);
const int16 = fc.integer({ min: -32768, max: 32767 });
const rows = (n: number) => fc.array(int16, { minLength: 2 * n, maxLength: 2 * n });

describe('elementwise kernels are exact and saturate', () => {
  const factor = fc.integer({ min: -(2 ** 28), max: 2 ** 28 });
  test('add', () => {
    fc.assert(
      fc.property(rows(6), rows(6), factor, factor, (a, b, ma, mb) => {
        const weights = bytesOf(int64s(ma, mb));
        const kernel = addKernel('add', shapeOf(6, 3), false, layoutFor(weights.length), 0);
        const out = read(runKernel(kernelProgram(kernel, [OUT, A, B, 0], weights), scratchWith(a, b)), 12);
        const want = a.map((x, i) => saturate((BigInt(x) * BigInt(ma) + BigInt(b[i]) * BigInt(mb) + (1n << 23n)) >> 24n));
        expect(out).toEqual(want);
      }),
      { seed: 1, numRuns: 15 },
    );
  });
  test('mul', () => {
    fc.assert(
      fc.property(rows(5), rows(5), factor, (a, b, m) => {
        const weights = bytesOf(int64s(m, 2 ** 31));
        const kernel = mulKernel('mul', shapeOf(5, 3), layoutFor(weights.length), 0);
        const out = read(runKernel(kernelProgram(kernel, [OUT, A, B, 0], weights), scratchWith(a, b)), 10);
        const want = a.map((x, i) => saturate((BigInt(x) * BigInt(b[i]) * BigInt(m) + (1n << 31n)) >> 32n));
        expect(out).toEqual(want);
      }),
      { seed: 1, numRuns: 15 },
    );
  });
  test('div rounds to nearest whatever the signs, and gives zero for a divisor of zero', () => {
    fc.assert(
      fc.property(rows(4), rows(4), fc.integer({ min: 1, max: 2 ** 40 }), (a, b, m) => {
        const weights = bytesOf(int64s(m));
        const kernel = divKernel('div', shapeOf(4, 3), layoutFor(weights.length), 0);
        const out = read(runKernel(kernelProgram(kernel, [OUT, A, B, 0], weights), scratchWith(a, [0, ...b.slice(1)])), 8);
        const divisors = [0, ...b.slice(1)];
        const abs = (v: bigint): bigint => (v < 0n ? -v : v);
        const want = a.map((x, i) => {
          const d = BigInt(divisors[i]);
          if (d === 0n) return 0;
          const q = (abs(BigInt(x) * BigInt(m)) / abs(d) + (1n << 23n)) >> 24n;
          return saturate(x < 0 !== d < 0n ? -q : q);
        });
        expect(out.map((v) => v + 0)).toEqual(want.map((v) => v + 0));
      }),
      { seed: 1, numRuns: 15 },
    );
  });
  test('affine adds constants in units of 1/256', () => {
    const n = 4;
    const weights = new WeightBytes();
    const add = weights.add(Int32Array.of(256, -512, 2 ** 30, -(2 ** 30)));
    const m = weights.add(int64s(2 ** 23));
    const shape: RowShape = {
      ...shapeOf(n, 2),
      levels: [{ n, strides: [2, 2, 4] }],
      laneStrides: [2 * n, 2 * n, 0],
      spaces: ['scratch', 'scratch', 'weights'],
    };
    const bytes = weights.bytes();
    const kernel = affineKernel('affine', shape, { mul: false, add: true }, layoutFor(bytes.length), 0);
    const out = read(runKernel(kernelProgram(kernel, [OUT, A, add, m], bytes), scratchWith([100, 100, 0, 0, -7, -8, 1, 1])), 8);
    expect(out).toEqual([51, 48, 32767, -32767, -2, -6, 32767, -32767]);
  });
});

describe('table kernel', () => {
  test('is within one unit of GELU over the whole range', () => {
    const scale = 8 / 32767;
    const step = 1 << (16 - TABLE_BITS);
    const gelu = (x: number): number => UNARY.Gelu(x, (_, otherwise) => otherwise);
    const table = Int16Array.from({ length: (1 << TABLE_BITS) + 1 }, (_, i) =>
      Math.max(-32767, Math.min(32767, Math.round(gelu((i * step - 32768) * scale) / scale))),
    );
    const weights = new Uint8Array(table.buffer);
    const n = 400;
    const kernel = tableKernel('table', shapeOf(n, 2), layoutFor(weights.length), 0);
    const xs = Array.from({ length: 2 * n }, (_, i) => -32768 + Math.floor((i * 65535) / (2 * n - 1)));
    const out = read(runKernel(kernelProgram(kernel, [OUT, A, 0], weights), scratchWith(xs)), 2 * n);
    const errors = xs.map((x, i) => Math.abs(out[i] - Math.max(-32767, gelu(x * scale) / scale)));
    expect(Math.max(...errors)).toBeLessThan(1.5);
  });
});

describe('embedding', () => {
  test('copies rows and takes the last one for tokens beyond the vocabulary', () => {
    const table = Int16Array.from({ length: 5 * 6 }, (_, i) => i * 3 - 40);
    const shape = { ...shapeOf(6, 2), levels: [], laneStrides: [12, 2], spaces: ['scratch', 'scratch'] as const, rows: 5, width: 6 };
    const weights = new Uint8Array(table.buffer.slice(0));
    const kernel = embedKernel('embed', shape, layoutFor(weights.length), 0);
    const out = read(runKernel(kernelProgram(kernel, [OUT, A, 0], weights), scratchWith([3, -1])), 12);
    expect(out).toEqual([...table.subarray(18, 24), ...table.subarray(24, 30)]);
  });
});

describe('reductions', () => {
  test('sum and maximum over rows, by column', () => {
    fc.assert(
      fc.property(
        fc.array(int16, { minLength: 30, maxLength: 30 }),
        fc.constantFrom('sum' as const, 'max' as const, 'min' as const),
        (x, mode) => {
          const m = mode === 'sum' ? Math.round(2 ** 24 / 10) : 2 ** 24;
          const weights = bytesOf(int64s(m));
          const shape = {
            mode,
            columns: [{ n: 3, strides: [2, 2] }],
            terms: [{ n: 10, strides: [6] }],
            space: 'scratch' as const,
            outMax: 32767,
          };
          const kernel = reduceKernel('reduce', shape, layoutFor(weights.length), 0);
          const out = read(runKernel(kernelProgram(kernel, [OUT, A, 0], weights), scratchWith(x)), 3);
          const want = [0, 1, 2].map((c) => {
            const column = x.filter((_, i) => i % 3 === c);
            const acc = mode === 'sum' ? column.reduce((p, q) => p + q) : mode === 'max' ? Math.max(...column) : Math.min(...column);
            const y = Number((BigInt(acc) * BigInt(m) + (1n << 23n)) >> 24n);
            return Math.max(-32767, Math.min(32767, y));
          });
          expect(out).toEqual(want);
        },
      ),
      { seed: 1, numRuns: 15 },
    );
  });
});

describe('softmax', () => {
  test('is within 2⁻¹⁰ of the exact probabilities and sums to one, for any scale of the scores', () => {
    fc.assert(
      fc.property(fc.array(int16, { minLength: 40, maxLength: 40 }), fc.double({ min: -13, max: -3, noNaN: true }), (x, exponent) => {
        const unit = 2 ** exponent;
        const weights = new WeightBytes();
        weights.add(expTable());
        const m = weights.add(expParams(unit));
        const bytes = weights.bytes();
        const kernel = softmaxKernel('softmax', shapeOf(20, 2), 2, layoutFor(bytes.length), 0);
        const out = read(runKernel(kernelProgram(kernel, [OUT, A, m], bytes), scratchWith(x)), 40);
        for (const lane of [0, 20]) {
          const row = x.slice(lane, lane + 20);
          const top = Math.max(...row);
          const e = row.map((v) => Math.exp((v - top) * unit));
          const sum = e.reduce((p, q) => p + q);
          const got = out.slice(lane, lane + 20);
          for (const [i, p] of got.entries()) expect(Math.abs(p / 32767 - e[i] / sum)).toBeLessThan(2 ** -10);
          expect(Math.abs(got.reduce((p, q) => p + q) - 32767)).toBeLessThan(20);
        }
      }),
      { seed: 1, numRuns: 12 },
    );
  });
});

describe('normalisation', () => {
  test('is within two units of the exact values, from nearly constant rows to full range', () => {
    const d = 24;
    fc.assert(
      fc.property(
        fc.array(int16, { minLength: 2 * d, maxLength: 2 * d }),
        fc.integer({ min: 0, max: 14 }),
        fc.boolean(),
        (raw, shift, center) => {
          const x = raw.map((v) => (v >> shift) + (shift > 8 ? 500 : 0));
          const gamma = Float64Array.from({ length: d }, (_, i) => 0.5 + (i % 5) * 0.3);
          const beta = Float64Array.from({ length: d }, (_, i) => (i % 3) * 0.2 - 0.2);
          const eps = 1e-5;
          const xScale = 6e-4;
          const outScale = 8 / 32767;
          const weights = new WeightBytes();
          weights.add(rsqrtTable());
          const params = weights.add(normParams(gamma, beta, eps, xScale, outScale));
          const bytes = weights.bytes();
          const kernel = normKernel('norm', { ...shapeOf(d, 2), d, center }, layoutFor(bytes.length), 0);
          const out = read(runKernel(kernelProgram(kernel, [OUT, A, params], bytes), scratchWith(x)), 2 * d);
          for (const lane of [0, d]) {
            const row = x.slice(lane, lane + d).map((v) => v * xScale);
            const mean = center ? row.reduce((p, q) => p + q) / d : 0;
            const variance = row.reduce((s, v) => s + (v - mean) ** 2, 0) / d;
            row.forEach((v, i) => {
              const want = (((v - mean) * gamma[i]) / Math.sqrt(variance + eps) + beta[i]) / outScale;
              expect(Math.abs(out[lane + i] - Math.max(-32767, Math.min(32767, want)))).toBeLessThan(2);
            });
          }
        },
      ),
      { seed: 1, numRuns: 25 },
    );
  });
});
