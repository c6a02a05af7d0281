import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrInts, attrNumber } from './attrs.ts';
import type { Buf, Const, View } from './hops.ts';
import { bounds, gatherConst, joinNodes, place, type Walk } from './lazy.ts';
import {
  allOffsets,
  broadcastDims,
  broadcastMap,
  denseMap,
  type IndexMap,
  mapDims,
  product,
  reshapeMap,
  sliceMap,
  transposeMap,
} from './view.ts';
import { isWhole, wholeParts, wholeTotal } from './whole.ts';

const REWRITE = 'Insert a Reshape or Contiguous copy that keeps dimensions whole';

/** Applies an index map change to a value; the values themselves stay where they are. */
function remap(
  walk: Walk,
  node: Node,
  output: string,
  input: string,
  change: (map: IndexMap) => IndexMap | null,
  axisOf?: (axis: number) => number,
): void {
  const lazy = walk.get(input, node);
  if (lazy.k === 'const') {
    const map = change(denseMap(lazy.t.dims));
    if (!map) throw new InputError('the shape change cuts across dimensions', place(node), REWRITE);
    const { steps } = lazy.t;
    const kept =
      steps?.axis === null || (steps && axisOf) ? { steps: steps.axis === null ? steps : { ...steps, axis: axisOf!(steps.axis) } } : {};
    const t: Const = { dims: mapDims(map), data: gatherConst(lazy.t, allOffsets(map)), ...kept };
    walk.set(output, { k: 'const', t, nodes: joinNodes(lazy.nodes, [node]) });
    return;
  }
  if (lazy.k === 'fn' || (lazy.k === 'view' && lazy.view.buf.kind === 'token')) {
    const base: View = lazy.k === 'fn' ? lazy.base : lazy.view;
    const map = change(base.map);
    if (map) {
      const view = { ...base, map };
      const nodes = joinNodes(lazy.nodes, [node]);
      walk.set(output, lazy.k === 'fn' ? { ...lazy, base: view, nodes } : { ...lazy, view, nodes });
      return;
    }
  }
  const { view, nodes } = walk.view(input, node);
  const map = change(view.map) ?? change(copied(walk, node, input, view, nodes).map);
  if (!map) throw new InputError('the shape change cuts across dimensions', place(node), REWRITE);
  const latest = walk.get(input, node);
  const buf = latest.k === 'view' ? latest.view : view;
  walk.set(output, { k: 'view', view: { ...buf, map }, nodes: joinNodes(latest.nodes, [node]) });
}

/** A dense copy of a value whose view no longer is affine in the shape that is asked for. */
function copied(walk: Walk, node: Node, name: string, view: View, nodes: readonly Node[]): View {
  const dims = mapDims(view.map);
  const { known, unmasked, whole, masked, grid } = view.buf;
  const out = walk.buf(view.buf.name, dims, 'act', { known, unmasked, whole, masked, ...(grid ? { grid } : {}) });
  walk.ops.push({ kind: 'concat', parts: [{ ...view, gain: 1 }], axis: 0, out, nodes: joinNodes(nodes, [node]) });
  const copy: View = { buf: out, map: denseMap(dims), gain: view.gain };
  walk.set(name, { k: 'view', view: copy, nodes: [] });
  return copy;
}

/** Reshape, Flatten, Squeeze, Unsqueeze: shape inference has already said what comes out. */
export function reshape(walk: Walk, node: Node): void {
  const dims = outDims(walk, node, 0);
  remap(walk, node, node.outputs[0], node.inputs[0], (map) => reshapeMap(map, dims));
}

export function identity(walk: Walk, node: Node): void {
  const lazy = walk.get(node.inputs[0], node);
  walk.set(node.outputs[0], { ...lazy, nodes: joinNodes(lazy.nodes, [node]) });
}

export function transpose(walk: Walk, node: Node): void {
  const rank = walk.dims(walk.get(node.inputs[0], node)).length;
  const perm = attrInts(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  remap(
    walk,
    node,
    node.outputs[0],
    node.inputs[0],
    (map) => transposeMap(map, perm),
    (axis) => perm.indexOf(axis),
  );
}

export function expand(walk: Walk, node: Node): void {
  const dims = outDims(walk, node, 0);
  remap(walk, node, node.outputs[0], node.inputs[0], (map) => broadcastMap(map, broadcastDims(mapDims(map), dims) ?? dims));
}

/** Slice (attributes up to opset 9, inputs later). */
export function slice(walk: Walk, node: Node): void {
  const ints = (slot: number, attr: string): number[] | null => {
    const name = node.inputs[slot];
    if (!name) return attrInts(node, attr) ?? null;
    const lazy = walk.get(name, node);
    if (lazy.k !== 'const') throw new InputError(`${attr} depend on the data`, place(node), 'Slice with constants');
    return [...lazy.t.data];
  };
  const starts = ints(1, 'starts') ?? [];
  const ends = ints(2, 'ends') ?? [];
  const axes = ints(3, 'axes') ?? starts.map((_, i) => i);
  const steps = ints(4, 'steps') ?? starts.map(() => 1);
  const backwards = steps.findIndex((step) => step < 0);
  if (backwards >= 0 && walk.get(node.inputs[0], node).k !== 'const') {
    const dims = walk.dims(walk.get(node.inputs[0], node));
    const axis = axes[backwards] < 0 ? axes[backwards] + dims.length : axes[backwards];
    if (steps.length > 1) throw new InputError('several dimensions, some backwards', place(node), 'Flip one dimension at a time');
    const first = Math.min(dims[axis] - 1, starts[0] < 0 ? starts[0] + dims[axis] : starts[0]);
    const n = outDims(walk, node, 0)[axis];
    gatherPlaces(
      walk,
      node,
      axis,
      [n],
      Array.from({ length: n }, (_, i) => first + i * steps[0]),
    );
    return;
  }
  remap(walk, node, node.outputs[0], node.inputs[0], (map) => {
    let out: IndexMap | null = map;
    axes.forEach((raw, i) => {
      if (!out) return;
      const dims = mapDims(out);
      const axis = raw < 0 ? raw + dims.length : raw;
      const size = dims[axis];
      const step = steps[i];
      const clamp = (v: number, lo: number, hi: number): number => Math.min(hi, Math.max(lo, v < 0 ? v + size : v));
      const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
      const start = clamp(starts[i], Math.max(0, low), high);
      // Counted from the end unless it lies before the first element, which a negative step may go beyond.
      const end = step < 0 && ends[i] < -size ? -1 : clamp(ends[i], low, high);
      const n = Math.max(0, Math.ceil((end - start) / step));
      if (n === 0) throw new InputError('the slice is empty', place(node));
      out = sliceMap(out, axis, start, n, step);
    });
    return out;
  });
}

export function split(walk: Walk, node: Node): void {
  const dims = walk.dims(walk.get(node.inputs[0], node));
  const raw = attrNumber(node, 'axis') ?? 0;
  const axis = raw < 0 ? raw + dims.length : raw;
  let start = 0;
  node.outputs.forEach((output, i) => {
    const n = outDims(walk, node, i)[axis];
    const from = start;
    start += n;
    if (output) remap(walk, node, output, node.inputs[0], (map) => sliceMap(map, axis, from, n));
  });
}

/** Rows of a constant table chosen by tokens (an embedding), or a constant choice from a computed tensor (a slice). */
export function gather(walk: Walk, node: Node): void {
  const [dataName, indexName] = node.inputs;
  const data = walk.get(dataName, node);
  const index = walk.get(indexName, node);
  const dims = walk.dims(data);
  const raw = attrNumber(node, 'axis') ?? 0;
  const axis = raw < 0 ? raw + dims.length : raw;
  if (index.k === 'const') {
    const places = Array.from(index.t.data, (i) => (i < 0 ? i + dims[axis] : i));
    gatherPlaces(walk, node, axis, index.t.dims, places);
    return;
  }
  const tokens = index.k === 'fn' ? index.base : index.k === 'view' ? index.view : null;
  if (data.k !== 'const' || axis !== 0 || !tokens) {
    throw new InputError(
      'places in a computed value depend on the data',
      place(node),
      'Only an embedding (constant table, axis 0) can be gathered by data',
    );
  }
  if (tokens.buf.kind !== 'token') {
    gatherCounted(walk, node, data.t, joinNodes(index.nodes, data.nodes, [node]));
    return;
  }
  const width = product(dims.slice(1));
  let table: Const = { dims: [dims[0], width], data: data.t.data };
  if (index.k === 'fn') {
    const n = tokens.buf.vocabulary ?? 256;
    const rows = new Float64Array(n * width);
    for (let t = 0; t < n; t++) {
      const row = Math.min(dims[0] - 1, Math.max(0, Math.trunc(index.fn(t * tokens.gain))));
      rows.set(data.t.data.subarray(row * width, (row + 1) * width), t * width);
    }
    table = { dims: [n, width], data: rows };
  }
  const outShape = [...mapDims(tokens.map), ...dims.slice(1)];
  const out = walk.buf(node.outputs[0], outShape, 'act', { known: bounds(table.data) });
  walk.ops.push({ kind: 'embed', tokens: { ...tokens, gain: 1 }, table, out, nodes: joinNodes(index.nodes, data.nodes, [node]) });
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map: denseMap(outShape), gain: 1 }, nodes: [] });
}

/** Chosen constant places along an axis: a view where they are evenly spaced in every dimension of the index, copies of runs otherwise. */
function gatherPlaces(walk: Walk, node: Node, axis: number, indexDims: readonly number[], places: readonly number[]): void {
  const [name] = node.inputs;
  const data = walk.get(name, node);
  const dims = walk.dims(data);
  const shape = [...dims.slice(0, axis), ...indexDims, ...dims.slice(axis + 1)];
  if (data.k === 'const') {
    const inner = product(dims.slice(axis + 1));
    const chosen = new Float64Array(product(shape));
    for (let o = 0; o < product(dims.slice(0, axis)); o++)
      for (const [i, at] of places.entries())
        for (let j = 0; j < inner; j++) chosen[(o * places.length + i) * inner + j] = data.t.data[(o * dims[axis] + at) * inner + j];
    walk.set(node.outputs[0], { k: 'const', t: { dims: shape, data: chosen }, nodes: joinNodes(data.nodes, [node]) });
    return;
  }
  const steps = evenSteps(indexDims, places);
  if (steps) {
    remap(walk, node, node.outputs[0], name, (map) => gridMap(map, axis, places[0], indexDims, steps));
    return;
  }
  const { view, nodes } = walk.view(name, node);
  const runs: { start: number; n: number }[] = [];
  for (const at of places) {
    const last = runs[runs.length - 1];
    if (last && at === last.start + last.n) last.n++;
    else runs.push({ start: at, n: 1 });
  }
  const parts = runs.map(({ start, n }): View | null => {
    const map = sliceMap(view.map, axis, start, n);
    return map && { ...view, map };
  });
  if (parts.length > MOST_RUNS || parts.includes(null))
    throw new InputError(`the chosen places come in ${parts.length} runs`, place(node), 'Gather places that are evenly spaced');
  const joined = [...dims.slice(0, axis), places.length, ...dims.slice(axis + 1)];
  const { known, unmasked, whole } = view.buf;
  const extra = known && view.gain === 1 ? { known, unmasked, whole } : {};
  const out = walk.buf(node.outputs[0], joined, 'act', { ...extra, ...(view.buf.masked ? { masked: view.buf.masked } : {}) });
  walk.ops.push({ kind: 'concat', parts: parts as View[], axis, out, nodes: joinNodes(nodes, [node]) });
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map: reshapeMap(denseMap(joined), shape) as IndexMap, gain: 1 }, nodes: [] });
}

/** Each run is a call of a kernel for each row. */
const MOST_RUNS = 256;

/** The distance between neighbours in every dimension of an index, or null when it is not the same everywhere. */
function evenSteps(dims: readonly number[], places: readonly number[]): number[] | null {
  const strides = denseMap(dims).dims.map((dim) => dim[0]?.stride ?? 0);
  const steps = strides.map((stride) => (stride > 0 ? places[stride] - places[0] : 0));
  const even = places.every((at, i) => {
    let expected = places[0];
    strides.forEach((stride, d) => {
      if (stride > 0) expected += (Math.floor(i / stride) % dims[d]) * steps[d];
    });
    return at === expected;
  });
  return even && steps.every((step) => step >= 0) ? steps : null;
}

/** Dimension `axis` replaced by a grid of places. */
function gridMap(map: IndexMap, axis: number, start: number, dims: readonly number[], steps: readonly number[]): IndexMap | null {
  const dim = map.dims[axis];
  if (dim.length > 1) {
    const [n, step] = [product(dims), steps[steps.length - 1] ?? 1];
    const line = dims.every((size, d) => d === dims.length - 1 || size === 1);
    const cut = line ? sliceMap(map, axis, start, n, step || 1) : null;
    return cut && reshapeMap(cut, [...mapDims(map).slice(0, axis), ...dims, ...mapDims(map).slice(axis + 1)]);
  }
  // A dimension of one has no factor.
  const stride = dim[0]?.stride ?? 0;
  const grid = dims.map((n, d) => (n === 1 ? [] : [{ n, stride: steps[d] * stride }]));
  return { off: map.off + start * stride, dims: [...map.dims.slice(0, axis), ...grid, ...map.dims.slice(axis + 1)] };
}

/** Rows of a constant table chosen by whole numbers that were computed from tokens, such as positions that skip padding. */
function gatherCounted(walk: Walk, node: Node, t: Const, nodes: readonly Node[]): void {
  const { view } = walk.view(node.inputs[1], node);
  if (!isWhole(view))
    throw new InputError(
      'places depend on computed values',
      place(node),
      'Only whole numbers that follow from tokens choose rows of a table',
    );
  const dims = mapDims(view.map);
  // Units of one, as tokens have them.
  const places = walk.buf(`${node.outputs[0]}.places`, dims, 'act', { whole: true, known: { min: 0, max: 32767 } });
  walk.ops.push({ kind: 'concat', parts: [view], axis: 0, out: places, nodes });
  const width = product(t.dims.slice(1));
  const table: Const = { dims: [t.dims[0], width], data: t.data };
  const shape = [...dims, ...t.dims.slice(1)];
  const out = walk.buf(node.outputs[0], shape, 'act', { known: bounds(table.data) });
  walk.ops.push({ kind: 'embed', tokens: { buf: places, map: denseMap(dims), gain: 1 }, table, out, nodes });
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map: denseMap(shape), gain: 1 }, nodes: [] });
}

/** Running sums along one axis: a product with a triangle of ones. */
export function cumSum(walk: Walk, node: Node): void {
  const { view, nodes: before } = walk.view(node.inputs[0], node);
  const at = walk.get(node.inputs[1], node);
  if (at.k !== 'const') throw new InputError('the axis depends on the data', place(node), 'Use a constant axis');
  const dims = mapDims(view.map);
  const axis = at.t.data[0] < 0 ? at.t.data[0] + dims.length : at.t.data[0];
  const n = dims[axis];
  const [exclusive, reverse] = [attrNumber(node, 'exclusive') ?? 0, attrNumber(node, 'reverse') ?? 0];
  const weights: Const = { dims: [n, n], data: new Float64Array(n * n) };
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) if ((reverse ? j - i : i - j) >= (exclusive ? 1 : 0)) weights.data[i * n + j] = 1;
  const perm = [...dims.map((_, i) => i).filter((i) => i !== axis), axis];
  const x: View = { ...view, map: transposeMap(view.map, perm) };
  const out = walk.buf(node.outputs[0], mapDims(x.map), 'act', wholeTotal(view, n));
  walk.ops.push({ kind: 'linear', a: x, weights, bias: null, relu: false, out, nodes: joinNodes(before, [node]) });
  const back = perm.map((_, i) => perm.indexOf(i));
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map: transposeMap(denseMap(out.dims), back), gain: 1 }, nodes: [] });
}

/** Repeats of whole tensors: dimensions that are walked again from their start. */
export function tile(walk: Walk, node: Node): void {
  const repeats = walk.get(node.inputs[1], node);
  if (repeats.k !== 'const') throw new InputError('repeats depend on the data', place(node), 'Use constant repeats');
  remap(walk, node, node.outputs[0], node.inputs[0], (map) => ({
    off: map.off,
    dims: map.dims.map((dim, i) => (repeats.t.data[i] === 1 ? dim : [{ n: repeats.t.data[i], stride: 0 }, ...dim])),
  }));
}

/** The integers that all parts have, if they have the same. */
function sharedGrid(parts: readonly (View | Const)[]): { grid?: Buf['grid'] } {
  const [first] = parts;
  const grid = 'buf' in first ? first.buf.grid : undefined;
  const same = grid && parts.every((p) => 'buf' in p && p.gain === 1 && p.buf.grid?.scale === grid.scale && p.buf.grid.min === grid.min);
  return same ? { grid } : {};
}

export function concat(walk: Walk, node: Node): void {
  const parts: (View | Const)[] = [];
  const nodes: Node[] = [node];
  for (const name of node.inputs) {
    const lazy = walk.get(name, node);
    if (lazy.k === 'const') {
      parts.push(lazy.t);
      continue;
    }
    const { view, nodes: before } = walk.view(name, node);
    parts.push(view);
    nodes.push(...before);
  }
  const dims = outDims(walk, node, 0);
  const raw = attrNumber(node, 'axis') ?? 0;
  const axis = raw < 0 ? raw + dims.length : raw;
  const out = walk.buf(node.outputs[0], dims, 'act', { ...sharedGrid(parts), ...wholeParts(parts) });
  walk.ops.push({ kind: 'concat', parts, axis, out, nodes: joinNodes(nodes) });
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 }, nodes: [] });
}

function outDims(walk: Walk, node: Node, slot: number): readonly number[] {
  const info = walk.model.values.get(node.outputs[slot]);
  if (!info) throw new InputError(`the shape of "${node.outputs[slot]}" is unknown`, place(node), 'Give every dimension a number');
  return info.dims;
}
