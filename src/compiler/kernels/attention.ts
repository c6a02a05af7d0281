import type { FuncBuilder, Reg, Stride } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp } from './arith.ts';
import { type DotShape, dotRun, packRows } from './dot.ts';
import { extentOf, kernelFunc, type Layout, type Level, type Space } from './frame.ts';
import { inBoth } from './pair.ts';
import { EXP_LIMIT, EXP_TABLE_BYTES } from './softmax.ts';
import type { Tick } from './ticks.ts';

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
}

export const attentionName = (s: AttentionShape): string => `attend_${s.n}x${s.d}x${s.columns}`;

/** Keys or columns that share a load. */
const BLOCK = 4;

/** Bytes of the packing area: a word for each element of a query, a block of words below all scores, then a word for each key. */
export const attentionPackBytes = (s: Pick<AttentionShape, 'd' | 'n'>): number => 8 * (s.d + BLOCK + s.n);

/** Where a pair's scores stand in the packing area, and then its exponentials: a word for each key, a half for each query. */
export const scoresOff = (d: number): number => 8 * (d + BLOCK);

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
  const reach = ({ kOffs, nStride }: AttentionShape['keys'], columns: number): number => (columns - 1) * nStride + Math.max(...kOffs) + 2;
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
    // What stands before the first scores is below all of them.
    for (let r = 1; r <= BLOCK; r++) b.store(words, -8 * r, b.const(inBoth(GUARD)), 8);
    b.store(kept(), BEGIN, b.const(inBoth(SCORE_ZERO)), 8);
    b.store(kept(), GUARDS, b.const(inBoth(GUARD)), 8);
    for (let chain = 0; chain < CHAINS; chain++) b.store(kept(), TOP + 8 * chain, 0, 8);
    const last = blocks(
      b,
      s.n,
      [
        [keys, BLOCK * s.keys.nStride],
        [words, 8 * BLOCK],
      ],
      (rows, [key, word]) => {
        const side = Array.from({ length: BLOCK }, (_, r) => maxTicks(b, kept, r % CHAINS, () => b.load(word!, 8 * (r - BLOCK), 8))).flat();
        const begin = (): Reg => b.load(kept(), BEGIN, 8);
        const sums = dotRun(b, scores, rows, 0, s.d, pack, key!, begin, side);
        for (const [r, sum] of sums.entries()) b.store(word!, 8 * r, sum, 8);
      },
    );
    const count = s.n % BLOCK || BLOCK;
    const behind = s.n % BLOCK ? 0 : BLOCK;
    for (let r = 0; r < count; r++) for (const tick of maxTicks(b, kept, r % CHAINS, () => b.load(last[1]!, 8 * (r - behind), 8))) tick();
    const guarded = (): Reg => b.add(b.load(kept(), TOP + 8, 8), b.const(inBoth(GUARD)));
    for (const tick of maxTicks(b, kept, 0, guarded)) tick();
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
    b.store(kept(), BEGIN, b.const(inBoth(SUM_ZERO)), 8);
    const second = b.add(out, s.outLane);
    const sumsOf = (columns: number, value: Reg, to: number, side: readonly Tick[]): void => {
      const begin = (): Reg => b.load(kept(), BEGIN, 8);
      const made = dotRun(b, means, columns, 0, s.n, words, value, begin, side);
      for (const [r, sum] of made.entries()) b.store(kept(), to + 8 * r, sum, 8);
    };
    const full = Math.floor(s.columns / BLOCK);
    const rest = s.columns % BLOCK;
    const first = full > 0 ? BLOCK : rest;
    sumsOf(first, values, DONE, []);
    const round = (columns: number, [value, to, to2]: readonly Reg[]): void => {
      sumsOf(columns, value!, NEXT, meanTicks(b, s, BLOCK, kept, to!, to2!));
      mendMeans(b, s, BLOCK, kept, to!, to2!);
      for (let r = 0; r < columns; r++) b.store(kept(), DONE + 8 * r, b.load(kept(), NEXT + 8 * r, 8), 8);
    };
    const strides: Stride[] = [
      [b.add(values, BLOCK * s.values.nStride), BLOCK * s.values.nStride],
      [out, 2 * BLOCK],
      [second, 2 * BLOCK],
    ];
    let at = full > 1 ? b.strided(full - 1, strides, (pointers) => round(BLOCK, pointers)) : strides.map(([pointer]) => pointer);
    if (full > 0 && rest > 0) {
      round(rest, at);
      at = at.map((pointer) => b.add(pointer, 2 * BLOCK));
    }
    const columns = rest || first;
    for (const tick of meanTicks(b, s, columns, kept, at[1]!, at[2]!)) tick();
    mendMeans(b, s, columns, kept, at[1]!, at[2]!);
  });
}

/** Keys in blocks and what is left of them; gives where the pointers stand behind the last whole block. */
function blocks(b: FuncBuilder, count: number, strides: Stride[], body: (rows: number, at: readonly Reg[]) => void): readonly Reg[] {
  const full = Math.floor(count / BLOCK);
  const rest = full > 0 ? b.strided(full, strides, (at) => body(BLOCK, at)) : strides.map(([pointer]) => pointer);
  if (count % BLOCK) body(count % BLOCK, rest);
  return rest;
}

/** Places on the stack: the largest scores of each chain, a score; sums whose results are made, and those after them; for each query its inverse and what is added; shift; range. */
const [TOP, SCORE, DONE, NEXT, INVERSE, PLUS, OUT_SHIFT, RANGE, BEGIN, GUARDS] = [0, 16, 24, 56, 88, 104, 120, 128, 136, 144];
const KEPT_WORDS = 19;
/** What sums of values begin with: a lane is below 2³¹. */
const SUM_ZERO = 2 ** 31;

/** Largest scores are taken of every other key: one after the other each would have to wait for the one before. */
const CHAINS = 2;

/** Both lanes `top = max(top, score)` of one chain, scores with their guard. */
function maxTicks(b: FuncBuilder, kept: () => Reg, chain: number, load: () => Reg): Tick[] {
  const top = TOP + 8 * chain;
  let [above, ones] = [] as unknown as [Reg, Reg];
  return [
    () => {
      const score = load();
      b.aluTo(score, 'sub', score, b.load(kept(), top, 8));
      b.store(kept(), SCORE, score, 8);
      above = b.load(kept(), GUARDS, 8);
      b.aluTo(above, 'and', above, score);
    },
    () => {
      ones = b.rsh(above, 31);
    },
    () => b.aluTo(above, 'sub', above, ones),
    () => b.aluTo(above, 'and', above, b.load(kept(), SCORE, 8)),
    () => {
      b.aluTo(above, 'add', above, b.load(kept(), top, 8));
      b.store(kept(), top, above, 8);
    },
  ];
}

type Results = Pick<AttentionShape, 'outMax'>;

/** Sums of values times exponentials become means: `(sum · inverse + plus) s>> shift` for each lane. */
function meanTicks(b: FuncBuilder, { outMax }: Results, columns: number, kept: () => Reg, out: Reg, second: Reg): Tick[] {
  const bits = Math.ceil(Math.log2(2 * outMax + 1));
  return Array.from({ length: 2 * columns }, (_, i): Tick[] => {
    const [r, lane] = [i >> 1, i & 1];
    let y: Reg;
    return [
      () => {
        y = b.load(kept(), DONE + 8 * r + 4 * lane, 4);
        b.aluTo(y, 'mul', y, b.load(kept(), INVERSE + 8 * lane, 8));
      },
      () => b.aluTo(y, 'add', y, b.load(kept(), PLUS + 8 * lane, 8)),
      () => b.aluTo(y, 'arsh', y, b.load(kept(), OUT_SHIFT, 8)),
      () => {
        b.store(lane ? second : out, 2 * r, y, 2);
        b.aluTo(y, 'add', y, 2 ** (bits - 1));
      },
      () => {
        if (i > 0) b.aluTo(y, 'or', y, b.load(kept(), RANGE, 8));
        b.store(kept(), RANGE, y, 8);
      },
    ];
  }).flat();
}

/** Where a mean was out of range: all of them once more, clamped. */
function mendMeans(b: FuncBuilder, { outMax }: Results, columns: number, kept: () => Reg, out: Reg, second: Reg): void {
  const bits = Math.ceil(Math.log2(2 * outMax + 1));
  b.when('ugt', b.load(kept(), RANGE, 8), 2 ** bits - 1, () => {
    for (let i = 0; i < 2 * columns; i++) {
      const [r, lane] = [i >> 1, i & 1];
      const y = b.load(kept(), DONE + 8 * r + 4 * lane, 4);
      b.aluTo(y, 'mul', y, b.load(kept(), INVERSE + 8 * lane, 8));
      b.aluTo(y, 'add', y, b.load(kept(), PLUS + 8 * lane, 8));
      b.aluTo(y, 'arsh', y, b.load(kept(), OUT_SHIFT, 8));
      clamp(b, y, -outMax - 1, outMax);
      b.store(lane ? second : out, 2 * r, y, 2);
    }
  });
}
