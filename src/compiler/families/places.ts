import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber, attrString } from '../graph/attrs.ts';
import { emitTwo } from '../graph/elementwise.ts';
import type { Buf, Const, View } from '../graph/hops.ts';
import { joinNodes, type Lazy, place, type Walk } from '../graph/lazy.ts';
import { isMaskValue, MASK_FLOOR, moderate } from '../graph/masks.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { gather } from '../graph/shapes.ts';
import { broadcastMap, denseMap, denseStrides, type IndexMap, mapDims, product, sliceMap } from '../graph/view.ts';
import { dense, emitPut, emitTake, type Index } from './take.ts';

const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const wrapped = (index: number, n: number): number => (index < 0 ? index + n : index);

/** A value as elements that can be taken: constants come into memory. */
const viewOf = (walk: Walk, node: Node, slot: number): { view: View; nodes: readonly Node[] } => walk.view(node.inputs[slot]!, node);

/** Row-major places of `dims` with dimension `axis` at zero, or wherever `at` says. */
function placesAlong(shape: readonly number[], dims: readonly number[], axis: number, at: (e: number) => number): Int32Array {
  const [own, strides] = [denseStrides(shape), denseStrides(dims)];
  return Int32Array.from({ length: product(shape) }, (_, e) =>
    shape.reduce((sum, n, d) => {
      const index = Math.floor(e / own[d]!) % n;
      return sum + (d === axis ? at(e) : index) * strides[d]!;
    }, 0),
  );
}

function setView(walk: Walk, node: Node, view: View): void {
  walk.set(node.outputs[0]!, { k: 'view', view, nodes: [] });
}

/** GatherElements: one element of the data for each index, in its own row. */
function gatherElements(walk: Walk, node: Node): void {
  const [data, index] = node.inputs.map((name) => walk.get(name, node));
  const dims = walk.dims(data!);
  const shape = walk.dims(index!);
  const axis = positive(attrNumber(node, 'axis') ?? 0, dims.length);
  const given = index!.k === 'const' ? index!.t.data : null;
  const places = placesAlong(shape, dims, axis, (e) => (given ? wrapped(given[e]!, dims[axis]!) : 0));
  if (given && data!.k === 'const') {
    setConst(walk, node, shape, places, data!);
    return;
  }
  const { view, nodes } = viewOf(walk, node, 0);
  const indices: Index[] = given ? [] : [{ view: viewOf(walk, node, 1).view, axis }];
  setView(
    walk,
    node,
    emitTake(walk, node, view, { name: node.outputs[0]!, dims: shape, nodes: joinNodes(nodes, [node]), places, indices }),
  );
}

function setConst(walk: Walk, node: Node, dims: readonly number[], places: Int32Array, data: Lazy & { k: 'const' }): void {
  const t: Const = { dims, data: Float64Array.from(places, (i) => data.t.data[i]!) };
  walk.set(node.outputs[0]!, { k: 'const', t, nodes: joinNodes(data.nodes, [node]) });
}

/** Gather of computed rows by computed whole numbers; whatever else is asked for has no need of this. */
function gatherRows(walk: Walk, node: Node): void {
  const [data, index] = node.inputs.map((name) => walk.get(name, node));
  const dims = walk.dims(data!);
  const axis = positive(attrNumber(node, 'axis') ?? 0, dims.length);
  if (index!.k === 'const' || (data!.k === 'const' && axis === 0)) {
    gather(walk, node);
    return;
  }
  const { view, nodes } = viewOf(walk, node, 0);
  const chosen = viewOf(walk, node, 1).view;
  const rows = mapDims(chosen.map);
  const shape = [...dims.slice(0, axis), ...rows, ...dims.slice(axis + 1)];
  // The index as one number for each element of the result.
  const before: IndexMap = {
    off: chosen.map.off,
    dims: [...dims.slice(0, axis).map(() => []), ...chosen.map.dims, ...dims.slice(axis + 1).map(() => [])],
  };
  const wide: View = { ...chosen, map: broadcastMap(before, shape) };
  const strides = denseStrides(shape);
  const from = denseStrides(dims);
  const places = Int32Array.from({ length: product(shape) }, (_, e) =>
    dims.reduce((sum, _n, d) => {
      if (d === axis) return sum;
      const at = d < axis ? d : d + rows.length - 1;
      return sum + (Math.floor(e / strides[at]!) % shape[at]!) * from[d]!;
    }, 0),
  );
  const made = emitTake(walk, node, view, {
    name: node.outputs[0]!,
    dims: shape,
    nodes: joinNodes(nodes, [node]),
    places,
    indices: [{ view: wide, axis }],
  });
  setView(walk, node, made);
}

/** What the last dimension of the indices of GatherND and ScatterND says: rows, and how long the part behind each is. */
function tuples(walk: Walk, node: Node, dims: readonly number[], slot: number, batch = 0) {
  const index = walk.get(node.inputs[slot]!, node);
  const shape = walk.dims(index);
  const depth = shape[shape.length - 1]!;
  const rows = shape.slice(0, -1);
  const inner = dims.slice(batch + depth);
  return { index, depth, rows, inner, shape: [...rows, ...inner] };
}

/** For each element of the result of GatherND (or of the updates of ScatterND): its place in the data, computed indices as zero. */
function tuplePlaces({ index, depth, rows, inner, shape }: ReturnType<typeof tuples>, dims: readonly number[], batch: number): Int32Array {
  const strides = denseStrides(dims);
  const size = product(inner);
  const given = index.k === 'const' ? index.t.data : null;
  const own = denseStrides(rows);
  return Int32Array.from({ length: product(shape) }, (_, e) => {
    const row = Math.floor(e / size);
    let at = e % size;
    for (let d = 0; d < batch; d++) at += (Math.floor(row / own[d]!) % rows[d]!) * strides[d]!;
    if (given) for (let d = 0; d < depth; d++) at += wrapped(given[row * depth + d]!, dims[batch + d]!) * strides[batch + d]!;
    return at;
  });
}

/** Each component of computed tuples, as one number for each element of `shape`. */
function tupleIndices(walk: Walk, node: Node, slot: number, { depth, inner, shape }: ReturnType<typeof tuples>, batch: number): Index[] {
  const { view } = viewOf(walk, node, slot);
  if (depth > MOST_INDICES)
    throw new InputError(`tuples of ${depth} computed indices`, place(node), `Index ${MOST_INDICES} dimensions at most, or by constants`);
  return Array.from({ length: depth }, (_, d): Index => {
    const map = sliceMap(view.map, view.map.dims.length - 1, d, 1) as IndexMap;
    const rows: IndexMap = { off: map.off, dims: [...map.dims.slice(0, -1), ...inner.map(() => [])] };
    return { view: { ...view, map: broadcastMap(rows, shape) }, axis: batch + d };
  });
}

/** Operands that a kernel has room for. */
const MOST_INDICES = 2;

function gatherTuples(walk: Walk, node: Node): void {
  const data = walk.get(node.inputs[0]!, node);
  const dims = walk.dims(data);
  const batch = attrNumber(node, 'batch_dims') ?? 0;
  const parts = tuples(walk, node, dims, 1, batch);
  const places = tuplePlaces(parts, dims, batch);
  if (parts.index.k === 'const' && data.k === 'const') {
    setConst(walk, node, parts.shape, places, data);
    return;
  }
  const { view, nodes } = viewOf(walk, node, 0);
  const indices = parts.index.k === 'const' ? [] : tupleIndices(walk, node, 1, parts, batch);
  const taken = { name: node.outputs[0]!, dims: parts.shape, nodes: joinNodes(nodes, [node]), places, indices };
  setView(walk, node, emitTake(walk, node, view, taken));
}

/** As far as additive masks fall below the values beside them. */
const BELOW = 14;

/** What elements are put into; constants that hold masks are stored as such, and what comes between them keeps its own scale. */
function target(walk: Walk, node: Node, updates: View): { view: View; nodes: readonly Node[]; extra: Partial<Buf> } {
  const data = walk.get(node.inputs[0]!, node);
  if (data.k !== 'const' || !data.t.data.some(isMaskValue)) return { ...viewOf(walk, node, 0), extra: {} };
  const bound = moderate(data.t.data);
  const { dims } = data.t;
  const out = walk.buf(`${node.outputs[0]}.filled`, dims, 'act', { known: { min: MASK_FLOOR, max: bound }, unmasked: bound });
  const floored: Const = { dims, data: data.t.data.map((v) => Math.max(MASK_FLOOR, v)) };
  walk.ops.push({ kind: 'concat', parts: [floored], axis: 0, out, nodes: [node] });
  return {
    view: { buf: out, map: denseMap(dims), gain: 1 },
    nodes: data.nodes,
    extra: { masked: { of: [updates], extra: bound, below: BELOW } },
  };
}

function scatter(walk: Walk, node: Node, index: Lazy, places: Int32Array, indicesOf: () => readonly Index[]): void {
  const reduction = attrString(node, 'reduction') ?? 'none';
  if (reduction !== 'none') {
    if (index.k !== 'const')
      throw new InputError(`reduction "${reduction}" at computed places`, place(node), 'Scatter at constant places, or without reduction');
    setView(walk, node, reduced(walk, node, reduction, places));
    return;
  }
  const dims = walk.dims(walk.get(node.inputs[0]!, node));
  const updates = viewOf(walk, node, 2);
  const base = target(walk, node, updates.view);
  const nodes = joinNodes(base.nodes, updates.nodes, [node]);
  const indices = index.k === 'const' ? [] : indicesOf();
  const taken = { name: node.outputs[0]!, dims, nodes, places, indices };
  setView(walk, node, emitPut(walk, node, base.view, updates.view, taken, base.extra));
}

/** Elements of several updates beside the one that they are combined with. */
const MOST_UPDATES = 64;

/** The data with updates added, multiplied, or compared: for each element a row of itself and its updates is taken, and reduced. */
function reduced(walk: Walk, node: Node, reduction: string, places: Int32Array): View {
  const name = node.outputs[0]!;
  const [data, updates] = [0, 2].map((slot) => viewOf(walk, node, slot));
  const nodes = joinNodes(data!.nodes, updates!.nodes, [node]);
  const dims = mapDims(data!.view.map);
  const size = product(dims);
  const own: number[][] = Array.from({ length: size }, (_, e) => [e]);
  places.forEach((at, i) => void own[at]!.push(size + i));
  const width = Math.max(...own.map((row) => row.length));
  if (width > MOST_UPDATES)
    throw new InputError(`${width - 1} updates of one element`, place(node), 'Multiply by a constant matrix of zeros and ones instead');
  const flat = (view: View, what: string): View => {
    const whole = dense(walk, view, `${name}.${what}`, nodes);
    return { ...whole, map: denseMap([product(mapDims(view.map))]) };
  };
  const neutral: Const = { dims: [1], data: Float64Array.of(reduction === 'mul' ? 1 : 0) };
  const parts = [flat(data!.view, 'data'), flat(updates!.view, 'updates'), neutral];
  const total = size + places.length + 1;
  const all = walk.buf(`${name}.all`, [total], 'act');
  walk.ops.push({ kind: 'concat', parts, axis: 0, out: all, nodes });
  // The largest of a row is the same if one of it stands there twice.
  const spare = (row: readonly number[]): number => (reduction === 'max' || reduction === 'min' ? row[0]! : total - 1);
  const chosen = Int32Array.from(own.flatMap((row) => [...row, ...new Array<number>(width - row.length).fill(spare(row))]));
  const shape = [...dims, width];
  const source: View = { buf: all, map: denseMap([total]), gain: 1 };
  const x = emitTake(walk, node, source, { name: `${name}.rows`, dims: shape, nodes, places: chosen });
  if (reduction === 'mul') {
    const factor = (i: number): View => {
      const map = sliceMap(x.map, dims.length, i, 1) as IndexMap;
      return { ...x, map: { off: map.off, dims: map.dims.slice(0, -1) } };
    };
    let result = factor(0);
    for (let i = 1; i < width; i++)
      result = emitTwo(walk, node, 'mul', result, factor(i), nodes, i === width - 1 ? name : `${name}.product${i}`).view;
    return result;
  }
  const mode = reduction === 'add' ? 'sum' : reduction === 'max' || reduction === 'min' ? reduction : null;
  if (!mode) throw new InputError(`reduction "${reduction}"`, place(node), 'Use add, mul, max or min');
  const out = walk.buf(name, dims, 'act');
  walk.ops.push({ kind: 'reduce', x, axes: [dims.length], mode, out, nodes });
  return { buf: out, map: denseMap(dims), gain: 1 };
}

function scatterElements(walk: Walk, node: Node): void {
  const dims = walk.dims(walk.get(node.inputs[0]!, node));
  const index = walk.get(node.inputs[1]!, node);
  const shape = walk.dims(index);
  const axis = positive(attrNumber(node, 'axis') ?? 0, dims.length);
  const given = index.k === 'const' ? index.t.data : null;
  const places = placesAlong(shape, dims, axis, (e) => (given ? wrapped(given[e]!, dims[axis]!) : 0));
  scatter(walk, node, index, places, () => [{ view: viewOf(walk, node, 1).view, axis }]);
}

function scatterTuples(walk: Walk, node: Node): void {
  const dims = walk.dims(walk.get(node.inputs[0]!, node));
  const parts = tuples(walk, node, dims, 1);
  scatter(walk, node, parts.index, tuplePlaces(parts, dims, 0), () => tupleIndices(walk, node, 1, parts, 0));
}

const BY = 'by constants, tokens, or whole numbers computed from them (ArgMax, TopK, counts)';

export const PLACES: Rules = new Map<string, OpRule>([
  ['Gather', rule(gatherRows, 'an embedding lookup, a view, copies of runs, or of elements', BY)],
  ['GatherElements', rule(gatherElements, 'copies of elements', BY)],
  ['GatherND', rule(gatherTuples, 'copies of elements', `${BY}; two computed indices at most`)],
  ['ScatterElements', rule(scatterElements, 'a copy, and copies of elements into it', `${BY}; a reduction at constant places`)],
  [
    'ScatterND',
    rule(scatterTuples, 'a copy, and copies of elements into it', `${BY}; a reduction at constant places; two computed indices at most`),
  ],
]);
