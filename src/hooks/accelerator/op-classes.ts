import type { AccelOp } from '../../bpf/accelerator/layout.ts';
import type { Node } from '../../onnx/model.ts';
import { elementCount } from '../../onnx/tensor.ts';

const CLASSES: Readonly<Partial<Record<AccelOp, readonly string[]>>> = {
  matmul: [
    'MatMul',
    'Gemm',
    'MatMulInteger',
    'FusedMatMul',
    'QLinearMatMul',
    'MatMulNBits',
    'DynamicQuantizeMatMul',
    'MatMulIntegerToFloat',
    'QGemm',
    'Einsum',
  ],
  add: ['Add', 'Sub', 'Sum', 'QLinearAdd'],
  mul: ['Mul', 'Div', 'Pow', 'QLinearMul'],
  activation: [
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
    'FastGelu',
    'BiasGelu',
    'QuickGelu',
    'Erf',
    'Mish',
    'Softplus',
    'Softsign',
    'Clip',
    'ThresholdedRelu',
    'Exp',
    'Log',
    'Sqrt',
    'Reciprocal',
    'Neg',
    'Abs',
    'Sin',
    'Cos',
  ],
  softmax: ['Softmax', 'LogSoftmax', 'Hardmax', 'QLinearSoftmax'],
  normalise: [
    'LayerNormalization',
    'SkipLayerNormalization',
    'SimplifiedLayerNormalization',
    'SkipSimplifiedLayerNormalization',
    'RMSNormalization',
    'BatchNormalization',
    'InstanceNormalization',
    'GroupNormalization',
    'EmbedLayerNormalization',
    'LpNormalization',
    'LRN',
  ],
  reduce: [
    'ReduceMean',
    'ReduceSum',
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceSumSquare',
    'ReduceL1',
    'ReduceL2',
    'ReduceLogSum',
    'ReduceLogSumExp',
    'ArgMax',
    'ArgMin',
    'CumSum',
    'TopK',
    'GlobalAveragePool',
    'GlobalMaxPool',
  ],
  move: [
    'Transpose',
    'Concat',
    'Split',
    'Slice',
    'Pad',
    'Expand',
    'Tile',
    'Reshape',
    'Squeeze',
    'Unsqueeze',
    'Flatten',
    'Identity',
    'Cast',
    'CastLike',
    'DepthToSpace',
    'SpaceToDepth',
    'Trilu',
    'Where',
    'Resize',
    'Upsample',
  ],
  gather: ['Gather', 'GatherElements', 'GatherND', 'ScatterElements', 'ScatterND', 'OneHot', 'Scatter'],
  convolve: ['Conv', 'ConvTranspose', 'ConvInteger', 'QLinearConv', 'MaxPool', 'AveragePool'],
};
const CLASS_OF: ReadonlyMap<string, AccelOp> = new Map(
  Object.entries(CLASSES).flatMap(([accel, ops]) => ops.map((op): [string, AccelOp] => [op, accel as AccelOp])),
);

/** What the units are asked to do for an operator of a model. */
export const accelOpOf = (op: string): AccelOp => CLASS_OF.get(op) ?? 'other';

/** Operators that only say differently what lies in memory: no command is needed. */
export const VIEWS: ReadonlySet<string> = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity', 'Dropout']);

type Dims = readonly number[];
const last = (dims: Dims): number => dims.at(-1) ?? 1;

/** Operations for each element of the output, where it is not one: arithmetic that the function is made of, by our count. */
const EACH: Readonly<Record<string, number>> = {
  Gelu: 10,
  FastGelu: 10,
  BiasGelu: 11,
  QuickGelu: 6,
  Erf: 8,
  Tanh: 6,
  Sigmoid: 4,
  Mish: 12,
  Exp: 4,
  Log: 4,
  Sqrt: 2,
  Div: 1,
  Pow: 8,
  Elu: 5,
  Selu: 6,
  HardSwish: 4,
  Softmax: 8,
  LogSoftmax: 9,
  LayerNormalization: 8,
  SkipLayerNormalization: 9,
  RMSNormalization: 6,
  SimplifiedLayerNormalization: 6,
  InstanceNormalization: 8,
  GroupNormalization: 8,
  BatchNormalization: 2,
};

/** Floating-point operations of a node by the shapes of its inputs and outputs; multiply-accumulates count as two. */
export function flopsOf({ op, attrs }: Node, inputs: readonly Dims[], outputs: readonly Dims[]): number {
  const made = outputs.reduce((sum, dims) => sum + elementCount(dims), 0);
  const kind = accelOpOf(op);
  switch (kind) {
    case 'matmul': {
      const [a = []] = inputs;
      const k = op === 'Gemm' && attrs.get('transA') ? (a[0] ?? 1) : last(a);
      const bias = inputs.length > 2 && op === 'Gemm' ? made : 0;
      return 2 * made * k + bias;
    }
    case 'convolve': {
      const [, weights] = inputs;
      const window = attrs.get('kernel_shape');
      const taps =
        op.startsWith('Conv') || op === 'QLinearConv'
          ? elementCount((weights ?? [1]).slice(1))
          : elementCount(((window as readonly bigint[]) ?? []).map(Number));
      return (op.endsWith('Pool') ? 1 : 2) * made * taps;
    }
    case 'reduce':
      return inputs.reduce((sum, dims) => sum + elementCount(dims), 0);
    case 'move':
    case 'gather':
      return 0;
    default:
      if (ATTENTION.has(op)) return attentionFlops(inputs);
      return made * (EACH[op] ?? 1);
  }
}

const ATTENTION: ReadonlySet<string> = new Set(['Attention', 'MultiHeadAttention', 'GroupQueryAttention']);

/** Scores and their product with the values, for queries of the first input and as many keys. */
function attentionFlops([query = []]: readonly Dims[]): number {
  const rows = query.length >= 2 ? query[query.length - 2]! : 1;
  return 4 * elementCount(query) * rows;
}
