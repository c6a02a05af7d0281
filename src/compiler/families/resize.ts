import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber, attrString } from '../graph/attrs.ts';
import type { Const, View } from '../graph/hops.ts';
import { joinNodes, place, type Walk } from '../graph/lazy.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { type Dim, denseStrides, mapDims, product, reshapeMap, sliceMap, transposeMap } from '../graph/view.ts';
import { emitTake } from './take.ts';

/** Where element `i` of a resized dimension lies among the elements of the given one (ONNX Resize: coordinate_transformation_mode). */
function coordinate(node: Node, i: number, from: number, to: number, scale: number, old: boolean): number {
  const mode = old ? 'asymmetric' : (attrString(node, 'coordinate_transformation_mode') ?? 'half_pixel');
  switch (mode) {
    case 'asymmetric':
      return i / scale;
    case 'align_corners':
      return to === 1 ? 0 : (i * (from - 1)) / (to - 1);
    case 'half_pixel':
      return (i + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return to > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case 'half_pixel_symmetric': {
      const adjustment = to / (scale * from);
      return (from / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5;
    }
    default:
      throw new InputError(`coordinates by "${mode}"`, place(node), 'Use asymmetric, half_pixel or align_corners');
  }
}

function nearest(node: Node, x: number, old: boolean): number {
  switch (old ? 'floor' : (attrString(node, 'nearest_mode') ?? 'round_prefer_floor')) {
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    default:
      return Math.ceil(x - 0.5);
  }
}

/** How far around a coordinate elements count, and how much one at `distance` does. */
function neighbours(node: Node, mode: string): { reach: number; share: (distance: number) => number } {
  if (mode === 'linear') return { reach: 1, share: (d) => 1 - d };
  if (mode !== 'cubic') throw new InputError(`mode "${mode}"`, place(node), 'Use nearest, linear or cubic');
  const a = attrNumber(node, 'cubic_coeff_a') ?? -0.75;
  return {
    reach: 2,
    share: (d) => (d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a),
  };
}

/** Rows of shares: what each resized element takes from each given one. */
function shares(node: Node, from: number, to: number, at: (i: number) => number, mode: string): Const {
  const { reach, share } = neighbours(node, mode);
  const outside = (attrNumber(node, 'exclude_outside') ?? 0) !== 0;
  const data = new Float64Array(to * from);
  for (let i = 0; i < to; i++) {
    const x = mode === 'linear' ? Math.max(0, Math.min(from - 1, at(i))) : at(i);
    const first = Math.floor(x) - reach + 1;
    const row = data.subarray(i * from, (i + 1) * from);
    for (let j = first; j < first + 2 * reach; j++) {
      if (outside && (j < 0 || j >= from)) continue;
      // Beyond the ends the last elements repeat.
      row[Math.max(0, Math.min(from - 1, j))]! += share(Math.abs(x - j));
    }
    const sum = outside ? row.reduce((p, q) => p + q) : 1;
    for (let j = 0; j < from; j++) row[j]! /= sum;
  }
  return { dims: [to, from], data };
}

/** Nearest neighbours repeat or leave out elements; linear and cubic interpolation are a product with constants along each dimension. */
function resize(walk: Walk, node: Node): void {
  const mode = attrString(node, 'mode') ?? 'nearest';
  if (attrNumber(node, 'antialias')) throw new InputError('antialiasing', place(node), 'Resize without it, or use AveragePool');
  const { view, nodes: before } = walk.view(node.inputs[0]!, node);
  const nodes = joinNodes(before, [node]);
  const from = mapDims(view.map);
  const to = walk.model.values.get(node.outputs[0]!)!.dims;
  const old = node.op === 'Upsample' || walk.model.opset < 11;
  const scales = scalesOf(walk, node, from, to, old);
  let now: View = view;
  const last = to.findLastIndex((n, axis) => n !== from[axis]);
  to.forEach((n, axis) => {
    const at = (i: number): number => coordinate(node, i, from[axis]!, n, scales[axis]!, old);
    const name = axis === last ? node.outputs[0]! : `${node.outputs[0]}.axis${axis}`;
    if (n === from[axis] && scales[axis] === 1) return;
    if (mode !== 'nearest') {
      now = interpolated(walk, node, now, axis, shares(node, from[axis]!, n, at, mode === 'bilinear' ? 'linear' : mode), name, nodes);
      return;
    }
    const places = Array.from({ length: n }, (_, i) => Math.min(from[axis]! - 1, Math.max(0, nearest(node, at(i), old))));
    now = chosen(walk, node, now, axis, places, name, nodes);
  });
  walk.set(node.outputs[0]!, { k: 'view', view: now, nodes });
}

/** One dimension in other places: a view where they are even, copies of elements otherwise. */
function chosen(walk: Walk, node: Node, view: View, axis: number, places: readonly number[], name: string, nodes: readonly Node[]): View {
  const dims = mapDims(view.map);
  const n = places.length;
  const times = n / dims[axis]!;
  if (Number.isInteger(times) && places.every((p, i) => p === Math.floor(i / times))) {
    const repeated: Dim = [...view.map.dims[axis]!, { n: times, stride: 0 }];
    return { ...view, map: { ...view.map, dims: view.map.dims.map((dim, i) => (i === axis ? repeated : dim)) } };
  }
  const step = n > 1 ? places[1]! - places[0]! : 1;
  const cut = step > 0 && places.every((p, i) => p === places[0]! + i * step) ? sliceMap(view.map, axis, places[0]!, n, step) : null;
  if (cut) return { ...view, map: cut };
  const shape = dims.map((d, i) => (i === axis ? n : d));
  const [own, strides] = [denseStrides(shape), denseStrides(dims)];
  const flat = Int32Array.from({ length: product(shape) }, (_, e) =>
    shape.reduce((sum, size, d) => {
      const index = Math.floor(e / own[d]!) % size;
      return sum + (d === axis ? places[index]! : index) * strides[d]!;
    }, 0),
  );
  return emitTake(walk, node, view, { name, dims: shape, nodes, places: flat });
}

/** A product with constants along one dimension; the result lies as the value does. */
function interpolated(walk: Walk, node: Node, view: View, axis: number, weights: Const, name: string, nodes: readonly Node[]): View {
  const rank = view.map.dims.length;
  const perm = [...view.map.dims.map((_, i) => i).filter((i) => i !== axis), axis];
  const a: View = { ...view, map: transposeMap(view.map, perm) };
  const dims = [...mapDims(a.map).slice(0, -1), weights.dims[0]!];
  const out = walk.emit(name, { k: 'linear', a, weights, bias: null, dims, nodes }, node);
  const back = Array.from({ length: rank }, (_, i) => perm.indexOf(i));
  return { ...out, map: transposeMap(out.map, back) };
}

function scalesOf(walk: Walk, node: Node, from: readonly number[], to: readonly number[], old: boolean): number[] {
  const name = node.inputs[old ? 1 : 2];
  const lazy = name ? walk.get(name, node) : null;
  const given = lazy?.k === 'const' && lazy.t.data.length === from.length ? [...lazy.t.data] : null;
  return given ?? from.map((n, i) => to[i] / n);
}

/** DepthToSpace and SpaceToDepth: a Reshape, a Transpose and a Reshape. */
function blocks(walk: Walk, node: Node): void {
  const { view, nodes } = walk.view(node.inputs[0], node);
  const [batch, channels, height, width] = mapDims(view.map);
  const n = attrNumber(node, 'blocksize')!;
  const out = walk.model.values.get(node.outputs[0])!.dims;
  let shape: number[];
  let perm: number[];
  if (node.op === 'SpaceToDepth') {
    shape = [batch, channels, height / n, n, width / n, n];
    perm = [0, 3, 5, 1, 2, 4];
  } else if ((attrString(node, 'mode') ?? 'DCR') === 'CRD') {
    shape = [batch, channels / (n * n), n, n, height, width];
    perm = [0, 1, 4, 2, 5, 3];
  } else {
    shape = [batch, n, n, channels / (n * n), height, width];
    perm = [0, 3, 4, 1, 5, 2];
  }
  const split = reshapeMap(view.map, shape);
  const map = split && reshapeMap(transposeMap(split, perm), out);
  if (!map) throw new InputError('the shape change cuts across dimensions', place(node), 'Insert a Reshape that keeps dimensions whole');
  walk.set(node.outputs[0], { k: 'view', view: { ...view, map }, nodes: joinNodes(nodes, [node]) });
}

export const RESIZE: Rules = new Map<string, OpRule>([
  ['DepthToSpace', rule(blocks, 'a view')],
  [
    'Resize',
    rule(resize, 'a view, copies of elements, or a product along each dimension', 'modes nearest, linear and cubic; no antialiasing'),
  ],
  ['SpaceToDepth', rule(blocks, 'a view')],
  [
    'Upsample',
    rule(resize, 'a view, copies of elements, or a product along each dimension', 'modes nearest, linear and cubic; no antialiasing'),
  ],
]);
