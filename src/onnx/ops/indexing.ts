import type { DType, TensorData } from '../model.ts';
import { allocate, elementCount } from '../tensor.ts';

/** Typed arrays of numbers and of bigints under one type; the dtype says which elements it holds. */
export type Elements = { [index: number]: number | bigint; readonly length: number };
export const elements = (data: TensorData): Elements => data as unknown as Elements;

/** Row-major strides in elements. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = Array.from({ length: dims.length }, () => 0);
  let step = 1;
  for (let i = dims.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= dims[i];
  }
  return strides;
}

/** Strides that read a tensor of `dims` as if it were broadcast to `outRank` dimensions. */
function broadcastStrides(dims: readonly number[], outRank: number): number[] {
  const strides = stridesOf(dims);
  const lead = Array.from({ length: outRank - dims.length }, () => 0);
  return lead.concat(strides.map((stride, i) => (dims[i] === 1 ? 0 : stride)));
}

/** For each element of a tensor of `dims` in order, `base` + the sum of its indices times `strides`. */
export function indexMap(dims: readonly number[], strides: readonly number[], base = 0): Int32Array {
  const count = elementCount(dims);
  const map = new Int32Array(count);
  const index = Array.from({ length: dims.length }, () => 0);
  let at = base;
  for (let i = 0; i < count; i++) {
    map[i] = at;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < dims[axis]) break;
      at -= strides[axis] * dims[axis];
      index[axis] = 0;
    }
  }
  return map;
}

/** Index map that reads `dims` broadcast to `outDims`. */
export const broadcastMap = (dims: readonly number[], outDims: readonly number[]): Int32Array =>
  indexMap(outDims, broadcastStrides(dims, outDims.length));

/** A new array with `data[map[i]]` at i. */
export function pick(dtype: DType, data: TensorData, map: Int32Array): TensorData {
  const out = allocate(dtype, map.length);
  const from = elements(data);
  const to = elements(out);
  for (let i = 0; i < map.length; i++) to[i] = from[map[i]];
  return out;
}

/** Products of the dimensions before, at and after `axis`. */
export function around(dims: readonly number[], axis: number): { outer: number; size: number; inner: number } {
  return { outer: elementCount(dims.slice(0, axis)), size: dims[axis], inner: elementCount(dims.slice(axis + 1)) };
}

/** Math.min and Math.max take no bigints. */
export function smaller(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}
export function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}
