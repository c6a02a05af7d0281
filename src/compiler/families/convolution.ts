import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrInts, attrNumber, attrString } from '../graph/attrs.ts';
import { affine, foldColumns } from '../graph/elementwise.ts';
import type { Const, HOp, View } from '../graph/hops.ts';
import { joinNodes, type Lazy, type LinearParts, place, type Walk } from '../graph/lazy.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { allOffsets, type Dim, denseMap, mapDims, transposeMap } from '../graph/view.ts';
import { banded } from './bands.ts';
import { depthwise, groupedProducts } from './groups.ts';
import { emitPad } from './pad.ts';
import { dense } from './take.ts';
import { bandsOf, type Window, windowed, windowsOf } from './windows.ts';

/** The constant in an input, or null when it is left out. */
export function constant(walk: Walk, node: Node, slot: number, what: string): Const | null {
  if (!node.inputs[slot]) return null;
  const lazy = walk.get(node.inputs[slot], node);
  if (lazy.k !== 'const') throw new InputError(`${what} depends on the data`, place(node), `Give ${what} as an initialiser`);
  return lazy.t;
}

function convolve(walk: Walk, node: Node): void {
  convolveBy(walk, node, constant(walk, node, 1, 'the kernel')!, constant(walk, node, 2, 'the bias')?.data ?? null);
}

/** The convolution of input 0 by a kernel and a bias. */
export function convolveBy(walk: Walk, node: Node, weights: Const, bias: Float64Array | null): void {
  const { view, nodes } = walk.view(node.inputs[0], node);
  const dims = mapDims(view.map);
  if (dims.length < 3 || dims.length > 5)
    throw new InputError(
      `a convolution over ${dims.length - 2} dimensions`,
      place(node),
      'Give [batch, channels, …] with one to three others',
    );
  const outs = walk.model.values.get(node.outputs[0])!.dims.slice(2);
  const windows = windowsOf(node, dims.slice(2), weights.dims.slice(2), outs);
  const groups = attrNumber(node, 'group') ?? 1;
  const all = joinNodes(nodes, [node]);
  // Channels that were shuffled do not lie group by group.
  const x = groups > 1 && view.map.dims[1].length > 1 ? dense(walk, view, `${node.inputs[0]}.copy`, all) : view;
  emit(walk, node, x, windows, weights, bias, groups, all);
}

/** Windows as rows, kernels as columns: a product with constant weights whose rows overlap in memory. `weights`: [M, C / groups, kernel…]. */
function emit(
  walk: Walk,
  node: Node,
  view: View,
  windows: readonly Window[],
  weights: Const,
  bias: Float64Array | null,
  groups: number,
  nodes: readonly Node[],
): void {
  const pieces = bandsOf(view, windows).map((band) => ({
    from: band.from,
    ...rowsOf(node, windowed(walk, node, band.view, band.windows, 'zero'), windows.length, weights, groups),
  }));
  const [first] = pieces;
  if (pieces.some(({ order }) => order.some((at, i) => at !== first.order[i])))
    throw new InputError('bands of the image lie differently in memory', place(node), 'Use a smaller image');
  const make = (parts: LinearParts, piece: Piece): HOp => piece.op?.({ ...parts, a: piece.a }) ?? { kind: 'linear', ...parts, a: piece.a };
  const op =
    pieces.length > 1
      ? (parts: LinearParts) =>
          banded(
            parts,
            pieces.map((piece) => ({ from: piece.from, make: (p) => make(p, piece) })),
          )
      : first.op;
  const dims = [mapDims(view.map)[0], weights.dims[0], ...windows.map((w) => w.out)];
  walk.set(node.outputs[0], { k: 'linear', a: first.a, weights: first.columns, bias, dims, axis: 1, nodes, ...(op ? { op } : {}) });
}

/** A product over windows: what it reads, its weights with the terms in the order of memory, and how it is made where it is no plain product. */
interface Piece {
  readonly a: View;
  readonly columns: Const;
  readonly order: readonly number[];
  readonly op?: (parts: LinearParts) => HOp;
}

/** The product over the windows of `all`, a view [batch, channels, out…, kernel…]. */
function rowsOf(node: Node, all: View, rank: number, weights: Const, groups: number): Piece {
  const [m, perGroup] = weights.dims;
  const [batch, channels] = all.map.dims;
  const outs = all.map.dims.slice(2, 2 + rank);
  const spatial = all.map.dims.slice(2 + rank);
  const k = weights.data.length / m;
  if (groups > 1 && perGroup === 1 && m === groups) {
    const a: View = { ...all, map: { off: all.map.off, dims: [batch, ...outs, channels, ...spatial] } };
    const columns: Const = { dims: [m, k], data: weights.data, ...rowSteps(weights) };
    return { a, columns, order: [], op: (parts) => depthwise(parts, rank) };
  }
  // The terms of a sum in the order of memory, so that a row is packed from contiguous pieces.
  const order = termOrder([...spatial, groups > 1 ? channels.slice(-1) : channels]);
  const turned = transposeMap(denseMap(weights.dims), [0, ...order.map((i) => (i === rank ? 1 : 2 + i))]);
  const columns: Const = { dims: [m, k], data: Float64Array.from(allOffsets(turned), (o) => weights.data[o]), ...rowSteps(weights) };
  const over = (own: Dim): View => ({
    ...all,
    map: { off: all.map.off, dims: [batch, ...outs, joinDims(order.map((i) => (i === rank ? own : spatial[i])))] },
  });
  if (groups === 1) return { a: over(channels), columns, order };
  if (channels[0].n !== groups * perGroup)
    throw new InputError('channels of groups do not lie evenly', place(node), 'Insert a copy before the convolution');
  const { stride } = channels[0];
  const a = over(perGroup === 1 ? [] : [{ n: perGroup, stride }]);
  const shifted = (of: View): View[] =>
    Array.from({ length: groups }, (_, g) => ({ ...of, map: { ...of.map, off: of.map.off + g * perGroup * stride } }));
  return { a, columns, order, op: (parts) => groupedProducts(parts, shifted(parts.a)) };
}

/** Steps of each output channel, where the kernel has steps. */
function rowSteps({ dims, steps }: Const): Pick<Const, 'steps'> {
  if (!steps || (steps.axis !== null && steps.axis !== 0)) return {};
  return { steps: { axis: 0, values: Float64Array.from({ length: dims[0] }, (_, i) => steps.values[steps.axis === null ? 0 : i]) } };
}

const joinDims = (dims: readonly Dim[]): Dim => denseTail(dims.flat().filter((f) => f.n > 1));
/** Neighbours that continue each other become one factor. */
function denseTail(factors: Dim): Dim {
  const out: { n: number; stride: number }[] = [];
  for (const f of factors) {
    const last = out[out.length - 1];
    if (last && last.stride === f.stride * f.n) out[out.length - 1] = { n: last.n * f.n, stride: f.stride };
    else out.push(f);
  }
  return out;
}

function termOrder(dims: readonly Dim[]): number[] {
  const stride = (i: number): number => dims[i][0]?.stride ?? Number.POSITIVE_INFINITY;
  return dims.map((_, i) => i).sort((a, b) => stride(b) - stride(a) || a - b);
}

/** A transposed convolution is a convolution with the kernel turned round over a copy with zeros between the elements. */
function convolveTransposed(walk: Walk, node: Node): void {
  const weights = constant(walk, node, 1, 'the kernel')!;
  const { view, nodes } = walk.view(node.inputs[0], node);
  const sizes = mapDims(view.map).slice(2);
  const groups = attrNumber(node, 'group') ?? 1;
  const [c, perGroup, ...kernel] = weights.dims;
  const ones = sizes.map(() => 1);
  const strides = attrInts(node, 'strides') ?? ones;
  const dilations = attrInts(node, 'dilations') ?? ones;
  const outs = walk.model.values.get(node.outputs[0])!.dims.slice(2);
  const auto = attrString(node, 'auto_pad') ?? 'NOTSET';
  const extra = attrInts(node, 'output_padding') ?? sizes.map(() => 0);
  const pads = attrInts(node, 'pads') ?? sizes.flatMap(() => [0, 0]);
  const begins = sizes.map((size, i) => {
    const total = strides[i] * (size - 1) + extra[i] + dilations[i] * (kernel[i] - 1) + 1 - outs[i];
    if (!auto.startsWith('SAME')) return pads[i];
    return auto === 'SAME_UPPER' ? Math.floor(total / 2) : total - Math.floor(total / 2);
  });
  const before = sizes.map((_, i) => dilations[i] * (kernel[i] - 1) - begins[i]);
  const after = sizes.map((size, i) => outs[i] + dilations[i] * (kernel[i] - 1) - before[i] - (strides[i] * (size - 1) + 1));
  if ([...before, ...after].some((n) => n < 0))
    throw new InputError('padding is wider than the kernel', place(node), 'Slice the result instead of padding');
  const spread = emitPad(walk, node, view, [0, 0, ...before], [0, 0, ...after], 'zero', [1, 1, ...strides]);
  const windows = sizes.map((_, i): Window => {
    const size = mapDims(spread.map)[2 + i];
    return { size, kernel: kernel[i], stride: 1, dilation: dilations[i], begin: 0, end: 0, counted: 0, out: outs[i] };
  });
  const flipped = turnedKernel(weights, groups, c / groups, perGroup, kernel);
  const bias = constant(walk, node, 2, 'the bias');
  emit(walk, node, spread, windows, flipped, bias?.data ?? null, groups, joinNodes(nodes, [node]));
}

/** [C, M / groups, kernel…] as [M, C / groups, kernel…] with every kernel dimension backwards. */
function turnedKernel(t: Const, groups: number, perIn: number, perOut: number, kernel: readonly number[]): Const {
  const taps = kernel.reduce((a, b) => a * b, 1);
  const data = new Float64Array(t.data.length);
  for (let g = 0; g < groups; g++)
    for (let o = 0; o < perOut; o++)
      for (let i = 0; i < perIn; i++)
        for (let k = 0; k < taps; k++)
          data[((g * perOut + o) * perIn + i) * taps + (taps - 1 - k)] = t.data[((g * perIn + i) * perOut + o) * taps + k];
  return { dims: [groups * perOut, perIn, ...kernel], data };
}

/** BatchNormalization at inference: a factor and a shift for each channel, in the product before it where there is one. */
function batchNorm(walk: Walk, node: Node): void {
  const [name] = node.inputs;
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((slot) => constant(walk, node, slot, 'a statistic')!.data);
  if ((attrNumber(node, 'training_mode') ?? 0) !== 0)
    throw new InputError('statistics of the batch are used', place(node), 'Export the model in evaluation mode');
  const eps = attrNumber(node, 'epsilon') ?? 1e-5;
  const factor = scale.map((s, i) => s / Math.sqrt(variance[i] + eps));
  const added = shift.map((b, i) => b - mean[i] * factor[i]);
  const lazy = walk.get(name, node);
  const nodes = joinNodes(lazy.nodes, [node]);
  const dims = walk.dims(lazy);
  if (lazy.k === 'linear' && walk.usedOnce(name) && (lazy.axis ?? dims.length - 1) === 1) {
    const scaled = foldColumns(lazy, 'Mul', false, factor, nodes) as Lazy & { k: 'linear' };
    walk.set(node.outputs[0], foldColumns(scaled, 'Add', false, added, nodes)!);
    return;
  }
  const { view, nodes: before } = walk.view(name, node);
  walk.set(node.outputs[0], perChannel(walk, node, view, factor, added, joinNodes(before, [node])));
}

/** `x·factor + shift` with one factor and shift for each entry of dimension 1. */
export function perChannel(walk: Walk, node: Node, x: View, factor: Float64Array, shift: Float64Array, nodes: readonly Node[]): Lazy {
  const dims = mapDims(x.map);
  const shape = [factor.length, ...dims.slice(2).map(() => 1)];
  return affine(walk, node, x, dims, { dims: shape, data: factor }, { dims: shape, data: shift }, nodes);
}

const PRODUCT = 'products over a view of windows, of a padded copy where they reach beyond the tensor; channels last in memory';

export const CONVOLUTION: Rules = new Map<string, OpRule>([
  ['BatchNormalization', rule(batchNorm, 'part of the product before it, or one factor and shift for each channel', 'evaluation mode')],
  ['Conv', rule(convolve, PRODUCT, 'one to three dimensions, constant kernel')],
  [
    'ConvTranspose',
    rule(convolveTransposed, `${PRODUCT} with zeros between elements`, 'constant kernel, padding no wider than the kernel'),
  ],
]);
