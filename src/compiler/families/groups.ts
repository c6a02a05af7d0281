import type { HOp, View } from '../graph/hops.ts';
import type { LinearParts } from '../graph/lazy.ts';
import { place } from '../graph/lazy.ts';
import type { OwnOp } from '../graph/own.ts';
import { denseMap, dimSize, mapDims, product } from '../graph/view.ts';
import { type DepthwiseShape, depthwiseKernel, packDepthwise } from '../kernels/depthwise.ts';
import { linearCalls } from '../lower/products.ts';
import { columnsPerCall } from '../plan/chunks.ts';
import { loopsOver, rowStep, type Step } from '../plan/steps.ts';

/** Rows of `a` times all columns, in double precision. */
export function products(a: Float64Array, { weights, bias, relu }: Pick<LinearParts, 'weights' | 'bias' | 'relu'>): Float64Array {
  const [n, k] = weights.dims;
  return Float64Array.from({ length: (a.length / k) * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n];
    let sum = bias?.[column] ?? 0;
    for (let j = 0; j < k; j++) sum += a[row * k + j] * weights.data[column * k + j];
    return relu ? Math.max(0, sum) : sum;
  });
}

/** Channels in groups: a product for each, side by side in the columns of one result. `views`: what each group reads. */
export function groupedProducts(parts: LinearParts, views: readonly View[]): OwnOp {
  const { weights, bias, relu, out, nodes } = parts;
  const [m, k] = weights.dims;
  const columns = m / views.length;
  const one = (op: OwnOp, g: number): HOp & { kind: 'linear' } => ({
    kind: 'linear',
    a: op.views[g],
    weights: {
      dims: [columns, k],
      data: weights.data.subarray(g * columns * k, (g + 1) * columns * k),
      ...(weights.steps ? { steps: { axis: 0, values: weights.steps.values.subarray(g * columns, (g + 1) * columns) } } : {}),
    },
    bias: bias?.subarray(g * columns, (g + 1) * columns) ?? null,
    relu,
    out: op.out,
    nodes: op.nodes,
  });
  return {
    kind: 'own',
    out,
    views,
    nodes,
    passes: {
      steps: (op) =>
        op.views.map((a, g): Step => {
          const dense = denseMap(op.out.dims);
          const last = a.map.dims.length - 1;
          const outer = loopsOver([dense.dims.slice(0, -1), a.map.dims.slice(0, -1)], place(op.nodes[0]));
          const terms = a.map.dims[last];
          return {
            op,
            part: g,
            nodes: op.nodes,
            outer: outer.map((l) => l.n),
            lanes: outer.length ? 2 : 1,
            inner: terms.map((f) => f.n),
            out: { buf: op.out, off: g * columns, outer: outer.map((l) => l.strides[0]), inner: [1] },
            reads: [{ buf: a.buf, off: a.map.off, outer: outer.map((l) => l.strides[1]), inner: terms.map((f) => f.stride) }],
          };
        }),
      calls(op, at, step, group) {
        const linear = one(op, step.part);
        return linearCalls(at, step, group, linear, new Map([[linear, columnsPerCall(linear.weights)]]));
      },
      evaluate(op, inputs) {
        const result = new Float64Array(product(op.out.dims));
        inputs.forEach((a, g) => {
          const { weights: own, bias: added } = one(op, g);
          products(a, { weights: own, bias: added, relu }).forEach((y, i) => {
            result[Math.floor(i / columns) * m + g * columns + (i % columns)] = y;
          });
        });
        return result;
      },
      scale: (op, scales) => scales.ofProduct({ ...parts, out: op.out }),
      packBytes: () => 8 * k,
    },
  };
}

/** One kernel for each channel. The view is [batch, out…, channels, kernel…] with `rank` dimensions of windows. */
export function depthwise(parts: LinearParts, rank: number): OwnOp {
  const { a, weights, bias, relu, out, nodes } = parts;
  const [channels, taps] = weights.dims;
  return {
    kind: 'own',
    out,
    views: [a],
    nodes,
    passes: {
      steps(op) {
        const [x] = op.views;
        const dense = denseMap(op.out.dims);
        const rows = x.map.dims.slice(0, rank + 2);
        // A call does a row of positions.
        const step = rowStep(
          op,
          0,
          op.nodes,
          [dense.dims.slice(0, rank), rows.slice(0, rank)].map((dims) => [...dims, []]),
          [0, x.map.off],
          [op.out, x.buf],
          place(op.nodes[0]),
        );
        const inner = loopsOver([dense.dims.slice(rank), rows.slice(rank)], place(op.nodes[0]));
        return [
          {
            ...step,
            lanes: 1,
            inner: inner.map((l) => l.n),
            out: { ...step.out!, inner: inner.map((l) => l.strides[0]) },
            reads: [{ ...step.reads[0], inner: inner.map((l) => l.strides[1]) }],
          },
        ];
      },
      calls(op, at, step, group) {
        const [x] = op.views;
        const { shape, args } = at.shape(step, group);
        const kernel: DepthwiseShape = { ...shape, taps: tapOffsets(x, rank).map((o) => o * 2), channels, relu };
        const quantised = at.scales.of(op.out);
        const packed = packDepthwise(weights, bias, at.scales.unit(x), quantised.scale);
        return [
          {
            key: JSON.stringify(['depthwise', kernel]),
            name: `depthwise_${step.inner.join('x')}_${taps}${relu ? '_relu' : ''}`,
            build: (name, layout, origin) => depthwiseKernel(name, kernel, layout, origin),
            args: [...args, at.param(packed)],
            nodes: op.nodes,
          },
        ];
      },
      evaluate(op, [x]) {
        return Float64Array.from({ length: product(op.out.dims) }, (_, i) => {
          const c = i % channels;
          let sum = bias?.[c] ?? 0;
          for (let t = 0; t < taps; t++) sum += x[i * taps + t] * weights.data[c * taps + t];
          return relu ? Math.max(0, sum) : sum;
        });
      },
      scale: (op, scales) => scales.ofProduct({ ...parts, out: op.out }),
    },
  };
}

/** Elements from a window's first to each of its others. */
function tapOffsets(x: View, rank: number): number[] {
  const dims = mapDims(x.map);
  let offsets = [0];
  for (let i = rank + 2; i < dims.length; i++) {
    const stride = dimSize(x.map.dims[i]) > 1 ? x.map.dims[i][0].stride : 0;
    offsets = offsets.flatMap((o) => Array.from({ length: dims[i] }, (_, at) => o + at * stride));
  }
  return offsets;
}
