import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrInts, attrNumber, attrString } from '../graph/attrs.ts';
import type { Const, View } from '../graph/hops.ts';
import { joinNodes, place, type Walk } from '../graph/lazy.ts';
import { MASK } from '../graph/masks.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { denseMap, denseStrides, mapDims, product, sliceMap } from '../graph/view.ts';
import { emitPad } from './pad.ts';
import { emitTake } from './take.ts';

/** Where element `at` of a padded dimension comes from, of `n` elements; null: from nowhere. */
const SOURCES: Readonly<Record<string, (at: number, n: number) => number>> = {
  edge: (at, n) => Math.max(0, Math.min(n - 1, at)),
  reflect: (at, n) => {
    if (n === 1) return 0;
    const folded = ((at % (2 * n - 2)) + 2 * n - 2) % (2 * n - 2);
    return folded < n ? folded : 2 * n - 2 - folded;
  },
  wrap: (at, n) => ((at % n) + n) % n,
};

/** Pad: its bounds are attributes up to opset 10 and constants later; negative ones cut. */
const pad: OpRule['run'] = (walk, node) => {
  const { view: whole, nodes: before } = walk.view(node.inputs[0]!, node);
  const nodes = joinNodes(before, [node]);
  const mode = attrString(node, 'mode') ?? 'constant';
  const constant = (slot: number): Float64Array | null => {
    if (!node.inputs[slot]) return null;
    const lazy = walk.get(node.inputs[slot], node);
    if (lazy.k !== 'const') throw new InputError(`input ${slot} depends on the data`, place(node), 'Pad by constants');
    return lazy.t.data;
  };
  const value = constant(2)?.[0] ?? attrNumber(node, 'value') ?? 0;
  const bounds = [...(constant(1) ?? attrInts(node, 'pads') ?? [])];
  const rank = whole.map.dims.length;
  const axes = [...(constant(3) ?? whole.map.dims.map((_, i) => i))].map((a) => (a < 0 ? a + rank : a));
  const begins = new Array<number>(rank).fill(0);
  const ends = new Array<number>(rank).fill(0);
  axes.forEach((axis, i) => {
    begins[axis] = bounds[i]!;
    ends[axis] = bounds[i + axes.length]!;
  });
  const view = cut(node, whole, begins, ends);
  const [low, high] = [begins, ends].map((list) => list.map((n) => Math.max(0, n))) as [number[], number[]];
  const set = (made: View): void => walk.set(node.outputs[0]!, { k: 'view', view: made, nodes });
  const source = SOURCES[mode];
  if ([...low, ...high].every((n) => n === 0)) set(view);
  else if (source) set(taken(walk, node, view, low, high, (at, n) => source(at, n), nodes));
  else if (mode !== 'constant') throw new InputError(`mode "${mode}"`, place(node), 'Use constant, edge, reflect or wrap');
  else if (value === 0) set(emitPad(walk, node, view, low, high, 'zero'));
  else if (value <= MASK)
    throw new InputError(`padding with ${value}`, place(node), 'Pad with zeros and mask behind it, or use a pool that pads');
  else {
    // The value stands behind the elements, in the same scale.
    const dims = mapDims(view.map);
    const count = product(dims);
    const flat = emitTake(walk, node, view, {
      name: `${node.outputs[0]}.elements`,
      dims: [count],
      nodes,
      places: Int32Array.from({ length: count }, (_, i) => i),
    });
    const fill: Const = { dims: [1], data: Float64Array.of(value) };
    const out = walk.buf(`${node.outputs[0]}.source`, [count + 1], 'act');
    walk.ops.push({ kind: 'concat', parts: [flat, fill], axis: 0, out, nodes });
    const joined: View = { buf: out, map: denseMap([count + 1]), gain: 1 };
    set(placed(walk, node, joined, dims, low, high, (at, n) => (at >= 0 && at < n ? at : null), count, nodes));
  }
};

/** What negative bounds leave. */
function cut(node: Node, view: View, begins: readonly number[], ends: readonly number[]): View {
  let { map } = view;
  mapDims(view.map).forEach((n, axis) => {
    const [low, high] = [Math.max(0, -begins[axis]!), Math.max(0, -ends[axis]!)];
    if (low + high === 0) return;
    const made = n > low + high ? sliceMap(map, axis, low, n - low - high) : null;
    if (!made) throw new InputError('negative bounds that leave nothing, or cut across a dimension', place(node), 'Use Slice');
    map = made;
  });
  return { ...view, map };
}

/** A padded copy all of whose elements come from the value itself. */
const taken = (
  walk: Walk,
  node: Node,
  view: View,
  low: readonly number[],
  high: readonly number[],
  source: (at: number, n: number) => number,
  nodes: readonly Node[],
): View => placed(walk, node, view, mapDims(view.map), low, high, source, 0, nodes);

/** A padded copy; what comes from nowhere in any dimension is element `nowhere` of `from`. */
function placed(
  walk: Walk,
  node: Node,
  from: View,
  inner: readonly number[],
  low: readonly number[],
  high: readonly number[],
  source: (at: number, n: number) => number | null,
  nowhere: number,
  nodes: readonly Node[],
): View {
  const dims = inner.map((n, i) => n + low[i]! + high[i]!);
  const [own, strides] = [denseStrides(dims), denseStrides(inner)];
  const places = Int32Array.from({ length: product(dims) }, (_, e) => {
    let at = 0;
    for (let d = 0; d < dims.length; d++) {
      const index = source((Math.floor(e / own[d]!) % dims[d]!) - low[d]!, inner[d]!);
      if (index === null) return nowhere;
      at += index * strides[d]!;
    }
    return at;
  });
  return emitTake(walk, node, from, { name: node.outputs[0]!, dims, nodes, places });
}

export const PADDING: Rules = new Map<string, OpRule>([
  ['Pad', rule(pad, 'a copy with zeros or other elements around', 'constant bounds; modes constant, edge, reflect and wrap; no masks')],
]);
