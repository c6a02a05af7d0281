import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { productBits } from '../plan/scales.ts';
import { kernelProgram, layoutFor, PACK_BYTES, runKernel, SCRATCH_BYTES } from '../testing/kernel-bench.ts';
import {
  ATTENTION_PARAM_BYTES,
  type AttentionShape,
  attentionKernel,
  exponentialBits,
  SCORE_ZERO,
  SUM_ZERO,
  TOP_ZERO,
} from './attention.ts';
import { READY_TERMS, type ReadyShape, readyKernel, readyRowBytes } from './ready.ts';
import { EXP_LIMIT, expTable } from './softmax.ts';

const Q = PACK_BYTES;
const K = Q + 768;
const V = K + 7424;
const OUT = V + 7424;
/** Behind what is packed. */
const READY_K = 4096;
const READY_V = READY_K + 6144;

interface Case {
  readonly n: number;
  readonly d: number;
  readonly columns: number;
  readonly q: readonly number[];
  readonly k: readonly number[];
  readonly v: readonly number[];
  /** Multiplier, shift and half step of the table's index; quotient and shift of results. */
  readonly params: readonly [bigint, number, number, bigint, number];
  readonly valueBits: number;
}

const OUT_MAX = 32767;

/** Two queries in whole numbers, each by itself. */
function wanted({ n, d, columns, q, k, v, params, valueBits }: Case): number[] {
  const [m, shift, half, quotient, outShift] = params;
  const table = new Uint16Array(expTable(exponentialBits(n, valueBits)).buffer);
  return [0, 1].flatMap((lane) => {
    const scores = Array.from({ length: n }, (_, j) => {
      let sum = 0;
      for (let i = 0; i < d; i++) sum += q[lane * d + i]! * k[j * d + i]!;
      expect(sum).toBeLessThanOrEqual(2 ** 30);
      expect(sum).toBeGreaterThan(-(2 ** 30));
      return sum;
    });
    const top = Math.max(...scores);
    const e = scores.map((s) => {
      const at = BigInt.asUintN(64, BigInt(top - s + half) * m) >> BigInt(shift);
      return table[at > BigInt(EXP_LIMIT) ? EXP_LIMIT : Number(at)]!;
    });
    const inverse = quotient / BigInt(e.reduce((sum, x) => sum + x, 0));
    return Array.from({ length: columns }, (_, c) => {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += e[j]! * v[j * columns + c]!;
      expect(Math.abs(sum)).toBeLessThan(2 ** 31);
      const y = (BigInt(sum) * inverse + (1n << BigInt(outShift - 1))) >> BigInt(outShift);
      return Math.max(-OUT_MAX - 1, Math.min(OUT_MAX, Number(y)));
    });
  });
}

/** By the kernel, of keys and values as they are or made ready. */
function got({ n, d, columns, q, k, v, params, valueBits }: Case, ready: boolean): number[] {
  const [m, shift, half, quotient, outShift] = params;
  const bits = exponentialBits(n, valueBits);
  const inRow = (length: number): number[] => Array.from({ length }, (_, i) => 2 * i);
  const inColumn = Array.from({ length: n }, (_, j) => 2 * columns * j);
  const shape: AttentionShape = {
    qLevels: [{ n: d, strides: [2] }],
    d,
    qSpace: 'scratch',
    kSpace: 'scratch',
    vSpace: 'scratch',
    qLane: 2 * d,
    outLane: 2 * columns,
    n,
    keys: { kOffs: inRow(d), nStride: ready ? readyRowBytes(d) : 2 * d },
    columns,
    values: ready ? { kOffs: inRow(n), nStride: readyRowBytes(n) } : { kOffs: inColumn, nStride: 2 },
    bits,
    outMax: OUT_MAX,
    ready,
  };
  const table = expTable(bits);
  const bytes = new Uint8Array(ATTENTION_PARAM_BYTES + table.length);
  const numbers = BigInt64Array.of(m, BigInt(shift), BigInt(TOP_ZERO + half), quotient, BigInt(outShift), 1n << BigInt(outShift - 1));
  bytes.set(new Uint8Array(numbers.buffer));
  bytes.set(table, ATTENTION_PARAM_BYTES);
  // What was there before must not matter.
  const scratch = new Uint8Array(SCRATCH_BYTES).fill(0xff);
  for (const [at, values] of [
    [Q, q],
    [K, k],
    [V, v],
  ] as const)
    new Int16Array(scratch.buffer, at, values.length).set(values);
  if (ready) {
    const rows = (shape: ReadyShape, from: number, to: number): void => {
      const made = runKernel(kernelProgram(readyKernel('ready', shape, layoutFor(8), 0), [to, from], new Uint8Array(8)), scratch);
      scratch.set(new Uint8Array(made.buffer, made.byteOffset, made.byteLength));
    };
    rows({ space: 'scratch', rows: n, rowStride: 2 * d, offs: inRow(d), zero: SCORE_ZERO }, K, READY_K);
    rows({ space: 'scratch', rows: columns, rowStride: 2, offs: inColumn, zero: SUM_ZERO }, V, READY_V);
  }
  const kernel = attentionKernel('attend', shape, layoutFor(bytes.length), 0, [0, 0, 0]);
  const result = runKernel(kernelProgram(kernel, [Q, OUT, 0, ...(ready ? [READY_K, READY_V] : [K, V])], bytes), scratch);
  return Array.from({ length: 2 * columns }, (_, i) => result.getInt16(OUT + 2 * i, true));
}

/** Integers of so many bits and a sign, their ends more often than by chance. */
const integers = (length: number, bits: number) =>
  fc.array(fc.oneof(fc.constantFrom(-(2 ** bits), 2 ** bits - 1), fc.integer({ min: -(2 ** bits), max: 2 ** bits - 1 })), {
    minLength: length,
    maxLength: length,
  });

const few = fc.record({
  n: fc.integer({ min: 1, max: 33 }),
  d: fc.integer({ min: 1, max: 20 }),
  columns: fc.integer({ min: 1, max: 13 }),
});
/** Sums that are loops over their terms: over keys, over elements of a head, over both; with and without terms behind the last whole round. */
const LONG = [
  { n: 127, d: 4, columns: 9 },
  { n: 128, d: 3, columns: 13 },
  { n: 129, d: 8, columns: 8 },
  { n: 160, d: 5, columns: 12 },
  { n: 192, d: 4, columns: 6 },
  { n: 256, d: 9, columns: 13 },
  { n: 21, d: 128, columns: 5 },
  { n: 13, d: 190, columns: 7 },
];
const long = fc.oneof(
  fc.constantFrom(...LONG),
  fc.record({ n: fc.integer({ min: 100, max: 260 }), d: fc.integer({ min: 1, max: 12 }), columns: fc.integer({ min: 1, max: 13 }) }),
);

const casesOf = (sizes: fc.Arbitrary<{ n: number; d: number; columns: number }>) =>
  sizes
    .chain((size) =>
      fc.record({
        n: fc.constant(size.n),
        d: fc.constant(size.d),
        columns: fc.constant(size.columns),
        m: fc.bigInt({ min: 1n, max: 2n ** 31n - 1n }),
        shift: fc.integer({ min: 1, max: 62 }),
        valueBits: fc.constantFrom(10, 13),
        ratio: fc.double({ min: 0.01, max: 60, noNaN: true }),
      }),
    )
    .chain((s) => {
      const [qBits, kBits] = productBits(s.d);
      return fc.tuple(fc.constant(s), integers(2 * s.d, qBits), integers(s.n * s.d, kBits), integers(s.n * s.columns, s.valueBits));
    })
    .map(([s, q, k, v]): Case => {
      const outShift = 40;
      const half = Math.min(2 ** 29, Math.floor(2 ** (s.shift - 1) / Number(s.m)));
      return { ...s, q, k, v, params: [s.m, s.shift, half, BigInt(Math.round(s.ratio * 2 ** outShift)), outShift] };
    });

const check = (c: Case): void => {
  const want = wanted(c);
  expect(got(c, false)).toEqual(want);
  if (c.n <= READY_TERMS && c.d <= READY_TERMS) expect(got(c, true)).toEqual(want);
};

describe('attention of a pair of queries', () => {
  test('is exact for each query by itself, whatever the other one is, up to the largest integers', () => {
    fc.assert(
      fc.property(casesOf(few), (c) => {
        check(c);
      }),
      { seed: 9, numRuns: 60 },
    );
  });

  test('is exact where sums are loops, which must not repeat what stands between products', () => {
    fc.assert(
      fc.property(casesOf(fc.constantFrom(...LONG)), (c) => {
        check(c);
      }),
      { seed: 11, numRuns: 24 },
    );
    fc.assert(
      fc.property(casesOf(long), (c) => {
        check(c);
      }),
      { seed: 12, numRuns: 16 },
    );
  });
});
