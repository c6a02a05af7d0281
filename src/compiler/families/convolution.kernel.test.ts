import { afterAll, describe, expect, test } from 'vitest';
import { randomOf } from '../../base/random.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { Tensor } from '../../onnx/model.ts';
import type { AttrSpec, ModelSpec, NodeSpec } from '../../onnx/testing/encode-model.ts';
import { judge } from '../testing/judge.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const random = randomOf(7);
const weights = (dims: readonly number[], size = 0.5, offset = 0): Tensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => (random() * 2 - 1) * size + offset),
});
const ints = (...list: number[]): AttrSpec => ({ ints: list });

/** A convolution of `dims` by a kernel of `kernel`, and what stands behind it. */
function conv(
  dims: readonly number[],
  kernelDims: readonly number[],
  attrs: Record<string, AttrSpec>,
  more: readonly NodeSpec[] = [],
  initializers: Record<string, Tensor> = {},
  op = 'Conv',
): ModelSpec {
  const m = op === 'Conv' ? kernelDims[0]! : kernelDims[1]! * Number((attrs.group as { int: number } | undefined)?.int ?? 1);
  return {
    opset: 13,
    nodes: [{ op, inputs: ['x', 'w', 'b'], outputs: [more.length ? 'c' : 'y'], attrs }, ...more],
    inputs: [{ name: 'x', dtype: 'float32', dims }],
    outputs: [{ name: 'y' }],
    initializers: { w: weights(kernelDims), b: weights([m]), ...initializers },
  };
}
const pads = (...list: number[]): Record<string, AttrSpec> => ({ pads: ints(...list) });
const NORM: NodeSpec = { op: 'BatchNormalization', inputs: ['c', 's', 'o', 'm', 'v'], outputs: ['n'] };
const norm = (n: number): Record<string, Tensor> => ({ s: weights([n]), o: weights([n]), m: weights([n]), v: weights([n], 0.4, 1) });

describe.skipIf(!kernel)('convolutions against ONNX Runtime, the kernel and both engines', () => {
  test.each<[string, ModelSpec]>([
    ['3 × 3 with padding', conv([1, 3, 7, 6], [5, 3, 3, 3], pads(1, 1, 1, 1))],
    ['stride and dilation', conv([1, 2, 11, 9], [4, 2, 3, 2], { strides: ints(2, 1), dilations: ints(1, 3), ...pads(0, 1, 2, 0) })],
    ['patches of an image', conv([1, 3, 8, 8], [6, 3, 4, 4], { strides: ints(4, 4) })],
    ['one dimension, SAME_LOWER', conv([1, 4, 13], [3, 4, 4], { auto_pad: { string: 'SAME_LOWER' } })],
    ['1 × 1', conv([1, 5, 4, 4], [3, 5, 1, 1], {})],
    ['three dimensions', conv([1, 2, 4, 4, 4], [3, 2, 2, 3, 2], {})],
    ['a batch of two', conv([2, 3, 5, 5], [4, 3, 3, 3], pads(1, 1, 1, 1))],
    ['two groups', conv([1, 4, 6, 6], [6, 2, 3, 3], { group: { int: 2 }, ...pads(1, 1, 1, 1) })],
    ['two kernels for each channel', conv([1, 3, 6, 6], [6, 1, 3, 3], { group: { int: 3 } })],
    ['depthwise', conv([1, 6, 7, 7], [6, 1, 3, 3], { group: { int: 6 }, strides: ints(2, 2), ...pads(1, 1, 1, 1) })],
    ['depthwise in one dimension', conv([1, 5, 12], [5, 1, 4], { group: { int: 5 } })],
    [
      'normalised and clamped',
      conv([1, 3, 6, 6], [4, 3, 3, 3], pads(1, 1, 1, 1), [NORM, { op: 'Relu', inputs: ['n'], outputs: ['y'] }], norm(4)),
    ],
    [
      'depthwise, normalised, between 0 and 1',
      conv([1, 4, 6, 6], [4, 1, 3, 3], { group: { int: 4 } }, [NORM, { op: 'Clip', inputs: ['n', 'lo', 'hi'], outputs: ['y'] }], {
        ...norm(4),
        lo: { dtype: 'float32', dims: [], data: Float32Array.of(0) },
        hi: { dtype: 'float32', dims: [], data: Float32Array.of(1) },
      }),
    ],
    [
      'a residual block',
      conv(
        [1, 4, 6, 6],
        [4, 4, 3, 3],
        pads(1, 1, 1, 1),
        [
          { op: 'Relu', inputs: ['c'], outputs: ['r'] },
          { op: 'Conv', inputs: ['r', 'w2'], outputs: ['d'], attrs: pads(1, 1, 1, 1) },
          { op: 'Add', inputs: ['d', 'x'], outputs: ['a'] },
          { op: 'Relu', inputs: ['a'], outputs: ['p'] },
          { op: 'MaxPool', inputs: ['p'], outputs: ['q'], attrs: { kernel_shape: ints(2, 2), strides: ints(2, 2) } },
          { op: 'Sigmoid', inputs: ['q'], outputs: ['z'] },
          { op: 'Flatten', inputs: ['z'], outputs: ['f'] },
          { op: 'MatMul', inputs: ['f', 'h'], outputs: ['y'] },
        ],
        { w2: weights([4, 4, 3, 3]), h: weights([36, 3]) },
      ),
    ],
    [
      'normalisation by itself',
      {
        ...conv([1, 4, 5, 5], [4, 4, 1, 1], {}),
        nodes: [{ ...NORM, inputs: ['x', 's', 'o', 'm', 'v'], outputs: ['y'] }],
        initializers: norm(4),
      },
    ],
    ['an image that is padded in bands', conv([1, 12, 32, 32], [5, 12, 3, 3], { strides: ints(2, 2), ...pads(1, 1, 1, 1) })],
    ['depthwise in bands', conv([1, 16, 32, 32], [16, 1, 3, 3], { group: { int: 16 }, ...pads(1, 1, 1, 1) })],
    ['groups in bands', conv([1, 16, 32, 32], [8, 8, 3, 3], { group: { int: 2 }, strides: ints(2, 1), ...pads(1, 1, 1, 1) })],
    [
      'upsampled',
      conv(
        [1, 3, 4, 4],
        [4, 3, 3, 3],
        pads(1, 1, 1, 1),
        [
          {
            op: 'Resize',
            inputs: ['c', '', 'f'],
            outputs: ['u'],
            attrs: { coordinate_transformation_mode: { string: 'asymmetric' }, nearest_mode: { string: 'floor' } },
          },
          { op: 'Conv', inputs: ['u', 'w2'], outputs: ['d'] },
          { op: 'DepthToSpace', inputs: ['d'], outputs: ['y'], attrs: { blocksize: { int: 2 } } },
        ],
        { f: { dtype: 'float32', dims: [4], data: Float32Array.of(1, 1, 2, 3) }, w2: weights([4, 4, 3, 3]) },
      ),
    ],
    [
      'transposed',
      conv([1, 3, 5, 4], [3, 4, 3, 3], { strides: ints(2, 2), output_padding: ints(1, 0), ...pads(1, 1, 1, 1) }, [], {}, 'ConvTranspose'),
    ],
    ['transposed, in groups', conv([1, 4, 6], [4, 2, 4], { strides: ints(3), group: { int: 2 } }, [], {}, 'ConvTranspose')],
  ])('%s', async (_, spec) => {
    const { refused, differing, exactError, error } = await judge(spec, { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    expect(exactError).toBeLessThan(1e-5);
    expect(error).toBeLessThan(4e-3);
  });
});
