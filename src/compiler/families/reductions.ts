import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber } from '../graph/attrs.ts';
import type { Buf, View } from '../graph/hops.ts';
import { joinNodes, type Lazy, place, type Walk } from '../graph/lazy.ts';
import { reduceAxes } from '../graph/norms.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { broadcastMap, denseMap, type IndexMap, mapDims, product, reshapeMap } from '../graph/view.ts';

type Fn = (x: number) => number;

/** Reductions that are a function of a sum of functions of the elements. `bound`: the sum's largest magnitude, given the result's. */
const SUMS: Readonly<Record<string, { readonly of: Fn | null; readonly after: Fn | null; readonly bound: Fn }>> = {
  ReduceL1: { of: Math.abs, after: null, bound: (y) => y },
  ReduceL2: { of: (x) => x * x, after: (s) => Math.sqrt(Math.max(0, s)), bound: (y) => y * y },
  ReduceSumSquare: { of: (x) => x * x, after: null, bound: (y) => y },
  ReduceLogSum: { of: null, after: (s) => Math.log(Math.max(s, Number.MIN_VALUE)), bound: Math.exp },
};

class Reduction {
  readonly walk: Walk;
  readonly node: Node;
  readonly x: View;
  readonly axes: readonly number[];
  readonly nodes: readonly Node[];

  constructor(walk: Walk, node: Node) {
    const { view, nodes } = walk.view(node.inputs[0], node);
    this.walk = walk;
    this.node = node;
    this.x = view;
    this.axes = reduceAxes(walk, node, view.map.dims.length);
    this.nodes = joinNodes(nodes, [node]);
  }

  /** A function of each element. */
  each(x: View, fn: Fn, name: string, extra: Partial<Buf>): View {
    const dims = mapDims(x.map);
    const out = this.walk.buf(name, dims, 'act', extra);
    this.walk.ops.push({ kind: 'unary', x, fn, out, nodes: this.nodes });
    return { buf: out, map: denseMap(dims), gain: 1 };
  }

  /** Reduced elements, with dimensions of one in place of the axes. */
  over(x: View, mode: 'sum' | 'max', name: string, extra: Partial<Buf> = {}): View {
    const dims = mapDims(x.map);
    const kept = dims.filter((_, i) => !this.axes.includes(i));
    const out = this.walk.buf(name, kept, 'act', extra);
    this.walk.ops.push({ kind: 'reduce', x, axes: this.axes, mode, out, nodes: this.nodes });
    const shape = dims.map((n, i) => (this.axes.includes(i) ? 1 : n));
    return { buf: out, map: reshapeMap(denseMap(kept), shape) as IndexMap, gain: 1 };
  }

  add(a: View, b: View, name: string, extra: Partial<Buf> = {}): View {
    const dims = mapDims(a.map);
    const out = this.walk.buf(name, dims, 'act', extra);
    this.walk.ops.push({ kind: 'add', a, b: { ...b, map: broadcastMap(b.map, dims) }, relu: false, out, nodes: this.nodes });
    return { buf: out, map: denseMap(dims), gain: 1 };
  }

  done(lazy: Lazy): void {
    const keep = (attrNumber(this.node, 'keepdims') ?? 1) !== 0;
    const base = lazy.k === 'fn' ? lazy.base : (lazy as Lazy & { k: 'view' }).view;
    const dims = mapDims(base.map);
    const map = keep
      ? base.map
      : (reshapeMap(
          base.map,
          dims.filter((_, i) => !this.axes.includes(i)),
        ) as IndexMap);
    const view = { ...base, map };
    this.walk.set(this.node.outputs[0], lazy.k === 'fn' ? { ...lazy, base: view } : { k: 'view', view, nodes: lazy.nodes });
  }
}

function sums(walk: Walk, node: Node): void {
  const made = new Reduction(walk, node);
  const { of, after, bound } = SUMS[node.op];
  const [name] = node.outputs;
  // Every term is at most the sum, and the sum follows from the result's range.
  const extra: Partial<Buf> = { bound: (range) => bound(range(name)) };
  const terms = of ? made.each(made.x, of, `${name}.terms`, extra) : made.x;
  const sum = made.over(terms, 'sum', after ? `${name}.sum` : name, after ? extra : {});
  made.done(after ? { k: 'fn', base: sum, fn: after, nodes: made.nodes } : { k: 'view', view: sum, nodes: [] });
}

/** `max x + log Σ exp(x − max x)`: no exponential exceeds one, and their sum is never near zero. */
function logSumExp(walk: Walk, node: Node): void {
  const made = new Reduction(walk, node);
  const { x, axes } = made;
  const [name] = node.outputs;
  const n = product(axes.map((axis) => mapDims(x.map)[axis]));
  if (x.gain < 0) throw new InputError('its input is stored with the opposite sign', place(node), 'Negate after the reduction');
  const { known, masked } = x.buf;
  const top = made.over({ ...x, gain: 1 }, 'max', `${name}.largest`, {
    bound: (_, top) => top({ ...x, gain: 1 }),
    ...(known ? { known } : {}),
    ...(masked ? { masked } : {}),
  });
  const below = made.add(x, { ...top, gain: -x.gain }, `${name}.below`, { known: { min: -DEEPEST, max: 0 } });
  const terms = made.each(below, Math.exp, `${name}.terms`, { known: { min: 0, max: 1 } });
  const sum = made.over(terms, 'sum', `${name}.sum`, { known: { min: 0, max: n } });
  const log = made.each(sum, (s) => Math.log(Math.max(1, s)), `${name}.logarithm`, { known: { min: 0, max: Math.log(n) || 1 } });
  made.done({ k: 'view', view: made.add({ ...top, gain: x.gain }, log, name), nodes: [] });
}

/** Differences beyond this have no weight in the sum. */
const DEEPEST = 16;

export const REDUCTIONS: Rules = new Map<string, OpRule>([
  ...Object.keys(SUMS).map((op): [string, OpRule] => [op, rule(sums, 'tables and a reduction')]),
  ['ReduceLogSumExp', rule(logSumExp, 'a maximum, tables and a reduction')],
]);
