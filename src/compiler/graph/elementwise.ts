import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber, attrString } from './attrs.ts';
import { BINARY, geluTanh, UNARY } from './functions.ts';
import type { Buf, Const, View } from './hops.ts';
import {
  alongAxis,
  broadcastView,
  gatherConst,
  joinNodes,
  type Lazy,
  lastAxis,
  layout,
  place,
  sameMap,
  sameView,
  uniform,
  type Walk,
} from './lazy.ts';
import { boundsMasks, isMaskValue, maskedSum } from './masks.ts';
import { normOf } from './norms.ts';
import { allOffsets, broadcastDims, broadcastMap, denseMap, mapDims, product } from './view.ts';
import { wholeProduct, wholeSum } from './whole.ts';

type Fn = (x: number) => number;
type Element = { base: View; fn: Fn | null };

export const asElement = (lazy: Lazy): Element | null =>
  lazy.k === 'view' ? { base: lazy.view, fn: null } : lazy.k === 'fn' ? { base: lazy.base, fn: lazy.fn } : null;

export const dimsOf = (walk: Walk, node: Node, lazies: readonly Lazy[]): number[] => {
  let dims: number[] = [];
  for (const lazy of lazies) {
    const next = broadcastDims(dims, walk.dims(lazy));
    if (!next) throw new InputError(`shapes do not broadcast: ${lazies.map((l) => `[${walk.dims(l)}]`).join(' and ')}`, place(node));
    dims = next;
  }
  return dims;
};

/** Only a single element counts: whether a whole tensor happens to hold one value is up to training, and code must not depend on it. */
export const scalar = (t: Const): number | null => (t.data.length === 1 ? t.data[0] : null);

/** A node that is a function of one element of one tensor, whatever constants are mixed in; null when it is more than that. */
export function fuse(walk: Walk, node: Node, lazies: readonly Lazy[], fn: (xs: readonly number[]) => number): Lazy | null {
  const dims = dimsOf(walk, node, lazies);
  if (lazies.every((l) => l.k === 'const')) {
    const columns = lazies.map((l) => gatherConst(l.t, allOffsets(broadcastMap(denseMap(l.t.dims), dims))));
    const data = Float64Array.from({ length: product(dims) }, (_, i) => fn(columns.map((c) => c[i])));
    return { k: 'const', t: { dims, data }, nodes: joinNodes(...lazies.map((l) => l.nodes), [node]) };
  }
  const slots: ((x: number) => number)[] = [];
  let base: View | null = null;
  for (const lazy of lazies) {
    if (lazy.k === 'const') {
      const value = scalar(lazy.t);
      if (value === null) return null;
      slots.push(() => value);
      continue;
    }
    const element = asElement(lazy);
    if (!element) return null;
    const view = broadcastView(element.base, dims);
    base ??= view;
    if (base.buf !== view.buf || !sameMap(base.map, view.map)) return null;
    // The same integers under another gain.
    const ratio = view.gain / base.gain;
    const inner = element.fn;
    slots.push((x) => (inner ? inner(x * ratio) : x * ratio));
  }
  if (!base) return null;
  return { k: 'fn', base, fn: (x) => fn(slots.map((slot) => slot(x))), nodes: joinNodes(...lazies.map((l) => l.nodes), [node]) };
}

/** Makes values that are still pending (a matrix product, a mean) readable as elements. */
export function settle(walk: Walk, node: Node, names: readonly string[]): Lazy[] {
  return names.map((name) => {
    const lazy = walk.get(name, node);
    if (lazy.k === 'const' || asElement(lazy)) return lazy;
    return { k: 'view', ...walk.view(name, node) };
  });
}

/** A function of one element: that of the node's operator, or another. */
export function unary(walk: Walk, node: Node, given?: Fn): void {
  const [name] = node.inputs;
  const lazy = walk.get(name, node);
  const attr = (key: string, otherwise: number): number => attrNumber(node, key) ?? otherwise;
  const table = node.op === 'Gelu' && attrString(node, 'approximate') === 'tanh' ? geluTanh : UNARY[node.op];
  const fn: Fn = given ?? ((x) => table(x, attr));
  const nodes = joinNodes(lazy.nodes, [node]);
  if (lazy.k === 'variance') {
    walk.set(node.outputs[0], { ...lazy, fn: (v) => fn(lazy.fn(v)), nodes });
    return;
  }
  if (node.op === 'Relu' && lazy.k === 'linear' && walk.usedOnce(name)) {
    walk.set(node.outputs[0], { k: 'view', view: walk.emitLinear(node.outputs[0], lazy, nodes, true), nodes: [] });
    return;
  }
  if (node.op === 'Relu' && clampedSum(walk, node, lazy)) {
    return;
  }
  if (node.op === 'IsNaN' || node.op === 'IsInf') {
    walk.set(node.outputs[0], { k: 'const', t: { dims: [], data: Float64Array.of(0) }, nodes });
    return;
  }
  const [settled] = settle(walk, node, [name]);
  if (settled.k === 'view' && node.op === 'Neg') {
    walk.set(node.outputs[0], {
      k: 'view',
      view: { ...settled.view, gain: -settled.view.gain },
      nodes: joinNodes(settled.nodes, [node]),
    });
    return;
  }
  walk.set(node.outputs[0], fuse(walk, node, [settled], ([x]) => fn(x)) as Lazy);
}

/** A Relu of a sum that nothing else reads becomes part of the addition. */
function clampedSum(walk: Walk, node: Node, lazy: Lazy): boolean {
  const [name] = node.inputs;
  if (lazy.k !== 'view' || lazy.view.buf.name !== name || lazy.view.gain !== 1 || !walk.usedOnce(name)) return false;
  const at = walk.ops.findIndex((op) => op.out === lazy.view.buf);
  const op = walk.ops[at];
  if (op?.kind !== 'add' || op.out.masked) return false;
  const out = walk.buf(node.outputs[0], op.out.dims, 'act');
  walk.ops[at] = { ...op, relu: true, out, nodes: joinNodes(op.nodes, [node]) };
  const clamped: Lazy = { k: 'view', view: { ...lazy.view, buf: out }, nodes: [] };
  walk.set(name, clamped);
  walk.set(node.outputs[0], clamped);
  return true;
}

export function clip(walk: Walk, node: Node): void {
  const bound = (slot: number, key: string, otherwise: number): number => {
    const name = node.inputs[slot];
    const lazy = name ? walk.get(name, node) : null;
    if (!lazy) return attrNumber(node, key) ?? otherwise;
    if (lazy.k !== 'const') throw new InputError('bounds must be constants', place(node));
    return lazy.t.data[0];
  };
  const lo = bound(1, 'min', Number.NEGATIVE_INFINITY);
  const hi = bound(2, 'max', Number.POSITIVE_INFINITY);
  const before = walk.get(node.inputs[0], node);
  if (before.k === 'linear' && walk.usedOnce(node.inputs[0]) && hi > 0 && Number.isFinite(hi) && (lo === 0 || lo === -hi)) {
    // Results saturate at the largest integer: a scale that puts it at the bound clamps for nothing.
    const nodes = joinNodes(before.nodes, [node]);
    const view = walk.emitLinear(node.outputs[0], before, nodes, lo === 0, { known: { min: lo, max: hi }, clamped: true });
    walk.set(node.outputs[0], { k: 'view', view, nodes: [] });
    return;
  }
  const lazies = settle(walk, node, [node.inputs[0]]);
  const [settled] = lazies;
  if (settled.k === 'view' && hi === Number.POSITIVE_INFINITY && boundsMasks(lo, settled.view)) {
    walk.set(node.outputs[0], { ...settled, nodes: joinNodes(settled.nodes, [node]) });
    return;
  }
  walk.set(node.outputs[0], fuse(walk, node, lazies, ([x]) => Math.min(hi, Math.max(lo, x))) as Lazy);
}

/** Casts keep real values; only float → integer and → bool change them. */
export function cast(walk: Walk, node: Node): void {
  const to = attrNumber(node, 'to') ?? 1;
  const from = walk.model.values.get(node.inputs[0])?.dtype ?? 'float32';
  const lazy = walk.get(node.inputs[0], node);
  const nodes = joinNodes(lazy.nodes, [node]);
  const toBool = to === 9 && from !== 'bool';
  const toInt = [2, 3, 4, 5, 6, 7, 12, 13].includes(to) && (from.startsWith('float') || from === 'bfloat16');
  if (!toBool && !toInt) {
    walk.set(node.outputs[0], { ...lazy, nodes });
    return;
  }
  const fn = toBool ? (x: number) => (x === 0 ? 0 : 1) : Math.trunc;
  walk.set(node.outputs[0], fuse(walk, node, settle(walk, node, [node.inputs[0]]), ([x]) => fn(x)) as Lazy);
}

/** What becomes of an operator of two values that both differ between elements. */
type OfTwo = (walk: Walk, node: Node) => Lazy;

/** Add, Sub, Mul, Div and Pow of two values, and, where `decide` says what becomes of them, comparisons and logic. */
export function binary(walk: Walk, node: Node, decide?: OfTwo): void {
  if (node.inputs.length !== 2) {
    chained(walk, node, decide);
    return;
  }
  const raw = node.inputs.map((name) => walk.get(name, node));
  const result = pending(walk, node, raw) ?? settledBinary(walk, node, decide);
  walk.set(node.outputs[0], result);
}

/** Max and Min of any number of values: one after the other. */
function chained(walk: Walk, node: Node, decide?: OfTwo): void {
  const [first, ...others] = node.inputs;
  if (others.length === 0) {
    walk.set(node.outputs[0], walk.get(first, node));
    return;
  }
  let found = first;
  others.forEach((name, i) => {
    const output = i === others.length - 1 ? node.outputs[0] : `${node.outputs[0]}.${i}`;
    binary(walk, { ...node, inputs: [found, name], outputs: [output] }, decide);
    found = output;
  });
}

/** Folds a constant into a pending product or normalisation, and builds normalisations from their parts. */
function pending(walk: Walk, node: Node, [a, b]: readonly Lazy[]): Lazy | null {
  const nodes = joinNodes(a.nodes, b.nodes, [node]);
  const fn = BINARY[node.op];
  const [x, c, flip] = a.k === 'const' ? [b, a, true] : [a, b, false];
  const name = node.inputs[flip ? 1 : 0];
  if (c.k === 'const') {
    const value = scalar(c.t);
    if (x.k === 'variance' && value !== null) return { ...x, fn: (v) => (flip ? fn(value, x.fn(v)) : fn(x.fn(v), value)), nodes };
    if (x.k === 'centered' && node.op === 'Pow' && value === 2 && !x.gamma) return { k: 'square', of: x.of, center: true, nodes };
    if (x.k !== 'linear' && x.k !== 'norm' && x.k !== 'centered') return null;
    if (!walk.usedOnce(name) && x.k !== 'centered') return null;
    if (x.k === 'linear' && !x.unscaled && value !== null && node.op !== 'Add' && node.op !== 'Sub') return null;
    const dims = walk.dims(x);
    const n = dims[dims.length - 1];
    const cols = x.k === 'linear' && x.axis !== undefined ? alongAxis(c.t, dims, x.axis) : lastAxis(c.t, n);
    if (!cols || dimsOf(walk, node, [a, b]).length !== dims.length) return null;
    return foldColumns(x, node.op, flip, cols, nodes);
  }
  if (node.op === 'Sub' && b.k === 'mean' && b.keep) {
    const of = a.k === 'view' ? a.view : null;
    if (of && sameView(of, b.of)) return { k: 'centered', of, gamma: null, nodes };
  }
  if (node.op === 'Mul' && a.k === 'centered' && b.k === 'centered' && sameView(a.of, b.of) && !a.gamma && !b.gamma) {
    return { k: 'square', of: a.of, center: true, nodes };
  }
  const stat = a.k === 'variance' ? a : b.k === 'variance' ? b : null;
  const other = stat === a ? b : a;
  if (stat && ((node.op === 'Div' && stat === b) || node.op === 'Mul')) {
    const factor = node.op === 'Div' ? (v: number) => 1 / stat.fn(v) : stat.fn;
    if (stat.center && other.k === 'centered' && sameView(other.of, stat.of)) return normOf(stat, factor, other.gamma, nodes);
    if (!stat.center && other.k === 'view' && sameView(other.view, stat.of)) return normOf(stat, factor, null, nodes);
  }
  return null;
}

export function foldColumns(
  x: Lazy & { k: 'linear' | 'norm' | 'centered' },
  op: string,
  flip: boolean,
  cols: Float64Array,
  nodes: readonly Node[],
): Lazy | null {
  const n = cols.length;
  const scaleBy =
    op === 'Mul' ? cols : op === 'Div' && !flip ? cols.map((c) => 1 / c) : op === 'Sub' && flip ? new Float64Array(n).fill(-1) : null;
  const shift = op === 'Add' || (op === 'Sub' && flip) ? cols : op === 'Sub' ? cols.map((c) => -c) : null;
  if (!scaleBy && !shift) return null;
  const affine = (v: Float64Array): Float64Array => v.map((y, i) => y * (scaleBy ? scaleBy[i] : 1));
  const shifted = (v: Float64Array): Float64Array => affine(v).map((y, i) => y + (shift ? shift[i] : 0));
  if (x.k === 'centered') return shift ? null : { ...x, gamma: affine(x.gamma ?? new Float64Array(n).fill(1)), nodes };
  if (x.k === 'norm') return { ...x, gamma: affine(x.gamma), beta: shifted(x.beta), nodes };
  let { weights } = x;
  if (scaleBy) {
    const k = weights.data.length / n;
    const { steps } = weights;
    weights = {
      dims: weights.dims,
      data: weights.data.map((w, i) => w * scaleBy[Math.floor(i / k)]),
      ...(steps ? { steps: { ...steps, values: steps.values.map((s, i) => s * Math.abs(scaleBy[i])) } } : {}),
    };
  }
  return { ...x, ...(scaleBy ? { unscaled: false } : {}), weights, bias: shifted(x.bias ?? new Float64Array(n)), nodes };
}

function settledBinary(walk: Walk, node: Node, decide?: OfTwo): Lazy {
  const lazies = settle(walk, node, node.inputs);
  const [a, b] = lazies;
  const nodes = joinNodes(a.nodes, b.nodes, [node]);
  const fn = BINARY[node.op];
  // A scalar factor only changes what the integers mean.
  const x = a.k === 'const' ? b : a;
  const c = a.k === 'const' ? a : b;
  const value = c.k === 'const' ? uniform(c.t) : null;
  if (
    x.k === 'view' &&
    x.view.buf.kind !== 'token' &&
    value &&
    Number.isFinite(value) &&
    (node.op === 'Mul' || (node.op === 'Div' && c === b))
  ) {
    const view = broadcastView(x.view, dimsOf(walk, node, lazies));
    return { k: 'view', view: { ...view, gain: node.op === 'Mul' ? view.gain * value : view.gain / value }, nodes };
  }
  if (x.k === 'view' && value !== null && node.op === 'Max' && boundsMasks(value, x.view))
    return { k: 'view', view: broadcastView(x.view, dimsOf(walk, node, lazies)), nodes };
  const mean = meanOfSquares(x, node, value, nodes);
  if (mean) return mean;
  const fused = fuse(walk, node, lazies, ([p, q]) => fn(p, q));
  if (fused) return fused;
  if (decide) return decide(walk, node);
  if (c.k === 'const') return withConst(walk, node, x === a ? 0 : 1, c.t);
  return ofTwo(walk, node);
}

/** Squares are kept symbolic so that a root mean square normalisation can be recognised. */
function meanOfSquares(x: Lazy, node: Node, value: number | null, nodes: readonly Node[]): Lazy | null {
  const [p, q] = node.inputs;
  const squared = x.k === 'view' && x.view.buf.kind !== 'token' && ((node.op === 'Pow' && value === 2) || (node.op === 'Mul' && p === q));
  return squared ? { k: 'fn', base: x.view, fn: SQUARE, nodes } : null;
}
/** The one function object that stands for x². */
export const SQUARE: Fn = (x) => x * x;

/** `x op constant` where the constant differs between elements. */
function withConst(walk: Walk, node: Node, slot: number, c: Const): Lazy {
  const { view: x, nodes: before } = walk.view(node.inputs[slot], node);
  const dims = broadcastDims(mapDims(x.map), c.dims) as number[];
  const nodes = joinNodes(before, [node]);
  const neg = (t: Const): Const => ({ ...t, data: t.data.map((v) => -v) });
  switch (node.op) {
    case 'Add':
      return affine(walk, node, x, dims, null, c, nodes);
    case 'Sub':
      return slot === 0
        ? affine(walk, node, x, dims, null, neg(c), nodes)
        : affine(walk, node, { ...x, gain: -x.gain }, dims, null, c, nodes);
    case 'Mul':
    case 'And':
      return affine(walk, node, x, dims, c, null, nodes);
    case 'Div':
      if (slot === 0) return affine(walk, node, x, dims, { ...c, data: c.data.map((v) => 1 / v) }, null, nodes);
      break;
  }
  throw new InputError(
    `${node.op} of a tensor and a constant that differs between elements is not supported`,
    place(node),
    'Use Add, Sub, Mul or Div',
  );
}

export function affine(
  walk: Walk,
  node: Node,
  x: View,
  dims: readonly number[],
  mul: Const | null,
  add: Const | null,
  nodes: readonly Node[],
  name = node.outputs[0],
  extra: Partial<Buf> = {},
): Lazy & { k: 'view' } {
  const known = mul && !add ? wholeProduct(x, mul) : { ...maskedSum([x], add?.data ?? null), ...wholeSum(x, mul, add) };
  const wide = broadcastView(x, dims);
  const { out, view, turn, turnConst } = layout(walk, name, dims, [wide], { ...known, ...extra });
  walk.ops.push({ kind: 'affine', x: turn(wide), mul: mul && turnConst(mul), add: add && turnConst(add), out, nodes });
  return { k: 'view', view, nodes: [] };
}

/** What is subtracted, negated, where it is a function of tokens or flags that reaches as high as masks reach low. */
function negatedMask(walk: Walk, node: Node): Lazy | null {
  const lazy = walk.get(node.inputs[1], node);
  if (lazy.k !== 'fn') return null;
  const { buf, gain } = lazy.base;
  const { min, max } = buf.kind === 'token' ? { min: 0, max: (buf.vocabulary ?? 256) - 1 } : buf.whole && buf.known ? buf.known : NOTHING;
  const fn: Fn = (x) => -lazy.fn(x);
  for (let v = min; v <= max; v++) if (isMaskValue(fn(v * gain))) return { ...lazy, fn };
  return null;
}
const NOTHING = { min: 1, max: 0 };

/** `a op b` of two computed tensors. */
function ofTwo(walk: Walk, node: Node): Lazy {
  const low = node.op === 'Sub' ? negatedMask(walk, node) : null;
  if (low) {
    const name = `${node.outputs[0]}.low`;
    walk.set(name, low);
    return ofTwo(walk, { ...node, op: 'Add', inputs: [node.inputs[0], name] });
  }
  const [a, b] = node.inputs.map((name) => walk.view(name, node));
  const nodes = joinNodes(a.nodes, b.nodes, [node]);
  const dims = broadcastDims(mapDims(a.view.map), mapDims(b.view.map)) as number[];
  const va = broadcastView(a.view, dims);
  const vb = broadcastView(b.view, dims);
  switch (node.op) {
    case 'Add':
      return addViews(walk, node, va, vb, nodes);
    case 'Sub':
      return addViews(walk, node, va, { ...vb, gain: -vb.gain }, nodes);
    case 'Mul':
    case 'And':
      return emitTwo(walk, node, 'mul', va, vb, nodes);
    case 'Div':
      return emitTwo(walk, node, 'div', va, vb, nodes);
    default:
      throw new InputError(
        `${node.op} of two computed tensors is not supported`,
        place(node),
        'Use Add, Sub, Mul or Div, or make one side a constant',
      );
  }
}

export function emitTwo(
  walk: Walk,
  node: Node,
  kind: 'mul' | 'div',
  a: View,
  b: View,
  nodes: readonly Node[],
  name = node.outputs[0],
): Lazy & { k: 'view' } {
  const dims = mapDims(a.map);
  const { out, view, turn } = layout(walk, name, dims, [a, b], kind === 'mul' ? wholeProduct(a, b) : {});
  walk.ops.push({ kind, a: turn(a), b: turn(b), out, nodes });
  return { k: 'view', view, nodes: [] };
}

export function addViews(
  walk: Walk,
  node: Node,
  a: View,
  b: View,
  nodes: readonly Node[],
  name = node.outputs[0],
  extra: Partial<Buf> = {},
): Lazy & { k: 'view' } {
  const dims = mapDims(a.map);
  const known = { ...maskedSum([a, b], null), ...wholeSum(a, null, b), ...extra };
  const { out, view, turn } = layout(walk, name, dims, [a, b], known);
  walk.ops.push({ kind: 'add', a: turn(a), b: turn(b), relu: false, out, nodes });
  return { k: 'view', view, nodes: [] };
}
