import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber } from '../graph/attrs.ts';
import { affine } from '../graph/elementwise.ts';
import type { Buf, Const, View } from '../graph/hops.ts';
import { broadcastView, joinNodes, place, type Walk } from '../graph/lazy.ts';
import type { OwnOp } from '../graph/own.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { denseMap, type IndexMap, mapDims, product, reshapeMap, transposeMap } from '../graph/view.ts';
import { orderKernel } from '../kernels/order.ts';
import { rowStep, type Step } from '../plan/steps.ts';

/** Places are 16-bit numbers. */
const MOST = 32767;

interface Order {
  readonly k: number;
  readonly largest: boolean;
  readonly last: boolean;
  readonly result: 'value' | 'place';
}

/** The `k` largest of each row of `view`, whose last dimension is ordered: elements or places, [… , k]. */
function emitOrder(walk: Walk, node: Node, name: string, view: View, order: Order, nodes: readonly Node[]): View {
  const dims = mapDims(view.map);
  const n = dims[dims.length - 1];
  if (n > MOST) throw new InputError(`${n} elements are ordered`, place(node), `Order at most ${MOST}`);
  const shape = [...dims.slice(0, -1), order.k];
  const isValue = order.result === 'value';
  const { known, grid, masked } = view.buf;
  const extra: Partial<Buf> = isValue
    ? { ...(known ? { known } : {}), ...(grid ? { grid } : {}), ...(masked ? { masked } : {}) }
    : { known: { min: 0, max: n - 1 }, whole: true };
  const out = walk.buf(name, shape, 'act', extra);
  // Integers are compared: a negative unit turns their order round.
  const largest = view.gain < 0 ? !order.largest : order.largest;
  const op: OwnOp = {
    kind: 'own',
    out,
    views: [view],
    nodes,
    passes: {
      steps(own): Step[] {
        const [x] = own.views;
        const rows = denseMap(own.out.dims).dims.slice(0, -1);
        const step = rowStep(
          own,
          0,
          own.nodes,
          [
            [...rows, []],
            [...x.map.dims.slice(0, -1), []],
          ],
          [0, x.map.off],
          [own.out, x.buf],
          place(node),
        );
        return [{ ...step, lanes: 1, inner: [order.k], out: { ...step.out!, inner: [1] } }];
      },
      calls(own, at, step, group) {
        const [x] = own.views;
        const read = at.operand(step.reads[0], group).operand;
        const shapeOf = {
          ...order,
          largest,
          n,
          space: read.space,
          terms: x.map.dims[x.map.dims.length - 1].map((f) => ({ n: f.n, strides: [f.stride * 2] })),
          outStride: 2,
        };
        return [
          {
            key: JSON.stringify(['order', shapeOf]),
            name: `${order.result}s_${order.k}_of_${n}`,
            build: (fn, layout, origin) => orderKernel(fn, shapeOf, layout, origin),
            args: [at.operand(step.out!, group).operand, read],
            nodes: own.nodes,
          },
        ];
      },
      evaluate(own, [x]) {
        const result = new Float64Array(product(own.out.dims));
        for (let row = 0; row < x.length / n; row++) {
          const places = Array.from({ length: n }, (_, i) => i);
          const at = (i: number): number => x[row * n + i];
          places.sort((a, b) => (order.largest ? at(b) - at(a) : at(a) - at(b)) || (order.last ? b - a : a - b));
          for (let j = 0; j < order.k; j++) result[row * order.k + j] = isValue ? at(places[j]) / own.views[0].gain : places[j];
        }
        return result;
      },
      scale: (own, scales) => (isValue ? scales.of(own.views[0].buf) : { scale: 1, max: MOST }),
    },
  };
  walk.ops.push(op);
  return { buf: out, map: denseMap(shape), gain: isValue ? view.gain : 1 };
}

/** `view` with dimension `axis` last, and what puts it back. */
function lastly(view: View, axis: number): { view: View; back: number[] } {
  const perm = [...view.map.dims.map((_, i) => i).filter((i) => i !== axis), axis];
  return { view: { ...view, map: transposeMap(view.map, perm) }, back: perm.map((_, i) => perm.indexOf(i)) };
}

const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** ArgMax and ArgMin along any axis. */
export function argPlace(walk: Walk, node: Node): void {
  const { view, nodes } = walk.view(node.inputs[0], node);
  const rank = view.map.dims.length;
  const axis = positive(attrNumber(node, 'axis') ?? 0, rank);
  const { view: x, back } = lastly(view, axis);
  const order: Order = {
    k: 1,
    largest: node.op === 'ArgMax',
    last: (attrNumber(node, 'select_last_index') ?? 0) !== 0,
    result: 'place',
  };
  const out = emitOrder(walk, node, node.outputs[0], x, order, joinNodes(nodes, [node]));
  const kept = transposeMap(out.map, back);
  const keep = (attrNumber(node, 'keepdims') ?? 1) !== 0;
  const map = keep
    ? kept
    : (reshapeMap(
        kept,
        mapDims(kept).filter((_, i) => i !== axis),
      ) as IndexMap);
  walk.set(node.outputs[0], { k: 'view', view: { ...out, map }, nodes: [] });
}

/** TopK: values, places, or both. */
function topK(walk: Walk, node: Node): void {
  const { view, nodes } = walk.view(node.inputs[0], node);
  const rank = view.map.dims.length;
  const axis = positive(attrNumber(node, 'axis') ?? -1, rank);
  const k = walk.model.values.get(node.outputs[0])!.dims[axis];
  const { view: x, back } = lastly(view, axis);
  const largest = (attrNumber(node, 'largest') ?? 1) !== 0;
  for (const [slot, result] of (['value', 'place'] as const).entries()) {
    const name = node.outputs[slot];
    if (!name || walk.unused(name)) continue;
    const out = emitOrder(walk, node, name, x, { k, largest, last: false, result }, joinNodes(nodes, [node]));
    walk.set(name, { k: 'view', view: { ...out, map: transposeMap(out.map, back) }, nodes: [] });
  }
}

/** Whole numbers up to here are told apart by a table. */
const NEAR = 500;

/** 1 at the place of the largest element, the first of several, and 0 elsewhere. */
function hardmax(walk: Walk, node: Node): void {
  const { view, nodes: before } = walk.view(node.inputs[0], node);
  const dims = mapDims(view.map);
  const old = walk.model.opset < 13;
  const axis = positive(attrNumber(node, 'axis') ?? (old ? 1 : -1), dims.length);
  // Up to opset 12 everything from the axis on is one dimension.
  const joined = old ? reshapeMap(view.map, [product(dims.slice(0, axis)), product(dims.slice(axis))]) : view.map;
  if (!joined) throw new InputError('several dimensions of a transposed tensor', place(node), 'Use axis -1');
  const { view: x, back } = lastly({ ...view, map: joined }, old ? 1 : axis);
  const shape = mapDims(x.map);
  const n = shape[shape.length - 1];
  const nodes = joinNodes(before, [node]);
  const name = node.outputs[0];
  const largest = emitOrder(walk, node, `${name}.place`, x, { k: 1, largest: true, last: false, result: 'place' }, nodes);
  const own: Const = { dims: [n], data: Float64Array.from({ length: n }, (_, i) => -i) };
  const known = { min: -Math.min(n, NEAR), max: Math.min(n, NEAR) };
  const apart = affine(walk, node, broadcastView(largest, shape), shape, null, own, nodes, `${name}.apart`, { whole: true, known });
  const turned = transposeMap(apart.view.map, back);
  const map = old ? reshapeMap(turned, dims) : turned;
  walk.set(name, { k: 'fn', base: { ...apart.view, map: map as IndexMap }, fn: (d) => (Math.abs(d) < 0.5 ? 1 : 0), nodes });
}

const COMPARED = 'comparisons of the integers, first places before later ones';

export const ORDER: Rules = new Map<string, OpRule>([
  ['ArgMin', rule(argPlace, COMPARED)],
  ['Hardmax', rule(hardmax, `${COMPARED}; a table of the distance to that place`)],
  ['TopK', rule(topK, `${COMPARED}; a walk of the row for each result`)],
]);
