import type { FuncBuilder, Reg, Stride } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp } from './arith.ts';
import { packRows } from './dot.ts';
import { extentOf, kernelFunc, type Layout, type Level, type Port, type Space } from './frame.ts';
import { crossOf, crossSum, PAIRED_ZERO, pairedProducts } from './paired.ts';

/**
 * Two rows of activations in one word, weights of 16 bits, and results that need no multiplication of their own: the units of weights are chosen so
 * that a sum becomes an output by a shift. A lane holds the sum, the bias, the residual, half a unit for rounding, and `zero` units more, where
 * `zero` is 2ⁿ for results of n bits and a sign. The result is then in range exactly when no bit of the lane from n + 1 + shift on is set: one
 * AND and one OR test both rows.
 */

/** Sums of up to this many terms; weights of longer ones would often have less than the 8 bits of others. */
export const PAIR_TERMS = 256;
const ROWS = 4;
/** Bits of a lane besides its sign. */
export const PAIR_LANE_BITS = 31;
/** Shifts that leave the test for range a bit of the lane. */
export const PAIR_MOST_SHIFT = 15;
/** Both lanes of a word. */
const BOTH = (1n << 32n) + 1n;

/** Where a row's parameters lie, 8 bytes each: what both lanes begin with, bits that are set out of range, shift, factor of the residual. */
const [BEGIN, OUTSIDE, SHIFT, FACTOR] = [0, 8, 16, 24];
export const PAIR_ROW_BYTES = 32;

/** Bytes of a block: int16 weights of four rows, then the parameters of each. */
export const pairWeightBytes = (k: number): number => 2 * ROWS * k;
export const pairBlockBytes = (k: number): number => pairWeightBytes(k) + ROWS * PAIR_ROW_BYTES;

/**
 * How a pair of rows lies in memory. Rows: int16, `lane` bytes apart. Words: `u0 + u1·2³²` for each element, where u is the integer and `zero` more, never
 * negative: what products read without packing, and what they write in one store.
 */
export type PairForm = { readonly words: false; readonly lane: number } | { readonly words: true };

export const formBytes = (form: PairForm, n: number): number => (form.words ? 8 * n : 2 * n + form.lane);

export interface PairShape {
  readonly k: number;
  readonly n: number;
  readonly aSpace: Space;
  /** K as levels of `a`; of words, elements lie side by side. */
  readonly aLevels: readonly Level[];
  readonly a: PairForm;
  readonly out: PairForm;
  /** 2ⁿ − 1. */
  readonly outMax: number;
  readonly relu: boolean;
  readonly residual?: { readonly space: Space; readonly form: PairForm };
}

const kind = (form: PairForm): string => (form.words ? 'w' : 'r');

export const pairName = (s: PairShape): string =>
  `pair_k${s.k}_n${s.n}_${kind(s.a)}${kind(s.out)}${s.residual ? `_plus${kind(s.residual.form)}` : ''}${s.relu ? '_relu' : ''}`;

/** The same constant in both lanes, as an int64. */
export const inBoth = (value: number): bigint => BigInt.asIntN(64, BigInt(value) * BOTH);

/**
 * Arguments: the pair of rows of `a`, the place of the results, the weights; then the residual. Without a residual the second rows of `a` and of the results,
 * where these are rows, are arguments too (their lanes in the shape are 0), so that layers of different widths share a kernel.
 */
export function pairKernel(name: string, s: PairShape, layout: Layout, origin: OriginId): IrFunc {
  const block = pairBlockBytes(s.k);
  const aBytes = s.a.words ? 8 * s.k : extentOf(s.aLevels, 0, 2) + s.a.lane;
  const ports: Port[] = [
    { space: s.aSpace, extent: aBytes },
    { space: 'scratch', extent: formBytes(s.out, s.n) },
    { space: 'weights', extent: Math.ceil(s.n / ROWS) * block },
    ...(s.residual ? [{ space: s.residual.space, extent: formBytes(s.residual.form, s.n) }] : []),
  ];
  const apart = (form: PairForm, space: Space, extent: number, beside: number): number | null =>
    s.residual || form.words ? null : ports.push({ space, extent, beside }) - 1;
  const secondA = apart(s.a, s.aSpace, aBytes, 0);
  const secondOut = apart(s.out, 'scratch', formBytes(s.out, s.n), 1);
  return kernelFunc(name, layout, ports, { origin, pack: !s.a.words, noCallbacks: true }, ({ b, ptrs, pack }) => {
    const a = ptrs[0]!;
    if (!s.a.words)
      packRows(b, { ...PACKING, aLevels: s.aLevels, aLane: s.a.lane, k: s.k }, a, secondA === null ? a : ptrs[secondA]!, pack);
    const words = s.a.words ? a : pack;
    const upper = s.out.words ? null : secondOut === null ? b.add(ptrs[1]!, s.out.lane) : ptrs[secondOut]!;
    const kept = b.stackSlot(8 * KEPT_WORDS).addr;
    b.store(kept(), CROSS, crossSum(b, words, s.k), 8);
    const doBlock = (rows: number, [w, out, ...more]: readonly Reg[]): void => {
      const param = (r: number, what: number): Reg => b.load(w!, paramOff(s.k, r, what), 8);
      const cross = b.load(kept(), CROSS, 8);
      const sums = Array.from({ length: rows }, (_, r) => {
        const sum = param(r, BEGIN);
        b.aluTo(sum, 'sub', sum, cross);
        if (s.residual) addResidual(b, s.residual.form, more.at(-1)!, r, sum, param(r, FACTOR));
        return sum;
      });
      pairedProducts(b, sums, s.k, words, (r, k) => b.load(w!, 2 * (r * s.k + k), 2));
      results(b, s, sums, kept, param, out!, upper && more[0]!);
    };
    const strides: Stride[] = [
      [ptrs[2]!, block],
      [ptrs[1]!, stepBytes(s.out)],
      ...(upper ? ([[upper, stepBytes(s.out)]] as const) : []),
      ...(s.residual ? ([[ptrs[3]!, stepBytes(s.residual.form)]] as const) : []),
    ];
    const full = Math.floor(s.n / ROWS);
    const rest = full > 0 ? b.strided(full, strides, (at) => doBlock(ROWS, at)) : strides.map(([pointer]) => pointer);
    if (s.n % ROWS) doBlock(s.n % ROWS, rest);
  });
}

/** Places on the stack: a word for each sum of a block, and what stands for all of them ({@link crossSum}). */
const CROSS = 8 * ROWS;
const KEPT_WORDS = ROWS + 1;

const paramOff = (k: number, row: number, what: number): number => pairWeightBytes(k) + row * PAIR_ROW_BYTES + what;

const stepBytes = (form: PairForm): number => (form.words ? 8 : 2) * ROWS;

/** What {@link packRows} asks besides a row's levels: int16 of two rows, nothing rounded. */
const PACKING = {
  lanes: 2,
  aSpace: 'scratch',
  n: 0,
  b: null,
  outLane: 0,
  outBytes: 2,
  outMax: 0,
  relu: false,
} as const;

/** Adds a residual times its factor to a sum. */
function addResidual(b: FuncBuilder, form: PairForm, residual: Reg, r: number, sum: Reg, factor: Reg): void {
  let x: Reg;
  if (form.words) x = b.load(residual, 8 * r, 8);
  else {
    x = b.load(residual, form.lane + 2 * r, 2, true);
    b.aluTo(x, 'lsh', x, 32);
    b.aluTo(x, 'add', x, b.load(residual, 2 * r, 2, true));
  }
  b.aluTo(x, 'mul', x, factor);
  b.aluTo(sum, 'add', sum, x);
}

/**
 * Makes the results of sums, which are lost: words at `out`, or int16 there and at `upper`. Nearly always all
 * are in range; else each lane is taken out by itself, shifted and clamped, so that a result never depends on its neighbours.
 */
function results(
  b: FuncBuilder,
  { outMax, relu }: Pick<PairShape, 'outMax' | 'relu'>,
  sums: readonly Reg[],
  kept: () => Reg,
  param: (row: number, what: number) => Reg,
  out: Reg,
  upper: Reg | null,
): void {
  const zero = outMax + 1;
  let outside: Reg | null = null;
  for (const [r, sum] of sums.entries()) {
    b.store(kept(), 8 * r, sum, 8);
    const test = param(r, OUTSIDE);
    b.aluTo(test, 'and', test, sum);
    if (outside) b.aluTo(outside, 'or', outside, test);
    else outside = test;
  }
  for (const [r, sum] of sums.entries()) {
    b.aluTo(sum, 'rsh', sum, param(r, SHIFT));
    if (relu) {
      b.aluTo(sum, 'and', sum, b.const(inBoth(2 * zero - 1)));
      notBelow(b, sum, zero);
    }
    if (upper) {
      // Modulo 2¹⁶, `− zero`; a carry stays below the upper lane's first bit.
      b.aluTo(sum, 'add', sum, b.const(inBoth(2 ** 16 - zero)));
      b.store(out, 2 * r, sum, 2);
      b.aluTo(sum, 'rsh', sum, 32);
      b.store(upper, 2 * r, sum, 2);
    } else {
      b.store(out, 8 * r, sum, 8);
      // What the shift brought from the upper lane into the lower one.
      if (!relu) b.store(out, 8 * r + 2, 0, 2);
    }
  }
  b.when('ne', outside!, 0, () => {
    for (let r = 0; r < sums.length; r++) {
      const high = b.load(kept(), 8 * r, 8);
      const low = b.sext(high, 32);
      b.aluTo(high, 'sub', high, low);
      b.aluTo(high, 'arsh', high, 32);
      const shift = param(r, SHIFT);
      for (const y of [low, high]) {
        b.aluTo(y, 'arsh', y, shift);
        clamp(b, y, relu ? zero : 0, 2 * zero - 1);
      }
      if (!upper) {
        b.aluTo(high, 'lsh', high, 32);
        b.aluTo(low, 'add', low, high);
        b.store(out, 8 * r, low, 8);
        continue;
      }
      for (const [to, y] of [
        [out, low],
        [upper, high],
      ] as const) {
        b.aluTo(y, 'sub', y, zero);
        b.store(to, 2 * r, y, 2);
      }
    }
  });
}

/** Both lanes `max(u, zero)`, for `0 ≤ u < 2·zero`, a power of two. */
function notBelow(b: FuncBuilder, word: Reg, zero: number): void {
  const zeros = b.const(inBoth(zero));
  const above = b.and(word, zeros);
  // A lane that has the bit keeps what is below it: zero − 1 in ones.
  const ones = b.rsh(above, Math.log2(zero));
  b.aluTo(above, 'sub', above, ones);
  b.aluTo(word, 'and', word, above);
  b.aluTo(word, 'or', word, zeros);
}

/** A matrix in real numbers and what it works on. */
export interface PairMatrix {
  readonly n: number;
  readonly k: number;
  readonly weights: Float64Array;
  readonly bias: Float64Array | null;
  /** Real value of one unit of an activation and of a result. */
  readonly unit: number;
  readonly outScale: number;
  /** Largest magnitude of an activation. */
  readonly most: number;
  /** What an activation's integers are raised by in memory. */
  readonly zero: number;
  readonly outMax: number;
  readonly residual?: { readonly unit: number; readonly most: number; readonly zero: number };
}

/** Beyond this many output units a bias or residual is saturated whatever the rest is. */
const FAR = 2 ** 28;
/** Room for what rounding of weights and factors adds to a sum. */
const ROUNDING = 2 ** 22;

/** The integers of a row: weights, shift, bias and residual factor in units of 2^−shift of a result. */
export interface PairRow {
  readonly weights: Int16Array;
  readonly shift: number;
  readonly bias: number;
  readonly factor: number;
}

/**
 * The largest shift for which no input can leave its lane: `Σ|w|·most + |bias| + |factor|·most' + half + zero·2^shift < 2³¹`, and weights fit int16. The
 * unit of weights is a power of two parts of a result's unit, so that rows of small weights keep as many bits as those of large ones.
 */
export function pairRow(m: PairMatrix, row: number): PairRow {
  const real = m.unit / m.outScale;
  const values = m.weights.subarray(row * m.k, (row + 1) * m.k);
  let [sum, top] = [0, 0];
  for (const v of values) {
    const w = Math.abs(v * real);
    sum += w;
    if (w > top) top = w;
  }
  const bias = Math.max(-FAR, Math.min(FAR, (m.bias?.[row] ?? 0) / m.outScale));
  const bound = m.residual ? FAR / (m.residual.most + m.residual.zero) : 0;
  const ratio = m.residual ? Math.max(-bound, Math.min(bound, m.residual.unit / m.outScale)) : 0;
  const reach = sum * m.most + Math.abs(bias) + Math.abs(ratio) * (m.residual?.most ?? 0) + m.outMax + 2;
  const room = Math.floor(Math.log2((2 ** PAIR_LANE_BITS - ROUNDING) / reach));
  const shift = Math.max(0, Math.min(PAIR_MOST_SHIFT, room, top > 0 ? Math.floor(Math.log2(32767 / top)) : PAIR_MOST_SHIFT));
  const scale = 2 ** shift;
  return {
    weights: Int16Array.from(values, (v) => Math.round(v * real * scale)),
    shift,
    bias: Math.round(bias * scale),
    factor: Math.round(ratio * scale),
  };
}

/** Bytes of a matrix for {@link pairKernel}. */
export function packPair(m: PairMatrix): Uint8Array {
  const block = pairBlockBytes(m.k);
  const bytes = new Uint8Array(Math.ceil(m.n / ROWS) * block);
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < m.n; row++) {
    const base = Math.floor(row / ROWS) * block;
    const { weights, shift, bias, factor } = pairRow(m, row);
    let sum = 0;
    weights.forEach((w, j) => {
      sum += w;
      view.setUint16(base + 2 * ((row % ROWS) * m.k + j), w + PAIRED_ZERO, true);
    });
    const half = shift > 0 ? 2 ** (shift - 1) : 0;
    const cross = BigInt(crossOf(weights));
    const raised = sum * m.zero + factor * (m.residual?.zero ?? 0);
    const params = base + pairWeightBytes(m.k) + (row % ROWS) * PAIR_ROW_BYTES;
    view.setBigInt64(params + BEGIN, BigInt.asIntN(64, inBoth(bias + half + (m.outMax + 1) * 2 ** shift - raised) - cross), true);
    view.setBigInt64(params + OUTSIDE, inBoth(2 ** 32 - 2 * (m.outMax + 1) * 2 ** shift), true);
    view.setBigInt64(params + SHIFT, BigInt(shift), true);
    view.setBigInt64(params + FACTOR, BigInt(factor), true);
  }
  return bytes;
}
