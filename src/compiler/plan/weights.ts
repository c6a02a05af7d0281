import type { CalibrationMethod } from '../api.ts';
import type { Const } from '../graph/hops.ts';
import {
  beginsOff,
  blockBytes,
  blockWeightBytes,
  DOT_SHIFT,
  type DotWeights,
  dotRuns,
  largestSum,
  ROW_PARAM_BYTES,
  rowBytes,
  sumUnit,
  weightZero,
} from '../kernels/dot.ts';
import { crossOf } from '../kernels/paired.ts';
import { integerOf, rowSteps } from './weight-quant.ts';

/** Collects bytes of `.data.weights`: tables, weights, multipliers. */
export class WeightBytes {
  #bytes = new Uint8Array(1 << 16);
  #size = 0;

  get size(): number {
    return this.#size;
  }
  /** Appends `data` at a multiple of 8 and gives its offset. */
  add(data: ArrayBufferView): number {
    const off = this.#size;
    const end = off + Math.ceil(data.byteLength / 8) * 8;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), off);
    this.#size = end;
    return off;
  }
  bytes(): Uint8Array {
    return this.#bytes.slice(0, Math.max(8, this.#size));
  }
}

export const HALF = 2 ** (DOT_SHIFT - 1);

const clampInt = (v: number, lo: number, hi: number): number => (v < lo ? lo : v > hi ? hi : Math.round(v));

/**
 * What takes a sum in units of `unit` to the output's integers: `(sum · mul + add) s>> 32`. `most` bounds the sum, and the product of both must
 * not exceed 2⁶², beside the bias of 2⁶¹.
 */
export function rowParams(bias: number, unit: number, outScale: number, most: number): { add: bigint; mul: bigint } {
  const limit = Math.floor(2 ** 62 / most);
  return {
    add: BigInt(clampInt((bias / outScale) * 2 ** DOT_SHIFT + HALF, -(2 ** 61), 2 ** 61)),
    mul: BigInt(clampInt((unit / outScale) * 2 ** DOT_SHIFT, -limit, limit)),
  };
}

/** How the numbers of a product become integers. */
export interface LinearScales {
  /** Real value of one unit of the activations. */
  readonly unit: number;
  readonly outScale: number;
  readonly method?: CalibrationMethod;
}

/**
 * Weights of a linear op as the dot kernel reads them: one scale per output row, in blocks of four rows, each followed by the
 * rows' rounding terms (with the bias) and multipliers.
 */
export function packLinear(
  weights: Const,
  bias: Float64Array | null,
  { unit, outScale, method }: LinearScales,
  how: DotWeights,
): Uint8Array {
  const [n, k] = weights.dims;
  const steps = rowSteps(weights, how, method);
  const block = blockBytes(k, how);
  const bytes = new Uint8Array(Math.ceil(n / 4) * block);
  const { data } = weights;
  const most = largestSum(k, how);
  const integers = new Int16Array(k);
  for (let row = 0; row < n; row++) {
    const step = steps[row];
    for (let j = 0; j < k; j++) integers[j] = integerOf(data[row * k + j], step, how);
    putRow(bytes, row, integers, how, rowParams(bias?.[row] ?? 0, unit * step * sumUnit(how), outScale, most));
  }
  return bytes;
}

/** Puts a row of weights and its {@link rowParams} into a matrix. */
export function putRow(
  bytes: Uint8Array,
  row: number,
  integers: Int16Array,
  how: DotWeights,
  { add, mul }: { add: bigint; mul: bigint },
): void {
  const k = integers.length;
  const view = new DataView(bytes.buffer);
  const base = (row >> 2) * blockBytes(k, how);
  const at = base + (row & 3) * rowBytes(k, how);
  const zero = weightZero(how);
  integers.forEach((w, j) => {
    if (how.bits === 16) view.setUint16(at + 2 * j, w + zero, true);
    else if (how.bits === 8) bytes[at + j] = w + zero;
    else bytes[at + (j >> 1)] |= (w + zero) << (4 * (j & 1));
  });
  const params = base + blockWeightBytes(k, how) + (row & 3) * ROW_PARAM_BYTES;
  view.setBigInt64(params, add, true);
  view.setBigInt64(params + 8, mul, true);
  if (how.bits === 4) return;
  for (let run = 0; run < dotRuns(k, how); run++) {
    const part = how.run < k ? integers.subarray(run * how.run, (run + 1) * how.run) : integers;
    view.setBigInt64(base + beginsOff(k, how) + 8 * (4 * run + (row & 3)), BigInt(-crossOf(part, zero)), true);
  }
}

export const int64s = (...values: number[]): BigInt64Array => BigInt64Array.from(values, (v) => BigInt(clampInt(v, -(2 ** 62), 2 ** 62)));

/** Values in units of `scale`, saturated. */
export function toInt16(data: ArrayLike<number>, scale: number, max: number): Int16Array {
  const out = new Int16Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = clampInt(data[i] / scale, -max, max);
  return out;
}
