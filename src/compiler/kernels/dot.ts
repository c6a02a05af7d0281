import type { FuncBuilder, Reg, Stride } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { notNegative, requant, saturator } from './arith.ts';
import { extentOf, kernelFunc, type Layout, type Level, type Space, walk } from './frame.ts';

/** Products are exact in a 32-bit lane up to this many terms of int8 × int16: 512 · 127 · 32768 < 2³¹. */
export const MAX_LANE_TERMS = 512;
/** Rows of the second operand that share one load of the first. */
const ROWS = 4;
/** Fraction bits of the multipliers that turn sums into output integers. */
export const DOT_SHIFT = 32;
/** Single rows have a 64-bit sum to themselves: int16 weights cost them nothing. Sums are shifted by the extra bits. */
const WIDE_SHIFT = 8;
/** Sums of up to this many terms leave a lane room for weights of more than 8 bits, at the same speed. */
const SHORT_TERMS = 128;
/** Bytes of a weight: int8 for long sums in pairs. */
export const weightBytes = (k: number, lanes: 1 | 2): 1 | 2 => (lanes === 1 || k <= SHORT_TERMS ? 2 : 1);
/** Largest magnitude of a weight: int8 to {@link MAX_LANE_TERMS} terms, and what fits a lane, `k · w · 32768 < 2³¹`, to {@link SHORT_TERMS}. */
export function largestWeight(k: number, lanes: 1 | 2): number {
  if (lanes === 1) return 127 << WIDE_SHIFT;
  return k <= SHORT_TERMS ? Math.min(32767, Math.floor((2 ** 31 - 1) / (32768 * k))) : 127;
}
/** The sum of a single row is taken in units of 2⁸. */
export const sumUnit = (lanes: 1 | 2): number => (lanes === 1 ? 1 << WIDE_SHIFT : 1);
/** Bytes of rounding term and multiplier after the weights of each row. */
export const ROW_PARAM_BYTES = 16;

/** Shape of a dot kernel: one or two rows of `a` times all columns of `b`. Offsets and strides in bytes. */
export interface DotShape {
  readonly lanes: 1 | 2;
  readonly aSpace: Space;
  /** K as levels of `a`. */
  readonly aLevels: readonly Level[];
  /** Bytes from one row of the pair to the other; for weights (`b` null) the rows' places are arguments instead, see {@link dotKernel}. */
  readonly aLane: number;
  readonly k: number;
  readonly n: number;
  /** Null: weights in blocks of four rows (see {@link blockBytes}). Otherwise int16 activations with these strides. */
  readonly b: { readonly space: Space; readonly kOffs: readonly number[]; readonly nStride: number } | null;
  readonly outLane: number;
  /** 4: the sums themselves are the output, for a softmax. */
  readonly outBytes: 2 | 4;
  /** Largest magnitude of the output. */
  readonly outMax: number;
  readonly relu: boolean;
}

/** Bytes of the weights in a block of four rows of `k`. */
export const blockWeightBytes = (k: number, lanes: 1 | 2): number => Math.ceil((ROWS * k * weightBytes(k, lanes)) / 8) * 8;
/** Bytes of a block: weights, then rounding term and multiplier (8 bytes each) of each row. */
export const blockBytes = (k: number, lanes: 1 | 2): number => blockWeightBytes(k, lanes) + ROWS * ROW_PARAM_BYTES;

export function dotName(s: DotShape): string {
  const b = s.b ? `mm${s.outBytes === 4 ? 's' : ''}_${s.b.nStride}_${s.b.kOffs[1] ?? 0}` : 'lin';
  return `${b}_k${s.k}_n${s.n}${s.relu ? '_relu' : ''}${s.lanes === 1 ? '_row' : ''}`;
}

/**
 * Arguments: the row (or first row) of `a`, the place of its results, the weights or the parameters; then `b` for a product of
 * activations, or the second rows of `a` and of the results, so that layers of different widths share a kernel.
 *
 * Packs a pair of token rows into 64-bit words, `x0 + x1·2³²`, so that one multiply serves both, then runs over blocks of
 * four output columns with one accumulator each. Every lane stays below 2³¹, so the low lane is the sign-extended low half
 * and the high lane is what is left after taking it away.
 */
export function dotKernel(name: string, s: DotShape, layout: Layout, origin: OriginId): IrFunc {
  const block = blockBytes(s.k, s.lanes);
  const blocks = Math.ceil(s.n / ROWS);
  const bExtent = s.b ? (s.n - 1) * s.b.nStride + Math.max(...s.b.kOffs) + 2 : 0;
  const aExtent = extentOf(s.aLevels, 0, 2);
  const outExtent = s.n * s.outBytes;
  const apart = s.lanes === 2 && !s.b;
  const ports = [
    { space: s.aSpace, extent: aExtent + (s.lanes - 1) * s.aLane },
    { space: 'scratch' as const, extent: outExtent + (s.lanes - 1) * s.outLane },
    { space: 'weights' as const, extent: s.b ? ROW_PARAM_BYTES : blocks * block },
    ...(s.b ? [{ space: s.b.space, extent: bExtent }] : []),
    ...(apart
      ? [
          { space: s.aSpace, extent: aExtent, beside: 0 },
          { space: 'scratch' as const, extent: outExtent, beside: 1 },
        ]
      : []),
  ];
  return kernelFunc(name, layout, ports, { origin, pack: true }, ({ b, ptrs, pack }) => {
    packRows(b, s, ptrs[0], apart ? ptrs[3] : ptrs[0], pack);
    const second = apart ? ptrs[4] : s.lanes === 2 ? b.add(ptrs[1], s.outLane) : null;
    const shared = s.b ? { add: b.load(ptrs[2], 0, 8), mul: b.load(ptrs[2], 8, 8) } : null;
    const doBlock = (rows: number, [w, out, out2]: readonly Reg[]): void => {
      const sums = dotBlock(b, s, rows, pack, w);
      if (s.outBytes === 4) {
        for (const [r, sum] of sums.entries()) for (const [lane, y] of sum().entries()) b.store(lane ? out2 : out, 4 * r, y, 4);
        return;
      }
      const outputs = saturator(b, rows * s.lanes, s.outMax);
      for (let r = 0; r < rows; r++) {
        const at = blockWeightBytes(s.k, s.lanes) + r * ROW_PARAM_BYTES;
        const add = shared?.add ?? b.load(w, at, 8);
        const mul = shared?.mul ?? b.load(w, at + 8, 8);
        for (const [lane, y] of sums[r]().entries()) {
          requant(b, y, mul, add, DOT_SHIFT);
          if (s.relu) notNegative(b, y);
          outputs.put(y, (value) => b.store(lane ? out2 : out, 2 * r, value, 2));
        }
      }
      outputs.finish();
    };
    const full = Math.floor(s.n / ROWS);
    const strides: Stride[] = [
      [s.b ? ptrs[3] : ptrs[2], s.b ? ROWS * s.b.nStride : block],
      [ptrs[1], s.outBytes * ROWS],
      ...(second ? ([[second, s.outBytes * ROWS]] as const) : []),
    ];
    const rest = full > 0 ? b.strided(full, strides, (at) => doBlock(ROWS, at)) : strides.map(([pointer]) => pointer);
    if (s.n % ROWS) doBlock(s.n % ROWS, rest);
  });
}

/** Packs two rows of `a` into words, `x0 + x1·2³²`; a single row as it is. */
export function packRows(b: FuncBuilder, s: DotShape, a: Reg, a2: Reg, pack: Reg): void {
  const levels = s.aLevels.length ? s.aLevels : [{ n: 1, strides: [0] }];
  let tail = 1;
  const withPack = [...levels].reverse().map((level): Level => {
    const stride = 8 * tail;
    tail *= level.n;
    return { n: level.n, strides: [level.strides[0], level.strides[0], stride] };
  });
  // One register walks both rows when they are a constant apart.
  const second = a2 === a ? 0 : 1;
  walk(b, withPack.reverse(), [a, a2, pack], 8, (from, off) => {
    const lo = b.load(from[0], off[0], 2, true);
    if (s.lanes === 2) {
      const hi = b.load(from[second], off[second] + s.aLane, 2, true);
      b.aluTo(hi, 'lsh', hi, 32);
      b.aluTo(lo, 'add', lo, hi);
    }
    b.store(from[2], off[2], lo, 8);
  });
}

/** Sums of `rows` output columns, each as one value or a low and a high lane, taken apart when asked for. */
function dotBlock(b: FuncBuilder, s: DotShape, rows: number, pack: Reg, w: Reg): (() => Reg[])[] {
  const limit = s.b || s.lanes === 1 ? s.k : MAX_LANE_TERMS;
  if (s.k <= limit) return dotRun(b, s, rows, 0, s.k, pack, w).map((acc) => () => splitLanes(b, s, acc));
  // Longer sums leave their lanes every 512 terms.
  const sums = Array.from({ length: rows }, () => Array.from({ length: s.lanes }, () => b.copy(0)));
  const runs = Math.floor(s.k / limit);
  const flush = (from: number, n: number, p: Reg, q: Reg): void => {
    for (const [r, acc] of dotRun(b, s, rows, from, n, p, q).entries()) {
      for (const [lane, value] of splitLanes(b, s, acc).entries()) b.aluTo(sums[r][lane], 'add', sums[r][lane], value);
    }
  };
  const [p, q] = b.strided(
    runs,
    [
      [pack, limit * 8],
      [w, limit],
    ],
    ([from, to]) => flush(0, limit, from, to),
  );
  if (s.k % limit) flush(0, s.k % limit, p, q);
  return sums.map((sum) => () => sum);
}

/** The lanes of a sum, which is lost; single rows in units of {@link sumUnit}. */
export function splitLanes(b: FuncBuilder, s: DotShape, acc: Reg): Reg[] {
  if (s.lanes === 1) {
    if (!s.b) b.aluTo(acc, 'arsh', acc, WIDE_SHIFT);
    return [acc];
  }
  const lo = b.sext(acc, 32);
  b.aluTo(acc, 'sub', acc, lo);
  b.aluTo(acc, 'arsh', acc, 32);
  return [lo, acc];
}

/** Terms that are unrolled at once. */
const UNROLL = 64;

/** Sums of `count` terms from term `from` on for `rows` columns of the second operand; lanes are not taken apart. */
export function dotRun(b: FuncBuilder, s: DotShape, rows: number, from: number, count: number, pack: Reg, w: Reg): Reg[] {
  const accs = Array.from({ length: rows }, () => b.copy(0));
  const bytes = s.b ? 2 : weightBytes(s.k, s.lanes);
  const kOff = (k: number): number => (s.b ? s.b.kOffs[k] : k * bytes);
  const rowOff = (r: number): number => (s.b ? r * s.b.nStride : r * s.k * bytes);
  const steady = isSteady(s, from, count);
  const reach = rowOff(rows - 1) + kOff(Math.min(s.k - 1, from + UNROLL)) - kOff(from);
  const unroll = reach > 30000 ? 8 : UNROLL;
  const run = (first: number, n: number, p: Reg, q: Reg): void => {
    for (let k = first; k < first + n; k++) {
      const x = b.load(p, 8 * (k - first), 8);
      for (let r = 0; r < rows; r++) {
        const t = b.load(q, rowOff(r) + kOff(k) - kOff(first), bytes, true);
        b.aluTo(t, 'mul', t, x);
        b.aluTo(accs[r], 'add', accs[r], t);
      }
    }
  };
  if (count <= unroll || !steady) {
    run(from, count, pack, w);
    return accs;
  }
  const [p, q] = b.strided(
    Math.floor(count / unroll),
    [
      [pack, 8 * unroll],
      [w, kOff(from + unroll - 1) - kOff(from) + (kOff(from + 1) - kOff(from))],
    ],
    ([x, y]) => run(from, unroll, x, y),
  );
  if (count % unroll) run(from, count % unroll, p, q);
  return accs;
}

/** Whether all terms are one stride apart, so that a loop can walk them. */
function isSteady(s: DotShape, from: number, count: number): boolean {
  if (!s.b || count < 3) return true;
  const { kOffs } = s.b;
  const step = kOffs[from + 1] - kOffs[from];
  for (let k = from + 1; k < from + count; k++) if (kOffs[k] - kOffs[k - 1] !== step) return false;
  return true;
}
