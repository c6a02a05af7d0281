import type { CalibrationMethod, Precision } from '../api.ts';
import type { Const } from '../graph/hops.ts';
import type { FuncBuilder, Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { notNegative, requant, saturator } from '../kernels/arith.ts';
import { DOT_SHIFT } from '../kernels/dot.ts';
import { type Layout, MAP_OF } from '../kernels/frame.ts';
import { extract, packMatvec, packVector, runsOf } from '../kernels/matvec.ts';
import { crossInto, crossOf, PAIRED_ZERO, PAIRED_ZERO8, pairedTerms } from '../kernels/paired.ts';
import { integerOf, rowSteps } from '../plan/weight-quant.ts';
import { rowParams } from '../plan/weights.ts';
import { decoderFunc } from './frame.ts';

/** Rows of a matrix that share one load of the vector. */
export const ROWS = 4;
/** Sums of int16 weights are taken in units of 2⁸, so that their multiplier fits. */
const WIDE_SHIFT = 8;
/** Instructions that the verifier walks in one function: it goes through every round of every loop. */
const WALK = 40_000;
const UNROLL = 32;
/** Largest magnitude of a score. */
export const SCORE_MAX = 2 ** 30 - 1;

/**
 * How a matrix lies in memory. `w16`, `w8`: an int16 or a byte for each weight. `w4`: four bits, 8 above the weight. `dot3`: words of three int8 that meet
 * words of three activations of 8 bits (`kernels/matvec.ts`).
 */
export type MatrixForm = 'w16' | 'w8' | 'w4' | 'dot3';

interface FormFacts {
  /** Bytes of one term of four rows; a word of `dot3` has three terms. */
  readonly termBytes: number;
  readonly most: number;
  /** Bits by which activations are rounded. */
  readonly xShift: number;
  /** Bits by which sums are, before they are multiplied. */
  readonly sumShift: number;
  /** About how many instructions one term of four rows takes. */
  readonly insns: number;
  /** What weights are stored above their value where two terms share a multiplication (`kernels/paired.ts`). */
  readonly zero?: number;
}

const FORMS: Readonly<Record<MatrixForm, FormFacts>> = {
  w16: { termBytes: 8, most: 127 << WIDE_SHIFT, xShift: 0, sumShift: WIDE_SHIFT, insns: 13, zero: PAIRED_ZERO },
  w8: { termBytes: 4, most: 127, xShift: 0, sumShift: 0, insns: 13, zero: PAIRED_ZERO8 },
  w4: { termBytes: 2, most: 7, xShift: 0, sumShift: 0, insns: 17 },
  dot3: { termBytes: 32 / 3, most: 127, xShift: 8, sumShift: 0, insns: 5 },
};
const NIBBLE_ZERO = 8;
const DOT3 = { packing: 'dot3', xShift: FORMS.dot3.xShift } as const;

/** Form and largest weight of a precision. Int16 weights cost single rows nothing but memory: `wide` models take them for `w8a16` too. */
export function formOf(precision: Precision | undefined, wide: boolean): { form: MatrixForm; most: number; binary: boolean } {
  const made = (form: MatrixForm, most = FORMS[form].most, binary = false) => ({ form, most, binary });
  switch (precision) {
    case 'w16a16':
      return made('w16');
    case 'w8a8':
      return made('dot3');
    case 'w4a16':
      return made('w4');
    case 'w2a16':
      return made('w4', 1);
    case 'w1a16':
      return made('w4', 1, true);
    default:
      return made(wide ? 'w16' : 'w8');
  }
}

export interface MatvecShape {
  readonly k: number;
  /** Blocks of four rows that one call does. */
  readonly blocks: number;
  readonly form: MatrixForm;
  readonly relu: boolean;
  /** Results go to scratch as int16, or to the scores as 32 bits. */
  readonly scores: boolean;
  readonly outMax: number;
  readonly outBytes: number;
}

/** Rounding term and multiplier of a row, and what its sum begins with where that is not zero. */
const paramBytes = (form: MatrixForm): number => (FORMS[form].zero ? 24 : 16);

/** Weights of four rows side by side, then {@link paramBytes} of each. */
export function blockBytes(k: number, form: MatrixForm): number {
  const { words, runs } = runsOf({ ...DOT3, k });
  const bytes = form === 'dot3' ? 8 * ROWS * words * runs : FORMS[form].termBytes * k;
  return Math.ceil(bytes / 8) * 8 + ROWS * paramBytes(form);
}

/** Bytes of the packing area that a vector of `k` takes. */
export function packedBytes(k: number, form: MatrixForm): number {
  const { words, runs } = runsOf({ ...DOT3, k });
  return form === 'dot3' ? 8 * words * runs : 8;
}

/** Blocks of four rows in one call: a divisor of all `blocks`, as many as the verifier walks in {@link WALK} instructions. */
export function blocksPerCall(k: number, blocks: number, form: MatrixForm): number {
  const most = Math.max(1, Math.floor(WALK / (FORMS[form].insns * k + 60)));
  for (let n = Math.min(most, blocks); n > 1; n--) if (blocks % n === 0) return n;
  return 1;
}

export const matvecName = (s: MatvecShape): string =>
  `${s.scores ? 'scores' : 'matvec'}_k${s.k}_n${s.blocks * ROWS}${s.form === 'w8' ? '' : `_${s.form}`}${s.relu ? '_relu' : ''}`;

/** Prepares a vector for `dot3` (its words) or other forms (what sums begin with) in the packing area. Arguments: vector, packing area (0). */
export function packKernel(name: string, k: number, form: MatrixForm, layout: Layout, origin: OriginId): IrFunc {
  const scratch = { map: MAP_OF.scratch, bytes: layout.bytes.scratch };
  const ports = [
    { ...scratch, extent: 2 * k },
    { ...scratch, extent: packedBytes(k, form) },
  ];
  return decoderFunc(name, layout, ports, [], origin, (b, [x, pack]) => {
    if (form === 'dot3') {
      const { words, runs } = runsOf({ ...DOT3, k });
      packVector(b, { ...DOT3, k }, x, pack, words * runs);
      return;
    }
    const sum = b.copy(0);
    const { zero } = FORMS[form];
    const add = (count: number, from: Reg): void => {
      const value = (i: number): Reg => b.load(from, 2 * i, 2, true);
      for (let i = 0; i < count; i += zero ? 2 : 1) {
        const x = value(i);
        if (zero) crossInto(b, sum, x, i + 1 < count ? value(i + 1) : null, zero);
        else b.aluTo(sum, 'add', sum, x);
      }
    };
    const full = Math.floor(k / UNROLL);
    const [rest] = full > 0 ? b.strided(full, [[x, 2 * UNROLL]], ([from]) => add(UNROLL, from)) : [x];
    add(k % UNROLL, rest);
    b.store(pack, 0, zero ? b.sub(0, sum) : b.mul(sum, -NIBBLE_ZERO), 8);
  });
}

/** `blocks` times four rows of a matrix times one vector of int16, sums in 64 bits. Arguments: vector (or what it was packed into), results, weights. */
export function matvecKernel(name: string, s: MatvecShape, layout: Layout, origin: OriginId): IrFunc {
  const block = blockBytes(s.k, s.form);
  const elem = s.scores ? 4 : 2;
  const scratch = { map: MAP_OF.scratch, bytes: layout.bytes.scratch };
  const ports = [
    { ...scratch, extent: s.form === 'dot3' ? packedBytes(s.k, s.form) : 2 * s.k },
    { map: s.scores ? 'scores' : MAP_OF.scratch, bytes: s.outBytes, extent: elem * ROWS * s.blocks },
    { map: MAP_OF.weights, bytes: layout.bytes.weights, extent: block * s.blocks },
    ...(s.form === 'dot3' ? [] : [{ ...scratch, extent: 8 }]),
  ];
  return decoderFunc(name, layout, ports, [], origin, (b, [x, out, w, pack]) => {
    b.strided(
      s.blocks,
      [
        [out, elem * ROWS],
        [w, block],
      ],
      ([to, rows]) => {
        const bytes = paramBytes(s.form);
        // Blocks of a long vector reach further than an instruction's offset.
        const at = b.add(rows, block - ROWS * bytes);
        const sums = s.form === 'dot3' ? sumWords(b, s.k, x, rows) : sumRows(b, s, x, rows, pack!, at);
        const results = saturator(b, ROWS, s.scores ? SCORE_MAX : s.outMax);
        for (const [r, sum] of sums.entries()) {
          if (FORMS[s.form].sumShift) b.aluTo(sum, 'arsh', sum, FORMS[s.form].sumShift);
          requant(b, sum, b.load(at, r * bytes + 8, 8), b.load(at, r * bytes, 8), DOT_SHIFT);
          if (s.relu) notNegative(b, sum);
          results.put(sum, (value) => b.store(to, elem * r, value, elem));
        }
        results.finish();
      },
    );
  });
}

function sumRows(b: FuncBuilder, s: MatvecShape, x: Reg, w: Reg, pack: Reg, params: Reg): Reg[] {
  const { termBytes, zero } = FORMS[s.form];
  const sums = Array.from({ length: ROWS }, (_, r) => {
    const sum = b.load(pack, 0, 8);
    if (zero) b.aluTo(sum, 'add', sum, b.load(params, r * paramBytes(s.form) + 16, 8));
    return sum;
  });
  const term = (r: number, t: Reg, v: Reg): void => {
    b.aluTo(t, 'mul', t, v);
    b.aluTo(sums[r], 'add', sums[r], t);
  };
  const nibbles = (count: number, p: Reg, q: Reg): void => {
    for (let k = 0; k < count; k++) {
      const v = b.load(p, 2 * k, 2, true);
      for (const half of [0, 1]) {
        const both = b.load(q, 2 * k + half, 1);
        term(2 * half, b.and(both, 15), v);
        b.aluTo(both, 'rsh', both, 4);
        term(2 * half + 1, both, v);
      }
    }
  };
  const bytes = s.form === 'w16' ? 2 : 1;
  const run = (count: number, p: Reg, q: Reg): void =>
    s.form === 'w4'
      ? nibbles(count, p, q)
      : pairedTerms(
          b,
          sums,
          count,
          (k) => b.load(p, 2 * k, 2, true),
          (r, k) => b.load(q, (ROWS * k + r) * bytes, bytes),
        );
  const full = Math.floor(s.k / UNROLL);
  const rest = s.k % UNROLL;
  if (full === 0) run(rest, x, w);
  else {
    const [p, q] = b.strided(
      full,
      [
        [x, 2 * UNROLL],
        [w, termBytes * UNROLL],
      ],
      ([from, rows]) => run(UNROLL, from, rows),
    );
    if (rest) run(rest, p, q);
  }
  return sums;
}

/** Sums by words of three terms, which leave their lanes every 21 words. */
function sumWords(b: FuncBuilder, k: number, x: Reg, w: Reg): Reg[] {
  const { words, runs } = runsOf({ ...DOT3, k });
  const totals = Array.from({ length: ROWS }, () => b.copy(0));
  b.strided(
    runs,
    [
      [x, 8 * words],
      [w, 8 * ROWS * words],
    ],
    ([p, q]) => {
      const sums = Array.from({ length: ROWS }, () => b.copy(0));
      for (let i = 0; i < words; i++) {
        const v = b.load(p, 8 * i, 8);
        for (const [r, sum] of sums.entries()) {
          const t = b.load(q, 8 * (ROWS * i + r), 8);
          b.aluTo(t, 'mul', t, v);
          b.aluTo(sum, 'add', sum, t);
        }
      }
      for (const [r, sum] of sums.entries()) {
        extract(b, sum, 3);
        b.aluTo(totals[r]!, 'add', totals[r]!, sum);
      }
    },
  );
  return totals;
}

/** How a matrix becomes integers. */
export interface MatrixScales {
  readonly form: MatrixForm;
  readonly most: number;
  readonly binary: boolean;
  /** Real value of a unit of the vector. */
  readonly unit: number;
  readonly outScale: number;
  readonly method?: CalibrationMethod;
}

/** Largest sum of a row, as it is multiplied. */
const largestSum = (k: number, form: MatrixForm, most: number): number => {
  const { xShift, sumShift } = FORMS[form];
  return k * (most / 2 ** sumShift) * 2 ** (15 - xShift);
};

/** Real value of a unit of a row's sum, as it is multiplied. */
const sumUnitOf = (step: number, unit: number, form: MatrixForm): number => unit * step * 2 ** (FORMS[form].sumShift + FORMS[form].xShift);

/** The smallest unit that results of a matrix can have: with finer ones the widest row's multiplier would not fit beside its sum. */
export function leastUnit(weights: Const, { form, most, binary, unit, method }: Omit<MatrixScales, 'outScale'>): number {
  let widest = 0;
  for (const step of rowSteps(weights, { most, binary }, method)) widest = Math.max(widest, step);
  return sumUnitOf(widest, unit, form) * Math.max(1, largestSum(weights.dims[1], form, most) / 2 ** 30);
}

/** The matrix as {@link matvecKernel} reads it: one scale a row. */
export function packMatrix(weights: Const, bias: Float64Array | null, scales: MatrixScales): Uint8Array {
  const { form, most, binary, unit, outScale, method } = scales;
  const [n, k] = weights.dims;
  const { data } = weights;
  const how = { most, binary };
  const steps = rowSteps(weights, how, method);
  const params = (row: number): { add: bigint; mul: bigint } =>
    rowParams(bias?.[row] ?? 0, sumUnitOf(steps[row]!, unit, form), outScale, largestSum(k, form, most));
  if (form === 'dot3') return packMatvec({ packing: 'dot3', k, n }, (row, j) => integerOf(data[row * k + j]!, steps[row]!, how), params);
  const block = blockBytes(k, form);
  const bytes = new Uint8Array(Math.ceil(n / ROWS) * block);
  const view = new DataView(bytes.buffer);
  const bytes16 = new Uint16Array(bytes.buffer);
  const integers = new Int16Array(k);
  const { zero } = FORMS[form];
  for (let row = 0; row < n; row++) {
    const from = row * k;
    const step = steps[row]!;
    const base = Math.floor(row / ROWS) * block;
    const lane = row % ROWS;
    const at = base + block - (ROWS - lane) * paramBytes(form);
    if (zero) {
      for (let j = 0; j < k; j++) integers[j] = integerOf(data[from + j]!, step, how);
      const stored = form === 'w16' ? bytes16.subarray(base / 2) : bytes.subarray(base);
      for (let j = 0; j < k; j++) stored[ROWS * j + lane] = integers[j]! + zero;
      view.setBigInt64(at + 16, BigInt(-crossOf(integers, zero)), true);
    } else
      for (let j = 0; j < k; j++)
        bytes[base + 2 * j + (lane >> 1)]! |= (integerOf(data[from + j]!, step, how) + NIBBLE_ZERO) << (4 * (lane & 1));
    const { add, mul } = params(row);
    view.setBigInt64(at, add, true);
    view.setBigInt64(at + 8, mul, true);
  }
  return bytes;
}
