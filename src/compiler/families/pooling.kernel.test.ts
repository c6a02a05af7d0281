import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { AttrSpec } from '../../onnx/testing/encode-model.ts';
import { judge } from '../testing/judge.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

/** One node between an input and an output. */
const one = (op: string, dims: readonly number[], attrs: Record<string, AttrSpec>, opset = 13) => ({
  opset,
  nodes: [{ op, inputs: ['x'], outputs: ['y'], attrs }],
  inputs: [{ name: 'x', dtype: 'float32' as const, dims }],
  outputs: [{ name: 'y' }],
});
const ints = (...list: number[]): AttrSpec => ({ ints: list });

describe.skipIf(!kernel)('pools against ONNX Runtime, the kernel and both engines', () => {
  test.each([
    ['2 × 2 halves', one('MaxPool', [1, 3, 8, 6], { kernel_shape: ints(2, 2), strides: ints(2, 2) })],
    [
      'windows overlap and reach beyond',
      one('MaxPool', [1, 2, 7, 5], { kernel_shape: ints(3, 3), strides: ints(2, 1), pads: ints(1, 1, 1, 1) }),
    ],
    ['ceil_mode', one('MaxPool', [1, 2, 7, 8], { kernel_shape: ints(2, 3), strides: ints(2, 3), ceil_mode: { int: 1 } })],
    ['dilated', one('MaxPool', [1, 2, 9], { kernel_shape: ints(3), dilations: ints(2) })],
    ['SAME_UPPER', one('MaxPool', [1, 2, 7], { kernel_shape: ints(4), strides: ints(2), auto_pad: { string: 'SAME_UPPER' } })],
    ['SAME_LOWER', one('AveragePool', [1, 2, 7], { kernel_shape: ints(4), strides: ints(2), auto_pad: { string: 'SAME_LOWER' } })],
    ['average', one('AveragePool', [1, 4, 6, 6], { kernel_shape: ints(3, 2), strides: ints(3, 2) })],
    ['average of what is there', one('AveragePool', [1, 2, 5, 5], { kernel_shape: ints(3, 3), pads: ints(1, 1, 1, 1) })],
    [
      'average with padding',
      one('AveragePool', [1, 2, 5, 5], { kernel_shape: ints(3, 3), pads: ints(1, 0, 1, 2), count_include_pad: { int: 1 } }),
    ],
    ['Pad', one('Pad', [1, 3, 4], { pads: ints(0, 0, 2, 0, 1, 3) }, 10)],
  ])('%s', async (_, spec) => {
    const { refused, differing, exactError, error } = await judge(spec, { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    expect(exactError).toBeLessThan(1e-6);
    expect(error).toBeLessThan(1e-3);
  });
});
