import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kernelProgram, layoutFor, PACK_BYTES, runKernel, SCRATCH_BYTES } from '../testing/kernel-bench.ts';
import { rsqrtTable } from './norm.ts';
import { NORM_MARGIN, type NormPairShape, normPairKernel, normPairParams } from './norm-pair.ts';
import { PAIR_TERMS, type PairForm, type PairMatrix, type PairShape, packPair, pairKernel, pairRow } from './pair.ts';
import { PAIR_TABLE_BITS, pairTable, tablePairKernel } from './table-pair.ts';

const A = PACK_BYTES;
const RESIDUAL = A + 4096;
const OUT = A + 8192;

/** Puts two rows of n integers where a kernel reads them. */
function putPair(view: DataView, at: number, form: PairForm, zero: number, rows: readonly number[], n: number): void {
  rows.forEach((v, i) => {
    const [lane, j] = [Math.floor(i / n), i % n];
    if (form.words) view.setUint32(at + 8 * j + 4 * lane, v + zero, true);
    else view.setInt16(at + lane * form.lane + 2 * j, v, true);
  });
}

const getPair = (view: DataView, at: number, form: PairForm, zero: number, n: number): number[] =>
  Array.from({ length: 2 * n }, (_, i) => {
    const [lane, j] = [Math.floor(i / n), i % n];
    return form.words ? view.getUint32(at + 8 * j + 4 * lane, true) - zero : view.getInt16(at + lane * form.lane + 2 * j, true);
  });

interface Case {
  readonly m: PairMatrix;
  readonly relu: boolean;
  readonly words: { readonly a: boolean; readonly out: boolean; readonly residual: boolean };
  readonly a: readonly number[];
  readonly residual: readonly number[];
}

const formOf = (words: boolean, n: number): PairForm => (words ? { words: true } : { words: false, lane: 2 * n });

/** What the kernel has to give: each lane's own sum, shifted and saturated, whatever the other lane holds. */
function wanted({ m, relu, a, residual }: Case): number[] {
  const rows = Array.from({ length: m.n }, (_, row) => pairRow(m, row));
  return Array.from({ length: 2 * m.n }, (_, i) => {
    const lane = Math.floor(i / m.n);
    const { weights, bias, shift, factor } = rows[i % m.n]!;
    let sum = bias + (shift > 0 ? 2 ** (shift - 1) : 0) + factor * (m.residual ? residual[i]! : 0);
    weights.forEach((w, j) => {
      sum += w * a[lane * m.k + j]!;
    });
    expect(Math.abs(sum) + (m.outMax + 1) * 2 ** shift).toBeLessThan(2 ** 31);
    const y = Math.floor(sum / 2 ** shift);
    if (relu && y < 0) return 0;
    return Math.max(-m.outMax - 1, Math.min(m.outMax, y));
  });
}

function got(c: Case): number[] {
  const { m, words, relu } = c;
  const residual = m.residual && { space: 'scratch' as const, form: formOf(words.residual, m.n) };
  const apart = (form: PairForm): PairForm => (form.words || residual ? form : { words: false, lane: 0 });
  const [a, out] = [formOf(words.a, m.k), formOf(words.out, m.n)];
  const shape: PairShape = {
    k: m.k,
    n: m.n,
    aSpace: 'scratch',
    aLevels: a.words ? [] : [{ n: m.k, strides: [2] }],
    a: apart(a),
    out: apart(out),
    outMax: m.outMax,
    relu,
    ...(residual ? { residual } : {}),
  };
  const bytes = packPair(m);
  const scratch = new Uint8Array(SCRATCH_BYTES);
  const view = new DataView(scratch.buffer);
  putPair(view, A, a, m.zero, c.a, m.k);
  if (m.residual) putPair(view, RESIDUAL, residual!.form, m.residual.zero, c.residual, m.n);
  const seconds = m.residual ? [RESIDUAL] : [...(a.words ? [] : [A + 2 * m.k]), ...(out.words ? [] : [OUT + 2 * m.n])];
  const kernel = pairKernel('pair', shape, layoutFor(bytes.length), 0);
  return getPair(runKernel(kernelProgram(kernel, [A, OUT, 0, ...seconds], bytes), scratch), OUT, out, m.outMax + 1, m.n);
}

const check = (c: Case): void => {
  expect(got(c)).toEqual(wanted(c));
};

/** An integer of a width, its ends more often than by chance. */
const integer = (most: number) => fc.oneof(fc.constantFrom(-most, -most + 1, most - 1, 0), fc.integer({ min: -most, max: most - 1 }));

const cases = fc
  .record({
    k: fc.integer({ min: 1, max: PAIR_TERMS }),
    n: fc.integer({ min: 1, max: 9 }),
    bits: fc.constantFrom(15, 15, 13),
    inBits: fc.constantFrom(15, 15, 13),
    out: fc.double({ min: 2 ** -12, max: 2 ** 6, noNaN: true }),
    sign: fc.constantFrom(1, -1),
    relu: fc.boolean(),
    words: fc.record({ a: fc.boolean(), out: fc.boolean(), residual: fc.boolean() }),
    plus: fc.boolean(),
    ratio: fc.double({ min: 0.01, max: 8, noNaN: true }),
  })
  .chain((s) =>
    fc.record({
      s: fc.constant(s),
      weights: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: s.k * s.n, maxLength: s.k * s.n }),
      bias: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: s.n, maxLength: s.n }),
      a: fc.array(integer(2 ** s.inBits), { minLength: 2 * s.k, maxLength: 2 * s.k }),
      residual: fc.array(integer(2 ** 15), { minLength: 2 * s.n, maxLength: 2 * s.n }),
    }),
  )
  .map(({ s, weights, bias, a, residual }): Case => {
    const most = 2 ** s.inBits;
    const outScale = (s.out * s.k) / 2 ** s.bits;
    return {
      m: {
        n: s.n,
        k: s.k,
        weights: Float64Array.from(weights),
        bias: Float64Array.from(bias, (v) => v * s.out * s.k),
        unit: s.sign / most,
        outScale,
        most,
        zero: s.words.a ? most : 0,
        outMax: 2 ** s.bits - 1,
        ...(s.plus ? { residual: { unit: outScale * s.ratio, most: 2 ** 15, zero: s.words.residual ? 2 ** 15 : 0 } } : {}),
      },
      relu: s.relu,
      words: s.words,
      a,
      residual,
    };
  });

describe('products whose results are made by shifts', () => {
  test('are exact for any weights, inputs, forms and widths, in range and beyond', () => {
    fc.assert(fc.property(cases, check), { seed: 6, numRuns: 60 });
  });

  test('never leave a lane: the largest inputs of either sign against weights of one sign', () => {
    for (const k of [1, 64, PAIR_TERMS])
      for (const sign of [1, -1])
        for (const out of [2 ** -8, 1, 16]) {
          const m: PairMatrix = {
            n: 2,
            k,
            weights: new Float64Array(2 * k).fill(sign),
            bias: new Float64Array(2).fill(sign * k),
            unit: 1 / 32768,
            outScale: (out * k) / 32768,
            most: 32768,
            zero: 0,
            outMax: 32767,
            residual: { unit: 1 / 32768, most: 32768, zero: 0 },
          };
          const words = { a: false, out: false, residual: false };
          for (const x of [-32768, 32767])
            for (const other of [-32768, 0, 32767])
              check({
                m,
                relu: false,
                words,
                a: Array.from({ length: 2 * k }, (_, i) => (i < k ? x : other)),
                residual: Array.from({ length: 4 }, (_, i) => (i < 2 ? x : other)),
              });
        }
  });

  test('keep more than eight bits for every row, however small its weights are beside those of others', () => {
    const k = PAIR_TERMS;
    const rows = [1, 2 ** -4, 2 ** -8];
    const m: PairMatrix = {
      n: rows.length,
      k,
      weights: Float64Array.from({ length: rows.length * k }, (_, i) => Math.sin(i) * rows[Math.floor(i / k)]!),
      bias: null,
      unit: 1 / 32768,
      outScale: 8 / 32768,
      most: 32768,
      zero: 0,
      outMax: 32767,
    };
    for (const [row, size] of rows.entries()) {
      const { weights } = pairRow(m, row);
      const top = Math.max(...weights.map(Math.abs));
      // Beyond a shift of 15 smaller rows say less than half a unit of a result.
      if (size * k * 2 > 8) expect(top).toBeGreaterThan(127);
      else expect(top).toBeGreaterThan((2 ** 15 * size) / 16);
    }
  });
});

const ROOTS = rsqrtTable();

describe('normalisation of pairs', () => {
  test.each([
    [true, true, true],
    [true, false, true],
    [true, true, false],
    [false, false, false],
    [false, true, true],
  ])('centred %s, words in %s and out %s: within a unit of the real value, for rows of any size', (center, wordsIn, wordsOut) => {
    const row = (d: number) =>
      fc
        .record({ size: fc.integer({ min: 1, max: 15 }), mean: fc.integer({ min: -16000, max: 16000 }) })
        .chain(({ size, mean }) =>
          fc
            .array(fc.integer({ min: -(2 ** size), max: 2 ** size - 1 }), { minLength: d, maxLength: d })
            .map((v) => v.map((x) => Math.max(-32768, Math.min(32767, x + (size < 14 ? mean : 0))))),
        );
    fc.assert(
      fc.property(
        fc.constantFrom(2, 7, 32, 48, 256).chain((d) => fc.tuple(fc.constant(d), row(d), row(d))),
        ([d, first, second]) => {
          const [x, out] = [formOf(wordsIn, d), formOf(wordsOut, d)];
          const scale = (Math.sqrt(d) * NORM_MARGIN) / 32767;
          const unit = 2 ** -10;
          const shape: NormPairShape = { d, center, xSpace: 'scratch', x, out, xZero: 32768, outZero: 32768 };
          const params = new Uint8Array(normPairParams(d, 1e-5, unit, scale).buffer);
          const bytes = new Uint8Array(ROOTS.length + params.length);
          bytes.set(ROOTS);
          bytes.set(params, ROOTS.length);
          const scratch = new Uint8Array(SCRATCH_BYTES);
          putPair(new DataView(scratch.buffer), A, x, 32768, [...first, ...second], d);
          const kernel = normPairKernel('norm', shape, layoutFor(bytes.length), 0);
          const result = getPair(runKernel(kernelProgram(kernel, [OUT, A, ROOTS.length], bytes), scratch), OUT, out, 32768, d);
          for (const [lane, values] of [first, second].entries()) {
            const mean = center ? values.reduce((sum, v) => sum + v, 0) / d : 0;
            // Epsilon is a whole number of the kernel's units.
            const eps = Math.max(1, Math.round((1e-5 * d * d) / unit ** 2)) / (d * d);
            const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / d + eps;
            for (const [i, v] of values.entries()) {
              const want = (v - mean) / Math.sqrt(variance) / scale;
              expect(Math.abs(result[lane * d + i]! - want)).toBeLessThanOrEqual(1);
            }
          }
        },
      ),
      { seed: 7, numRuns: 15 },
    );
  });
});

describe('functions of words', () => {
  test('give the point in the middle of the step of every integer', () => {
    const fn = (v: number): number => Math.round(20000 * Math.tanh(v / 9000));
    const table = pairTable(fn, 32768);
    const step = 2 ** (16 - PAIR_TABLE_BITS);
    const n = 24;
    fc.assert(
      fc.property(fc.array(integer(32768), { minLength: 2 * n, maxLength: 2 * n }), (values) => {
        const bytes = new Uint8Array(table.buffer);
        const scratch = new Uint8Array(SCRATCH_BYTES);
        putPair(new DataView(scratch.buffer), A, { words: true }, 32768, values, n);
        const kernel = tablePairKernel('table', n, layoutFor(bytes.length), 0);
        const result = getPair(runKernel(kernelProgram(kernel, [OUT, A, 0], bytes), scratch), OUT, { words: true }, 32768, n);
        expect(result).toEqual(values.map((v) => fn(Math.floor((v + 32768) / step) * step - 32768 + (step - 1) / 2)));
      }),
      { seed: 8, numRuns: 20 },
    );
  });
});
