import type { Buf, Const, HGraph, HOp, View } from '../graph/hops.ts';
import { isView } from '../graph/hops.ts';
import { allOffsets, broadcastMap, denseMap, mapDims, product, sliceMap } from '../graph/view.ts';

type Linear = HOp & { readonly kind: 'linear' };

/** Products that are looked through for constant results. */
const MOST_PRODUCTS = 2 ** 26;

/** Constants of a shape that they are broadcast to. */
export const expanded = (t: Const, dims: readonly number[]): Float64Array =>
  Float64Array.from(allOffsets(broadcastMap(denseMap(t.dims), dims)), (at) => t.data[at]!);

/**
 * Finds the elements that are the same whatever the input is (rows of zero weights, what is computed from them alone, a mean of equal values by a softmax's weights),
 * and makes them part of the biases of the products that read them: their weights become zero.
 */
export function foldConstants(graph: HGraph): HGraph {
  const known = new Map<Buf, Float64Array>();
  const distributions = new Set(graph.ops.filter((op) => op.kind === 'softmax').map((op) => op.out));
  const read = ({ buf, map, gain }: View): Float64Array => {
    const values = known.get(buf);
    const places = allOffsets(map);
    return values ? Float64Array.from(places, (at) => values[at]! * gain) : new Float64Array(places.length).fill(Number.NaN);
  };
  const ops = graph.ops.map((op): HOp => {
    const folded = op.kind === 'linear' ? foldColumns(op, read(op.a)) : op;
    const values = constantsOf(folded, read, distributions);
    if (values?.some((v) => !Number.isNaN(v))) known.set(op.out, values);
    return folded;
  });
  return { ...graph, ops };
}

/** A product with the terms that are the same constant in every row moved into its bias. */
function foldColumns(op: Linear, x: Float64Array): Linear {
  const [n, k] = op.weights.dims as [number, number];
  const constant = Array.from({ length: k }, (_, j) => {
    for (let at = j; at < x.length; at += k) if (!(x[at] === x[j])) return null;
    return x[j]!;
  });
  // The integers of a quantised model are its own.
  if (op.out.grid || op.a.buf.grid || constant.every((c) => c === null)) return op;
  const data = Float64Array.from(op.weights.data);
  const bias = Float64Array.from({ length: n }, (_, i) => op.bias?.[i] ?? 0);
  for (let i = 0; i < n; i++)
    for (const [j, c] of constant.entries()) {
      if (c === null) continue;
      bias[i]! += data[i * k + j]! * c;
      data[i * k + j] = 0;
    }
  return { ...op, weights: { dims: op.weights.dims, data }, bias };
}

/** The elements of an op's result that are constant; the others are NaN. Null: none. */
function constantsOf(op: HOp, read: (view: View) => Float64Array, distributions: ReadonlySet<Buf>): Float64Array | null {
  const size = product(op.out.dims);
  const both = (a: View, b: View, fn: (x: number, y: number) => number): Float64Array => {
    const y = read(b);
    return read(a).map((x, i) => fn(x, y[i]!));
  };
  const wherever = (x: number, fn: (x: number) => number): number => (Number.isNaN(x) ? x : fn(x));
  switch (op.kind) {
    case 'linear': {
      const [n, k] = op.weights.dims as [number, number];
      if (size * k > MOST_PRODUCTS || op.residual) return null;
      const x = read(op.a);
      const out = new Float64Array(size);
      for (let m = 0; m < size / n; m++)
        for (let i = 0; i < n; i++) {
          let sum = op.bias?.[i] ?? 0;
          for (let j = 0; j < k && !Number.isNaN(sum); j++) {
            const w = op.weights.data[i * k + j]!;
            if (w !== 0) sum += w * x[m * k + j]!;
          }
          out[m * n + i] = wherever(sum, (v) => (op.relu ? Math.max(0, v) : v));
        }
      return out;
    }
    case 'matmul': {
      // A mean of equal values is that value.
      if (!distributions.has(op.a.buf)) return null;
      const [k, n] = mapDims(op.b.map).slice(-2) as [number, number];
      const b = read(op.b);
      const m = op.out.dims.at(-2)!;
      const out = new Float64Array(size);
      for (let at = 0; at < size; at++) {
        const first = Math.floor(at / (m * n)) * k * n + (at % n);
        let value = b[first]!;
        for (let l = 1; l < k; l++) if (b[first + l * n] !== value) value = Number.NaN;
        out[at] = value * op.a.gain;
      }
      return out;
    }
    case 'unary':
      return read(op.x).map((x) => wherever(x, op.fn));
    case 'add':
      return both(op.a, op.b, (x, y) => wherever(x + y, (v) => (op.relu ? Math.max(0, v) : v)));
    case 'mul':
      return both(op.a, op.b, (x, y) => (x === 0 || y === 0 ? 0 : x * y));
    case 'affine': {
      const x = read(op.x);
      const mul = op.mul && expanded(op.mul, op.out.dims);
      const add = op.add && expanded(op.add, op.out.dims);
      return x.map((v, i) => (mul?.[i] === 0 ? 0 : v * (mul?.[i] ?? 1)) + (add?.[i] ?? 0));
    }
    case 'embed': {
      const [rows, width] = op.table.dims as [number, number];
      const row = Float64Array.from({ length: width }, (_, j) => {
        for (let r = 1; r < rows; r++) if (op.table.data[r * width + j] !== op.table.data[j]) return Number.NaN;
        return op.table.data[j]!;
      });
      return Float64Array.from({ length: size }, (_, at) => row[at % width]!);
    }
    case 'concat': {
      const out = new Float64Array(size).fill(Number.NaN);
      let start = 0;
      for (const part of op.parts) {
        const dims = isView(part) ? mapDims(part.map) : part.dims;
        const values = isView(part) ? read(part) : part.data;
        const piece = sliceMap(denseMap(op.out.dims), op.axis, start, dims[op.axis]!);
        if (!piece) return null;
        for (const [i, at] of allOffsets(piece).entries()) out[at] = values[i]!;
        start += dims[op.axis]!;
      }
      return out;
    }
    default:
      return null;
  }
}
