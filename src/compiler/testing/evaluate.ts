import type { Buf, Const, HGraph, HOp, View } from '../graph/hops.ts';
import { isView } from '../graph/hops.ts';
import { allOffsets, broadcastMap, denseMap, mapDims, product } from '../graph/view.ts';

/** Runs the recognised graph in double precision: what the integer program approximates. */
export function evaluate(graph: HGraph, inputs: ReadonlyMap<string, ArrayLike<number>>): Map<Buf, Float64Array> {
  const memory = new Map<Buf, Float64Array>();
  for (const buf of graph.inputs) memory.set(buf, Float64Array.from(inputs.get(buf.name) ?? []));
  for (const op of graph.ops) memory.set(op.out, saturated(op.out, run(op, memory)));
  return memory;
}

/** What a buffer does to values by itself: the bounds of a clamp, the steps of a quantised tensor. */
function saturated({ clamped, known, grid }: Buf, values: Float64Array): Float64Array {
  if (grid) return values.map((x) => grid.scale * Math.max(grid.min, Math.min(grid.max, Math.round(x / grid.scale))));
  return clamped && known ? values.map((x) => Math.max(known.min, Math.min(known.max, x))) : values;
}

/** The elements of a view in row-major order. */
export function readView(view: View, memory: ReadonlyMap<Buf, Float64Array>): Float64Array {
  const data = memory.get(view.buf);
  if (!data) throw new Error(`buffer ${view.buf.name} has no value`);
  return Float64Array.from(allOffsets(view.map), (o) => data[o] * view.gain);
}

const expandConst = (t: Const, dims: readonly number[]): Float64Array =>
  Float64Array.from(allOffsets(broadcastMap(denseMap(t.dims), dims)), (o) => t.data[o]);

function run(op: HOp, memory: ReadonlyMap<Buf, Float64Array>): Float64Array {
  const read = (v: View): Float64Array => readView(v, memory);
  const two = (a: View, b: View, fn: (x: number, y: number) => number): Float64Array => {
    const y = read(b);
    return read(a).map((x, i) => fn(x, y[i]));
  };
  const size = product(op.out.dims);
  switch (op.kind) {
    case 'linear': {
      const [n, k] = op.weights.dims;
      const a = read(op.a);
      const residual = op.residual && read(op.residual);
      const out = new Float64Array(size);
      for (let m = 0; m < size / n; m++)
        for (let i = 0; i < n; i++) {
          let sum = (op.bias?.[i] ?? 0) + (residual?.[m * n + i] ?? 0);
          for (let j = 0; j < k; j++) sum += a[m * k + j] * op.weights.data[i * k + j];
          out[m * n + i] = op.relu ? Math.max(0, sum) : sum;
        }
      return out;
    }
    case 'matmul': {
      const da = mapDims(op.a.map);
      const n = mapDims(op.b.map)[da.length - 1];
      const [m, k] = da.slice(-2);
      const a = read(op.a);
      const b = read(op.b);
      const out = new Float64Array(size);
      for (let g = 0; g < size / (m * n); g++)
        for (let i = 0; i < m; i++)
          for (let j = 0; j < n; j++) {
            let sum = 0;
            for (let l = 0; l < k; l++) sum += a[(g * m + i) * k + l] * b[(g * k + l) * n + j];
            out[(g * m + i) * n + j] = sum;
          }
      return out;
    }
    case 'softmax': {
      const x = read(op.x);
      const d = mapDims(op.x.map).slice(-1)[0];
      const out = new Float64Array(size);
      for (let r = 0; r < size; r += d) {
        const row = x.subarray(r, r + d);
        const top = row.reduce((p, q) => Math.max(p, q));
        const e = row.map((v) => Math.exp(v - top));
        const sum = e.reduce((p, q) => p + q);
        out.set(
          e.map((v) => v / sum),
          r,
        );
      }
      return out;
    }
    case 'norm': {
      const x = read(op.x);
      const d = op.gamma.length;
      const out = new Float64Array(size);
      for (let r = 0; r < size; r += d) {
        const row = x.subarray(r, r + d);
        const mean = op.center ? row.reduce((p, q) => p + q) / d : 0;
        const variance = row.reduce((s, v) => s + (v - mean) ** 2, 0) / d;
        for (let i = 0; i < d; i++) out[r + i] = ((row[i] - mean) * op.gamma[i]) / Math.sqrt(variance + op.eps) + op.beta[i];
      }
      return out;
    }
    case 'unary':
      return read(op.x).map(op.fn);
    case 'add':
      return two(op.a, op.b, (x, y) => (op.relu ? Math.max(0, x + y) : x + y));
    case 'mul':
      return two(op.a, op.b, (x, y) => x * y);
    case 'div':
      return two(op.a, op.b, (x, y) => x / y);
    case 'affine': {
      const mul = op.mul && expandConst(op.mul, op.out.dims);
      const add = op.add && expandConst(op.add, op.out.dims);
      return read(op.x).map((x, i) => x * (mul ? mul[i] : 1) + (add ? add[i] : 0));
    }
    case 'embed': {
      const [rows, w] = op.table.dims;
      const out = new Float64Array(size);
      read(op.tokens).forEach((t, i) => {
        const row = Math.min(rows - 1, t);
        out.set(op.table.data.subarray(row * w, (row + 1) * w), i * w);
      });
      return out;
    }
    case 'reduce': {
      const x = op.x.map.dims.map((_, i) => i);
      const kept = x.filter((i) => !op.axes.includes(i));
      const perm = [...kept, ...op.axes];
      const data = read({ ...op.x, map: { off: op.x.map.off, dims: perm.map((p) => op.x.map.dims[p]) } });
      const n = data.length / size;
      const out = new Float64Array(size);
      for (let i = 0; i < size; i++) {
        const group = data.subarray(i * n, (i + 1) * n);
        if (op.mode === 'max') out[i] = group.reduce((p, q) => Math.max(p, q));
        else if (op.mode === 'min') out[i] = group.reduce((p, q) => Math.min(p, q));
        else out[i] = group.reduce((p, q) => p + q, 0) / (op.mode === 'mean' ? n : 1);
      }
      return out;
    }
    case 'own':
      return op.passes.evaluate(op, op.views.map(read));
    case 'concat': {
      const out = new Float64Array(size);
      let start = 0;
      for (const part of op.parts) {
        const dims = isView(part) ? mapDims(part.map) : part.dims;
        const values = isView(part) ? read(part) : part.data;
        const outer = product(dims.slice(0, op.axis));
        const span = product(dims.slice(op.axis));
        const stride = product(op.out.dims.slice(op.axis));
        for (let o = 0; o < outer; o++) out.set(values.subarray(o * span, (o + 1) * span), o * stride + start);
        start += span;
      }
      return out;
    }
  }
}
