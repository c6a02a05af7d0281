import { binary, cast, clip, unary } from './graph/elementwise.ts';
import { UNARY } from './graph/functions.ts';
import { layerNorm, reduce, softmax } from './graph/norms.ts';
import { gemm, matMul } from './graph/products.ts';
import { type OpRule, type Rules, rule } from './graph/rule.ts';
import { concat, cumSum, expand, gather, identity, reshape, slice, split, tile, transpose } from './graph/shapes.ts';

const TABLE = 'part of one lookup table with the elementwise nodes around it';

/** Operators that are always at hand; `families.ts` has the others. */
export const OPS: Rules = new Map<string, OpRule>([
  ...Object.keys(UNARY).map((op): [string, OpRule] => [
    op,
    rule(unary, op === 'Relu' ? 'a clamp of the product before it, or a table' : TABLE),
  ]),
  ...['Add', 'Sub', 'Mul', 'Div', 'And'].map((op): [string, OpRule] => [
    op,
    rule(binary, 'folded into its neighbour, a table, or an elementwise kernel'),
  ]),
  ...['Mod', 'Pow'].map((op): [string, OpRule] => [
    op,
    rule(binary, TABLE, 'one side must be a scalar constant, or both sides functions of the same element'),
  ]),
  ['Cast', rule(cast, 'nothing, or part of a table')],
  ['Clip', rule(clip, TABLE, 'constant bounds')],
  ['Concat', rule(concat, 'copies')],
  ['Constant', rule(identity, 'weights')],
  ['CumSum', rule(cumSum, 'the pair kernel: a triangle of ones')],
  ['Dropout', rule(identity, 'nothing')],
  ['Expand', rule(expand, 'a view')],
  ['Flatten', rule(reshape, 'a view')],
  [
    'Gather',
    rule(
      gather,
      'an embedding lookup, a view, or copies of runs',
      'tokens, or whole numbers computed from them, into a constant table along axis 0; or constant places',
    ),
  ],
  ['Gemm', rule(gemm, 'the pair kernel', 'the second matrix is constant')],
  ['GlobalAveragePool', rule(reduce, 'a reduction')],
  ['GlobalMaxPool', rule(reduce, 'a reduction')],
  ['Identity', rule(identity, 'nothing')],
  ['LayerNormalization', rule(layerNorm, 'the normalisation kernel', 'last axis, constant scale and bias')],
  ['LogSoftmax', rule(softmax, 'the softmax kernel, a maximum, a table and sums')],
  ['MatMul', rule(matMul, 'the pair kernel')],
  ['RMSNormalization', rule(layerNorm, 'the normalisation kernel', 'last axis, constant scale')],
  ['ReduceMax', rule(reduce, 'a reduction')],
  ['ReduceMean', rule(reduce, 'a reduction, or part of a normalisation')],
  ['ReduceMin', rule(reduce, 'a reduction')],
  ['ReduceSum', rule(reduce, 'a reduction')],
  ['Reshape', rule(reshape, 'a view')],
  ['SimplifiedLayerNormalization', rule(layerNorm, 'the normalisation kernel', 'last axis, constant scale')],
  ['Slice', rule(slice, 'a view', 'constant bounds')],
  ['Softmax', rule(softmax, 'the softmax kernel')],
  ['Split', rule(split, 'views')],
  ['Squeeze', rule(reshape, 'a view')],
  ['Tile', rule(tile, 'a view')],
  ['Transpose', rule(transpose, 'a view')],
  ['Unsqueeze', rule(reshape, 'a view')],
]);
