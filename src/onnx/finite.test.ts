import { expect, test } from 'vitest';
import { importModel } from './import.ts';
import type { Tensor } from './model.ts';
import { encodeModel } from './testing/encode-model.ts';

const floats = (dims: number[], ...values: number[]): Tensor => ({ dtype: 'float32', dims, data: Float32Array.from(values) });

const load = (op: string, constant: Tensor) => {
  const spec = {
    opset: 17,
    nodes: [{ op, name: '/n', inputs: ['x', 'w'], outputs: ['y'] }],
    inputs: [{ name: 'x', dtype: 'float32' as const, dims: [1, 2] }],
    outputs: [{ name: 'y' }],
    initializers: { w: constant },
  };
  return importModel(encodeModel(spec), { fileName: 'm.onnx' });
};

test.each(['MatMul', 'Add'])('a weight that is not a number is refused with its node (%s)', (op) => {
  const weight = floats(op === 'MatMul' ? [2, 2] : [1, 2], 1, Number.NaN, 2, 3);
  expect(() => load(op, { ...weight, data: weight.data.slice(0, weight.dims[0]! * 2) })).toThrow(
    `m.onnx: node \`/n\` (${op}): element 1 of initialiser \`w\` is NaN. Train or export the model again`,
  );
});

test('an infinite weight is refused; an infinite mask is not', () => {
  expect(() => load('MatMul', floats([2, 2], 1, 2, 3, Number.POSITIVE_INFINITY))).toThrow(/element 3 of initialiser `w` is Infinity/);
  expect(load('Add', floats([1, 2], 0, Number.NEGATIVE_INFINITY)).nodes).toHaveLength(1);
});
