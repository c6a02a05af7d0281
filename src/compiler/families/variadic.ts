import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber } from '../graph/attrs.ts';
import { addViews, affine, fuse, settle } from '../graph/elementwise.ts';
import type { Const, View } from '../graph/hops.ts';
import { broadcastView, joinNodes, type Lazy, place, type Walk } from '../graph/lazy.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { broadcastDims, denseMap, mapDims } from '../graph/view.ts';

/** Sum and Mean of any number of values; the mean's factor belongs to the views of its terms. */
function total(walk: Walk, node: Node): void {
  const lazies = settle(walk, node, node.inputs);
  const share = node.op === 'Mean' ? 1 / lazies.length : 1;
  const fused = fuse(walk, node, lazies, (xs) => xs.reduce((a, b) => a + b, 0) * share);
  if (fused) {
    walk.set(node.outputs[0], fused);
    return;
  }
  const dims = lazies.reduce<readonly number[]>((all, lazy) => broadcastDims(all, walk.dims(lazy))!, []);
  const nodes = joinNodes(...lazies.map((lazy) => lazy.nodes), [node]);
  const views = node.inputs.map((name): View => {
    const { view } = walk.view(name, node);
    return broadcastView({ ...view, gain: view.gain * share }, dims);
  });
  let sum: Lazy & { k: 'view' } = { k: 'view', view: views[0], nodes: [] };
  views.slice(1).forEach((view, i) => {
    const [a, b] = [sum.view, view];
    const isLast = i === views.length - 2;
    const extra = isLast ? {} : { bound: (_: unknown, top: (v: View) => number) => top(a) + top(b) };
    sum = addViews(walk, node, a, b, nodes, isLast ? node.outputs[0] : `${node.outputs[0]}.${i}`, extra) as Lazy & { k: 'view' };
  });
  walk.set(node.outputs[0], sum);
}

/** PRelu: a table where the slope is one number, else `x + (slope − 1)·min(x, 0)`. */
function prelu(walk: Walk, node: Node): void {
  const [x, slope] = settle(walk, node, node.inputs);
  const fused = fuse(walk, node, [x, slope], ([v, s]) => (v < 0 ? v * s : v));
  if (fused) {
    walk.set(node.outputs[0], fused);
    return;
  }
  if (slope.k !== 'const') throw new InputError('the slope depends on the data', place(node), 'Give the slope as an initialiser');
  const { view, nodes: before } = walk.view(node.inputs[0], node);
  const nodes = joinNodes(before, slope.nodes, [node]);
  const dims = mapDims(view.map);
  const [name] = node.outputs;
  const negative = walk.emit(`${name}.negative`, { k: 'fn', base: view, fn: (v) => Math.min(v, 0), nodes }, node, {
    bound: (_, top) => top(view),
  });
  const less: Const = { dims: slope.t.dims, data: slope.t.data.map((s) => s - 1) };
  const steepest = less.data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const bent = affine(walk, node, negative, dims, less, null, nodes, `${name}.bent`, { bound: (_, top) => top(view) * steepest });
  walk.set(name, addViews(walk, node, view, (bent as Lazy & { k: 'view' }).view, nodes));
}

/** Trilu: a product with ones and zeros; `k` may be left out. */
function trilu(walk: Walk, node: Node): void {
  const at = node.inputs[1] ? walk.get(node.inputs[1], node) : null;
  if (at && at.k !== 'const') throw new InputError('the diagonal depends on the data', place(node), 'Use a constant k');
  const k = at ? at.t.data[0] : 0;
  const upper = (attrNumber(node, 'upper') ?? 1) !== 0;
  const { view, nodes } = walk.view(node.inputs[0], node);
  const dims = mapDims(view.map);
  const [rows, columns] = dims.slice(-2);
  const data = Float64Array.from({ length: rows * columns }, (_, i) => {
    const d = (i % columns) - Math.floor(i / columns);
    return (upper ? d >= k : d <= k) ? 1 : 0;
  });
  walk.set(node.outputs[0], affine(walk, node, view, dims, { dims: [rows, columns], data }, null, joinNodes(nodes, [node])));
}

/** OneHot of tokens: a table of rows with one `on`. */
function oneHot(walk: Walk, node: Node): void {
  const [index, depth, values] = node.inputs.map((name) => walk.get(name, node));
  const axis = attrNumber(node, 'axis') ?? -1;
  const tokens = index.k === 'view' ? index.view : index.k === 'fn' ? index.base : null;
  if (tokens?.buf.kind !== 'token' || depth.k !== 'const' || values.k !== 'const')
    throw new InputError(
      'places, depth or values depend on computed values',
      place(node),
      'Encode tokens of an input, with a constant depth',
    );
  const rank = mapDims(tokens.map).length;
  if (axis !== -1 && axis !== rank)
    throw new InputError(`axis ${axis} is not the last`, place(node), 'Encode along the last axis and transpose');
  const [n] = depth.t.data;
  const [off, on] = values.t.data;
  const vocabulary = Math.max(tokens.buf.vocabulary ?? 256, 1);
  const data = new Float64Array(vocabulary * n).fill(off);
  for (let token = 0; token < vocabulary; token++) {
    const value = index.k === 'fn' ? index.fn(token * tokens.gain) : token;
    const at = value < 0 ? value + n : value;
    if (at >= 0 && at < n) data[token * n + at] = on;
  }
  const shape = [...mapDims(tokens.map), n];
  const out = walk.buf(node.outputs[0], shape, 'act', { known: { min: Math.min(0, off, on), max: Math.max(0, off, on) } });
  walk.ops.push({
    kind: 'embed',
    tokens: { ...tokens, gain: 1 },
    table: { dims: [vocabulary, n], data },
    out,
    nodes: joinNodes(index.nodes, [node]),
  });
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map: denseMap(shape), gain: 1 }, nodes: [] });
}

export const VARIADIC: Rules = new Map<string, OpRule>([
  ['Mean', rule(total, 'additions, or a table')],
  ['OneHot', rule(oneHot, 'an embedding lookup', 'tokens of an input, the last axis')],
  ['PRelu', rule(prelu, 'a table, a factor for each channel and an addition', 'constant slope')],
  ['Sum', rule(total, 'additions, or a table')],
  ['Trilu', rule(trilu, 'a factor for each element', 'constant k')],
]);
