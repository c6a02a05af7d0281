import type { OpRule, Rules } from '../../graph/rule.ts';
import { rule } from '../../graph/rule.ts';
import { arrayFeatureExtractor, binarizer, imputer, join, labelEncoder, normalizer, scaler, wholeNumbers } from './features.ts';
import { linearClassifier, linearRegressor, treeClassifier, treeEnsemble, treeRegressor } from './models.ts';
import { oneHotEncoder } from './one-hot.ts';
import { floatInput } from './rows.ts';
import { svmClassifier, svmRegressor } from './svm.ts';

const EXACT = 'float32 features';
const TRANSFORMS = 'post_transform NONE, LOGISTIC or SOFTMAX';
const SVM = 'products in 64 bits, and tables of their exponentials';
const TREES = 'tables walked in a loop; comparisons decide as in floating point';

const own = (run: OpRule['run'], becomes: string, limits = ''): OpRule => ({ ...rule(run, becomes, limits), input: floatInput });

/** Operators of `ai.onnx.ml`, and Cast and Concat, which keep floats as they are beside them. */
export const ML: Rules = new Map<string, OpRule>([
  [
    'ai.onnx.ml.ArrayFeatureExtractor',
    own(arrayFeatureExtractor, 'a view, copies, or other labels', 'constant indices, or numbers as labels'),
  ],
  ['Cast', rule(wholeNumbers, 'nothing, or part of a table')],
  ['Concat', rule(join, 'copies')],
  ['ai.onnx.ml.Binarizer', own(binarizer, 'comparisons of floats', 'on model inputs')],
  ['ai.onnx.ml.FeatureVectorizer', own(join, 'copies', 'on model inputs')],
  ['ai.onnx.ml.Imputer', own(imputer, 'copies with a constant where a value is missing', 'on model inputs')],
  ['ai.onnx.ml.LabelEncoder', own(labelEncoder, 'other labels', 'on the label of a classifier')],
  ['ai.onnx.ml.LinearClassifier', own(linearClassifier, 'products in 64 bits', `${EXACT}; ${TRANSFORMS}`)],
  ['ai.onnx.ml.LinearRegressor', own(linearRegressor, 'products in 64 bits', `${EXACT}; no post_transform`)],
  ['ai.onnx.ml.Normalizer', own(normalizer, 'divisions', 'features are int16 on one scale before it')],
  ['ai.onnx.ml.OneHotEncoder', own(oneHotEncoder, 'comparisons of floats', 'on model inputs; categories are whole numbers')],
  ['ai.onnx.ml.SVMClassifier', own(svmClassifier, SVM, 'support vectors; probabilities of two classes')],
  ['ai.onnx.ml.SVMRegressor', own(svmRegressor, SVM, 'no post_transform')],
  ['ai.onnx.ml.Scaler', own(scaler, 'a factor and an offset for each column, or folded into the trees or the products behind it')],
  ['ai.onnx.ml.TreeEnsemble', own(treeEnsemble, TREES, `${EXACT}; no BRANCH_MEMBER`)],
  ['ai.onnx.ml.TreeEnsembleClassifier', own(treeClassifier, TREES, `${EXACT}; ${TRANSFORMS}`)],
  ['ai.onnx.ml.TreeEnsembleRegressor', own(treeRegressor, TREES, `${EXACT}; ${TRANSFORMS}`)],
]);
