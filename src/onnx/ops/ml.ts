import type { Attr, DType } from '../model.ts';
import type { OpContext, OpDef, Shaped } from './context.ts';
import { product } from './context.ts';

/** Operators of the domain `ai.onnx.ml`: what scikit-learn, XGBoost and LightGBM models are exported to. */

/** Rows and columns as those operators see them: one dimension is one row. */
function rows(c: OpContext): { n: number; features: number } {
  const { dims } = c.in(0);
  if (dims.length === 0 || dims.length > 2) c.fail(`it takes rows of features, but its input is [${dims.join(', ')}]`);
  return dims.length === 1 ? { n: 1, features: dims[0] } : { n: dims[0], features: dims[1] };
}

const listLength = (value: Attr | undefined): number => (Array.isArray(value) ? value.length : 0);

/** Type and number of class labels. */
function labels(c: OpContext, ints: string): { dtype: DType; count: number } {
  const strings = listLength(c.attr('classlabels_strings'));
  return strings > 0 ? { dtype: 'string', count: strings } : { dtype: 'int64', count: listLength(c.attr(ints)) };
}

/** A label and scores for each row; `scores` says how many. */
function classifier(ints: string, scores: (c: OpContext, classes: number) => number): OpDef {
  return {
    infer: (c) => {
      const { n } = rows(c);
      const { dtype, count } = labels(c, ints);
      if (count === 0) c.fail('it names no classes');
      return [
        { dtype, dims: [n] },
        { dtype: 'float32', dims: [n, scores(c, count)] },
      ];
    },
  };
}

const keep = (dtype?: DType): OpDef => ({ infer: (c) => [{ dtype: dtype ?? c.in(0).dtype, dims: c.in(0).dims }] });

const regressor = (targets: (c: OpContext) => number): OpDef => ({
  infer: (c) => [{ dtype: 'float32', dims: [rows(c).n, targets(c)] }],
});

const zipMap: OpDef = {
  infer: (c) => [{ dtype: c.in(0).dtype, dims: c.in(0).dims }],
  // A list of dictionaries, one a row, says the same as the matrix that it is made from.
  passesThrough: () => true,
};

const arrayFeatureExtractor: OpDef = {
  infer: (c) => {
    const { dims, dtype } = c.in(0);
    const count = product(c.in(1).dims);
    return [{ dtype, dims: dims.length <= 1 ? [1, count] : [...dims.slice(0, -1), count] }];
  },
};

const featureVectorizer: OpDef = {
  infer: (c) => {
    const parts = c.all().map(({ dims }) => (dims.length === 1 ? [1, dims[0]] : dims));
    return [{ dtype: 'float32', dims: [parts[0][0], parts.reduce((sum, dims) => sum + dims[1], 0)] }];
  },
};

const oneHot: OpDef = {
  infer: (c) => {
    const strings = listLength(c.attr('cats_strings'));
    return [{ dtype: 'float32', dims: [...c.in(0).dims, strings || listLength(c.attr('cats_int64s'))] }];
  },
};

const LABEL_TYPES: readonly (readonly [string, DType])[] = [
  ['values_floats', 'float32'],
  ['values_int64s', 'int64'],
  ['values_strings', 'string'],
];
const labelEncoder: OpDef = {
  infer: (c): Shaped[] => {
    const values = c.attr('values_tensor');
    const tensor = values !== null && typeof values === 'object' && 'dtype' in values ? values.dtype : undefined;
    const listed = LABEL_TYPES.find(([name]) => c.attr(name) !== undefined)?.[1];
    return [{ dtype: tensor ?? listed ?? (c.in(0).dtype === 'string' ? 'int64' : 'string'), dims: c.in(0).dims }];
  },
};

export const ML: Readonly<Record<string, OpDef>> = {
  ArrayFeatureExtractor: arrayFeatureExtractor,
  Binarizer: keep(),
  FeatureVectorizer: featureVectorizer,
  Imputer: keep(),
  LabelEncoder: labelEncoder,
  LinearClassifier: classifier('classlabels_ints', (c, classes) => {
    const intercepts = listLength(c.attr('intercepts'));
    return intercepts === 1 && classes === 2 ? 2 : intercepts;
  }),
  LinearRegressor: regressor((c) => c.int('targets', 1)),
  Normalizer: keep('float32'),
  OneHotEncoder: oneHot,
  // Without probabilities machines for pairs of classes give their scores.
  SVMClassifier: classifier('classlabels_ints', (c, classes) => {
    const pairs = listLength(c.attr('vectors_per_class')) > 0 && listLength(c.attr('prob_a')) === 0;
    return pairs && classes > 2 ? (classes * (classes - 1)) / 2 : classes;
  }),
  SVMRegressor: regressor(() => 1),
  Scaler: keep('float32'),
  TreeEnsemble: regressor((c) => c.int('n_targets', 1)),
  TreeEnsembleClassifier: classifier('classlabels_int64s', (_, classes) => Math.max(2, classes)),
  TreeEnsembleRegressor: regressor((c) => c.int('n_targets', 1)),
  ZipMap: zipMap,
};
