import type { CalibrationMethod } from '../api.ts';
import type { Const } from '../graph/hops.ts';
import {
  blockBytes,
  blockWeightBytes,
  DOT_SHIFT,
  type DotWeights,
  largestSum,
  NIBBLE_ZERO,
  ROW_PARAM_BYTES,
  rowBytes,
  sumUnit,
} from '../kernels/dot.ts';
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
  const view = new DataView(bytes.buffer);
  const { data } = weights;
  const most = largestSum(k, how);
  for (let row = 0; row < n; row++) {
    const step = steps[row];
    const base = (row >> 2) * block;
    const at = base + (row & 3) * rowBytes(k, how);
    for (let j = 0; j < k; j++) {
      const w = integerOf(data[row * k + j], step, how);
      if (how.bits === 16) view.setInt16(at + 2 * j, w, true);
      else if (how.bits === 8) bytes[at + j] = w;
      else bytes[at + (j >> 1)] |= (w + NIBBLE_ZERO) << (4 * (j & 1));
    }
    const params = base + blockWeightBytes(k, how) + (row & 3) * ROW_PARAM_BYTES;
    const { add, mul } = rowParams(bias?.[row] ?? 0, unit * step * sumUnit(how), outScale, most);
    view.setBigInt64(params, add, true);
    view.setBigInt64(params + 8, mul, true);
  }
  return bytes;
}

export const int64s = (...values: number[]): BigInt64Array => BigInt64Array.from(values, (v) => BigInt(clampInt(v, -(2 ** 62), 2 ** 62)));

/** Values in units of `scale`, saturated. */
export function toInt16(data: ArrayLike<number>, scale: number, max: number): Int16Array {
  const out = new Int16Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = clampInt(data[i] / scale, -max, max);
  return out;
}
