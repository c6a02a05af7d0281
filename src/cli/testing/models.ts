import type { Tensor } from '../../onnx/model.ts';
import { encodeModel } from '../../onnx/testing/encode-model.ts';

const floats = (dims: number[]): Tensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1 + i * 1.7)),
});

/** y = a·W + b·V: a model with two inputs. */
export const twoInputs = (): Uint8Array =>
  encodeModel({
    opset: 17,
    nodes: [
      { op: 'MatMul', name: '/a', inputs: ['a', 'w'], outputs: ['aw'] },
      { op: 'MatMul', name: '/b', inputs: ['b', 'v'], outputs: ['bv'] },
      { op: 'Add', name: '/sum', inputs: ['aw', 'bv'], outputs: ['y'] },
    ],
    inputs: [
      { name: 'a', dtype: 'float32', dims: [1, 4] },
      { name: 'b', dtype: 'float32', dims: [1, 6] },
    ],
    outputs: [{ name: 'y', dtype: 'float32', dims: [1, 3] }],
    initializers: { w: floats([4, 3]), v: floats([6, 3]) },
  });

/** One operator between a float input [batch, 8] and the output; its other inputs are constants. */
export const oneOp = (op: string, constants: Readonly<Record<string, Tensor>> = {}, batch: number | string = 1): Uint8Array =>
  encodeModel({
    opset: 17,
    nodes: [{ op, name: `/${op.toLowerCase()}`, inputs: ['x', ...Object.keys(constants)], outputs: ['y'] }],
    inputs: [{ name: 'x', dtype: 'float32', dims: [batch, 8] }],
    outputs: [{ name: 'y' }],
    initializers: constants,
  });

export const linearWeights = (): Record<string, Tensor> => ({ w: floats([8, 3]) });
