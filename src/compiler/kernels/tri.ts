import type { FuncBuilder, Reg, Stride } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { type Limit, notNegative, requant, saturator } from './arith.ts';
import { DOT_SHIFT, ROW_PARAM_BYTES, requantWith, residualPorts } from './dot.ts';
import { extentOf, kernelFunc, type Layout, type Level, type Space, walk } from './frame.ts';
import { crossOf, crossSum, PAIRED_ZERO, PAIRED_ZERO8, pairedProducts } from './paired.ts';

/**
 * Three rows in one word, `x0 + x1·2²¹ + x2·2⁴²`: one multiply serves all of them. A lane holds a sum s with |s| < 2²⁰. Activations of `bits` bits without
 * their sign bring at most 2^bits to each unit of weight, so that a row of the matrix may have an absolute sum of {@link rowLimit}
 * over the terms of one run, however that is spread: exact for every input. Long sums leave the lanes after each run.
 */
export const TRI_LANE = 21;
/** What a lane is raised by, so that it is never negative and a mask takes it out. */
export const TRI_RAISE = 2 ** (TRI_LANE - 1);
const LANE_MASK = 2 ** TRI_LANE - 1;
/** All lanes raised. */
const RAISED = BigInt(TRI_RAISE) * (1n + (1n << BigInt(TRI_LANE)) + (1n << BigInt(2 * TRI_LANE)));
/** Terms of one run at most. */
const RUN = 64;
const ROWS = 4;
/** Weights of a call whose loops are walked whatever the strategy is. */
const WALKED = 8192;
/** Short sums keep weights of more than 8 bits. */
const SHORT_TERMS = 128;

/** How sums of `k` terms are cut: runs of equal length, bits of an activation, what a row of weights may sum up to in a run. */
export function triForm(k: number): {
  readonly runs: number;
  readonly terms: number;
  readonly bits: number;
  readonly rowLimit: number;
  readonly bytes: 1 | 2;
} {
  const runs = Math.ceil(k / RUN);
  const terms = Math.ceil(k / runs);
  // As many bits for an activation as leave weights of 8 bits: a mean magnitude of about 32.
  const bits = Math.min(12, 15 - Math.ceil(Math.log2(terms)));
  return { runs, terms, bits, rowLimit: Math.floor((TRI_RAISE - 1) / 2 ** bits), bytes: k <= SHORT_TERMS ? 2 : 1 };
}

export interface TriShape {
  readonly aSpace: Space;
  /** K as levels of `a`. */
  readonly aLevels: readonly Level[];
  /** Bytes from one row to the next of those that are done at once. */
  readonly aLane: number;
  readonly outLane: number;
  readonly k: number;
  readonly n: number;
  readonly outMax: Limit;
  readonly relu: boolean;
  /** int16 that are added to the sums, `lane` bytes apart from row to row. */
  readonly residual?: { readonly space: Space; readonly lane: number };
}

/** Sums beyond this leave no room for what stands behind the words in the packing area. */
export const TRI_TERMS = 4032;
/** Bytes of the packing area: words, then for each run what its sums have too much ({@link crossSum}). */
export const triPackBytes = (k: number): number => 8 * (k + triForm(k).runs);

const zeroOf = (bytes: 1 | 2): number => (bytes === 1 ? PAIRED_ZERO8 : PAIRED_ZERO);

const weightBytes = (k: number): number => Math.ceil((ROWS * k * triForm(k).bytes) / 8) * 8;
/** Where a block's sums begin: for each run a word for each row. */
const beginsOff = (k: number): number => weightBytes(k) + ROWS * ROW_PARAM_BYTES;
/** Bytes of a block: weights of four rows, rounding term and multiplier (8 bytes each) of each row, words with which sums begin. */
export const triBlockBytes = (k: number): number => beginsOff(k) + 8 * ROWS * triForm(k).runs;
export const triName = (s: TriShape): string => `tri_k${s.k}_n${s.n}${s.residual ? '_plus' : ''}${s.relu ? '_relu' : ''}`;

/** Arguments: the first of three rows of `a`, the place of its results, the weights ({@link packTri}); then the residual and its multiplier. */
export function triKernel(name: string, s: TriShape, layout: Layout, origin: OriginId): IrFunc {
  const { runs, terms, bytes } = triForm(s.k);
  const block = triBlockBytes(s.k);
  const ports = [
    { space: s.aSpace, extent: extentOf(s.aLevels, 0, 2) + 2 * s.aLane },
    { space: 'scratch' as const, extent: 2 * s.n + 2 * s.outLane },
    { space: 'weights' as const, extent: Math.ceil(s.n / ROWS) * block },
    ...(s.residual ? residualPorts(s.residual, s.n, 3) : []),
  ];
  // What loops share would not fit in the 512 bytes that all frames together have up to 6.1; the verifier walks this many products.
  const noCallbacks = s.n * s.k <= WALKED;
  return kernelFunc(name, layout, ports, { origin, pack: true, noCallbacks }, ({ b, ptrs, pack }) => {
    packLanes(b, s, { lanes: 3, lane: TRI_LANE, shift: 15 - triForm(s.k).bits }, ptrs[0]!, pack);
    const crosses = b.add(pack, 8 * s.k);
    const whole = Math.floor(s.k / terms);
    const [behind, last] = b.strided(
      whole,
      [
        [pack, 8 * terms],
        [crosses, 8],
      ],
      ([x, to]) => b.store(to!, 0, crossSum(b, x!, terms, zeroOf(bytes)), 8),
    );
    if (s.k % terms) b.store(last!, 0, crossSum(b, behind!, s.k % terms, zeroOf(bytes)), 8);
    const factor = s.residual ? b.load(ptrs[4]!, 0, 8) : null;
    const run = (rows: number, count: number, [x, w, begins, cross]: readonly Reg[]): Reg[] => {
      const much = b.load(cross!, 0, 8);
      const accs = Array.from({ length: rows }, (_, r) => b.sub(b.load(begins!, 8 * r, 8), much));
      pairedProducts(b, accs, count, x!, (r, k) => b.load(w!, (r * s.k + k) * bytes, bytes));
      return accs;
    };
    const doBlock = (rows: number, [w, out, residual]: readonly Reg[]): void => {
      let sums: (() => Reg[])[];
      const from: readonly Reg[] = [pack, w!, b.add(w!, beginsOff(s.k)), crosses];
      if (runs === 1) sums = run(rows, s.k, from).map((acc) => () => takeApart(b, acc));
      else {
        const totals = Array.from({ length: rows }, () => [b.copy(0), b.copy(0), b.copy(0)]);
        const flush = (count: number, at: readonly Reg[]): void => {
          for (const [r, acc] of run(rows, count, at).entries())
            for (const [lane, value] of takeApart(b, acc).entries()) b.aluTo(totals[r]![lane]!, 'add', totals[r]![lane]!, value);
        };
        const bytesOn = [8 * terms, bytes * terms, 8 * ROWS, 8];
        const end = b.strided(
          whole,
          from.map((reg, i) => [reg, bytesOn[i]!] as const),
          (at) => flush(terms, at),
        );
        if (s.k % terms) flush(s.k % terms, end);
        sums = totals.map((lanes) => () => lanes);
      }
      const outputs = saturator(b, rows * 3, s.outMax);
      for (let r = 0; r < rows; r++) {
        const at = weightBytes(s.k) + r * ROW_PARAM_BYTES;
        const add = b.load(w!, at, 8);
        const mul = b.load(w!, at + 8, 8);
        for (const [lane, y] of sums[r]!().entries()) {
          if (factor) requantWith(b, y, { mul, add, residual: residual!, off: lane * s.residual!.lane + 2 * r, factor });
          else requant(b, y, mul, add, DOT_SHIFT);
          if (s.relu) notNegative(b, y);
          outputs.put(y, (value) => b.store(out!, lane * s.outLane + 2 * r, value, 2));
        }
      }
      outputs.finish();
    };
    const strides: Stride[] = [[ptrs[2]!, block], [ptrs[1]!, 2 * ROWS], ...(s.residual ? ([[ptrs[3]!, 2 * ROWS]] as const) : [])];
    const full = Math.floor(s.n / ROWS);
    const rest = full > 0 ? b.strided(full, strides, (at) => doBlock(ROWS, at)) : strides.map(([pointer]) => pointer);
    if (s.n % ROWS) doBlock(s.n % ROWS, rest);
  });
}

/** The three raised lanes of a sum, which is lost. */
export function takeApart(b: FuncBuilder, acc: Reg): Reg[] {
  const low = b.and(acc, LANE_MASK);
  const middle = b.rsh(acc, TRI_LANE);
  b.aluTo(middle, 'and', middle, LANE_MASK);
  b.aluTo(acc, 'rsh', acc, 2 * TRI_LANE);
  return [low, middle, acc];
}

/**
 * Writes a word for each element of `lanes` rows, `x0 + x1·2^lane + …`, from the start of `pack` on. Activations lose their low `shift` bits; what that takes from
 * a sum on average is added with the bias ({@link packTri}).
 */
export function packLanes(
  b: FuncBuilder,
  s: Pick<TriShape, 'aLevels' | 'aLane'>,
  { lanes, lane, shift }: { readonly lanes: number; readonly lane: number; readonly shift: number },
  a: Reg,
  pack: Reg,
): void {
  const levels = s.aLevels.length ? s.aLevels : [{ n: 1, strides: [0] }];
  let tail = 1;
  const packed = [...levels]
    .reverse()
    .map((level): Level => {
      const stride = 8 * tail;
      tail *= level.n;
      return { n: level.n, strides: [level.strides[0]!, stride] };
    })
    .reverse();
  walk(b, packed, [a, pack], 8, (p, off) => {
    const value = (row: number): Reg => {
      const x = b.load(p[0]!, off[0]! + row * s.aLane, 2, true);
      if (shift) b.aluTo(x, 'arsh', x, shift);
      return x;
    };
    const word = value(lanes - 1);
    for (let row = lanes - 2; row >= 0; row--) {
      b.aluTo(word, 'lsh', word, lane);
      b.aluTo(word, 'add', word, value(row));
    }
    b.store(p[1]!, off[1]!, word, 8);
  });
}

/** The real value of one unit of a row's integers, so that its sums stay in their lanes. */
export function triStep(row: Float64Array): number {
  const { terms, rowLimit, bytes } = triForm(row.length);
  let most = 0;
  let top = 0;
  for (let from = 0; from < row.length; from += terms) {
    let sum = 0;
    for (let j = from; j < Math.min(row.length, from + terms); j++) {
      const w = Math.abs(row[j]!);
      sum += w;
      if (w > top) top = w;
    }
    if (sum > most) most = sum;
  }
  // Rounding adds half a unit for each term at most.
  return Math.max(most / (rowLimit - terms / 2), bytes === 1 ? top / 127 : 0) || 1;
}

/** {@link triStep} of each row of a matrix. */
export const triSteps = (weights: Float64Array, k: number): number[] =>
  Array.from({ length: weights.length / k }, (_, row) => triStep(weights.subarray(row * k, (row + 1) * k)));

/** What a sum of raised lanes becomes: `(lane · mul + add) s>> 32`; `unit`: real value of one unit of an activation of int16. */
export interface TriScales {
  readonly unit: number;
  readonly outScale: number;
}

/** Bytes of a matrix for {@link triKernel}. */
export function packTri(n: number, k: number, weights: Float64Array, bias: Float64Array | null, { unit, outScale }: TriScales): Uint8Array {
  const form = triForm(k);
  const block = triBlockBytes(k);
  const bytes = new Uint8Array(Math.ceil(n / ROWS) * block);
  const zero = zeroOf(form.bytes);
  const view = new DataView(bytes.buffer);
  const shift = 15 - form.bits;
  // The mean of what an arithmetic shift by `shift` bits cuts off, in units of what is left.
  const cut = 0.5 - 2 ** -(shift + 1);
  for (let row = 0; row < n; row++) {
    const values = weights.subarray(row * k, (row + 1) * k);
    const step = triStep(values);
    const base = Math.floor(row / ROWS) * block;
    const at = base + (row % ROWS) * k * form.bytes;
    const integers = Int16Array.from(values, (v) => Math.round(v / step));
    const sum = integers.reduce((total, w) => total + w, 0);
    integers.forEach((w, j) => {
      if (form.bytes === 1) view.setUint8(at + j, w + zero);
      else view.setUint16(at + 2 * j, w + zero, true);
    });
    for (let run = 0; run < form.runs; run++) {
      const part = integers.subarray(run * form.terms, (run + 1) * form.terms);
      view.setBigInt64(base + beginsOff(k) + 8 * (ROWS * run + (row % ROWS)), RAISED - BigInt(crossOf(part, zero)), true);
    }
    const limit = 2 ** 61 / (form.runs * 2 ** TRI_LANE);
    const mul = Math.max(-limit, Math.min(limit, Math.round(((unit * 2 ** shift * step) / outScale) * 2 ** DOT_SHIFT)));
    const runs = Math.ceil(k / form.terms);
    const real = ((bias?.[row] ?? 0) / outScale + 0.5) * 2 ** DOT_SHIFT + mul * (cut * sum);
    const params = base + weightBytes(k) + (row % ROWS) * ROW_PARAM_BYTES;
    const held = Math.max(-(2 ** 60), Math.min(2 ** 60, Math.round(real)));
    view.setBigInt64(params, BigInt(held) - BigInt(mul) * BigInt(runs * TRI_RAISE), true);
    view.setBigInt64(params + 8, BigInt(mul), true);
  }
  return bytes;
}
