import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber } from '../graph/attrs.ts';
import type { View } from '../graph/hops.ts';
import type { Lazy } from '../graph/lazy.ts';
import { joinNodes, place, type Walk } from '../graph/lazy.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { denseMap, type IndexMap, mapDims, product, reshapeMap, transposeMap } from '../graph/view.ts';
import { constant, perChannel } from './convolution.ts';

const REWRITE = 'Insert a Reshape that keeps dimensions whole';

/** Values of one group are the last dimension of a view; the kernel normalises them, and each channel then has a factor and a shift. */
function grouped(walk: Walk, node: Node): void {
  const { view, nodes: before } = walk.view(node.inputs[0], node);
  const nodes = joinNodes(before, [node]);
  const dims = mapDims(view.map);
  const [batch, channels] = dims;
  const groups = node.op === 'InstanceNormalization' ? channels : attrNumber(node, 'num_groups')!;
  const count = (channels / groups) * product(dims.slice(2));
  const map = reshapeMap(view.map, [batch, groups, count]);
  if (!map) throw new InputError('groups do not lie evenly', place(node), REWRITE);
  const scale = constant(walk, node, 1, 'the scale')!.data;
  const shift = constant(walk, node, 2, 'the bias')!.data;
  // Up to opset 20 GroupNormalization has a scale for each group.
  const each = (v: Float64Array): Float64Array =>
    v.length === channels ? v : Float64Array.from({ length: channels }, (_, c) => v[Math.floor((c * v.length) / channels)]);
  const [factor, added] = [each(scale), each(shift)];
  const bound = (values: Float64Array): number => values.reduce((top, v) => Math.max(top, Math.abs(v)), 0);
  const deviations = Math.sqrt(count);
  const lazy: Lazy = {
    k: 'norm',
    of: { ...view, map },
    center: true,
    eps: attrNumber(node, 'epsilon') ?? 1e-5,
    gamma: new Float64Array(count).fill(1),
    beta: new Float64Array(count),
    nodes,
  };
  // In deviations: no more than √n, and as far as the result says that it goes.
  const smallest = factor.reduce((least, v) => Math.min(least, Math.abs(v) || least), Number.POSITIVE_INFINITY);
  const normal = walk.emit(`${node.outputs[0]}.normal`, lazy, node, {
    bound: (range) => Math.min(deviations, (range(node.outputs[0]) + bound(added)) / smallest),
  });
  const back = reshapeMap(normal.map, dims);
  if (!back) throw new InputError('groups do not lie evenly', place(node), REWRITE);
  walk.set(node.outputs[0], perChannel(walk, node, { ...normal, map: back }, factor, added, nodes));
}

/** LpNormalization with p = 2 along one axis: a root mean square normalisation over √n. */
function length(walk: Walk, node: Node): void {
  const p = attrNumber(node, 'p') ?? 2;
  if (p !== 2) throw new InputError(`p = ${p}`, place(node), 'Use p = 2, or ReduceL1 and Div');
  const { view, nodes } = walk.view(node.inputs[0], node);
  const rank = view.map.dims.length;
  const raw = attrNumber(node, 'axis') ?? -1;
  const axis = raw < 0 ? raw + rank : raw;
  const perm = [...view.map.dims.map((_, i) => i).filter((i) => i !== axis), axis];
  const of: View = { ...view, map: transposeMap(view.map, perm) };
  const dims = mapDims(of.map);
  const n = dims[rank - 1];
  const out = walk.buf(node.outputs[0], dims, 'act', { known: { min: -1, max: 1 } });
  walk.ops.push({
    kind: 'norm',
    x: of,
    gamma: new Float64Array(n).fill(1 / Math.sqrt(n)),
    beta: new Float64Array(n),
    eps: 0,
    center: false,
    out,
    nodes: joinNodes(nodes, [node]),
  });
  const back: IndexMap = transposeMap(
    denseMap(dims),
    perm.map((_, i) => perm.indexOf(i)),
  );
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map: back, gain: 1 }, nodes: [] });
}

const KERNEL = 'the normalisation kernel, then a factor and a shift for each channel';

export const NORMALISING: Rules = new Map<string, OpRule>([
  ['GroupNormalization', rule(grouped, KERNEL, 'constant scale and bias')],
  ['InstanceNormalization', rule(grouped, KERNEL, 'constant scale and bias')],
  ['LpNormalization', rule(length, 'the normalisation kernel', 'p = 2')],
]);
