import { afterAll, describe, expect, test } from 'vitest';
import { randomOf } from '../../base/random.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { DType, Tensor } from '../../onnx/model.ts';
import type { AttrSpec, ModelSpec, NodeSpec } from '../../onnx/testing/encode-model.ts';
import { judge } from '../testing/judge.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const random = randomOf(5);
const ints = (...list: number[]): AttrSpec => ({ ints: list });
const float = (dims: readonly number[], data?: readonly number[], size = 1, offset = 0): Tensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from(data ?? Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => (random() * 2 - 1) * size + offset)),
});
const whole = (dims: readonly number[], ...data: number[]): Tensor => ({ dtype: 'int64', dims, data: BigInt64Array.from(data, BigInt) });

function model(
  dims: readonly number[],
  nodes: readonly NodeSpec[],
  initializers: Record<string, Tensor> = {},
  opset = 17,
  dtype: DType = 'float32',
): ModelSpec {
  const outputs = nodes.flatMap((node) => node.outputs.filter((name) => name.startsWith('y')));
  return { opset, nodes, inputs: [{ name: 'x', dtype, dims }], outputs: outputs.map((name) => ({ name })), initializers };
}
const one = (
  op: string,
  dims: readonly number[],
  attrs: Record<string, AttrSpec> = {},
  more: Record<string, Tensor> = {},
  opset = 17,
): ModelSpec => model(dims, [{ op, inputs: ['x', ...Object.keys(more)], outputs: ['y'], attrs }], more, opset);

describe.skipIf(!kernel)('operators against ONNX Runtime, the kernel and both engines', () => {
  test.each<[string, ModelSpec]>([
    ['ArgMax of rows', one('ArgMax', [4, 9], { axis: { int: -1 }, keepdims: { int: 0 } })],
    ['ArgMax of columns', one('ArgMax', [5, 7], { axis: { int: 0 } })],
    ['ArgMin, the last of equals', one('ArgMin', [3, 4, 6], { axis: { int: 1 }, select_last_index: { int: 1 }, keepdims: { int: 0 } })],
    ['Hardmax of columns', one('Hardmax', [2, 5, 4], { axis: { int: 1 } })],
    ['Hardmax of all behind an axis, as before opset 13', one('Hardmax', [3, 2, 4], {}, {}, 11)],
    ['ReduceL1', one('ReduceL1', [3, 5, 4], { axes: ints(1) })],
    ['ReduceL2 of all', one('ReduceL2', [3, 8], { keepdims: { int: 0 } })],
    ['ReduceSumSquare', one('ReduceSumSquare', [2, 3, 6], { axes: ints(0, 2), keepdims: { int: 0 } })],
    [
      'ReduceLogSum',
      model(
        [3, 6],
        [
          { op: 'Exp', inputs: ['x'], outputs: ['e'] },
          { op: 'ReduceLogSum', inputs: ['e'], outputs: ['y'], attrs: { axes: ints(1) } },
        ],
      ),
    ],
    ['ReduceLogSumExp', one('ReduceLogSumExp', [4, 9], { axes: ints(-1) })],
    ['ReduceMax over two dimensions', one('ReduceMax', [4, 3, 2], { axes: ints(0, 2), keepdims: { int: 0 } })],
    ['ReduceProd', one('ReduceProd', [3, 5, 4], { axes: ints(1) })],
    ['ReduceProd of two dimensions', one('ReduceProd', [2, 3, 3], { axes: ints(0, 2), keepdims: { int: 0 } })],
    ['LRN', one('LRN', [1, 5, 3, 4], { size: { int: 3 }, alpha: { float: 0.2 }, bias: { float: 1.5 } })],
    ['LRN over five channels of six', one('LRN', [2, 6, 7, 1], { size: { int: 5 }, alpha: { float: 1 }, beta: { float: 0.5 } })],
    ['LpPool', one('LpPool', [1, 2, 6, 5], { kernel_shape: ints(2, 3), strides: ints(2, 1), pads: ints(1, 0, 1, 0) })],
    ['LpPool, p = 1', one('LpPool', [1, 2, 8], { kernel_shape: ints(3), p: { int: 1 } })],
    ['GlobalLpPool', one('GlobalLpPool', [1, 3, 4, 5])],
    ['Shrink', one('Shrink', [3, 7], { lambd: { float: 0.5 }, bias: { float: 0.5 } })],
    ['Atan', one('Atan', [3, 7])],
    ['Sinh', one('Sinh', [3, 7])],
    ['Asinh', one('Asinh', [3, 7])],
    ['PRelu by channel', one('PRelu', [1, 4, 5], {}, { s: float([4, 1]) })],
    ['PRelu with one slope', one('PRelu', [3, 5], {}, { s: float([1], [0.3]) })],
    ['Trilu', one('Trilu', [4, 4], { upper: { int: 0 } }, { k: whole([], 1) })],
    [
      'Sum and Mean',
      model(
        [3, 6],
        [
          { op: 'Tanh', inputs: ['x'], outputs: ['t'] },
          { op: 'MatMul', inputs: ['x', 'w'], outputs: ['m'] },
          { op: 'Sum', inputs: ['x', 't', 'm', 'b'], outputs: ['y1'] },
          { op: 'Mean', inputs: ['x', 't', 'm'], outputs: ['y2'] },
        ],
        { w: float([6, 6]), b: float([6]) },
      ),
    ],
    [
      'InstanceNormalization',
      one('InstanceNormalization', [2, 3, 4, 5], { epsilon: { float: 1e-3 } }, { s: float([3], undefined, 0.5, 1), b: float([3]) }),
    ],
    ['LpNormalization', one('LpNormalization', [3, 7, 2], { axis: { int: 1 } })],
    [
      'GroupNormalization behind a convolution',
      model(
        [1, 3, 6, 6],
        [
          { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'] },
          { op: 'Reshape', inputs: ['c', 'to'], outputs: ['g'] },
          { op: 'InstanceNormalization', inputs: ['g', 'one', 'zero'], outputs: ['n'] },
          { op: 'Reshape', inputs: ['n', 'back'], outputs: ['r'] },
          { op: 'Mul', inputs: ['r', 's'], outputs: ['m'] },
          { op: 'Add', inputs: ['m', 'b'], outputs: ['y'] },
        ],
        {
          w: float([4, 3, 3, 3]),
          to: whole([3], 0, 2, -1),
          one: float([2], [1, 1]),
          zero: float([2], [0, 0]),
          back: whole([4], 1, 4, 4, 4),
          s: float([4, 1, 1]),
          b: float([4, 1, 1]),
        },
      ),
    ],
  ])('%s', async (_, spec) => {
    const { refused, differing, exactError, error } = await judge(spec, { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    expect(exactError).toBeLessThan(1e-5);
    expect(error).toBeLessThan(5e-3);
  });

  test('TopK gives values and places, of the smallest too', async () => {
    const spec = model(
      [3, 11],
      [
        { op: 'TopK', inputs: ['x', 'k'], outputs: ['y1', 'y2'] },
        { op: 'TopK', inputs: ['x', 'k'], outputs: ['y3', 'y4'], attrs: { axis: { int: 0 }, largest: { int: 0 } } },
      ],
      { k: whole([1], 3) },
    );
    const { refused, differing, exactError, error } = await judge(spec, { kernel });
    expect([refused, differing, exactError]).toEqual([null, 0, 0]);
    // No two elements of these inputs are so close that eleven of a row change places.
    expect(error).toBeLessThan(1e-3);
  });

  test('OneHot of tokens', async () => {
    const spec = model(
      [1, 6],
      [
        { op: 'OneHot', inputs: ['x', 'depth', 'values'], outputs: ['h'] },
        { op: 'MatMul', inputs: ['h', 'w'], outputs: ['y'] },
      ],
      { depth: whole([], 5), values: float([2], [0, 1]), w: float([5, 3]) },
      17,
      'int64',
    );
    const { refused, differing, error } = await judge(spec, { kernel, input: (dice) => Math.floor(dice() * 5) });
    expect([refused, differing]).toEqual([null, 0]);
    expect(error).toBeLessThan(1e-3);
  });
});
