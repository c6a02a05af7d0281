import type { Model, Node, Tensor, TensorData } from '../../onnx/model.ts';
import { allocate, elementCount } from '../../onnx/tensor.ts';
import { infoOf } from './node-kernel.ts';

type Dims = readonly number[];

/** Operators that make each element of their output from the elements at its place in their inputs. */
const ELEMENTWISE: ReadonlySet<string> = new Set([
  ...[
    'Add',
    'Sub',
    'Mul',
    'Div',
    'Pow',
    'Max',
    'Min',
    'Sum',
    'Mean',
    'Where',
    'Clip',
    'Cast',
    'Equal',
    'Greater',
    'GreaterOrEqual',
    'Less',
    'LessOrEqual',
  ],
  ...[
    'And',
    'Or',
    'Not',
    'Xor',
    'Relu',
    'LeakyRelu',
    'PRelu',
    'Elu',
    'Selu',
    'Celu',
    'Sigmoid',
    'HardSigmoid',
    'HardSwish',
    'Tanh',
    'Gelu',
    'Erf',
    'Mish',
  ],
  ...[
    'Softplus',
    'Softsign',
    'ThresholdedRelu',
    'Exp',
    'Log',
    'Sqrt',
    'Reciprocal',
    'Neg',
    'Abs',
    'Sin',
    'Cos',
    'Floor',
    'Ceil',
    'Round',
    'Sign',
  ],
  ...['FastGelu', 'QuickGelu', 'BiasGelu'],
]);
const ROW_NORMS: ReadonlySet<string> = new Set([
  'Softmax',
  'LogSoftmax',
  'LayerNormalization',
  'RMSNormalization',
  'SimplifiedLayerNormalization',
]);
const ROW_SUMS: ReadonlySet<string> = new Set(['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceSumSquare', 'ReduceL2']);

/** How a node works on rows, the last dimension of its tensors. */
export type RowWork = 'elementwise' | 'norm' | 'sum' | 'matmul';

/** All dimensions but the last: which row it is. */
export const leadOf = (dims: Dims): Dims => dims.slice(0, -1);
const sameDims = (a: Dims, b: Dims): boolean => a.length === b.length && a.every((dim, at) => dim === b[at]);
const rowLength = (dims: Dims): number => dims.at(-1) ?? 1;

/**
 * How a node makes each row of its output from rows at the same place of those inputs that `inside` names; null where it does not, so that it cannot be
 * part of a fused command. Inputs that are not inside come from memory, in rows, as one row for all, or (the right factor of a product) whole.
 */
export function rowWork(model: Model, node: Node, inside: (name: string) => boolean): RowWork | null {
  const { op, domain, outputs, inputs } = node;
  if ((domain !== '' && domain !== 'com.microsoft') || outputs.filter((name) => name !== '').length !== 1) return null;
  const out = infoOf(model, outputs[0]!).dims;
  if (out.length === 0 || elementCount(out) === 0) return null;
  const lead = leadOf(out);
  const dimsOf = (name: string): Dims => infoOf(model, name).dims;
  const named = inputs.filter((name) => name !== '');
  // What is made inside has rows of the same number in the same order.
  if (!named.every((name) => !inside(name) || sameDims(leadOf(dimsOf(name)), lead))) return null;
  if (ELEMENTWISE.has(op)) {
    const fits = named.every((name) => {
      const dims = dimsOf(name);
      return rowLength(dims) === rowLength(out) || rowLength(dims) === 1;
    });
    return fits ? 'elementwise' : null;
  }
  const first = dimsOf(inputs[0]!);
  const othersOutside = named.slice(1).every((name) => !inside(name));
  if (!othersOutside || !sameDims(leadOf(first), lead)) return null;
  const axis = (value: number): boolean => value === -1 || value === first.length - 1;
  if (ROW_NORMS.has(op)) {
    const given = node.attrs.get('axis');
    // Before opset 13 Softmax takes all dimensions from its axis on, 1 unless it says so; of the last that is a row all the same.
    const standard = op.endsWith('oftmax') && model.opset < 13 ? 1 : -1;
    const rowParameters = named.slice(1).every((name) => dimsOf(name).length <= 1);
    return axis(given === undefined ? standard : Number(given)) && rowParameters ? 'norm' : null;
  }
  if (ROW_SUMS.has(op)) {
    const axes = reducedAxes(model, node);
    const keeps = Number(node.attrs.get('keepdims') ?? 1) !== 0;
    return keeps && axes?.length === 1 && axis(axes[0]!) ? 'sum' : null;
  }
  if (op === 'MatMul' && domain === '') {
    const right = dimsOf(inputs[1]!);
    const batch = lead.slice(0, -1);
    // The right factor has a matrix for each batch, or one for all.
    const spread = right.slice(0, -2);
    const padded = [...Array.from({ length: Math.max(0, batch.length - spread.length) }, () => 1), ...spread];
    const fits = right.length >= 2 && padded.length === batch.length && padded.every((dim, at) => dim === 1 || dim === batch[at]);
    return first.length >= 2 && fits && inputs[0] !== inputs[1] ? 'matmul' : null;
  }
  if (op === 'Gemm') {
    const bias = inputs[2] ? dimsOf(inputs[2]) : [];
    return !node.attrs.get('transA') && first.length === 2 && elementCount(leadOf(bias)) === 1 ? 'matmul' : null;
  }
  return null;
}

function reducedAxes(model: Model, node: Node): number[] | null {
  const given = node.attrs.get('axes');
  if (given !== undefined) return Array.from(given as readonly (number | bigint)[], Number);
  const constant = model.initializers.get(node.inputs[1] ?? '');
  return constant ? Array.from(constant.data as Iterable<number | bigint>, Number) : null;
}

/** The node as it reads when its tensors have two dimensions, rows of one batch and the last one. */
export function onRows(node: Node, work: RowWork): Node {
  if (work === 'norm') return { ...node, attrs: new Map([...node.attrs, ['axis', 1n]]) };
  if (work === 'sum' && node.attrs.has('axes')) return { ...node, attrs: new Map([...node.attrs, ['axes', [1n]]]) };
  return node;
}

/** Which rows a tile has: of one batch, `from` to before `to`, counted over all. */
export interface Tile {
  readonly batch: number;
  readonly from: number;
  readonly to: number;
}

/** An input from memory as a tile sees it: its rows of the tile, or the one that all rows share. */
export function tileOf(tensor: Tensor, lead: Dims, { from, to }: Tile): Tensor {
  const { dtype, dims, data } = tensor;
  if (elementCount(leadOf(dims)) === 1) return { dtype, dims: dims.length < 2 ? dims : [1, rowLength(dims)], data };
  const length = rowLength(dims);
  const own = [...Array.from({ length: lead.length + 1 - dims.length }, () => 1), ...leadOf(dims)];
  if (sameDims(own, lead)) return { dtype, dims: [to - from, length], data: data.subarray(from * length, to * length) as TensorData };
  const out = allocate(dtype, (to - from) * length);
  for (let row = from; row < to; row++) {
    let rest = row;
    let at = 0;
    let step = 1;
    for (let axis = lead.length - 1; axis >= 0; axis--) {
      const index = rest % lead[axis]!;
      rest = Math.floor(rest / lead[axis]!);
      if (own[axis] !== 1) at += index * step;
      step *= own[axis]!;
    }
    (out as Float32Array).set(data.subarray(at * length, (at + 1) * length) as Float32Array, (row - from) * length);
  }
  return { dtype, dims: [to - from, length], data: out };
}

/** The right factor of a product for one batch. */
export function factorOf(tensor: Tensor, lead: Dims, batch: number): Tensor {
  const { dtype, dims, data } = tensor;
  if (dims.length <= 2) return tensor;
  const [k, n] = dims.slice(-2) as [number, number];
  const batches = lead.slice(0, -1);
  const own = [...Array.from({ length: batches.length + 2 - dims.length }, () => 1), ...dims.slice(0, -2)];
  let rest = batch;
  let at = 0;
  let step = 1;
  for (let axis = batches.length - 1; axis >= 0; axis--) {
    const index = rest % batches[axis]!;
    rest = Math.floor(rest / batches[axis]!);
    if (own[axis] !== 1) at += index * step;
    step *= own[axis]!;
  }
  return { dtype, dims: [k, n], data: data.subarray(at * k * n, (at + 1) * k * n) as TensorData };
}
