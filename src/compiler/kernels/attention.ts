import type { Reg, Stride } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { maxInto, saturator } from './arith.ts';
import { type DotShape, dotRun, packRows, splitLanes } from './dot.ts';
import { extentOf, kernelFunc, type Layout, type Level, MAP_OF, type Space } from './frame.ts';
import { EXP_LIMIT } from './softmax.ts';

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

/** Bytes of the packing area: a word for each element of a query, then one for each key. */
export const attentionPackBytes = (s: Pick<AttentionShape, 'd' | 'n'>): number => 8 * (s.d + s.n);

/** Where a pair's scores stand in the packing area, and then its exponentials: a word for each key, a half for each query. */
export const scoresOff = (d: number): number => 8 * d;

/** Multiplier, shift and rounding half of the table's index; quotient, shift and half of the results. */
export const ATTENTION_PARAM_BYTES = 48;

/** Exponentials that are unrolled at once. */
const UNROLL = 4;
/** Keys or columns that share a load. */
const BLOCK = 4;

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
    { space: 'weights' as const, extent: ATTENTION_PARAM_BYTES },
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
    const blocks = (count: number, strides: Stride[], body: (rows: number, at: readonly Reg[]) => void): void => {
      const full = Math.floor(count / BLOCK);
      const rest = full > 0 ? b.strided(full, strides, (at) => body(BLOCK, at)) : strides.map(([pointer]) => pointer);
      if (count % BLOCK) body(count % BLOCK, rest);
    };
    b.setOrigin(parts[0]!);
    packRows(b, scores, q, q, pack);
    const words = b.add(pack, scoresOff(s.d));
    const tops = [b.copy(-0x8000_0000), b.copy(-0x8000_0000)];
    blocks(
      s.n,
      [
        [keys, BLOCK * s.keys.nStride],
        [words, 8 * BLOCK],
      ],
      (rows, [key, word]) => {
        for (const [r, acc] of dotRun(b, scores, rows, 0, s.d, pack, key!).entries()) {
          for (const [lane, y] of splitLanes(b, scores, acc).entries()) {
            b.store(word!, 8 * r + 4 * lane, y, 4);
            maxInto(b, tops[lane]!, y);
          }
        }
      },
    );
    b.setOrigin(parts[1]!);
    // (top − score)·m + half, as top·m + half − score·m.
    const m = b.load(params, 0, 8);
    const shift = b.and(b.load(params, 8, 8), 63);
    const half = b.load(params, 16, 8);
    for (const top of tops) {
      b.aluTo(top, 'mul', top, m);
      b.aluTo(top, 'add', top, half);
    }
    const minus = b.sub(b.copy(0), m);
    const table = b.mapValue(MAP_OF.weights, layout.expOff);
    // One row after the other: what both need at once would not fit in registers.
    const sums = tops.map((top, lane) => {
      const sum = b.copy(0);
      const exponentials = (count: number, from: Reg): void => {
        for (let i = 0; i < count; i++) {
          const off = 8 * i + 4 * lane;
          const x = b.load(from, off, 4, true);
          b.aluTo(x, 'mul', x, minus);
          b.aluTo(x, 'add', x, top);
          b.aluTo(x, 'rsh', x, shift);
          b.when('ugt', x, EXP_LIMIT, () => b.assign(x, EXP_LIMIT));
          b.aluTo(x, 'lsh', x, 1);
          b.aluTo(x, 'add', table, x);
          const e = b.load(x, 0, 2);
          if (s.bits < 16) b.aluTo(e, 'rsh', e, 16 - s.bits);
          b.aluTo(sum, 'add', sum, e);
          b.store(from, off, e, 4);
        }
      };
      const rounds = Math.floor(s.n / UNROLL);
      const [last] = rounds > 0 ? b.strided(rounds, [[words, 8 * UNROLL]], ([from]) => exponentials(UNROLL, from!)) : [words];
      exponentials(s.n % UNROLL, last!);
      return sum;
    });
    b.setOrigin(parts[2]!);
    const quotient = b.load(params, 24, 8);
    const outShift = b.and(b.load(params, 32, 8), 63);
    const outHalf = b.load(params, 40, 8);
    const inverses = sums.map((sum) => b.alu('div', quotient, sum));
    const second = b.add(out, s.outLane);
    blocks(
      s.columns,
      [
        [values, BLOCK * s.values.nStride],
        [out, 2 * BLOCK],
        [second, 2 * BLOCK],
      ],
      (rows, [value, to, to2]) => {
        const outputs = saturator(b, 2 * rows, s.outMax);
        for (const [r, acc] of dotRun(b, means, rows, 0, s.n, words, value!).entries()) {
          for (const [lane, y] of splitLanes(b, means, acc).entries()) {
            b.aluTo(y, 'mul', y, inverses[lane]!);
            b.aluTo(y, 'add', y, outHalf);
            b.aluTo(y, 'arsh', y, outShift);
            outputs.put(y, (v) => b.store(lane ? to2! : to!, 2 * r, v, 2));
          }
        }
        outputs.finish();
      },
    );
  });
}
