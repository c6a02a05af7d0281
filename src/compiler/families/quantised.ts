import { InputError } from '../../base/errors.ts';
import type { DType, Node } from '../../onnx/model.ts';
import { attrNumber } from '../graph/attrs.ts';
import { addViews, emitTwo } from '../graph/elementwise.ts';
import { UNARY } from '../graph/functions.ts';
import type { Buf, Const, View } from '../graph/hops.ts';
import { broadcastView, joinNodes, type Lazy, place, type Walk } from '../graph/lazy.ts';
import { softmax } from '../graph/norms.ts';
import { emitMatMul, rows } from '../graph/products.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { broadcastDims, denseMap, mapDims, transposeMap } from '../graph/view.ts';
import { constant, convolveBy } from './convolution.ts';
import { pool } from './pooling.ts';

/**
 * A quantised tensor of the model: real = scale × (integer − zero). Buffers hold `integer − zero` under the model's own scale, so that sums
 * of products are the model's own integers, and views of them have real values: shape changes need know nothing of it.
 */
interface Grid {
  readonly scale: number;
  readonly zero: number;
  readonly type: DType;
}

const BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65535],
  int16: [-32768, 32767],
};

/** Grids of the values that a walk has quantised. */
const grids = new WeakMap<Walk, Map<string, Grid>>();
/** Operators that only move elements. */
const MOVES = new Set([
  'Reshape',
  'Transpose',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Slice',
  'Split',
  'Identity',
  'Gather',
  'MaxPool',
  'Expand',
  'Concat',
  'DepthToSpace',
  'SpaceToDepth',
]);

function setGrid(walk: Walk, name: string, grid: Grid): void {
  const known = grids.get(walk) ?? new Map<string, Grid>();
  grids.set(walk, known.set(name, grid));
}

/** The grid of an integer tensor; null where its integers stand for themselves (inputs, initialisers and what only moves them). */
function gridOf(walk: Walk, name: string): Grid | null {
  const known = grids.get(walk)?.get(name);
  if (known) return known;
  const producer = walk.model.nodes.find(({ outputs }) => outputs.includes(name));
  if (!producer) return null;
  const inputs = producer.op === 'Concat' ? producer.inputs : producer.inputs.slice(0, MOVES.has(producer.op) ? 1 : undefined);
  const found = inputs.filter(Boolean).map((input) => gridOf(walk, input));
  const [first] = found;
  if (found.every((grid) => grid === null)) return null;
  if (MOVES.has(producer.op) && found.every((grid) => grid && sameGrid(grid, first!))) return first!;
  throw new InputError(
    `${producer.op} computes with the integers of a quantised tensor`,
    place(producer),
    'Dequantise before it and quantise behind it',
  );
}

const sameGrid = (a: Grid, b: Pick<Grid, 'scale' | 'zero'>): boolean => a.zero === b.zero && Math.abs(a.scale - b.scale) <= 1e-6 * a.scale;

/** The grid that a scale and a zero point of one element say. */
function statedGrid(walk: Walk, node: Node, scale: number, zero: number, otherwise: DType = 'uint8'): Grid {
  const s = constant(walk, node, scale, 'a scale')!;
  const z = constant(walk, node, zero, 'a zero point');
  if (s.data.length !== 1)
    throw new InputError('an activation with several scales', place(node), 'Quantise activations with one scale for a tensor');
  if (!(s.data[0] > 0 && Number.isFinite(s.data[0])))
    throw new InputError(`a scale of ${s.data[0]}`, place(node), 'Quantise with a positive scale');
  const type = typeOf(walk, node.inputs[zero]) ?? otherwise;
  if (!BOUNDS[type]) throw new InputError(`quantised to ${type}`, place(node), 'Quantise to 8 or 16 bits');
  return { scale: s.data[0], zero: z?.data[0] ?? 0, type };
}

function typeOf(walk: Walk, name: string | undefined): DType | undefined {
  return name ? (walk.model.values.get(name)?.dtype ?? walk.model.initializers.get(name)?.dtype) : undefined;
}

/** Whether a grid's integers, less its zero point, fit in int16. */
const fits = ({ zero, type }: Grid): boolean => BOUNDS[type][1] - zero <= 32767 && BOUNDS[type][0] - zero >= -32768;

/** What a buffer of this grid holds; where its 16 bits do not fit around the zero point, a value keeps the unit that it would have without it. */
function bufferOf(grid: Grid): Partial<Buf> {
  const { scale, zero, type } = grid;
  const [min, max] = BOUNDS[type];
  return fits(grid)
    ? { grid: { scale, min: min - zero, max: max - zero } }
    : { known: { min: (min - zero) * scale, max: (max - zero) * scale } };
}

/** Writes a value in a grid's integers: where it is computed when nothing else reads it, else by a copy. */
function toGrid(walk: Walk, node: Node, input: string, output: string, grid: Grid): void {
  const extra = bufferOf(grid);
  const lazy = walk.get(input, node);
  const nodes = joinNodes(lazy.nodes, [node]);
  setGrid(walk, output, grid);
  const done = (view: View): void => walk.set(output, { k: 'view', view, nodes: [] });
  if (lazy.k !== 'view' && lazy.k !== 'const' && walk.usedOnce(input)) {
    done(walk.emit(output, { ...lazy, nodes }, node, extra));
    return;
  }
  const { view } = walk.view(input, node);
  const at = walk.ops.findIndex(({ out }) => out === view.buf);
  const op = walk.ops[at];
  if (
    op &&
    op.kind !== 'own' &&
    op.kind !== 'softmax' &&
    op.kind !== 'embed' &&
    view.gain === 1 &&
    view.buf.name === input &&
    walk.usedOnce(input) &&
    !view.buf.grid &&
    !view.buf.masked
  ) {
    const out = walk.buf(output, op.out.dims, 'act', extra);
    walk.ops[at] = { ...op, out, nodes: joinNodes(op.nodes, [node]) };
    done({ ...view, buf: out });
    return;
  }
  done(copied(walk, output, view, extra, nodes));
}

function copied(walk: Walk, name: string, view: View, extra: Partial<Buf>, nodes: readonly Node[]): View {
  const dims = mapDims(view.map);
  const out = walk.buf(name, dims, 'act', extra);
  walk.ops.push({ kind: 'concat', parts: [view], axis: 0, out, nodes });
  return { buf: out, map: denseMap(dims), gain: 1 };
}

function quantise(walk: Walk, node: Node): void {
  const [input, , zeroName] = node.inputs;
  const lazy = walk.get(input, node);
  if (lazy.k === 'const') {
    const t = lazy.t;
    const type = typeOf(walk, zeroName) ?? 'uint8';
    const [lo, hi] = BOUNDS[type] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const { scales, zeros, at } = parameters(walk, node, t);
    const data = t.data.map((x, i) => Math.max(lo, Math.min(hi, UNARY.Round(x / scales[at(i)], () => 0) + zeros[at(i)])));
    walk.set(node.outputs[0], { k: 'const', t: { dims: t.dims, data }, nodes: joinNodes(lazy.nodes, [node]) });
    return;
  }
  toGrid(walk, node, input, node.outputs[0], statedGrid(walk, node, 1, 2));
}

/** Scales and zero points of a constant, and which of them an element has: one for all, one for each entry of an axis, or for blocks along it. */
function parameters(
  walk: Walk,
  node: Node,
  t: Const,
): { scales: Float64Array; zeros: Float64Array; at: (i: number) => number; axis: number | null } {
  const given = constant(walk, node, 1, 'a scale')!;
  const scales = given.data;
  const zeros = constant(walk, node, 2, 'a zero point')?.data ?? new Float64Array(scales.length);
  if (scales.length === 1) return { scales, zeros, at: () => 0, axis: null };
  const raw = attrNumber(node, 'axis') ?? 1;
  const axis = raw < 0 ? raw + t.dims.length : raw;
  const block = attrNumber(node, 'block_size') ?? 0;
  const inner = t.dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  if (block > 0) {
    const blocks = Math.ceil(t.dims[axis] / block);
    if (given.dims.length !== t.dims.length || given.dims.some((d, i) => d !== (i === axis ? blocks : t.dims[i])))
      throw new InputError(`scales [${given.dims.join(', ')}] do not fit blocks of ${block} along axis ${axis}`, place(node));
    const at = (i: number): number => {
      const row = Math.floor(i / inner);
      return (Math.floor(row / t.dims[axis]) * blocks + Math.floor((row % t.dims[axis]) / block)) * inner + (i % inner);
    };
    return { scales, zeros, at, axis };
  }
  if (t.dims[axis] !== scales.length)
    throw new InputError(
      `${scales.length} scales for ${t.dims[axis]} entries of axis ${axis}`,
      place(node),
      'Give one for each, or for blocks',
    );
  return { scales, zeros, at: (i) => Math.floor(i / inner) % scales.length, axis };
}

/** A constant's integers as real values that remember their steps. */
function dequantised(t: Const, scales: Float64Array, zeros: Float64Array, axis: number | null): Const {
  const inner = axis === null ? 1 : t.dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const at = (i: number): number => (axis === null ? 0 : Math.floor(i / inner) % scales.length);
  const zero = (i: number): number => zeros[zeros.length === 1 ? 0 : at(i)];
  return { dims: t.dims, data: t.data.map((q, i) => (q - zero(i)) * scales[at(i)]), steps: { axis, values: scales } };
}

function dequantise(walk: Walk, node: Node): void {
  const [input] = node.inputs;
  const lazy = walk.get(input, node);
  const nodes = joinNodes(lazy.nodes, [node]);
  if (lazy.k === 'const') {
    const { scales, zeros, at, axis } = parameters(walk, node, lazy.t);
    const blocks = (attrNumber(node, 'block_size') ?? 0) > 0;
    // Blocks have steps of their own, which one scale for a row of weights does not keep.
    const real = (q: number, i: number): number => (q - zeros[zeros.length === 1 ? 0 : at(i)]) * scales[at(i)];
    const t = blocks ? { dims: lazy.t.dims, data: lazy.t.data.map(real) } : dequantised(lazy.t, scales, zeros, axis);
    walk.set(node.outputs[0], { k: 'const', t, nodes });
    return;
  }
  const grid = gridOf(walk, input);
  const wanted = statedGrid(walk, node, 1, 2, grid?.type ?? typeOf(walk, input));
  if (grid) {
    if (!sameGrid(grid, wanted))
      throw new InputError('another scale or zero point than the tensor was quantised with', place(node), 'Quantise again');
    walk.set(node.outputs[0], { ...lazy, nodes });
    return;
  }
  // Integers that stand for themselves: an input, or rows of an embedding.
  const { scale, zero } = wanted;
  const isToken = lazy.k === 'view' && lazy.view.buf.kind === 'token';
  if (lazy.k === 'fn' || isToken || zero !== 0) {
    const base = lazy.k === 'fn' ? lazy.base : isToken ? lazy.view : walk.view(input, node).view;
    const inner = lazy.k === 'fn' ? lazy.fn : (x: number): number => x;
    walk.set(node.outputs[0], { k: 'fn', base, fn: (x) => (inner(x) - zero) * scale, nodes });
    return;
  }
  const { view } = walk.view(input, node);
  walk.set(node.outputs[0], { k: 'view', view: { ...view, gain: view.gain * scale }, nodes });
}

/**
 * The scale of DynamicQuantizeLinear follows each input; here the value keeps its 16 bits instead, which is closer to the model before it was
 * quantised. So its scale is one and its zero point zero.
 */
function quantiseByInput(walk: Walk, node: Node): void {
  const [input] = node.inputs;
  const { view, nodes } = walk.view(input, node);
  const [value, scale, zero] = node.outputs;
  setGrid(walk, value, { scale: 1, zero: 0, type: 'uint8' });
  walk.set(value, { k: 'view', view, nodes: joinNodes(nodes, [node]) });
  const one = (v: number): Lazy => ({ k: 'const', t: { dims: [], data: Float64Array.of(v) }, nodes: [node] });
  if (scale) walk.set(scale, one(1));
  if (zero) walk.set(zero, one(0));
}

/** Input `slot` as a real value, with the scale that its integers have; its zero point in input `zero` must be the tensor's. */
function operand(walk: Walk, node: Node, slot: number, zero: number): number {
  const grid = gridOf(walk, node.inputs[slot]);
  const stated = constant(walk, node, zero, 'a zero point')?.data[0] ?? 0;
  if (!grid) throw new InputError('its first operand was never quantised in this graph', place(node), 'Quantise it with QuantizeLinear');
  if (grid.zero !== stated) throw new InputError('another zero point than the tensor was quantised with', place(node), 'Quantise again');
  return grid.scale;
}

/** MatMulInteger and ConvInteger: the real product over the scale of the first operand; the factor behind it makes that whole again. */
function integerProduct(walk: Walk, node: Node): void {
  const scale = operand(walk, node, 0, 2);
  const given = constant(walk, node, 1, 'the second matrix')!;
  const zeros = constant(walk, node, 3, 'a zero point')?.data ?? Float64Array.of(0);
  const axis = zeros.length === 1 ? null : node.op === 'ConvInteger' ? 0 : given.dims.length - 1;
  const scales = new Float64Array(zeros.length).fill(1 / scale);
  const weights = dequantised(given, scales, zeros, axis);
  if (node.op === 'ConvInteger') convolveBy(walk, node, weights, null);
  else product(walk, node, 0, weights, false, null);
  const lazy = walk.get(node.outputs[0], node);
  if (lazy.k === 'linear') walk.set(node.outputs[0], { ...lazy, unscaled: true });
}

/** `a · weights + bias` as a pending product. */
function product(
  walk: Walk,
  node: Node,
  slot: number,
  weights: Const,
  transposed: boolean,
  bias: Float64Array | null,
  transA = false,
): void {
  const { view, nodes } = walk.view(node.inputs[slot], node);
  const a = transA ? { ...view, map: transposeMap(view.map, [1, 0]) } : view;
  const [k, n] = transposed ? [weights.dims[1], weights.dims[0]] : weights.dims.slice(-2);
  if (weights.dims.length > 2 && weights.dims.slice(0, -2).some((d) => d !== 1))
    throw new InputError('several constant matrices at once', place(node), 'Split the product');
  const dims = [...mapDims(a.map).slice(0, -1), n];
  walk.set(node.outputs[0], { k: 'linear', a, weights: rows(weights, k, n, transposed), bias, dims, nodes: joinNodes(nodes, [node]) });
}

/** The constant in an input with the scale and zero point that stand behind it, as real values. */
function weightsOf(walk: Walk, node: Node, slot: number, axis: number): Const | null {
  const lazy = walk.get(node.inputs[slot], node);
  if (lazy.k !== 'const') return null;
  const scales = constant(walk, node, slot + 1, 'a scale')!.data;
  const zeros = constant(walk, node, slot + 2, 'a zero point')?.data ?? new Float64Array(scales.length);
  const per = Math.max(scales.length, zeros.length);
  const wide = (v: Float64Array): Float64Array => (v.length === per ? v : new Float64Array(per).fill(v[0]));
  return dequantised(lazy.t, wide(scales), wide(zeros), per === 1 ? null : axis);
}

/** Checks that the tensor in input `slot` has the scale and zero point that stand behind it. */
function checkGrid(walk: Walk, node: Node, slot: number): void {
  const stated = statedGrid(walk, node, slot + 1, slot + 2, typeOf(walk, node.inputs[slot]));
  const grid = gridOf(walk, node.inputs[slot]);
  if (grid && sameGrid(grid, stated)) return;
  if (grid) throw new InputError('another scale or zero point than the tensor was quantised with', place(node), 'Quantise again');
  const lazy = walk.get(node.inputs[slot], node);
  if (lazy.k !== 'view' || lazy.view.buf.kind !== 'token')
    throw new InputError(`input ${slot} was never quantised in this graph`, place(node), 'Quantise it with QuantizeLinear');
  const real: Lazy = { k: 'fn', base: lazy.view, fn: (x) => (x - stated.zero) * stated.scale, nodes: lazy.nodes };
  walk.set(node.inputs[slot], { k: 'view', view: walk.emit(`${node.inputs[slot]}.real`, real, node), nodes: [] });
  setGrid(walk, node.inputs[slot], stated);
}

/** Puts what stands in the node's output, a real value, onto the grid of inputs `scale` and `scale + 1`. */
function requantise(walk: Walk, node: Node, scale: number): void {
  const [output] = node.outputs;
  const grid = statedGrid(walk, node, scale, scale + 1);
  const lazy = walk.get(output, node);
  setGrid(walk, output, grid);
  if (lazy.k !== 'view') {
    walk.set(output, { k: 'view', view: walk.emit(output, lazy, node, bufferOf(grid)), nodes: [] });
    return;
  }
  const at = walk.ops.findIndex(({ out }) => out === lazy.view.buf);
  const out = walk.buf(output, walk.ops[at].out.dims, 'act', bufferOf(grid));
  walk.ops[at] = { ...walk.ops[at], out };
  walk.set(output, { ...lazy, view: { ...lazy.view, buf: out } });
}

function qLinearMatMul(walk: Walk, node: Node): void {
  checkGrid(walk, node, 0);
  const rank = walk.dims(walk.get(node.inputs[3], node)).length;
  const weights = weightsOf(walk, node, 3, rank - 1);
  if (weights) product(walk, node, 0, weights, false, null);
  else {
    checkGrid(walk, node, 3);
    const [a, b] = [0, 3].map((slot) => walk.view(node.inputs[slot], node));
    emitMatMul(walk, node, a.view, b.view, joinNodes(a.nodes, b.nodes, [node]));
  }
  requantise(walk, node, 6);
}

/** Integers of a bias have the product of both scales. */
function biasOf(walk: Walk, node: Node, slot: number, scale: number, weights: Const): Float64Array | null {
  const t = constant(walk, node, slot, 'the bias');
  return t ? t.data.map((q, i) => q * scale * weights.steps!.values[weights.steps!.axis === null ? 0 : i]) : null;
}

function qLinearConv(walk: Walk, node: Node): void {
  checkGrid(walk, node, 0);
  const weights = weightsOf(walk, node, 3, 0);
  if (!weights) throw new InputError('the kernel depends on the data', place(node), 'Give it as an initialiser');
  convolveBy(walk, node, weights, biasOf(walk, node, 8, gridOf(walk, node.inputs[0])!.scale, weights));
  requantise(walk, node, 6);
}

function qGemm(walk: Walk, node: Node): void {
  checkGrid(walk, node, 0);
  const transB = (attrNumber(node, 'transB') ?? 0) !== 0;
  const weights = weightsOf(walk, node, 3, transB ? 0 : 1);
  if (!weights) throw new InputError('both matrices are computed', place(node), 'Use QLinearMatMul');
  const alpha = attrNumber(node, 'alpha') ?? 1;
  const scaled: Const = {
    ...weights,
    data: weights.data.map((w) => w * alpha),
    steps: { axis: weights.steps!.axis, values: weights.steps!.values.map((s) => s * alpha) },
  };
  const bias = biasOf(walk, node, 6, gridOf(walk, node.inputs[0])!.scale, scaled);
  product(walk, node, 0, scaled, transB, bias, (attrNumber(node, 'transA') ?? 0) !== 0);
  if (node.inputs[7]) requantise(walk, node, 7);
}

/** QLinearAdd and QLinearMul: a, its scale and zero point, b with its own, and those of the result. */
function qLinearTwo(walk: Walk, node: Node): void {
  const views = [0, 3].map((slot): View => {
    const weights = weightsOf(walk, node, slot, 0);
    if (weights) return walk.emit(`${node.outputs[0]}.constant`, { k: 'const', t: weights, nodes: [] }, node);
    checkGrid(walk, node, slot);
    return walk.view(node.inputs[slot], node).view;
  });
  const dims = broadcastDims(mapDims(views[0].map), mapDims(views[1].map))!;
  const [a, b] = views.map((view) => broadcastView(view, dims));
  const made = node.op === 'QLinearAdd' ? addViews(walk, node, a, b, [node]) : emitTwo(walk, node, 'mul', a, b, [node]);
  walk.set(node.outputs[0], made);
  requantise(walk, node, 6);
}

/** QLinearSigmoid and QLinearLeakyRelu: a table of the tensor's integers. */
function qLinearTable(walk: Walk, node: Node): void {
  checkGrid(walk, node, 0);
  const { view, nodes } = walk.view(node.inputs[0], node);
  const fn = UNARY[node.op.slice('QLinear'.length)];
  const attr = (key: string, otherwise: number): number => attrNumber(node, key) ?? otherwise;
  walk.set(node.outputs[0], { k: 'fn', base: view, fn: (x) => fn(x, attr), nodes: joinNodes(nodes, [node]) });
  requantise(walk, node, 3);
}

function qLinearPool(walk: Walk, node: Node): void {
  checkGrid(walk, node, 0);
  const { view, nodes } = walk.view(node.inputs[0], node);
  const last = (attrNumber(node, 'channels_last') ?? 0) !== 0;
  const dims = mapDims(view.map);
  const axes = dims.map((_, i) => i).filter((i) => i !== 0 && i !== (last ? dims.length - 1 : 1));
  const kept = dims.filter((_, i) => !axes.includes(i));
  const grid = statedGrid(walk, node, 3, 4);
  const out = walk.buf(node.outputs[0], kept, 'act', bufferOf(grid));
  walk.ops.push({ kind: 'reduce', x: view, axes, mode: 'mean', out, nodes: joinNodes(nodes, [node]) });
  setGrid(walk, node.outputs[0], grid);
  const shape = dims.map((n, i) => (axes.includes(i) ? 1 : n));
  const dense = denseMap(kept);
  let at = 0;
  const map = { off: 0, dims: shape.map((_, i) => (axes.includes(i) ? [] : dense.dims[at++])) };
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map, gain: 1 }, nodes: [] });
}

/** The real value of the node's first operand through another operator, on the grid of inputs 3 and 4. */
const through =
  (op: string, run: (walk: Walk, node: Node) => void): OpRule['run'] =>
  (walk, node) => {
    checkGrid(walk, node, 0);
    const [name] = node.outputs;
    const real = `${name}.real`;
    run(walk, { ...node, op, inputs: node.inputs.slice(0, 1), outputs: [real] });
    toGrid(walk, node, real, name, statedGrid(walk, node, 3, 4));
  };

function qLinearAveragePool(walk: Walk, node: Node): void {
  checkGrid(walk, node, 0);
  const [name] = node.outputs;
  const view = pool(walk, node, walk.model.values.get(name)!.dims, `${name}.mean`);
  const grid = statedGrid(walk, node, 3, 4);
  setGrid(walk, name, grid);
  walk.set(name, { k: 'view', view: copied(walk, name, view, bufferOf(grid), [node]), nodes: [] });
}

/** The parts, each with its own scale and zero point, side by side on one grid. */
function qLinearConcat(walk: Walk, node: Node): void {
  const [name] = node.outputs;
  const parts: View[] = [];
  for (let slot = 2; slot < node.inputs.length; slot += 3) {
    const weights = weightsOf(walk, node, slot, 0);
    if (!weights) checkGrid(walk, node, slot);
    parts.push(
      weights ? walk.emit(`${name}.constant${slot}`, { k: 'const', t: weights, nodes: [] }, node) : walk.view(node.inputs[slot], node).view,
    );
  }
  const { dims } = walk.model.values.get(name)!;
  const raw = attrNumber(node, 'axis') ?? 0;
  const grid = statedGrid(walk, node, 0, 1);
  const out = walk.buf(name, dims, 'act', bufferOf(grid));
  walk.ops.push({ kind: 'concat', parts, axis: raw < 0 ? raw + dims.length : raw, out, nodes: [node] });
  setGrid(walk, name, grid);
  walk.set(name, { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 }, nodes: [] });
}

/** Weights of 2 to 8 bits in blocks along their terms, packed into bytes (`MatMulNBits`). */
function packedProduct(walk: Walk, node: Node): void {
  const attr = (name: string, otherwise: number): number => attrNumber(node, name) ?? otherwise;
  const [k, n, bits, block] = [attr('K', 0), attr('N', 0), attr('bits', 4), attr('block_size', 32)];
  const [packed, scales] = [1, 2].map((slot) => constant(walk, node, slot, slot === 1 ? 'the weights' : 'a scale')!.data);
  const zeros = constant(walk, node, 3, 'a zero point')?.data;
  const bias = constant(walk, node, 5, 'the bias')?.data ?? null;
  const order = constant(walk, node, 4, 'the order of groups');
  const [blocks, each] = [Math.ceil(k / block), 8 / bits];
  const blob = (block * bits) / 8;
  const floats = zeros && typeOf(walk, node.inputs[3]) !== 'uint8';
  const rowBytes = Math.ceil((blocks * bits) / 8);
  if (order || !Number.isInteger(each) || packed.length !== n * blocks * blob || scales.length !== n * blocks)
    throw new InputError('weights in another order or size than its attributes say', place(node), 'Quantise in blocks of 4 or 8 bits');
  const piece = (byte: number, i: number): number => (byte >> (bits * (i % each))) & (2 ** bits - 1);
  const data = Float64Array.from({ length: n * k }, (_, at) => {
    const [row, i] = [Math.floor(at / k), at % k];
    const b = Math.floor(i / block);
    const q = piece(packed[(row * blocks + b) * blob + Math.floor((i % block) / each)], i % block);
    const zero = !zeros ? 2 ** (bits - 1) : floats ? zeros[row * blocks + b] : piece(zeros[row * rowBytes + Math.floor(b / each)], b);
    return (q - zero) * scales[row * blocks + b];
  });
  product(walk, node, 0, { dims: [n, k], data }, true, bias);
}

const INTEGERS = "a product of the model's own integers";

export const QUANTISED: Rules = new Map<string, OpRule>([
  ['ConvInteger', rule(integerProduct, INTEGERS, 'constant kernel; its scale follows')],
  [
    'DequantizeLinear',
    rule(dequantise, 'nothing, or weights that keep their integers', 'one scale for an activation; the one it was quantised with'),
  ],
  ['DynamicQuantizeLinear', rule(quantiseByInput, 'nothing: the value keeps 16 bits')],
  ['MatMulNBits', rule(packedProduct, 'the pair kernel', 'constant weights of 2, 4 or 8 bits, no group indices')],
  ['MatMulInteger', rule(integerProduct, INTEGERS, 'the second matrix is constant; its scale follows')],
  ['QGemm', rule(qGemm, INTEGERS, 'the second matrix is constant')],
  ['QLinearAdd', rule(qLinearTwo, 'an addition in integers')],
  ['QLinearAveragePool', rule(qLinearAveragePool, 'a reduction over a view of windows', 'channels first')],
  ['QLinearConcat', rule(qLinearConcat, 'copies')],
  ['QLinearConv', rule(qLinearConv, INTEGERS, 'constant kernel')],
  ['QLinearGlobalAveragePool', rule(qLinearPool, 'a reduction')],
  ['QLinearLeakyRelu', rule(qLinearTable, 'a table of the integers')],
  ['QLinearMatMul', rule(qLinearMatMul, INTEGERS)],
  ['QLinearMul', rule(qLinearTwo, 'a product in integers')],
  ['QLinearSigmoid', rule(qLinearTable, 'a table of the integers')],
  ['QLinearSoftmax', rule(through('Softmax', softmax), 'the softmax kernel, and a copy')],
  ['QuantizeLinear', rule(quantise, 'rounding where the value is computed, or a copy', '8 or 16 bits, one scale for an activation')],
]);
