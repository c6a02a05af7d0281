import type { Buf, HGraph, HOp, View } from '../graph/hops.ts';
import { product } from '../graph/view.ts';

/**
 * A product that would not fit in one piece of memory (a fused query-key-value projection of a long sequence) becomes several, when
 * every reader looks at one part of its columns only.
 */
export function splitWideProducts(graph: HGraph, maxBytes: number): HGraph {
  const ops: HOp[] = [];
  const moved = new Map<Buf, readonly Buf[]>();
  const readers = viewsByBuffer(graph);
  let nextId = 1 + Math.max(0, ...graph.inputs.map((b) => b.id), ...graph.ops.map((op) => op.out.id));
  for (const op of graph.ops) {
    const parts =
      op.kind === 'linear' && !op.residual && product(op.out.dims) * 2 > maxBytes ? partsFor(op, readers.get(op.out) ?? [], maxBytes) : 1;
    if (op.kind !== 'linear' || parts === 1) {
      ops.push(op);
      continue;
    }
    const [n, k] = op.weights.dims;
    const width = n / parts;
    const bufs: Buf[] = [];
    for (let i = 0; i < parts; i++) {
      const out: Buf = { ...op.out, id: nextId++, dims: [...op.out.dims.slice(0, -1), width] };
      bufs.push(out);
      const { steps } = op.weights;
      const weights = {
        dims: [width, k],
        data: op.weights.data.subarray(i * width * k, (i + 1) * width * k),
        ...(steps ? { steps: { ...steps, values: steps.values.subarray(i * width, (i + 1) * width) } } : {}),
      };
      ops.push({ ...op, out, weights, bias: op.bias?.subarray(i * width, (i + 1) * width) ?? null });
    }
    moved.set(op.out, bufs);
  }
  if (moved.size === 0) return graph;
  const rewrite = (view: View): View => {
    const bufs = moved.get(view.buf);
    return bufs ? partView(view, bufs) : view;
  };
  return {
    ...graph,
    ops: ops.map((op) => withViews(op, rewrite)),
    outputs: graph.outputs.map((o) => ({ ...o, view: rewrite(o.view) })),
    // A value that lies in several parts is in no buffer as it is.
    values: graph.values.flatMap(({ name, view }) => {
      const bufs = moved.get(view.buf);
      if (!bufs) return [{ name, view }];
      const width = bufs[0].dims[bufs[0].dims.length - 1];
      return columnsOf(view, width * bufs.length, width) === null ? [] : [{ name, view: partView(view, bufs) }];
    }),
  };
}

function viewsByBuffer(graph: HGraph): Map<Buf, View[]> {
  const views = new Map<Buf, View[]>();
  const note = (view: View): View => {
    const list = views.get(view.buf);
    if (list) list.push(view);
    else views.set(view.buf, [view]);
    return view;
  };
  for (const op of graph.ops) withViews(op, note);
  for (const { view } of graph.outputs) note(view);
  return views;
}

/** The fewest equal parts that fit and that no reader straddles; 1 when there are none. */
function partsFor(op: HOp & { kind: 'linear' }, views: readonly View[], maxBytes: number): number {
  const [n] = op.weights.dims;
  for (let parts = 2; parts <= n / 4; parts++) {
    if (n % parts !== 0 || (product(op.out.dims) * 2) / parts > maxBytes) continue;
    if (views.every((view) => columnsOf(view, n, n / parts) !== null)) return parts;
  }
  return 1;
}

/** The part that a view looks at, or null when it needs several. */
function columnsOf(view: View, n: number, width: number): number | null {
  const first = view.map.off % n;
  let last = first;
  for (const f of view.map.dims.flat()) {
    if (f.stride % n === 0) continue;
    if (f.stride > n) return null;
    last += (f.n - 1) * f.stride;
  }
  const part = Math.floor(first / width);
  return last < n && Math.floor(last / width) === part ? part : null;
}

function partView(view: View, bufs: readonly Buf[]): View {
  const width = bufs[0].dims[bufs[0].dims.length - 1];
  const n = width * bufs.length;
  const part = columnsOf(view, n, width) ?? 0;
  const rows = Math.floor(view.map.off / n);
  const dims = view.map.dims.map((dim) => dim.map((f) => (f.stride % n === 0 ? { n: f.n, stride: (f.stride / n) * width } : f)));
  return { ...view, buf: bufs[part], map: { off: rows * width + ((view.map.off % n) - part * width), dims } };
}

/** The same op on other views. */
export function withViews(op: HOp, change: (view: View) => View): HOp {
  switch (op.kind) {
    case 'linear':
      return { ...op, a: change(op.a), ...(op.residual ? { residual: change(op.residual) } : {}) };
    case 'matmul':
    case 'add':
    case 'mul':
    case 'div':
      return { ...op, a: change(op.a), b: change(op.b) };
    case 'softmax':
    case 'norm':
    case 'unary':
    case 'affine':
    case 'reduce':
      return { ...op, x: change(op.x) };
    case 'embed':
      return { ...op, tokens: change(op.tokens) };
    case 'concat':
      return { ...op, parts: op.parts.map((part) => ('buf' in part ? change(part) : part)) };
    case 'own':
      return { ...op, views: op.views.map(change) };
  }
}
