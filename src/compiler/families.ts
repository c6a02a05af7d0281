import type { Model, Node } from '../onnx/model.ts';
import { type Rules, ruleName } from './graph/rule.ts';

/**
 * Operators that most models do not have. Their rules, and the kernels that only they use, are imported when a model needs them, so that
 * a page that opens another model does not carry them.
 */
interface Family {
  /** Keys of the rules that `load` gives. */
  readonly ops: readonly string[];
  /** Which nodes of these operators it is for, where the usual rules take the others. */
  readonly when?: (node: Node, model: FamilyModel) => boolean;
  readonly load: () => Promise<Rules>;
}

type FamilyModel = Pick<Model, 'nodes' | 'initializers'>;

/** `ai.onnx.ml`: classic models. */
const ML_OPS = [
  'ArrayFeatureExtractor',
  'Binarizer',
  'FeatureVectorizer',
  'Imputer',
  'LabelEncoder',
  'LinearClassifier',
  'LinearRegressor',
  'Normalizer',
  'OneHotEncoder',
  'SVMClassifier',
  'SVMClassifier',
  'SVMRegressor',
  'Scaler',
  'TreeEnsemble',
  'TreeEnsembleClassifier',
  'TreeEnsembleRegressor',
].map((op) => `ai.onnx.ml.${op}`);

const FAMILIES: readonly Family[] = [
  {
    ops: ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Max', 'Min', 'Or', 'Where', 'Xor'],
    load: async () => (await import('./families/select.ts')).SELECTION,
  },
  { ops: ['Einsum'], load: async () => (await import('./families/einsum.ts')).EINSUM },
  {
    ops: ['GatherElements', 'GatherND', 'ScatterElements', 'ScatterND'],
    load: async () => (await import('./families/places.ts')).PLACES,
  },
  {
    // Rows of computed values chosen by computed indices.
    ops: ['Gather'],
    when: ({ inputs: [data, index], attrs }, { initializers }) =>
      !initializers.has(index!) && (!initializers.has(data!) || Number(attrs.get('axis') ?? 0) !== 0),
    load: async () => (await import('./families/places.ts')).PLACES,
  },
  { ops: ['ArgMin', 'Hardmax', 'TopK'], load: async () => (await import('./families/order.ts')).ORDER },
  {
    ops: ['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceSumSquare'],
    load: async () => (await import('./families/reductions.ts')).REDUCTIONS,
  },
  { ops: ['Mean', 'OneHot', 'PRelu', 'Sum', 'Trilu'], load: async () => (await import('./families/variadic.ts')).VARIADIC },
  {
    ops: ['GroupNormalization', 'InstanceNormalization', 'LpNormalization'],
    load: async () => (await import('./families/normalising.ts')).NORMALISING,
  },
  {
    ops: [
      'ConvInteger',
      'DequantizeLinear',
      'DynamicQuantizeLinear',
      'MatMulInteger',
      'MatMulNBits',
      'QGemm',
      'QLinearAdd',
      'QLinearAveragePool',
      'QLinearConcat',
      'QLinearConv',
      'QLinearGlobalAveragePool',
      'QLinearLeakyRelu',
      'QLinearMatMul',
      'QLinearMul',
      'QLinearSigmoid',
      'QLinearSoftmax',
      'QuantizeLinear',
    ],
    load: async () => (await import('./families/quantised.ts')).QUANTISED,
  },
  {
    ops: [
      'Attention',
      'BiasGelu',
      'EmbedLayerNormalization',
      'FastGelu',
      'FusedMatMul',
      'MultiHeadAttention',
      'QuickGelu',
      'RotaryEmbedding',
      'SkipLayerNormalization',
      'SkipSimplifiedLayerNormalization',
    ],
    load: async () => (await import('./families/fused.ts')).FUSED,
  },
  { ops: ['DepthToSpace', 'Resize', 'SpaceToDepth', 'Upsample'], load: async () => (await import('./families/resize.ts')).RESIZE },
  {
    ops: ['BatchNormalization', 'Conv', 'ConvTranspose'],
    load: async () => (await import('./families/convolution.ts')).CONVOLUTION,
  },
  { ops: ML_OPS, load: async () => (await import('./families/ml/rules.ts')).ML },
  { ops: ['GRU', 'LSTM', 'RNN'], load: async () => (await import('./families/recurrent.ts')).RECURRENT },
  { ops: ['ArgMax'], load: async () => (await import('./families/ml/argmax.ts')).ARGMAX },
  {
    ops: [
      'Acos',
      'Acosh',
      'Asin',
      'Asinh',
      'Atan',
      'Atanh',
      'Cosh',
      'GlobalLpPool',
      'LRN',
      'LpPool',
      'ReduceProd',
      'Shrink',
      'Sinh',
      'Tan',
    ],
    load: async () => (await import('./families/powers.ts')).POWERS,
  },
  { ops: ['Pad'], load: async () => (await import('./families/padding.ts')).PADDING },
  { ops: ['AveragePool', 'MaxPool'], load: async () => (await import('./families/pooling.ts')).POOLING },
];

/** Whether an operator belongs to a family. */
export const isFamilyOp = (name: string): boolean => FAMILIES.some(({ ops }) => ops.includes(name));

/** Rules of the families that the model's operators belong to: what `compile` takes as `families`. */
export async function familiesFor(model: FamilyModel): Promise<Rules> {
  const named = model.nodes.map((node) => ({ node, name: ruleName(node) }));
  return joined(FAMILIES.filter(({ ops, when }) => named.some(({ node, name }) => ops.includes(name) && (!when || when(node, model)))));
}

/** Every rule of every family, for the documentation. */
export const allFamilies = (): Promise<Rules> => joined(FAMILIES);

async function joined(families: readonly Family[]): Promise<Rules> {
  const rules = await Promise.all(families.map(({ load }) => load()));
  return new Map(rules.flatMap((family) => [...family]));
}
