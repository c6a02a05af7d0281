import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrInts, attrNumber } from './attrs.ts';
import { SQUARE } from './elementwise.ts';
import type { Buf, View } from './hops.ts';
import { joinNodes, type Lazy, lastAxis, place, type Walk } from './lazy.ts';
import { broadcastMap, denseMap, type IndexMap, mapDims, product, reshapeMap, transposeMap } from './view.ts';
import { wholeTotal } from './whole.ts';

/**
 * `x·factor(variance)` as a normalisation: factor must be `c/√(v + eps)`. A standard deviation with its epsilon outside
 * the root, `c/(√v + e)`, is close enough to that when e is small. Null for any other function.
 */
export function normOf(
  stat: Lazy & { k: 'variance' },
  factor: (v: number) => number,
  gamma: Float64Array | null,
  nodes: readonly Node[],
): Lazy | null {
  const c = factor(1e12) * 1e6;
  const eps = Math.max(0, (c / factor(1e-2)) ** 2 - 1e-2);
  for (const v of [1e-2, 0.1, 1, 10, 1e4]) {
    const want = factor(v);
    if (!(Math.abs(c / Math.sqrt(v + eps) - want) <= 1e-3 * Math.abs(want))) return null;
  }
  const dims = mapDims(stat.of.map);
  const d = dims[dims.length - 1];
  const scaled = Float64Array.from({ length: d }, (_, i) => c * (gamma ? gamma[i] : 1));
  return { k: 'norm', of: stat.of, center: stat.center, eps, gamma: scaled, beta: new Float64Array(d), nodes };
}

/** LayerNormalization (opset 17) and the RMS norms of later opsets and contrib domains. */
export function layerNorm(walk: Walk, node: Node): void {
  const { view, nodes: before } = walk.view(node.inputs[0], node);
  const dims = mapDims(view.map);
  const axis = attrNumber(node, 'axis') ?? -1;
  if (axis !== -1 && axis !== dims.length - 1)
    throw new InputError(`axis ${axis} is not the last`, place(node), 'Normalise over the last dimension only');
  const d = dims[dims.length - 1];
  const vector = (slot: number, otherwise: number): Float64Array => {
    const name = node.inputs[slot];
    if (!name) return new Float64Array(d).fill(otherwise);
    const lazy = walk.get(name, node);
    const values = lazy.k === 'const' ? lastAxis(lazy.t, d) : null;
    if (!values) throw new InputError(`input ${slot} must be a constant vector of ${d}`, place(node));
    return values;
  };
  walk.set(node.outputs[0], {
    k: 'norm',
    of: view,
    center: node.op === 'LayerNormalization',
    eps: attrNumber(node, 'epsilon') ?? 1e-5,
    gamma: vector(1, 1),
    beta: vector(2, 0),
    nodes: joinNodes(before, [node]),
  });
}

const MODES: Readonly<Record<string, 'mean' | 'sum' | 'max' | 'min'>> = {
  ReduceMean: 'mean',
  ReduceSum: 'sum',
  ReduceMax: 'max',
  ReduceMin: 'min',
  GlobalAveragePool: 'mean',
  GlobalMaxPool: 'max',
};

export function reduce(walk: Walk, node: Node): void {
  const mode = MODES[node.op];
  const [name] = node.inputs;
  const lazy = walk.get(name, node);
  const rank = walk.dims(lazy).length;
  const pool = node.op.startsWith('Global');
  const keep = pool || (attrNumber(node, 'keepdims') ?? 1) !== 0;
  const axes = pool ? Array.from({ length: rank - 2 }, (_, i) => i + 2) : reduceAxes(walk, node, rank);
  if (axes.length === 0) {
    walk.set(node.outputs[0], { ...lazy, nodes: joinNodes(lazy.nodes, [node]) });
    return;
  }
  const nodes = joinNodes(lazy.nodes, [node]);
  if (mode === 'mean' && axes.length === 1 && axes[0] === rank - 1) {
    const squares = lazy.k === 'square' ? lazy : lazy.k === 'fn' && lazy.fn === SQUARE ? { of: lazy.base, center: false } : null;
    if (squares && keep) {
      walk.set(node.outputs[0], { k: 'variance', of: squares.of, center: squares.center, fn: (v) => v, nodes });
      return;
    }
    const { view, nodes: before } = walk.view(name, node);
    walk.set(node.outputs[0], { k: 'mean', of: view, keep, nodes: joinNodes(before, [node]) });
    return;
  }
  const { view, nodes: before } = walk.view(name, node);
  const dims = mapDims(view.map);
  const outDims = dims.filter((_, i) => !axes.includes(i));
  const masked = view.buf.masked ? { masked: view.buf.masked } : {};
  const n = product(axes.map((a) => dims[a]));
  const known = view.buf.known && {
    min: Math.min(0, view.buf.known.min * view.gain * (mode === 'sum' ? n : 1)),
    max: Math.max(0, view.buf.known.max * view.gain * (mode === 'sum' ? n : 1)),
  };
  const out = walk.buf(node.outputs[0], outDims, 'act', {
    ...(mode === 'max' || mode === 'min' ? masked : {}),
    ...(known && view.gain > 0 ? { known } : {}),
    ...(mode === 'mean' ? {} : wholeTotal(view, mode === 'sum' ? n : 1)),
  });
  walk.ops.push({ kind: 'reduce', x: view, axes, mode, out, nodes: joinNodes(before, [node]) });
  const shape = keep ? dims.map((size, i) => (axes.includes(i) ? 1 : size)) : outDims;
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map: reshapeMap(denseMap(outDims), shape) as IndexMap, gain: 1 }, nodes: [] });
}

/** Axes as an attribute (up to opset 17; ReduceSum up to 12) or as an input; none means all. */
export function reduceAxes(walk: Walk, node: Node, rank: number): number[] {
  let axes = attrInts(node, 'axes');
  if (!axes && node.inputs[1]) {
    const lazy = walk.get(node.inputs[1], node);
    if (lazy.k !== 'const') throw new InputError('axes must be constants', place(node));
    axes = [...lazy.t.data];
  }
  if (!axes || axes.length === 0) {
    if (attrNumber(node, 'noop_with_empty_axes')) return [];
    return Array.from({ length: rank }, (_, i) => i);
  }
  return axes.map((a) => (a < 0 ? a + rank : a)).sort((a, b) => a - b);
}

/** Softmax over the last dimension; other axes by transposing the view, opsets below 13 by joining dimensions. */
export function softmax(walk: Walk, node: Node): void {
  const { view: stored, nodes: before } = walk.view(node.inputs[0], node);
  const view = stored.gain < 0 ? turned(walk, node, stored) : stored;
  const dims = mapDims(view.map);
  const rank = dims.length;
  const opset = walk.model.opset;
  let axis = attrNumber(node, 'axis') ?? (opset < 13 ? 1 : -1);
  if (axis < 0) axis += rank;
  let x = view;
  let shape = dims;
  const perm = dims.map((_, i) => i).filter((i) => i !== axis);
  perm.push(axis);
  if (opset < 13) {
    if (dims.slice(axis + 1).some((n) => n > 1)) {
      shape = [product(dims.slice(0, axis)), product(dims.slice(axis))];
      const map = reshapeMap(view.map, shape);
      if (!map) throw new InputError('softmax over several dimensions of a transposed tensor', place(node), 'Use axis -1');
      x = { ...view, map };
    }
  } else if (axis !== rank - 1) {
    x = { ...view, map: transposeMap(view.map, perm) };
    shape = mapDims(x.map);
  }
  const nodes = joinNodes(before, [node]);
  const logarithm = node.op === 'LogSoftmax';
  const name = logarithm ? `${node.outputs[0]}.probabilities` : node.outputs[0];
  const probabilities = walk.buf(name, shape, 'act', { known: { min: 0, max: 1 } });
  walk.ops.push({ kind: 'softmax', x, out: probabilities, nodes });
  const out = logarithm ? logProbabilities(walk, node, x, probabilities, nodes) : probabilities;
  let map: IndexMap = denseMap(shape);
  if (opset >= 13 && axis !== rank - 1)
    map = transposeMap(
      map,
      perm.map((_, i) => perm.indexOf(i)),
    );
  else map = reshapeMap(map, dims) as IndexMap;
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map, gain: 1 }, nodes: [] });
}

/** A copy of what is stored with the opposite sign. */
function turned(walk: Walk, node: Node, x: View): View {
  const dims = mapDims(x.map);
  const out = walk.buf(node.inputs[0], dims, 'act');
  walk.ops.push({ kind: 'unary', x, fn: (v) => v, out, nodes: [node] });
  return { buf: out, map: denseMap(dims), gain: 1 };
}

/** `log p = (x − max x) + log(max p)`: the largest probability is never near zero, so its logarithm is precise. */
function logProbabilities(walk: Walk, node: Node, x: View, probabilities: Buf, nodes: readonly Node[]): Buf {
  const shape = probabilities.dims;
  const rows = shape.slice(0, -1);
  const classes = shape[shape.length - 1];
  const largest = (of: View, out: Buf): View => {
    walk.ops.push({ kind: 'reduce', x: of, axes: [shape.length - 1], mode: 'max', out, nodes });
    return { buf: out, map: reshapeMap(denseMap(rows), [...rows, 1]) as IndexMap, gain: 1 };
  };
  const view = (buf: Buf): View => ({ buf, map: denseMap(buf.dims), gain: 1 });
  const add = (a: View, b: View): Buf => {
    // What is added is at most zero, so the range of the result holds for the first sum too.
    const out = walk.buf(node.outputs[0], shape, 'act');
    walk.ops.push({ kind: 'add', a, b: { ...b, map: broadcastMap(b.map, shape) }, relu: false, out, nodes });
    return out;
  };
  const top = largest({ ...x, gain: 1 }, walk.buf(x.buf.name, rows, 'act', x.buf.masked ? { masked: x.buf.masked } : {}));
  const share = largest(view(probabilities), walk.buf(`${node.outputs[0]}.largest`, rows, 'act', { known: { min: 0, max: 1 } }));
  const floor = 1 / (2 * classes);
  const log = walk.buf(`${node.outputs[0]}.logarithm`, [...rows, 1], 'act', { known: { min: Math.log(floor), max: 0 } });
  walk.ops.push({ kind: 'unary', x: share, fn: (p) => Math.log(Math.max(p, floor)), out: log, nodes });
  const shifted = add(x, { ...top, gain: -x.gain });
  return add(view(shifted), view(log));
}
