import { type Buf, type Const, type HGraph, type HOp, isView, opViews, type View } from '../graph/hops.ts';
import { broadcastMap, denseMap, mapDims, product } from '../graph/view.ts';
import { allOf, fitMap, type Kept, keptOffsets, offsetsOf } from './fit.ts';
import { type ColumnsRead, everyColumn, neededElements } from './needed.ts';

type Linear = HOp & { readonly kind: 'linear' };

/** How a buffer shrinks: what stays along each of its dimensions, and where each element goes (−1: nowhere). */
interface Shrunk {
  readonly kept: Kept;
  readonly buf: Buf;
  readonly places: Int32Array;
}

/** A view that no loops can walk once its buffer has shrunk, or an op that cannot do with less: the buffer stays as it is. */
class Unfit extends Error {
  readonly buf: Buf;
  constructor(buf: Buf) {
    super(buf.name);
    this.buf = buf;
  }
}

/**
 * Leaves out what no result depends on: rows of which a classifier reads nothing and, by what `columnsRead` finds in the weights, heads whose output is multiplied by
 * zero alone, rows and columns of zero weights. Ops shrink with their buffers; what would be left in an uneven order of memory stays.
 */
export function dropDead(graph: HGraph, columnsRead: ColumnsRead = everyColumn): HGraph {
  if (graph.ops.some(({ out }) => out.bound)) return graph;
  const needed = neededElements(graph, columnsRead);
  const live = { ...graph, ops: graph.ops.filter((op) => needed.get(op.out)?.includes(1)) };
  const fixed = new Set<Buf>();
  for (;;) {
    try {
      return shrink(live, needed, fixed, columnsRead);
    } catch (error) {
      if (!(error instanceof Unfit) || fixed.has(error.buf)) throw error;
      fixed.add(error.buf);
    }
  }
}

function shrink(graph: HGraph, needed: ReadonlyMap<Buf, Uint8Array>, fixed: ReadonlySet<Buf>, columnsRead: ColumnsRead): HGraph {
  const shrunk = new Map<Buf, Shrunk>();
  const renamed = (buf: Buf): Buf => shrunk.get(buf)?.buf ?? buf;
  for (const op of graph.ops) {
    const kept = fixed.has(op.out) ? null : keptOf(op, needed.get(op.out)!);
    const { masked, sharp } = op.out;
    const seen = (view: View): View => ({ ...view, buf: renamed(view.buf) });
    if (!kept) {
      if ([...(masked?.of ?? []), ...(sharp ? [sharp] : [])].some(({ buf }) => shrunk.has(buf)))
        throw new Unfit(shrunkAmong(masked?.of ?? [sharp!], shrunk));
      continue;
    }
    const places = new Int32Array(product(op.out.dims)).fill(-1);
    for (const [to, from] of keptOffsets(op.out.dims, kept).entries()) places[from] = to;
    const buf: Buf = {
      ...op.out,
      dims: kept.map((indices) => indices.length),
      ...(masked ? { masked: { ...masked, of: masked.of.map(seen) } } : {}),
      ...(sharp ? { sharp: seen(sharp) } : {}),
    };
    shrunk.set(op.out, { kept, buf, places });
  }
  if (shrunk.size === 0) return graph;
  /** A view of what is left of it; null when it reads what has gone or no loops walk it. */
  const tryView = (view: View, kept: Kept): View | null => {
    const found = shrunk.get(view.buf);
    const from = offsetsOf(view.map, kept);
    const to = found ? from.map((at) => found.places[at]!) : from;
    if (to.includes(-1)) return null;
    const map = fitMap(
      kept.map((indices) => indices.length),
      to,
    );
    return map && { ...view, buf: renamed(view.buf), map };
  };
  const viewOf = (view: View, kept: Kept, out: Buf): View => {
    const seen = tryView(view, kept);
    // Where the reader alone has shrunk, it is the reader that cannot.
    if (!seen) throw new Unfit(shrunk.has(view.buf) ? view.buf : out);
    return seen;
  };
  // A buffer that stays is read as before, also where its elements lie in no order that loops could be found for anew.
  const whole = (view: View): View => (shrunk.has(view.buf) ? viewOf(view, allOf(view.map), view.buf) : view);
  const unfit = (op: Linear): Unfit => new Unfit(shrunk.has(op.a.buf) ? op.a.buf : op.out);
  const ops = graph.ops.map(
    (op): HOp => shrinkOp(op, shrunk.get(op.out), needed.get(op.out)!, { tryView, viewOf, whole, unfit, columnsRead }),
  );
  return {
    ...graph,
    ops,
    outputs: graph.outputs.map((output) => ({ ...output, view: whole(output.view) })),
    // Values of which a part is left are not those of the file any more.
    values: graph.values.filter(({ view }) => !shrunk.has(view.buf)),
  };
}

const shrunkAmong = (views: readonly View[], shrunk: ReadonlyMap<Buf, Shrunk>): Buf => views.find(({ buf }) => shrunk.has(buf))!.buf;

/** Ops that can do with fewer elements, and whose last dimension must stay whole. */
const KEEPS_LAST: Readonly<Partial<Record<HOp['kind'], boolean>>> = {
  linear: false,
  matmul: false,
  unary: false,
  affine: false,
  add: false,
  mul: false,
  div: false,
  softmax: true,
  norm: true,
};

/** Indices of an op's result that anything needs, along each dimension; null when it cannot shrink or nothing would be gained. */
function keptOf(op: HOp, need: Uint8Array): Kept | null {
  const keepsLast = KEEPS_LAST[op.kind];
  const { dims, narrow, classes, float, bytes } = op.out;
  if (keepsLast === undefined || narrow || classes || float || bytes) return null;
  const shapes =
    op.kind === 'linear' ? [[...mapDims(op.a.map).slice(0, -1), dims.at(-1)!]] : sameShape(op).map((view) => mapDims(view.map));
  const kept = dims.map((n, axis) => {
    const inner = product(dims.slice(axis + 1));
    const used = new Uint8Array(n);
    for (const [at, wanted] of need.entries()) if (wanted) used[Math.floor(at / inner) % n] = 1;
    return Array.from(used.keys()).filter((i) => used[i] === 1);
  });
  if (keepsLast) kept[kept.length - 1] = Array.from({ length: dims.at(-1)! }, (_, i) => i);
  if (kept.every((indices, axis) => indices.length === dims[axis])) return null;
  return shapes.every((shape) => shape.length === dims.length && shape.every((n, i) => n === dims[i])) ? kept : null;
}

/** Operands whose shape is that of the result. */
function sameShape(op: HOp): View[] {
  return op.kind === 'matmul' ? [] : opViews(op);
}

interface Views {
  readonly tryView: (view: View, kept: Kept) => View | null;
  readonly viewOf: (view: View, kept: Kept, out: Buf) => View;
  readonly whole: (view: View) => View;
  readonly unfit: (op: Linear) => Unfit;
  readonly columnsRead: ColumnsRead;
}

function shrinkOp(op: HOp, to: Shrunk | undefined, need: Uint8Array, views: Views): HOp {
  const { viewOf, whole, columnsRead } = views;
  const out = to?.buf ?? op.out;
  const seen = (view: View): View => (to ? viewOf(view, to.kept, op.out) : whole(view));
  switch (op.kind) {
    case 'linear':
      return shrinkLinear(op, to, columnsRead(op, need), views);
    case 'matmul': {
      if (!to) return { ...op, a: whole(op.a), b: whole(op.b) };
      const [a, b] = [allOf(op.a.map), allOf(op.b.map)];
      const batch = to.kept.slice(0, -2);
      return {
        ...op,
        a: viewOf(op.a, [...batch, to.kept.at(-2)!, a.at(-1)!], op.out),
        b: viewOf(op.b, [...batch, b.at(-2)!, to.kept.at(-1)!], op.out),
        out,
      };
    }
    case 'norm':
    case 'softmax':
    case 'unary':
      return { ...op, x: seen(op.x), out };
    case 'affine':
      return {
        ...op,
        x: seen(op.x),
        mul: op.mul && cutConst(op.mul, op.out.dims, to),
        add: op.add && cutConst(op.add, op.out.dims, to),
        out,
      };
    case 'add':
    case 'mul':
    case 'div':
      return { ...op, a: seen(op.a), b: seen(op.b), out };
    case 'embed':
      return { ...op, tokens: whole(op.tokens) };
    case 'reduce':
      return { ...op, x: whole(op.x) };
    case 'concat':
      return { ...op, parts: op.parts.map((part) => (isView(part) ? whole(part) : part)) };
    case 'own':
      return { ...op, views: op.views.map(whole) };
  }
}

/** A product without the rows that nobody needs and, where what is left lies evenly, without the columns that are zero. */
function shrinkLinear(op: Linear, to: Shrunk | undefined, used: Uint8Array, { tryView, whole, unfit }: Views): Linear {
  const [n, k] = op.weights.dims as [number, number];
  const all = allOf(op.a.map);
  const rows = to ? to.kept.slice(0, -1) : all.slice(0, -1);
  const columns = to ? to.kept.at(-1)! : Array.from({ length: n }, (_, i) => i);
  const wanted = all.at(-1)!.filter((j) => used[j] === 1);
  for (const terms of [wanted, all.at(-1)!]) {
    const a = terms.length > 0 ? tryView(op.a, [...rows, terms]) : null;
    if (!a) continue;
    if (!to && terms.length === k) return { ...op, a };
    const { steps } = op.weights;
    return {
      ...op,
      a,
      out: to?.buf ?? op.out,
      weights: {
        dims: [columns.length, terms.length],
        data: Float64Array.from({ length: columns.length * terms.length }, (_, at) => {
          const [i, j] = [columns[Math.floor(at / terms.length)]!, terms[at % terms.length]!];
          return op.weights.data[i * k + j]!;
        }),
        ...(steps ? { steps: steps.axis === 0 ? { axis: 0, values: Float64Array.from(columns, (i) => steps.values[i]!) } : steps } : {}),
      },
      bias: op.bias && Float64Array.from(columns, (i) => op.bias![i]!),
    };
  }
  if (!to && whole(op.a) === op.a) return op;
  throw unfit(op);
}

function cutConst(t: Const, dims: readonly number[], to: Shrunk | undefined): Const {
  if (!to) return t;
  const map = broadcastMap(denseMap(t.dims), dims);
  // What repeats along a dimension goes on repeating.
  const kept = map.dims.map((dim, axis) => (dim.every(({ stride }) => stride === 0) ? [0] : to.kept[axis]!));
  return { dims: kept.map((indices) => indices.length), data: Float64Array.from(offsetsOf(map, kept), (at) => t.data[at]!) };
}
