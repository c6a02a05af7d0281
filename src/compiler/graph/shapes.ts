import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrInts, attrNumber } from './attrs.ts';
import type { Const, View } from './hops.ts';
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

const REWRITE = 'Insert a Reshape or Contiguous copy that keeps dimensions whole';

/** Applies an index map change to a value; the values themselves stay where they are. */
function remap(walk: Walk, node: Node, output: string, input: string, change: (map: IndexMap) => IndexMap | null): void {
  const lazy = walk.get(input, node);
  if (lazy.k === 'const') {
    const map = change(denseMap(lazy.t.dims));
    if (!map) throw new InputError('the shape change cuts across dimensions', place(node), REWRITE);
    const t: Const = { dims: mapDims(map), data: gatherConst(lazy.t, allOffsets(map)) };
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
  const out = walk.buf(view.buf.name, dims, 'act', view.buf.known ? { known: view.buf.known } : {});
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
  remap(walk, node, node.outputs[0], node.inputs[0], (map) => transposeMap(map, perm));
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
  remap(walk, node, node.outputs[0], node.inputs[0], (map) => {
    let out: IndexMap | null = map;
    axes.forEach((raw, i) => {
      if (!out) return;
      const dims = mapDims(out);
      const axis = raw < 0 ? raw + dims.length : raw;
      const size = dims[axis];
      const step = steps[i];
      if (step <= 0) throw new InputError(`step ${step}`, place(node), 'Slice with positive steps');
      const clamp = (v: number, lo: number, hi: number): number => Math.min(hi, Math.max(lo, v < 0 ? v + size : v));
      const start = clamp(starts[i], 0, size);
      const end = clamp(ends[i], 0, size);
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
    const wanted = [...index.t.data].map((i) => (i < 0 ? i + dims[axis] : i));
    const step = wanted.length > 1 ? wanted[1] - wanted[0] : 1;
    if (data.k !== 'const' && wanted.some((v, i) => v !== wanted[0] + i * step)) {
      throw new InputError('the chosen places are not evenly spaced', place(node), 'Gather a contiguous range, or several and Concat');
    }
    const shape = [...dims.slice(0, axis), ...index.t.dims, ...dims.slice(axis + 1)];
    remap(walk, node, node.outputs[0], dataName, (map) => {
      const cut = sliceMap(map, axis, wanted[0], wanted.length, step);
      return cut && reshapeMap(cut, shape);
    });
    return;
  }
  const tokens = index.k === 'fn' ? index.base : index.k === 'view' ? index.view : null;
  if (data.k !== 'const' || axis !== 0 || !tokens || tokens.buf.kind !== 'token') {
    throw new InputError(
      'places depend on computed values',
      place(node),
      'Only an embedding (constant table, axis 0, tokens from an input) can be gathered by data',
    );
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
  const out = walk.buf(node.outputs[0], dims, 'act');
  walk.ops.push({ kind: 'concat', parts, axis, out, nodes: joinNodes(nodes) });
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 }, nodes: [] });
}

function outDims(walk: Walk, node: Node, slot: number): readonly number[] {
  const info = walk.model.values.get(node.outputs[slot]);
  if (!info) throw new InputError(`the shape of "${node.outputs[slot]}" is unknown`, place(node), 'Give every dimension a number');
  return info.dims;
}
