import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { addViews, affine, asElement, binary, dimsOf, emitTwo, fuse, scalar, settle } from '../graph/elementwise.ts';
import { BINARY } from '../graph/functions.ts';
import type { Const, View } from '../graph/hops.ts';
import { broadcastView, joinNodes, type Lazy, place, uniform, type Walk } from '../graph/lazy.ts';
import { isMaskValue, MASK_FLOOR, moderate } from '../graph/masks.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { allOffsets, broadcastMap, denseMap, mapDims, product } from '../graph/view.ts';
import { isWhole } from '../graph/whole.ts';

/** Operators whose result depends on which of two values is larger, or on two truth values. */
const DECISIONS = ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Or', 'Xor', 'Max', 'Min'];

/** Elements of a constant spread over `dims`. */
const spread = (t: Const, dims: readonly number[]): Float64Array =>
  Float64Array.from(allOffsets(broadcastMap(denseMap(t.dims), dims)), (o) => t.data[o]);

/** `a op b` where both differ between elements, for {@link DECISIONS}. */
function decision(walk: Walk, node: Node): Lazy {
  if (node.op === 'Max' || node.op === 'Min') return extreme(walk, node);
  const fn = BINARY[node.op];
  if (node.op === 'Or' || node.op === 'Xor') {
    // How many of the two are true says all.
    const { view, nodes } = combined(walk, node, 1, `${node.outputs[0]}.count`);
    const from = node.op === 'Or' ? [0, 1, 1] : [0, 1, 0];
    return { k: 'fn', base: view, fn: (count) => from[Math.round(count)] ?? from[1], nodes };
  }
  const { view, nodes } = combined(walk, node, -1, `${node.outputs[0]}.difference`);
  // A unit of the finer side, and no difference at all between whole numbers.
  const equal = view.buf.sharp ? 1e-9 : 0.5;
  return { k: 'fn', base: view, fn: (d) => fn(Math.abs(d) < equal ? 0 : d, 0), nodes };
}

/** Whole numbers that matter only by their sign are cut off here: a table holds each of them exactly. */
const NEAR = 500;

/** `a + sign·b`; a difference (`sign` −1) is exact near zero, where its sign is decided, and saturates. */
function combined(walk: Walk, node: Node, sign: 1 | -1, name: string): { view: View; nodes: readonly Node[] } {
  const lazies = settle(walk, node, node.inputs);
  const dims = dimsOf(walk, node, lazies);
  const [a, b] = lazies;
  const view = (slot: number): View => broadcastView(walk.view(node.inputs[slot], node).view, dims);
  const nodes = joinNodes(a.nodes, b.nodes, [node]);
  const extraFor = (x: View, others: readonly (View | Const)[]) => {
    if (sign === 1) return {};
    const whole = isWhole(x) && others.every((o) => ('buf' in o ? isWhole(o) : o.data.every(Number.isInteger)));
    return whole ? { whole: true, known: { min: -NEAR, max: NEAR } } : { whole: false, sharp: x };
  };
  if (a.k === 'const' || b.k === 'const') {
    const [t, slot] = a.k === 'const' ? [a.t, 1] : [(b as Lazy & { k: 'const' }).t, 0];
    const x = view(slot);
    const constant: Const = { dims: t.dims, data: slot === 0 ? t.data.map((v) => sign * v) : t.data };
    const turned: View = slot === 0 ? x : { ...x, gain: sign * x.gain };
    return { view: affine(walk, node, turned, dims, null, constant, nodes, name, extraFor(x, [t])).view, nodes: [] };
  }
  const [x, y] = [view(0), view(1)];
  return { view: addViews(walk, node, x, { ...y, gain: sign * y.gain }, nodes, name, extraFor(x, [y])).view, nodes: [] };
}

/** The larger or smaller of two: both side by side in one scale, then a reduction. */
function extreme(walk: Walk, node: Node): Lazy {
  const lazies = settle(walk, node, node.inputs);
  const dims = dimsOf(walk, node, lazies);
  const wide = [1, ...dims];
  const parts = lazies.map((lazy, slot): View | Const => {
    if (lazy.k === 'const') return { dims: wide, data: spread(lazy.t, dims) };
    const view = broadcastView(walk.view(node.inputs[slot], node).view, dims);
    return { ...view, map: { off: view.map.off, dims: [[], ...view.map.dims] } };
  });
  const nodes = joinNodes(...lazies.map((l) => l.nodes), [node]);
  const pair = walk.buf(`${node.outputs[0]}.pair`, [parts.length, ...dims], 'act');
  walk.ops.push({ kind: 'concat', parts, axis: 0, out: pair, nodes });
  const out = walk.buf(node.outputs[0], dims, 'act');
  const mode = node.op === 'Max' ? 'max' : 'min';
  walk.ops.push({ kind: 'reduce', x: { buf: pair, map: denseMap(pair.dims), gain: 1 }, axes: [0], mode, out, nodes });
  return { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 }, nodes: [] };
}

/** Where: a mask when a branch is very negative, otherwise arithmetic with the condition as 0 and 1. */
export function where(walk: Walk, node: Node): void {
  const given = settle(walk, node, node.inputs);
  const dims = dimsOf(walk, node, given);
  // Filled masks arrive as tensors of one value.
  const computed = dimsOf(
    walk,
    node,
    given.filter((l) => l.k !== 'const'),
  );
  const lazies = given.map((lazy): Lazy => {
    const value = lazy.k === 'const' && product(computed) === product(dims) ? uniform(lazy.t) : null;
    return value === null ? lazy : { k: 'const', t: { dims: [], data: Float64Array.of(value) }, nodes: lazy.nodes };
  });
  const [cond, yes, no] = lazies;
  const done = (lazy: Lazy): void => walk.set(node.outputs[0], lazy);
  const always = cond.k === 'const' ? scalar(cond.t) : null;
  if (always !== null) {
    const taken = always !== 0 ? yes : no;
    if (product(walk.dims(taken)) === product(dims)) {
      done({ ...taken, nodes: joinNodes(taken.nodes, cond.nodes, [node]) });
      return;
    }
  }
  const fused = fuse(walk, node, lazies, ([c, p, q]) => (c !== 0 ? p : q));
  done(fused ?? new Selection(walk, node, dims, lazies).result());
}

/** `condition ? a : b` as sums and products. */
class Selection {
  readonly #walk: Walk;
  readonly #node: Node;
  readonly #dims: readonly number[];
  readonly #lazies: readonly Lazy[];
  readonly #nodes: readonly Node[];

  constructor(walk: Walk, node: Node, dims: readonly number[], lazies: readonly Lazy[]) {
    this.#walk = walk;
    this.#node = node;
    this.#dims = dims;
    this.#lazies = lazies;
    this.#nodes = joinNodes(...lazies.map((l) => l.nodes), [node]);
  }

  result(): Lazy {
    const [, yes, no] = this.#lazies;
    const [keepYes, kept, other] = yes.k === 'const' && no.k !== 'const' ? [false, 2, yes] : [true, 1, no];
    if (this.#lazies[kept].k === 'const' && other.k === 'const') return this.#constants(yes as never, no as never);
    return other.k === 'const' ? this.#filled(this.#view(kept), keepYes, other.t) : this.#both();
  }

  #view(slot: number): View {
    const { view } = this.#walk.view(this.#node.inputs[slot], this.#node);
    return broadcastView(view, this.#dims);
  }

  /** The condition as a tensor of `keep` and `replace`. */
  #condition(keepYes: boolean, keep: number, replace: number): View | Const {
    const [cond] = this.#lazies;
    if (cond.k === 'const') {
      const data = spread(cond.t, mapDims(broadcastMap(denseMap(cond.t.dims), this.#dims)));
      return { dims: this.#dims, data: data.map((c) => ((c !== 0) === keepYes ? keep : replace)) };
    }
    const c = asElement(cond);
    if (!c) throw new InputError('the condition is no elementwise result', place(this.#node), 'Compare first');
    const test = c.fn ?? ((v: number) => v);
    const fn = (v: number): number => ((test(v) !== 0) === keepYes ? keep : replace);
    const lazy: Lazy = { k: 'fn', base: c.base, fn, nodes: this.#nodes };
    const name = `${this.#node.outputs[0]}.${keep === 0 ? 'replace' : 'keep'}`;
    const mask = replace === MASK_FLOOR ? { whole: true, known: { min: MASK_FLOOR, max: 0 }, unmasked: 0 } : {};
    return broadcastView(this.#walk.emit(name, lazy, this.#node, mask), this.#dims);
  }

  #product(x: View, factor: View | Const, name: string): View {
    return 'buf' in factor
      ? emitTwo(this.#walk, this.#node, 'mul', x, factor, this.#nodes, name).view
      : affine(this.#walk, this.#node, x, this.#dims, factor, null, this.#nodes, name).view;
  }

  /** One branch is a constant. */
  #filled(x: View, keepYes: boolean, fill: Const): Lazy {
    const [cond] = this.#lazies;
    const name = this.#node.outputs[0];
    const value = uniform(fill);
    if (cond.k === 'const') {
      const keep = (this.#condition(keepYes, 1, 0) as Const).data;
      const values = spread(fill, this.#dims).map((v, i) => (keep[i] ? 0 : v));
      // A mask alone needs no product: the addition saturates.
      const masks = values.every((v, i) => keep[i] || isMaskValue(v));
      const mul = masks ? null : { dims: this.#dims, data: keep };
      return affine(this.#walk, this.#node, x, this.#dims, mul, { dims: this.#dims, data: values }, this.#nodes);
    }
    if (value !== null && isMaskValue(value)) {
      const mask = this.#condition(keepYes, 0, MASK_FLOOR) as View;
      return addViews(this.#walk, this.#node, x, mask, this.#nodes);
    }
    const kept = this.#product(x, this.#condition(keepYes, 1, 0), value === 0 ? name : `${name}.kept`);
    if (value === 0) return { k: 'view', view: kept, nodes: [] };
    if (value !== null) return addViews(this.#walk, this.#node, kept, this.#condition(keepYes, 0, value) as View, this.#nodes);
    const floored: Const = { dims: fill.dims, data: fill.data.map((v) => Math.max(MASK_FLOOR, v)) };
    if (floored.data.some(isMaskValue))
      throw new InputError('the replaced values are masks and others mixed', place(this.#node), 'Use one value, such as -inf');
    const filled = this.#product(this.#condition(keepYes, 0, 1) as View, floored, `${name}.filled`);
    return addViews(this.#walk, this.#node, kept, filled, this.#nodes);
  }

  /** Both branches are constants of many values: their difference where the condition holds, and the other. */
  #constants(yes: Lazy & { k: 'const' }, no: Lazy & { k: 'const' }): Lazy {
    const [a, b] = [yes, no].map(({ t }) => spread(t, this.#dims).map((v) => Math.max(MASK_FLOOR, v)));
    const test = this.#condition(true, 1, 0) as View;
    const mul: Const = { dims: this.#dims, data: a.map((v, i) => v - b[i]) };
    const bound = Math.max(moderate(a), moderate(b));
    const extra = [a, b].some((t) => t.some(isMaskValue))
      ? { known: { min: MASK_FLOOR, max: bound }, unmasked: bound, masked: undefined }
      : {};
    const add: Const = { dims: this.#dims, data: b };
    return affine(this.#walk, this.#node, test, this.#dims, mul, add, this.#nodes, this.#node.outputs[0], extra);
  }

  /** Both branches are computed. */
  #both(): Lazy {
    const name = this.#node.outputs[0];
    const a = this.#product(this.#view(1), this.#condition(true, 1, 0), `${name}.first`);
    const b = this.#product(this.#view(2), this.#condition(false, 1, 0), `${name}.second`);
    return addViews(this.#walk, this.#node, a, b, this.#nodes);
  }
}

export const SELECTION: Rules = new Map<string, OpRule>([
  ...DECISIONS.map((op): [string, OpRule] => [
    op,
    rule((walk, node) => binary(walk, node, decision), 'part of one lookup table with the elementwise nodes around it, or of a difference'),
  ]),
  ['Where', rule(where, 'a mask, a table, or a product')],
]);
