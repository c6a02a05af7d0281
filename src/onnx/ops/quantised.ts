import type { Shaped } from './context.ts';
import { type OpContext, type OpDef, product } from './context.ts';
import { matMulDims } from './linear.ts';
import { convDims, poolDims } from './windows.ts';

/** The type of a quantised result is that of its zero point, uint8 without one. */
const result = (c: OpContext, zero: number, dims: readonly number[]): Shaped[] => [{ dtype: c.opt(zero)?.dtype ?? 'uint8', dims }];

/** A result with the shape of input 0 and the zero point in input `zero`. */
const likeFirst = (zero: number): OpDef => ({ infer: (c) => result(c, zero, c.in(0).dims) });
const broadcast: OpDef = { infer: (c) => result(c, 7, c.broadcast(c.in(0).dims, c.in(3).dims)) };

/** Operators of quantised models, whose inputs alternate between integers, scales and zero points. */
export const QUANTISED: Readonly<Record<string, OpDef>> = {
  QLinearMatMul: { infer: (c) => result(c, 7, matMulDims(c, c.in(0).dims, c.in(3).dims)) },
  QLinearConv: { infer: (c) => result(c, 7, convDims(c, c.in(0).dims, c.in(3).dims)) },
  ConvInteger: { infer: (c) => [{ dtype: 'int32', dims: convDims(c, c.in(0).dims, c.in(1).dims) }] },
  DynamicQuantizeLinear: {
    infer: (c) => [
      { dtype: 'uint8', dims: c.in(0).dims },
      { dtype: 'float32', dims: [] },
      { dtype: 'uint8', dims: [] },
    ],
  },
};

/** Those of ONNX Runtime's own domain. */
export const MICROSOFT_QUANTISED: Readonly<Record<string, OpDef>> = {
  QuantizeLinear: likeFirst(2),
  DequantizeLinear: { infer: (c) => [{ dtype: c.in(1).dtype, dims: c.in(0).dims }] },
  QLinearAdd: broadcast,
  QLinearMul: broadcast,
  QLinearSigmoid: likeFirst(4),
  QLinearLeakyRelu: likeFirst(4),
  QLinearSoftmax: likeFirst(4),
  QLinearAveragePool: {
    infer: (c) => {
      if (c.int('channels_last', 0) === 1) c.fail('channels are last', 'Export the model with channels first');
      return result(c, 4, poolDims(c, c.in(0).dims));
    },
  },
  QLinearGlobalAveragePool: {
    infer: (c) => {
      const { dims } = c.in(0);
      const last = c.int('channels_last', 0) === 1;
      return result(
        c,
        4,
        dims.map((dim, i) => (i === 0 || i === (last ? dims.length - 1 : 1) ? dim : 1)),
      );
    },
  },
  QLinearConcat: {
    infer: (c) => {
      const parts = Array.from({ length: (c.inputCount - 2) / 3 }, (_, i) => c.in(2 + 3 * i).dims);
      const axis = c.axis(c.int('axis', 0), parts[0].length);
      return result(
        c,
        1,
        parts[0].map((dim, i) => (i === axis ? parts.reduce((sum, dims) => sum + dims[i], 0) : dim)),
      );
    },
  },
  QGemm: {
    infer: (c) => {
      const [a, b] = [c.in(0).dims, c.in(3).dims];
      const [m, k] = c.int('transA', 0) === 1 ? [a[1], a[0]] : a;
      const [k2, n] = c.int('transB', 0) === 1 ? [b[1], b[0]] : b;
      if (k !== k2 || product(a) !== m * k) c.fail(`it cannot multiply [${a.join(', ')}] by [${b.join(', ')}]`);
      return [{ dtype: c.opt(8)?.dtype ?? 'float32', dims: [m, n] }];
    },
  },
  MatMulNBits: { infer: (c) => [{ dtype: c.in(0).dtype, dims: [...c.in(0).dims.slice(0, -1), c.int('N', 0)] }] },
  MatMulIntegerToFloat: { infer: (c) => [{ dtype: 'float32', dims: matMulDims(c, c.in(0).dims, c.in(1).dims) }] },
  DynamicQuantizeMatMul: { infer: (c) => [{ dtype: 'float32', dims: matMulDims(c, c.in(0).dims, c.in(1).dims) }] },
};
