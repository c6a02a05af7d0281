import { expect, test } from 'vitest';
import { importModel } from './import.ts';
import { encodeModel } from './testing/encode-model.ts';

/** One step of a decoder with a cache: new keys behind past ones, which a mask of as many places meets. */
const STEP = encodeModel({
  opset: 17,
  nodes: [
    { op: 'Concat', inputs: ['past', 'x'], outputs: ['present'], attrs: { axis: { int: 1 } } },
    { op: 'Mul', inputs: ['present', 'mask'], outputs: ['y'] },
  ],
  inputs: [
    { name: 'x', dtype: 'float32', dims: [1, 'sequence'] },
    { name: 'past', dtype: 'float32', dims: [1, 'past_sequence'] },
    { name: 'mask', dtype: 'float32', dims: [1, 'total'] },
  ],
  outputs: [{ name: 'y' }, { name: 'present' }],
});

test('inputs that are given values become constants, and what is joined to an empty past stays as it is', () => {
  const model = importModel(STEP, {
    fileName: 'step.onnx',
    dims: { sequence: 3 },
    constants: {
      past: { dtype: 'float32', dims: [1, 0], data: new Float32Array(0) },
      mask: { dtype: 'float32', dims: [1, 3], data: Float32Array.of(1, 1, 0) },
    },
  });
  expect(model.inputs).toEqual([{ name: 'x', dtype: 'float32', dims: [1, 3] }]);
  expect(model.nodes.map(({ op, inputs, outputs }) => [op, inputs, outputs])).toEqual([
    ['Mul', ['x', 'mask'], ['y']],
    ['Identity', ['x'], ['present']],
  ]);
  expect([...model.initializers.get('mask')!.data]).toEqual([1, 1, 0]);
});
