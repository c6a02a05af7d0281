import type { FuncBuilder, Reg, Stride } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp } from './arith.ts';
import { type DotShape, dotRun, packRows } from './dot.ts';
import { extentOf, kernelFunc, type Layout, type Level, type Space } from './frame.ts';
import { inBoth } from './pair.ts';
import { crossSum, pairedProducts } from './paired.ts';
import { EXP_LIMIT, EXP_TABLE_BYTES } from './softmax.ts';

/** A lane holds `n · 2^bits · 2^valueBits ≤ 2³¹` of exponentials times values. */
const LANE_BITS = 31;
/** Bits of an exponential, without a sign: as many as a lane leaves beside `n` values of `valueBits` bits. */
export const exponentialBits = (n: number, valueBits: number): number => Math.min(16, LANE_BITS - valueBits - Math.ceil(Math.log2(n)));

export interface AttentionShape {
  /** Elements of a head, as levels of the query. */
  readonly qLevels: readonly Level[];
  readonly d: number;
  readonly qSpace: Space;
  readonly kSpace: Space;
  readonly vSpace: Space;
  /** Bytes from one query of the pair to the other, and the same for results. */
  readonly qLane: number;
  readonly outLane: number;
  /** Keys. */
  readonly n: number;
  readonly keys: { readonly kOffs: readonly number[]; readonly nStride: number };
  /** Columns of the values. */
  readonly columns: number;
  readonly values: { readonly kOffs: readonly number[]; readonly nStride: number };
  readonly bits: number;
  readonly outMax: number;
  /** Keys and values were made ready for {@link pairedProducts} (`ready.ts`). */
  readonly ready: boolean;
}

export const attentionName = (s: AttentionShape): string => `attend_${s.n}x${s.d}x${s.columns}${s.ready ? '' : '_plain'}`;

/** Keys or columns that share a load. */
const BLOCK = 4;

/** Bytes of the packing area: a word for each element of a query, then a word for each key. */
export const attentionPackBytes = (s: Pick<AttentionShape, 'd' | 'n'>): number => 8 * (s.d + s.n);

/** Where a pair's scores stand in the packing area, and then its exponentials: a word for each key, a half for each query. */
export const scoresOff = (d: number): number => 8 * d;

/**
 * Multiplier and shift of the table's index, what is added to the largest scores ({@link SCORE_ZERO} without what they hold of it, and half a step of the table);
 * quotient, shift and half of the results. Behind them the table of exponentials in as many bits as the kernel takes.
 */
export const ATTENTION_PARAM_BYTES = 48;

/** Scores have less than 2³⁰ in magnitude, but for one that may reach it. Raised by this they are not negative, and the topmost bit of a lane is free. */
const RAISE = 2 ** 30 - 1;
/** That bit, which is set in all scores, so that the difference to a largest one keeps it exactly if it is not negative. */
const GUARD = 2 ** 31;
/** What a score is raised by as it waits for the softmax. */
export const SCORE_ZERO = RAISE + GUARD;
/** What scores have and the largest one lacks. */
export const TOP_ZERO = GUARD;

/** Exponentials that are unrolled at once. */
const UNROLL = 4;

/**
 * Two queries of one head: scores, softmax and the values' mean. Arguments: queries, results, parameters, keys, values. Scores and exponentials of the pair
 * stay in one word for each key. Exponentials are not divided by their sum; the results are, once for each of their columns. `parts`: origins of the
 * scores, the softmax and the mean.
 */
export function attentionKernel(name: string, s: AttentionShape, layout: Layout, origin: OriginId, parts: readonly OriginId[]): IrFunc {
  const reach = ({ kOffs, nStride }: AttentionShape['keys'], rows: number): number =>
    s.ready ? rows * nStride : (rows - 1) * nStride + Math.max(...kOffs) + 2;
  const ports = [
    { space: s.qSpace, extent: extentOf(s.qLevels, 0, 2) + s.qLane },
    { space: 'scratch' as const, extent: 2 * s.columns + s.outLane },
    { space: 'weights' as const, extent: ATTENTION_PARAM_BYTES + EXP_TABLE_BYTES },
    { space: s.kSpace, extent: reach(s.keys, s.n) },
    { space: s.vSpace, extent: reach(s.values, s.columns) },
  ];
  const product = (k: number, n: number, b: AttentionShape['keys']): DotShape => ({
    lanes: 2,
    aSpace: s.qSpace,
    aLevels: s.qLevels,
    aLane: s.qLane,
    k,
    n,
    b: { space: 'scratch', ...b },
    outLane: s.outLane,
    outBytes: 4,
    outMax: s.outMax,
    relu: false,
  });
  const scores = product(s.d, s.n, s.keys);
  const means = product(s.n, s.columns, s.values);
  return kernelFunc(name, layout, ports, { origin, pack: true, noCallbacks: true }, ({ b, ptrs, pack }) => {
    const [q, out, params, keys, values] = ptrs as [Reg, Reg, Reg, Reg, Reg];
    const kept = b.stackSlot(8 * KEPT_WORDS).addr;
    b.setOrigin(parts[0]!);
    packRows(b, scores, q, q, pack);
    const words = b.add(pack, scoresOff(s.d));
    /** Sums of a block of rows of the second operand; what they begin with is stored with rows that were made ready, and the same for all others. */
    const sumsOf = (shape: DotShape, rows: number, x: Reg, at: Reg, zero: number): Reg[] => {
      const { nStride } = shape.b!;
      if (!s.ready) return dotRun(b, shape, rows, 0, shape.k, x, at, () => b.const(inBoth(zero)));
      const cross = b.load(kept(), CROSS, 8);
      const sums = Array.from({ length: rows }, (_, r) => {
        const sum = b.load(at, (r + 1) * nStride - 8, 8);
        b.aluTo(sum, 'sub', sum, cross);
        return sum;
      });
      pairedProducts(b, sums, shape.k, x, (r, k) => b.load(at, r * nStride + 2 * k, 2));
      return sums;
    };
    if (s.ready) b.store(kept(), CROSS, crossSum(b, pack, s.d), 8);
    for (let chain = 0; chain < CHAINS; chain++) b.store(kept(), TOP + 8 * chain, 0, 8);
    blocks(
      b,
      s.n,
      [
        [keys, BLOCK * s.keys.nStride],
        [words, 8 * BLOCK],
      ],
      (rows, [key, word]) => {
        const sums = sumsOf(scores, rows, pack, key!, SCORE_ZERO);
        for (const [r, sum] of sums.entries()) b.store(word!, 8 * r, sum, 8);
        const guard = b.const(inBoth(GUARD));
        for (let chain = 0; chain < CHAINS; chain++) {
          const top = b.load(kept(), TOP + 8 * chain, 8);
          for (let r = chain; r < rows; r += CHAINS) largestInto(b, top, sums[r]!, guard);
          b.store(kept(), TOP + 8 * chain, top, 8);
        }
      },
    );
    const top = b.load(kept(), TOP, 8);
    const guard = b.const(inBoth(GUARD));
    largestInto(b, top, b.add(b.load(kept(), TOP + 8, 8), guard), guard);
    b.store(kept(), TOP, top, 8);
    b.setOrigin(parts[1]!);
    const m = b.load(params, 0, 8);
    const shift = b.and(b.load(params, 8, 8), 63);
    const tops = [0, 4].map((half) => {
      const top = b.load(kept(), TOP + half, 4);
      b.aluTo(top, 'add', top, b.load(params, 16, 8));
      return top;
    });
    const table = b.add(params, ATTENTION_PARAM_BYTES);
    const sums = tops.map(() => b.copy(0));
    const exponentials = (length: number, from: Reg): void => {
      for (let i = 0; i < length; i++)
        for (const [lane, top] of tops.entries()) {
          const x = b.sub(top, b.load(from, 8 * i + 4 * lane, 4));
          b.aluTo(x, 'mul', x, m);
          b.aluTo(x, 'rsh', x, shift);
          b.when('ugt', x, EXP_LIMIT, () => b.assign(x, EXP_LIMIT));
          b.aluTo(x, 'add', x, x);
          b.aluTo(x, 'add', x, table);
          const e = b.load(x, 0, 2);
          b.aluTo(sums[lane]!, 'add', sums[lane]!, e);
          b.store(from, 8 * i + 4 * lane, e, 4);
        }
    };
    const rounds = Math.floor(s.n / UNROLL);
    const [end] = rounds > 0 ? b.strided(rounds, [[words, 8 * UNROLL]], ([from]) => exponentials(UNROLL, from!)) : [words];
    exponentials(s.n % UNROLL, end!);
    b.setOrigin(parts[2]!);
    const quotient = b.load(params, 24, 8);
    b.store(kept(), OUT_SHIFT, b.and(b.load(params, 32, 8), 63), 8);
    const half = b.load(params, 40, 8);
    for (const [lane, sum] of sums.entries()) {
      const inverse = b.alu('div', quotient, sum);
      b.store(kept(), INVERSE + 8 * lane, inverse, 8);
      // Sums begin raised by 2³¹, so that they are not negative and their halves can be read.
      b.store(kept(), PLUS + 8 * lane, b.sub(half, b.mul(b.const(SUM_ZERO), inverse)), 8);
    }
    if (s.ready) b.store(kept(), CROSS, crossSum(b, words, s.n), 8);
    const bits = Math.ceil(Math.log2(2 * s.outMax + 1));
    const strides: Stride[] = [
      [values, BLOCK * s.values.nStride],
      [out, 2 * BLOCK],
      [b.add(out, s.outLane), 2 * BLOCK],
    ];
    blocks(b, s.columns, strides, (columns, [value, first, second]) => {
      for (const [r, sum] of sumsOf(means, columns, words, value!, SUM_ZERO).entries()) b.store(kept(), SUMS + 8 * r, sum, 8);
      /** `(sum · inverse + plus) s>> shift` of a column's lane. */
      const mean = (r: number, lane: number): Reg => {
        const y = b.load(kept(), SUMS + 8 * r + 4 * lane, 4);
        b.aluTo(y, 'mul', y, b.load(kept(), INVERSE + 8 * lane, 8));
        b.aluTo(y, 'add', y, b.load(kept(), PLUS + 8 * lane, 8));
        b.aluTo(y, 'arsh', y, b.load(kept(), OUT_SHIFT, 8));
        return y;
      };
      const each = (body: (r: number, lane: number, to: Reg) => void): void => {
        for (let r = 0; r < columns; r++) for (const [lane, to] of [first!, second!].entries()) body(r, lane, to);
      };
      let range: Reg | null = null;
      each((r, lane, to) => {
        const y = mean(r, lane);
        b.store(to, 2 * r, y, 2);
        b.aluTo(y, 'add', y, 2 ** (bits - 1));
        if (range) b.aluTo(range, 'or', range, y);
        else range = y;
      });
      // Where a mean was out of range: all of them once more, clamped.
      b.when('ugt', range!, 2 ** bits - 1, () =>
        each((r, lane, to) => {
          const y = mean(r, lane);
          clamp(b, y, -s.outMax - 1, s.outMax);
          b.store(to, 2 * r, y, 2);
        }),
      );
    });
  });
}

/** Rows of the second operand in blocks, and what is left of them. */
function blocks(b: FuncBuilder, count: number, strides: Stride[], body: (rows: number, at: readonly Reg[]) => void): void {
  const full = Math.floor(count / BLOCK);
  const rest = full > 0 ? b.strided(full, strides, (at) => body(BLOCK, at)) : strides.map(([pointer]) => pointer);
  if (count % BLOCK) body(count % BLOCK, rest);
}

/** Places on the stack: the largest scores of each chain; sums of values; for each query its inverse and what is added; shift; what all sums have too much. */
const [TOP, SUMS, INVERSE, PLUS, OUT_SHIFT, CROSS] = [0, 16, 48, 64, 80, 88];
const KEPT_WORDS = 12;
/** What sums of values begin with: a lane is below 2³¹. */
export const SUM_ZERO = 2 ** 31;

/** Largest scores are taken of every other key: one after the other each would have to wait for the one before. */
const CHAINS = 2;

/** Both lanes `top = max(top, score)`, scores with their guard; the score is lost. */
function largestInto(b: FuncBuilder, top: Reg, score: Reg, guard: Reg): void {
  b.aluTo(score, 'sub', score, top);
  const above = b.and(score, guard);
  const ones = b.rsh(above, 31);
  b.aluTo(above, 'sub', above, ones);
  b.aluTo(above, 'and', above, score);
  b.aluTo(top, 'add', top, above);
}
