import { type Buf, type Const, type HGraph, type HOp, isPlain, opViews, type View } from '../graph/hops.ts';
import { allOffsets, type Factor, product, sliceMap } from '../graph/view.ts';

/**
 * A value that would not fit in one piece of memory (a fused query-key-value projection of a long sequence) becomes several, when its readers
 * look at parts of its columns: products give each part by their own rows of the weights, in whatever order the columns lie, and elementwise
 * ops work on runs of columns. Folding comes after it, so that what it makes of a product (tables, attention) is made of each part.
 */
export function splitWideValues(graph: HGraph, maxBytes: number): HGraph {
  const readers = new Map<Buf, View[]>();
  const note = (view: View): void => void readers.set(view.buf, [...(readers.get(view.buf) ?? []), view]);
  for (const { view } of graph.outputs) note(view);
  // Bounds of masks and signs are taken from what they came from, which must stay.
  const fixed = new Set(graph.ops.flatMap(({ out }) => [...(out.masked?.of ?? []), ...(out.sharp ? [out.sharp] : [])]).map((v) => v.buf));
  const parted = new Map<Buf, Parts>();
  let nextId = 1 + Math.max(0, ...graph.inputs.map((b) => b.id), ...graph.ops.map((op) => op.out.id));
  const ops: HOp[] = [];
  // From the end, so that all readers of a value are known in the parts that they became.
  for (const op of [...graph.ops].reverse()) {
    const { dims } = op.out;
    const wide = product(dims) * 2 > maxBytes && !fixed.has(op.out);
    const columns = wide ? partsOf(readers.get(op.out) ?? [], dims[dims.length - 1] ?? 1) : null;
    const fits = columns?.every((c) => c.length >= LEAST_COLUMNS && (product(dims) / dims[dims.length - 1]!) * c.length * 2 <= maxBytes);
    const outs = fits ? columns!.map((c): Buf => ({ ...op.out, id: nextId++, dims: [...dims.slice(0, -1), c.length] })) : [];
    const made = outs.map((out, i) => partOf(op, columns![i]!, out));
    const whole = made.length === 0 || made.includes(null);
    if (!whole) parted.set(op.out, { columns: columns!, bufs: outs });
    const list = whole ? [op] : (made as HOp[]);
    for (const part of list) for (const view of opViews(part)) note(view);
    ops.unshift(...list);
  }
  if (parted.size === 0) return graph;
  const rewrite = (view: View): View => {
    const parts = parted.get(view.buf);
    return parts ? partView(view, parts)! : view;
  };
  return {
    ...graph,
    ops: ops.map((op) => withViews(op, rewrite)),
    outputs: graph.outputs.map((o) => ({ ...o, view: rewrite(o.view) })),
    // A value that lies in several parts is in no buffer as it is.
    values: graph.values.flatMap(({ name, view }) => {
      const parts = parted.get(view.buf);
      const there = parts ? partView(view, parts) : view;
      return there ? [{ name, view: there }] : [];
    }),
  };
}

/** Parts of fewer columns are not worth a kernel of their own. */
const LEAST_COLUMNS = 4;

/** The columns of each part of a value, in order, and the part. */
interface Parts {
  readonly columns: readonly Int32Array[];
  readonly bufs: readonly Buf[];
}

const isColumn = (f: Factor, n: number): boolean => f.stride % n !== 0;

/** The columns that a view of rows of `n` goes through, in its order; null when it runs over the ends of rows. */
function columnsOf({ map }: View, n: number): Int32Array | null {
  const columns = allOffsets({ off: map.off % n, dims: [map.dims.flat().filter((f) => isColumn(f, n))] });
  return columns.every((c) => c >= 0 && c < n) ? columns : null;
}

/** The smallest sets of columns that no view straddles, without what nobody reads; null when there is only one or the order of a view is lost. */
function partsOf(views: readonly View[], n: number): Int32Array[] | null {
  const root = Int32Array.from({ length: n }, (_, c) => c);
  const find = (c: number): number => {
    while (root[c] !== c) c = root[c]!;
    return c;
  };
  const read = new Set<number>();
  for (const view of views) {
    const columns = columnsOf(view, n);
    if (!columns) return null;
    for (const c of columns) {
      read.add(c);
      const [a, b] = [find(columns[0]!), find(c)];
      root[Math.max(a, b)] = Math.min(a, b);
    }
  }
  const sets = new Map<number, number[]>();
  for (const c of [...read].sort((a, b) => a - b)) sets.set(find(c), [...(sets.get(find(c)) ?? []), c]);
  const columns = [...sets.values()].map((set) => Int32Array.from(set));
  return columns.length > 1 && views.every((view) => partMap(view, columns, n)) ? columns : null;
}

/** Which part a view looks at, and how; null when it looks at several or not in even steps. */
function partMap(view: View, columns: readonly Int32Array[], n: number): { part: number; map: View['map'] } | null {
  const seen = columnsOf(view, n);
  const part = seen ? columns.findIndex((set) => set.includes(seen[0]!)) : -1;
  if (!seen || part < 0) return null;
  const places = new Map([...columns[part]!].map((c, at) => [c, at]));
  const first = seen[0]!;
  const width = columns[part]!.length;
  const start = places.get(first)!;
  const factor = (f: Factor): Factor => ({
    n: f.n,
    stride: isColumn(f, n) ? (places.get(first + f.stride) ?? Number.NaN) - start : (f.stride / n) * width,
  });
  const flat = view.map.dims.flat().filter((f) => isColumn(f, n));
  const now = allOffsets({ off: start, dims: [flat.map(factor)] });
  if (!seen.every((c, i) => places.get(c) === now[i])) return null;
  return { part, map: { off: Math.floor(view.map.off / n) * width + start, dims: view.map.dims.map((dim) => dim.map(factor)) } };
}

function partView(view: View, { columns, bufs }: Parts): View | null {
  const n = view.buf.dims[view.buf.dims.length - 1]!;
  const found = partMap(view, columns, n);
  return found && { ...view, buf: bufs[found.part]!, map: found.map };
}

/** The op that gives some columns of another one's result; null when it cannot. */
function partOf(op: HOp, columns: Int32Array, out: Buf): HOp | null {
  if (op.kind === 'linear') {
    if (op.residual) return null;
    const k = op.weights.dims[1]!;
    const { steps } = op.weights;
    const data = new Float64Array(columns.length * k);
    columns.forEach((c, i) => {
      data.set(op.weights.data.subarray(c * k, (c + 1) * k), i * k);
    });
    const weights: Const = {
      dims: [columns.length, k],
      data,
      ...(steps ? { steps: steps.axis === null ? steps : { ...steps, values: take(steps.values, columns) } } : {}),
    };
    return { ...op, out, weights, bias: op.bias && take(op.bias, columns) };
  }
  const from = columns[0]!;
  if (!isPlain(op.out) || columns[columns.length - 1]! - from !== columns.length - 1) return null;
  switch (op.kind) {
    case 'add':
    case 'mul':
    case 'div': {
      const [a, b] = [runOf(op.a, from, columns.length), runOf(op.b, from, columns.length)];
      return a && b && { ...op, out, a, b };
    }
    case 'unary': {
      const x = runOf(op.x, from, columns.length);
      return x && { ...op, out, x };
    }
    case 'affine': {
      const x = runOf(op.x, from, columns.length);
      return x && { ...op, out, x, mul: op.mul && constRun(op.mul, columns), add: op.add && constRun(op.add, columns) };
    }
    default:
      return null;
  }
}

const take = (list: Float64Array, at: Int32Array): Float64Array => Float64Array.from(at, (i) => list[i]!);

/** A run of a view's last dimension. */
function runOf(view: View, from: number, n: number): View | null {
  const last = view.map.dims.length - 1;
  const map = last < 0 ? null : sliceMap(view.map, last, from, n);
  return map && { ...view, map };
}

/** Some columns of a constant that is broadcast. */
function constRun(value: Const, columns: Int32Array): Const {
  const n = value.dims[value.dims.length - 1] ?? 1;
  if (n === 1) return value;
  const rows = product(value.dims.slice(0, -1));
  const data = new Float64Array(rows * columns.length);
  for (let row = 0; row < rows; row++) data.set(take(value.data.subarray(row * n, (row + 1) * n), columns), row * columns.length);
  return { dims: [...value.dims.slice(0, -1), columns.length], data };
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
