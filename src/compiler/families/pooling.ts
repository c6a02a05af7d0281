import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrInts, attrNumber } from '../graph/attrs.ts';
import type { Buf, Const, View } from '../graph/hops.ts';
import { joinNodes, place, type Walk } from '../graph/lazy.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { denseMap, mapDims, transposeMap } from '../graph/view.ts';
import { pads, type Window, windowed, windowsOf } from './windows.ts';

const REWRITE = 'Pool over one to three dimensions of [batch, channels, …]';

/** MaxPool and AveragePool: a reduction over windows, of shape `outDims` and called `name`. */
export function pool(walk: Walk, node: Node, outDims: readonly number[], name: string): View {
  const { view, nodes: before } = walk.view(node.inputs[0], node);
  const dims = mapDims(view.map);
  const kernel = attrInts(node, 'kernel_shape') ?? [];
  if (dims.length < 3 || kernel.length !== dims.length - 2)
    throw new InputError(`${kernel.length} dimensions are pooled`, place(node), REWRITE);
  if (node.outputs[1] && !walk.unused(node.outputs[1]))
    throw new InputError('the places of the largest elements are asked for', place(node), 'Use the values only');
  const outs = outDims.slice(2);
  const windows = windowsOf(node, dims.slice(2), kernel, outs);
  const max = node.op === 'MaxPool';
  if (max && view.gain < 0) throw new InputError('the input is stored with the opposite sign', place(node), 'Negate after the pool');
  const all = windowed(walk, node, view, windows, max ? 'lowest' : 'zero');
  const n = windows.length;
  // Channels last, as the convolutions before and after lay them out.
  const spatial = windows.map((_, i) => 2 + i);
  const x: View = { ...all, map: transposeMap(all.map, [0, ...spatial, 1, ...spatial.map((i) => i + n)]) };
  const shape = mapDims(x.map).slice(0, n + 2);
  const axes = windows.map((_, i) => n + 2 + i);
  const nodes = joinNodes(before, [node]);
  const made = walk.buf(name, shape, 'act', max ? ofLargest(view) : {});
  walk.ops.push({ kind: 'reduce', x, axes, mode: max ? 'max' : 'mean', out: made, nodes });
  let out: View = { buf: made, map: denseMap(shape), gain: 1 };
  if (!max && pads(windows)) out = recounted(walk, node, out, windows, nodes, name);
  return { ...out, map: transposeMap(out.map, [0, n + 1, ...spatial.map((i) => i - 1)]) };
}

const named: OpRule['run'] = (walk, node) => {
  const [name] = node.outputs as [string];
  walk.set(name, { k: 'view', view: pool(walk, node, walk.model.values.get(name)!.dims, name), nodes: [] });
};

/** What is known of the largest elements of a value. */
const ofLargest = ({ buf: { known, grid }, gain }: View): Partial<Buf> => ({
  ...(known ? { known: { min: known.min * gain, max: known.max * gain } } : {}),
  ...(grid ? { grid: { ...grid, scale: grid.scale * gain } } : {}),
});

/** Averages divide by the elements that count, fewer at the borders. */
function recounted(walk: Walk, node: Node, mean: View, windows: readonly Window[], nodes: readonly Node[], name: string): View {
  const include = (attrNumber(node, 'count_include_pad') ?? 0) !== 0;
  const counts = windows.map((w) =>
    Array.from({ length: w.out }, (_, o) => {
      let n = 0;
      for (let k = 0; k < w.kernel; k++) {
        const at = o * w.stride + k * w.dilation - w.begin;
        if (include ? at < w.size + w.counted : at >= 0 && at < w.size) n++;
      }
      return n;
    }),
  );
  const shape = mapDims(mean.map);
  let data = [1];
  for (const [i, list] of counts.entries()) data = data.flatMap((v) => list.map((n) => (v * windows[i].kernel) / n));
  if (data.every((v) => v === 1)) return mean;
  const mul: Const = { dims: [...windows.map((w) => w.out), 1], data: Float64Array.from(data) };
  const out = walk.buf(name, shape, 'act');
  walk.ops.push({ kind: 'affine', x: mean, mul, add: null, out, nodes });
  return { buf: out, map: denseMap(shape), gain: 1 };
}

export const POOLING: Rules = new Map<string, OpRule>([
  ['AveragePool', rule(named, 'a reduction over a view of windows, of a padded copy where they reach beyond the tensor')],
  ['MaxPool', rule(named, 'a reduction over a view of windows, of a padded copy where they reach beyond the tensor', 'only the values')],
]);
