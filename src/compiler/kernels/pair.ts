import type { FuncBuilder, Reg, Stride } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp } from './arith.ts';
import { packRows } from './dot.ts';
import { extentOf, kernelFunc, type Layout, type Level, type Port, type Space } from './frame.ts';
import { spread, type Tick } from './ticks.ts';

/**
 * Two rows of activations in one word, weights of 16 bits, and results that need no multiplication of their own: the units of weights are chosen so
 * that a sum becomes an output by a shift. A lane holds the sum, the bias, the residual, half a unit for rounding, and `zero` units more, where
 * `zero` is 2ⁿ for results of n bits and a sign. The result is then in range exactly when no bit of the lane from n + 1 + shift on is set: one
 * AND and one OR test both rows.
 */

/** Sums of up to this many terms; longer ones would leave weights less than 9 bits. */
export const PAIR_TERMS = 128;
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
    /** Sums of a block into `kept` from word `to` on; between its products `side` and what the residual adds. */
    const sumsOf = (rows: number, w: Reg, residual: Reg | null, to: number, side: readonly Tick[]): void => {
      const param = (r: number, what: number): Reg => b.load(w, pairWeightBytes(s.k) + r * PAIR_ROW_BYTES + what, 8);
      const sums = Array.from({ length: rows }, (_, r) => param(r, BEGIN));
      const ticks = [
        ...(residual ? sums.flatMap((sum, r) => residualTicks(b, s.residual!.form, residual, r, sum, () => param(r, FACTOR))) : []),
        ...side,
      ];
      // Without a loop around them values that live across the products would each want a place in the frame.
      const before = layout.strategy === 'unrolled';
      if (before) for (const tick of ticks) tick();
      const between = spread(before ? [] : ticks, rows * s.k);
      for (let k = 0; k < s.k; k++) {
        const x = b.load(words, 8 * k, 8);
        for (const [r, sum] of sums.entries()) {
          const t = b.load(w, 2 * (r * s.k + k), 2, true);
          b.aluTo(t, 'mul', t, x);
          between();
          b.aluTo(sum, 'add', sum, t);
        }
      }
      for (const [r, sum] of sums.entries()) b.store(kept(), 8 * (to + r), sum, 8);
    };
    const full = Math.floor(s.n / ROWS);
    const rest = s.n % ROWS;
    const first = full > 0 ? ROWS : rest;
    sumsOf(first, ptrs[2]!, s.residual ? ptrs[3]! : null, 0, []);
    // In each round a block's sums, and between their products the results of the block before.
    const strides: Stride[] = [
      [b.add(ptrs[2]!, block), block],
      [ptrs[1]!, stepBytes(s.out)],
      ...(upper ? ([[upper, stepBytes(s.out)]] as const) : []),
      ...(s.residual ? ([[b.add(ptrs[3]!, stepBytes(s.residual.form)), stepBytes(s.residual.form)]] as const) : []),
    ];
    const round = (rows: number, [w, out, ...more]: readonly Reg[]): void => {
      const results = new Results(b, s, ROWS, kept, (r, what) => b.load(w!, paramOff(s.k, r, what) - block, 8), out!, upper && more[0]!);
      sumsOf(rows, w!, s.residual ? more.at(-1)! : null, ROWS, results.ticks());
      results.mend();
      for (let r = 0; r < rows; r++) b.store(kept(), 8 * r, b.load(kept(), 8 * (ROWS + r), 8), 8);
    };
    const at = full > 1 ? b.strided(full - 1, strides, (pointers) => round(ROWS, pointers)) : strides.map(([pointer]) => pointer);
    let [w, out, above] = [at[0]!, at[1]!, upper && at[2]!];
    let last = first;
    if (full > 0 && rest > 0) {
      round(rest, at);
      last = rest;
      w = b.add(w, block);
      out = b.add(out, stepBytes(s.out));
      above = above && b.add(above, stepBytes(s.out));
    }
    const results = new Results(b, s, last, kept, (r, what) => b.load(w, paramOff(s.k, r, what) - block, 8), out, above);
    for (const tick of results.ticks()) tick();
    results.mend();
  });
}

/** Words on the stack: sums of a block whose results are made, sums of the block after it, what is out of range. */
const KEPT_WORDS = 2 * ROWS + 1;
const OUTSIDE_WORD = 2 * ROWS;

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
function residualTicks(b: FuncBuilder, form: PairForm, residual: Reg, r: number, sum: Reg, factor: () => Reg): Tick[] {
  let x: Reg;
  const packed: Tick[] = form.words
    ? [() => (x = b.load(residual, 8 * r, 8))]
    : [
        () => {
          x = b.load(residual, form.lane + 2 * r, 2, true);
        },
        () => b.aluTo(x, 'lsh', x, 32),
        () => b.aluTo(x, 'add', x, b.load(residual, 2 * r, 2, true)),
      ];
  return [...packed, () => b.aluTo(x, 'mul', x, factor()), () => b.aluTo(sum, 'add', sum, x)];
}

/**
 * Makes the results of `rows` sums that are kept on the stack: words at `out`, or int16 there and at `upper`, between the products of the next block. Nearly always all
 * are in range; else {@link mend} takes each lane out by itself, shifts and clamps it, so that a result never depends on its neighbours.
 */
class Results {
  readonly #b: FuncBuilder;
  readonly #s: Pick<PairShape, 'outMax' | 'relu'>;
  readonly #rows: number;
  readonly #kept: () => Reg;
  readonly #param: (row: number, what: number) => Reg;
  readonly #out: Reg;
  readonly #upper: Reg | null;

  constructor(
    b: FuncBuilder,
    s: Pick<PairShape, 'outMax' | 'relu'>,
    rows: number,
    kept: () => Reg,
    param: (row: number, what: number) => Reg,
    out: Reg,
    upper: Reg | null,
  ) {
    [this.#b, this.#s, this.#rows, this.#kept, this.#param, this.#out, this.#upper] = [b, s, rows, kept, param, out, upper];
  }

  ticks(): Tick[] {
    return Array.from({ length: this.#rows }, (_, r) => [...this.#test(r), ...this.#store(r)]).flat();
  }

  /** Collects the bits of a sum that are set out of range. */
  #test(r: number): Tick[] {
    const b = this.#b;
    let test: Reg;
    return [
      () => {
        test = this.#param(r, OUTSIDE);
        b.aluTo(test, 'and', test, b.load(this.#kept(), 8 * r, 8));
      },
      () => {
        if (r > 0) b.aluTo(test, 'or', test, b.load(this.#kept(), 8 * OUTSIDE_WORD, 8));
        b.store(this.#kept(), 8 * OUTSIDE_WORD, test, 8);
      },
    ];
  }

  #store(r: number): Tick[] {
    const b = this.#b;
    const upper = this.#upper;
    const { outMax, relu } = this.#s;
    const zero = outMax + 1;
    let sum: Reg;
    return [
      () => {
        sum = b.load(this.#kept(), 8 * r, 8);
        b.aluTo(sum, 'rsh', sum, this.#param(r, SHIFT));
      },
      ...(relu
        ? [
            () => {
              b.aluTo(sum, 'and', sum, b.const(inBoth(2 * zero - 1)));
              notBelow(b, sum, zero);
            },
          ]
        : []),
      ...(upper
        ? [
            // Modulo 2¹⁶, `− zero`; a carry stays below the upper lane's first bit.
            () => b.aluTo(sum, 'add', sum, b.const(inBoth(2 ** 16 - zero))),
            () => b.store(this.#out, 2 * r, sum, 2),
            () => b.aluTo(sum, 'rsh', sum, 32),
            () => b.store(upper, 2 * r, sum, 2),
          ]
        : [
            () => {
              b.store(this.#out, 8 * r, sum, 8);
              // What the shift brought from the upper lane into the lower one.
              if (!relu) b.store(this.#out, 8 * r + 2, 0, 2);
            },
          ]),
    ];
  }

  /** Where a result was out of range: all of them once more. */
  mend(): void {
    const b = this.#b;
    const { outMax, relu } = this.#s;
    const zero = outMax + 1;
    b.when('ne', b.load(this.#kept(), 8 * OUTSIDE_WORD, 8), 0, () => {
      for (let r = 0; r < this.#rows; r++) {
        const high = b.load(this.#kept(), 8 * r, 8);
        const low = b.sext(high, 32);
        b.aluTo(high, 'sub', high, low);
        b.aluTo(high, 'arsh', high, 32);
        const shift = this.#param(r, SHIFT);
        for (const y of [low, high]) {
          b.aluTo(y, 'arsh', y, shift);
          clamp(b, y, relu ? zero : 0, 2 * zero - 1);
        }
        if (!this.#upper) {
          b.aluTo(high, 'lsh', high, 32);
          b.aluTo(low, 'add', low, high);
          b.store(this.#out, 8 * r, low, 8);
          continue;
        }
        for (const [to, y] of [
          [this.#out, low],
          [this.#upper, high],
        ] as const) {
          b.aluTo(y, 'sub', y, zero);
          b.store(to, 2 * r, y, 2);
        }
      }
    });
  }
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
      view.setInt16(base + 2 * ((row % ROWS) * m.k + j), w, true);
    });
    const half = shift > 0 ? 2 ** (shift - 1) : 0;
    const raised = sum * m.zero + factor * (m.residual?.zero ?? 0);
    const params = base + pairWeightBytes(m.k) + (row % ROWS) * PAIR_ROW_BYTES;
    view.setBigInt64(params + BEGIN, inBoth(bias + half + (m.outMax + 1) * 2 ** shift - raised), true);
    view.setBigInt64(params + OUTSIDE, inBoth(2 ** 32 - 2 * (m.outMax + 1) * 2 ** shift), true);
    view.setBigInt64(params + SHIFT, BigInt(shift), true);
    view.setBigInt64(params + FACTOR, BigInt(factor), true);
  }
  return bytes;
}
