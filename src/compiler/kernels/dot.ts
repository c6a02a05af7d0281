import type { Precision } from '../api.ts';
import type { FuncBuilder, Reg, Stride } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import type { Integers } from '../plan/weight-quant.ts';
import { activationBitsOf, DEFAULT_PRECISION, weightBitsOf } from '../precision.ts';
import { type Limit, notNegative, requant, saturator } from './arith.ts';
import { extentOf, kernelFunc, type Layout, type Level, type Port, type Space, walk } from './frame.ts';
import { crossInto, PAIRED_ZERO, PAIRED_ZERO8, pairedTerms } from './paired.ts';

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
/** Bits by which activations of 8 bits are rounded on their way into words. */
const NARROW_SHIFT = 8;
/** Weights of four bits and less are stored two a byte, this much above their value. */
export const NIBBLE_ZERO = 8;

/** How the weights of a product are stored, and what they are multiplied by. */
export interface DotWeights extends Integers {
  readonly bits: 4 | 8 | 16;
  /** Activations lose this many bits first. */
  readonly xShift: number;
  /** Bits that a sum loses when it leaves its accumulator. */
  readonly sumShift: number;
  /** Terms whose sum is exact in a lane: `run · most · 2^(15 − xShift) < 2³¹`; a single row has 64 bits. */
  readonly run: number;
}

/**
 * Weights of 8 bits and more have at least the bits that their precision says, and what a lane has to spare: int8 to {@link MAX_LANE_TERMS} terms, and what
 * fits a lane, `k · w · 32768 < 2³¹`, to {@link SHORT_TERMS}. Those of four and less have exactly theirs. 16 bits take rows one at a time.
 */
export function dotWeights(k: number, lanes: 1 | 2, precision: Precision = DEFAULT_PRECISION): DotWeights {
  const bits = weightBitsOf(precision);
  // Few bits of weights leave a lane room for whole activations.
  const xShift = bits > 4 && activationBitsOf(precision) === 8 ? NARROW_SHIFT : 0;
  const run = (most: number): number => (lanes === 1 ? Number.POSITIVE_INFINITY : Math.floor((2 ** 31 - 1) / (most * 2 ** (15 - xShift))));
  if (bits <= 4) {
    const most = bits === 4 ? 7 : 1;
    return { bits: 4, most, binary: bits === 1, xShift, sumShift: 0, run: run(most) };
  }
  if (lanes === 1) return { bits: 16, most: 127 << WIDE_SHIFT, binary: false, xShift, sumShift: WIDE_SHIFT, run: run(127) };
  if (k > SHORT_TERMS || xShift > 0)
    return { bits: 8, most: 127, binary: false, xShift, sumShift: 0, run: xShift ? run(127) : MAX_LANE_TERMS };
  const most = Math.min(32767, Math.floor((2 ** 31 - 1) / (32768 * k)));
  return { bits: 16, most, binary: false, xShift, sumShift: 0, run: k };
}

/** Units of a sum of products: what its multiplier has to make up for. */
export const sumUnit = ({ xShift, sumShift }: Pick<DotWeights, 'xShift' | 'sumShift'>): number => 2 ** (xShift + sumShift);

/** Bound of a sum of `k` products as it leaves its accumulator. */
export const largestSum = (k: number, { most, xShift, sumShift }: DotWeights): number => (k * most * 2 ** (15 - xShift)) / 2 ** sumShift;
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
  /** What the output saturates at. */
  readonly outMax: Limit;
  readonly relu: boolean;
  /** int16 that are added to the sums of weights (`b` null), `lane` bytes apart in the rows of a pair. Rows are then constants apart, by `aLane` and `outLane`. */
  readonly residual?: { readonly space: Space; readonly lane: number };
  /** Of weights (`b` null); absent: w8a16. */
  readonly precision?: Precision;
}

/** Bytes of the packing area that a product with weights takes: its words, and behind them what sums of small weights begin with. */
export const dotPackBytes = (k: number, precision?: Precision): number => 8 * (dotWeights(k, 2, precision).bits === 4 ? k + 1 : k);

/** Bytes of one row of weights. */
export const rowBytes = (k: number, { bits }: Pick<DotWeights, 'bits'>): number => Math.ceil((k * bits) / 8);
/** Bytes of the weights in a block of four rows of `k`. */
export const blockWeightBytes = (k: number, how: Pick<DotWeights, 'bits'>): number => Math.ceil((ROWS * rowBytes(k, how)) / 8) * 8;
/** What weights are stored above their value. */
export const weightZero = ({ bits }: Pick<DotWeights, 'bits'>): number =>
  bits === 16 ? PAIRED_ZERO : bits === 8 ? PAIRED_ZERO8 : NIBBLE_ZERO;
/** Sums that leave their accumulators before the next begins. */
export const dotRuns = (k: number, { run }: Pick<DotWeights, 'run'>): number => Math.ceil(k / Math.min(k, run));
/** Terms of each of them but the last; pairs of terms stay together. */
const runTerms = (k: number, { run }: Pick<DotWeights, 'run'>): number => Math.min(k, run);
/** Where in a block the words stand that its rows' sums begin with, for each run one of each row; none where weights have four bits. */
export const beginsOff = (k: number, how: Pick<DotWeights, 'bits'>): number => blockWeightBytes(k, how) + ROWS * ROW_PARAM_BYTES;
/** Bytes of a block: weights, rounding term and multiplier (8 bytes each) of each row, words that sums begin with. */
export const blockBytes = (k: number, how: Pick<DotWeights, 'bits' | 'run'>): number =>
  beginsOff(k, how) + (how.bits === 4 ? 0 : 8 * ROWS * dotRuns(k, how));

export function dotName(s: DotShape): string {
  const b = s.b ? `mm${s.outBytes === 4 ? 's' : ''}_${s.b.nStride}_${s.b.kOffs[1] ?? 0}` : 'lin';
  const precision = s.precision && s.precision !== DEFAULT_PRECISION ? `_${s.precision}` : '';
  return `${b}${precision}_k${s.k}_n${s.n}${s.residual ? '_plus' : ''}${s.relu ? '_relu' : ''}${s.lanes === 1 ? '_row' : ''}`;
}

/**
 * Arguments: the row (or first row) of `a`, the place of its results, the weights or the parameters; then `b` for a product of
 * activations, or the second rows of `a` and of the results, so that layers of different widths share a kernel, or the residual and its multiplier.
 *
 * Packs a pair of token rows into 64-bit words, `x0 + x1·2³²`, so that one multiply serves both, then runs over blocks of
 * four output columns with one accumulator each. Every lane stays below 2³¹, so the low lane is the sign-extended low half
 * and the high lane is what is left after taking it away.
 */
export function dotKernel(name: string, s: DotShape, layout: Layout, origin: OriginId): IrFunc {
  const how = howOf(s);
  const block = blockBytes(s.k, how);
  const blocks = Math.ceil(s.n / ROWS);
  const bExtent = s.b ? (s.n - 1) * s.b.nStride + Math.max(...s.b.kOffs) + 2 : 0;
  const aExtent = extentOf(s.aLevels, 0, 2);
  const outExtent = s.n * s.outBytes;
  const apart = s.lanes === 2 && !s.b && !s.residual;
  const ports = [
    { space: s.aSpace, extent: aExtent + (s.lanes - 1) * s.aLane },
    { space: 'scratch' as const, extent: outExtent + (s.lanes - 1) * s.outLane },
    { space: 'weights' as const, extent: s.b ? ROW_PARAM_BYTES : blocks * block },
    ...(s.b ? [{ space: s.b.space, extent: bExtent }] : []),
    ...(s.residual ? residualPorts(s.residual, s.n, s.lanes) : []),
    ...(apart
      ? [
          { space: s.aSpace, extent: aExtent, beside: 0 },
          { space: 'scratch' as const, extent: outExtent, beside: 1 },
        ]
      : []),
  ];
  return kernelFunc(name, layout, ports, { origin, pack: true }, ({ b, ptrs, pack }) => {
    const sum = packRows(b, s, ptrs[0], apart ? ptrs[3] : ptrs[0], pack);
    // What the zero of stored weights adds to a sum is the same for all of them: sums begin with its negative.
    if (sum) b.store(pack, 8 * s.k, b.mul(sum, -NIBBLE_ZERO), 8);
    const crosses = s.b || how.bits === 4 ? null : crossesOf(b, s, pack);
    const second = apart ? ptrs[4] : s.lanes === 2 ? b.add(ptrs[1], s.outLane) : null;
    const shared = s.b ? { add: b.load(ptrs[2], 0, 8), mul: b.load(ptrs[2], 8, 8) } : null;
    const factor = s.residual ? b.load(ptrs[4], 0, 8) : null;
    const doBlock = (rows: number, [w, out, ...more]: readonly Reg[]): void => {
      const out2 = second ? more[0] : out;
      const sums = dotBlock(b, s, rows, pack, w, crosses);
      if (s.outBytes === 4) {
        for (const [r, sum] of sums.entries()) for (const [lane, y] of sum().entries()) b.store(lane ? out2 : out, 4 * r, y, 4);
        return;
      }
      const outputs = saturator(b, rows * s.lanes, s.outMax);
      for (let r = 0; r < rows; r++) {
        const at = blockWeightBytes(s.k, how) + r * ROW_PARAM_BYTES;
        const add = shared?.add ?? b.load(w, at, 8);
        const mul = shared?.mul ?? b.load(w, at + 8, 8);
        for (const [lane, y] of sums[r]().entries()) {
          if (factor) requantWith(b, y, { mul, add, residual: more[more.length - 1], off: lane * s.residual!.lane + 2 * r, factor });
          else requant(b, y, mul, add, DOT_SHIFT);
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
      ...(s.residual ? ([[ptrs[3], 2 * ROWS]] as const) : []),
    ];
    const rest = full > 0 ? b.strided(full, strides, (at) => doBlock(ROWS, at)) : strides.map(([pointer]) => pointer);
    if (s.n % ROWS) doBlock(s.n % ROWS, rest);
  });
}

/** Operands of a kernel that adds a residual: its first row, and its multiplier. */
export const residualPorts = ({ space, lane }: NonNullable<DotShape['residual']>, n: number, rows: number): Port[] => [
  { space, extent: 2 * n + (rows - 1) * lane },
  { space: 'weights', extent: 8 },
];

/** `y = (y·mul + add + residual·factor) s>> 32`. */
export function requantWith(
  b: FuncBuilder,
  y: Reg,
  {
    mul,
    add,
    residual,
    off,
    factor,
  }: { readonly mul: Reg; readonly add: Reg; readonly residual: Reg; readonly off: number; readonly factor: Reg },
): void {
  const x = b.load(residual, off, 2, true);
  b.aluTo(x, 'mul', x, factor);
  b.aluTo(x, 'add', x, add);
  requant(b, y, mul, x, DOT_SHIFT);
}

/** Products of activations have no weights: their sums are as wide as their operands' scales allow. */
const howOf = (s: DotShape): DotWeights =>
  s.b ? { bits: 16, most: 32767, binary: false, xShift: 0, sumShift: 0, run: s.k } : dotWeights(s.k, s.lanes, s.precision);

/** Packs two rows of `a` into words, `x0 + x1·2³²`, or a single row as it is; gives the sum of the words where weights are stored with a zero of their own. */
export function packRows(b: FuncBuilder, s: DotShape, a: Reg, a2: Reg, pack: Reg): Reg | null {
  const how = howOf(s);
  const sum = how.bits === 4 ? b.copy(0) : null;
  const narrow = (x: Reg): void => {
    if (how.xShift === 0) return;
    b.aluTo(x, 'add', x, 1 << (how.xShift - 1));
    b.aluTo(x, 'arsh', x, how.xShift);
  };
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
    narrow(lo);
    if (s.lanes === 2) {
      const hi = b.load(from[second], off[second] + s.aLane, 2, true);
      narrow(hi);
      b.aluTo(hi, 'lsh', hi, 32);
      b.aluTo(lo, 'add', lo, hi);
    }
    if (sum) b.aluTo(sum, 'add', sum, lo);
    b.store(from[2], off[2], lo, 8);
  });
  return sum;
}

/** What the sums of each run have too much because of its words, side by side on the stack. */
function crossesOf(b: FuncBuilder, s: DotShape, pack: Reg): Reg {
  const how = howOf(s);
  const zero = weightZero(how);
  const at = b.stackSlot(8 * dotRuns(s.k, how)).addr();
  const crossRun = (count: number, words: Reg, to: Reg): void => {
    const sum = b.copy(0);
    const word = (from: Reg, k: number): Reg => b.load(from, 8 * k, 8);
    const add = (terms: number, from: Reg): void => {
      for (let k = 0; k < terms; k += 2) crossInto(b, sum, word(from, k), k + 1 < terms ? word(from, k + 1) : null, zero);
    };
    const whole = Math.floor(count / UNROLL);
    const [rest] = whole > 0 ? b.strided(whole, [[words, 8 * UNROLL]], ([from]) => add(UNROLL, from)) : [words];
    add(count % UNROLL, rest);
    b.store(to, 0, sum, 8);
  };
  const terms = runTerms(s.k, how);
  const whole = Math.floor(s.k / terms);
  const [words, to] = b.strided(
    whole,
    [
      [pack, 8 * terms],
      [at, 8],
    ],
    ([from, out]) => crossRun(terms, from, out),
  );
  if (s.k % terms) crossRun(s.k % terms, words, to);
  return at;
}

/** Sums of `rows` output columns, each as one value or a low and a high lane, taken apart when asked for. */
function dotBlock(b: FuncBuilder, s: DotShape, rows: number, pack: Reg, w: Reg, crosses: Reg | null): (() => Reg[])[] {
  const how = howOf(s);
  const limit = how.run;
  const begins = crosses && b.add(w, beginsOff(s.k, how));
  /** Words that the sums of a run begin with. */
  const begin = (at: Reg | null, cross: Reg | null): ((r: number) => Reg) | undefined =>
    at && cross ? (r) => b.sub(b.load(at, 8 * r, 8), b.load(cross, 0, 8)) : undefined;
  if (s.k <= limit) return dotRun(b, s, rows, 0, s.k, pack, w, begin(begins, crosses)).map((acc) => () => splitLanes(b, s, acc));
  if (how.bits !== 8 || !begins) throw new Error(`${s.k} terms of ${how.bits} bits do not fit a lane`);
  // Longer sums leave their lanes every 512 terms.
  const sums = Array.from({ length: rows }, () => Array.from({ length: s.lanes }, () => b.copy(0)));
  const flush = (n: number, [p, q, at, cross]: readonly Reg[]): void => {
    for (const [r, acc] of dotRun(b, s, rows, 0, n, p, q, begin(at, cross)).entries()) {
      for (const [lane, value] of splitLanes(b, s, acc).entries()) b.aluTo(sums[r][lane], 'add', sums[r][lane], value);
    }
  };
  const rest = b.strided(
    Math.floor(s.k / limit),
    [
      [pack, limit * 8],
      [w, limit],
      [begins, 8 * ROWS],
      [crosses!, 8],
    ],
    (at) => flush(limit, at),
  );
  if (s.k % limit) flush(s.k % limit, rest);
  return sums.map((sum) => () => sum);
}

/** The lanes of a sum, which is lost; single rows in units of {@link sumUnit}. */
export function splitLanes(b: FuncBuilder, s: DotShape, acc: Reg): Reg[] {
  if (s.lanes === 1) {
    const { sumShift } = howOf(s);
    if (sumShift) b.aluTo(acc, 'arsh', acc, sumShift);
    return [acc];
  }
  const lo = b.sext(acc, 32);
  b.aluTo(acc, 'sub', acc, lo);
  b.aluTo(acc, 'arsh', acc, 32);
  return [lo, acc];
}

/** Terms that are unrolled at once. */
const UNROLL = 64;

/**
 * Sums of `count` terms from term `from` on for `rows` columns of the second operand; lanes are not taken apart. Where weights are stored with a zero
 * of their own, all terms are done at once, and sums begin with what stands behind the words; else with `begin`.
 */
export function dotRun(
  b: FuncBuilder,
  s: DotShape,
  rows: number,
  from: number,
  count: number,
  pack: Reg,
  w: Reg,
  begin: (row: number) => Reg = () => b.copy(0),
): Reg[] {
  const how = howOf(s);
  const accs = Array.from({ length: rows }, (_, r) => (how.bits === 4 ? b.load(pack, 8 * s.k, 8) : begin(r)));
  const bytes = how.bits === 16 ? 2 : 1;
  const kOff = (k: number): number => (s.b ? s.b.kOffs[k] : how.bits === 4 ? k >> 1 : k * bytes);
  const rowOff = (r: number): number => (s.b ? r * s.b.nStride : r * rowBytes(s.k, how));
  const steady = isSteady(s, from, count);
  const reach = rowOff(rows - 1) + kOff(Math.min(s.k - 1, from + UNROLL)) - kOff(from);
  const unroll = reach > 30000 ? 8 : UNROLL;
  const runNibbles = (first: number, n: number, p: Reg, q: Reg): void => {
    for (let k = first; k < first + n; k += 2) {
      const x = b.load(p, 8 * (k - first), 8);
      const next = k + 1 < first + n ? b.load(p, 8 * (k + 1 - first), 8) : null;
      for (let r = 0; r < rows; r++) {
        const t = b.load(q, rowOff(r) + kOff(k) - kOff(first), 1);
        const low = b.and(t, 15);
        b.aluTo(low, 'mul', low, x);
        b.aluTo(accs[r], 'add', accs[r], low);
        if (!next) continue;
        b.aluTo(t, 'rsh', t, 4);
        b.aluTo(t, 'mul', t, next);
        b.aluTo(accs[r], 'add', accs[r], t);
      }
    }
  };
  const run = (first: number, n: number, p: Reg, q: Reg): void => {
    if (how.bits === 4) {
      runNibbles(first, n, p, q);
      return;
    }
    if (!s.b) {
      pairedTerms(
        b,
        accs,
        n,
        (k) => b.load(p, 8 * k, 8),
        (r, k) => b.load(q, rowOff(r) + bytes * k, bytes),
      );
      return;
    }
    for (let k = first; k < first + n; k++) {
      const x = b.load(p, 8 * (k - first), 8);
      for (let r = 0; r < rows; r++) {
        const t = b.load(q, rowOff(r) + kOff(k) - kOff(first), 2, true);
        b.aluTo(t, 'mul', t, x);
        b.aluTo(accs[r], 'add', accs[r], t);
      }
    }
  };
  if (count <= unroll || !steady) {
    run(from, count, pack, w);
    return accs;
  }
  const whole = Math.floor(count / unroll);
  const [p, q] = b.strided(
    whole,
    [
      [pack, 8 * unroll],
      [w, how.bits === 4 ? unroll / 2 : kOff(from + unroll - 1) - kOff(from) + (kOff(from + 1) - kOff(from))],
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
