import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber, attrString } from '../graph/attrs.ts';
import { joinNodes, place, type Walk } from '../graph/lazy.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { type Dim, type IndexMap, mapDims, reshapeMap, sliceMap, transposeMap } from '../graph/view.ts';

/** Where Resize takes element `i` of a dimension from (its specification: coordinate_transformation_mode, nearest_mode). */
function sourceOf(node: Node, i: number, from: number, to: number, scale: number, old: boolean): number {
  const mode = old ? 'asymmetric' : (attrString(node, 'coordinate_transformation_mode') ?? 'half_pixel');
  const round = old ? 'floor' : (attrString(node, 'nearest_mode') ?? 'round_prefer_floor');
  let x: number;
  if (mode === 'asymmetric') x = i / scale;
  else if (mode === 'align_corners') x = to === 1 ? 0 : (i * (from - 1)) / (to - 1);
  else if (mode === 'half_pixel' || (mode === 'pytorch_half_pixel' && to > 1)) x = (i + 0.5) / scale - 0.5;
  else if (mode === 'pytorch_half_pixel') x = 0;
  else throw new InputError(`coordinates by "${mode}"`, place(node), 'Use asymmetric or half_pixel');
  const rounded =
    round === 'floor'
      ? Math.floor(x)
      : round === 'ceil'
        ? Math.ceil(x)
        : round === 'round_prefer_ceil'
          ? Math.floor(x + 0.5)
          : Math.ceil(x - 0.5);
  return Math.min(from - 1, Math.max(0, rounded));
}

/** Nearest neighbours: elements that repeat, or that are left out, evenly. */
function resize(walk: Walk, node: Node): void {
  const mode = attrString(node, 'mode') ?? 'nearest';
  if (mode !== 'nearest')
    throw new InputError(`mode "${mode}"`, place(node), 'Use mode "nearest", or a ConvTranspose with constant weights');
  const { view, nodes } = walk.view(node.inputs[0], node);
  const from = mapDims(view.map);
  const to = walk.model.values.get(node.outputs[0])!.dims;
  const old = node.op === 'Upsample' || walk.model.opset < 11;
  const scales = scalesOf(walk, node, from, to, old);
  let map: IndexMap = view.map;
  to.forEach((n, axis) => {
    const places = Array.from({ length: n }, (_, i) => sourceOf(node, i, from[axis], n, scales[axis], old));
    const times = n / from[axis];
    if (Number.isInteger(times) && places.every((p, i) => p === Math.floor(i / times))) {
      if (times === 1) return;
      const repeated: Dim = [...map.dims[axis], { n: times, stride: 0 }];
      map = { ...map, dims: map.dims.map((dim, i) => (i === axis ? repeated : dim)) };
      return;
    }
    const step = n > 1 ? places[1] - places[0] : 1;
    const cut = step > 0 && places.every((p, i) => p === places[0] + i * step) ? sliceMap(map, axis, places[0], n, step) : null;
    if (!cut) throw new InputError(`${from[axis]} elements become ${n} unevenly`, place(node), 'Resize by a whole factor');
    map = cut;
  });
  walk.set(node.outputs[0], { k: 'view', view: { ...view, map }, nodes: joinNodes(nodes, [node]) });
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
  ['Resize', rule(resize, 'a view', 'mode `nearest`, whole factors')],
  ['SpaceToDepth', rule(blocks, 'a view')],
  ['Upsample', rule(resize, 'a view', 'mode `nearest`, whole factors')],
]);
