import { afterAll, describe, expect, test } from 'vitest';
import { randomOf } from '../../base/random.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { DType, Tensor, TensorData } from '../../onnx/model.ts';
import type { AttrSpec, ModelSpec, NodeSpec } from '../../onnx/testing/encode-model.ts';
import { judge } from '../testing/judge.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const random = randomOf(11);
const ints = (...list: number[]): AttrSpec => ({ ints: list });
const TYPES = { int8: Int8Array, uint8: Uint8Array, int32: Int32Array, float32: Float32Array } as const;
const tensor = (dtype: keyof typeof TYPES, dims: readonly number[], data: readonly number[]): Tensor => ({
  dtype: dtype as DType,
  dims,
  data: TYPES[dtype].from(data) as TensorData,
});
const whole = (dtype: keyof typeof TYPES, dims: readonly number[], lo: number, hi: number): Tensor =>
  tensor(
    dtype,
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Math.round(lo + random() * (hi - lo))),
  );
const f = (x: number): Tensor => tensor('float32', [], [x]);
const u8 = (x: number): Tensor => tensor('uint8', [], [x]);
const i8 = (x: number): Tensor => tensor('int8', [], [x]);

/** Scales and zero points that all models below share: activations from −2.5 to 2.6, and from 0 to 5.1. */
const SHARED: Record<string, Tensor> = {
  s: f(0.02),
  z: u8(125),
  s2: f(0.02),
  z2: u8(0),
  s3: f(0.03),
  z3: i8(-7),
  ws: f(0.01),
  wz: i8(0),
  wz128: u8(128),
};

function model(
  dims: readonly number[],
  nodes: readonly NodeSpec[],
  initializers: Record<string, Tensor>,
  domains?: Record<string, number>,
): ModelSpec {
  return {
    opset: 13,
    ...(domains ? { domains } : {}),
    nodes,
    inputs: [{ name: 'x', dtype: 'float32', dims }],
    outputs: [{ name: 'y' }],
    initializers: { ...SHARED, ...initializers },
  };
}
const q = (input: string, output: string, s = 's', z = 'z'): NodeSpec => ({
  op: 'QuantizeLinear',
  inputs: [input, s, z],
  outputs: [output],
});
const dq = (input: string, output: string, s = 's', z = 'z', attrs: Record<string, AttrSpec> = {}): NodeSpec => ({
  op: 'DequantizeLinear',
  inputs: [input, s, z],
  outputs: [output],
  attrs,
});
const perChannel = (n: number): Record<string, Tensor> => ({
  cs: tensor(
    'float32',
    [n],
    Array.from({ length: n }, () => 0.004 + random() * 0.01),
  ),
  cz: tensor('int8', [n], new Array(n).fill(0)),
});

describe.skipIf(!kernel)('quantised models against ONNX Runtime, the kernel and both engines', () => {
  test.each<[string, ModelSpec]>([
    [
      'layers between quantisers, one scale a matrix',
      model(
        [3, 20],
        [
          q('x', 'xq'),
          dq('xq', 'xd'),
          dq('w', 'wd', 'ws', 'wz'),
          { op: 'MatMul', inputs: ['xd', 'wd'], outputs: ['m'] },
          { op: 'Add', inputs: ['m', 'b'], outputs: ['a'] },
          { op: 'Relu', inputs: ['a'], outputs: ['r'] },
          q('r', 'rq', 's2', 'z2'),
          dq('rq', 'rd', 's2', 'z2'),
          dq('v', 'vd', 'cs', 'cz', { axis: { int: 0 } }),
          { op: 'Gemm', inputs: ['rd', 'vd', 'c'], outputs: ['g'], attrs: { transB: { int: 1 } } },
          q('g', 'gq', 's3', 'z3'),
          dq('gq', 'y', 's3', 'z3'),
        ],
        {
          w: whole('int8', [20, 24], -127, 127),
          b: whole('float32', [24], -1, 1),
          v: whole('int8', [6, 24], -127, 127),
          c: whole('float32', [6], -1, 1),
          ...perChannel(6),
        },
      ),
    ],
    [
      'convolutions with a scale for each channel, and a pool of integers',
      model(
        [1, 3, 8, 8],
        [
          q('x', 'xq'),
          dq('xq', 'xd'),
          dq('w', 'wd', 'cs', 'cz', { axis: { int: 0 } }),
          dq('b', 'bd', 'bs', ''),
          { op: 'Conv', inputs: ['xd', 'wd', 'bd'], outputs: ['c'], attrs: { pads: ints(1, 1, 1, 1) } },
          { op: 'Relu', inputs: ['c'], outputs: ['r'] },
          q('r', 'rq', 's2', 'z2'),
          { op: 'MaxPool', inputs: ['rq'], outputs: ['pq'], attrs: { kernel_shape: ints(2, 2), strides: ints(2, 2) } },
          dq('pq', 'pd', 's2', 'z2'),
          { op: 'Sigmoid', inputs: ['pd'], outputs: ['g'] },
          q('g', 'gq', 'gs', 'z2'),
          dq('gq', 'gd', 'gs', 'z2'),
          { op: 'Add', inputs: ['gd', 'pd'], outputs: ['h'] },
          q('h', 'hq', 's3', 'z3'),
          dq('hq', 'y', 's3', 'z3'),
        ],
        { w: whole('int8', [5, 3, 3, 3], -127, 127), b: whole('int32', [5], -900, 900), bs: f(0.0002), gs: f(1 / 255), ...perChannel(5) },
      ),
    ],
    [
      'unsigned weights around 128, and 300 terms',
      model(
        [4, 300],
        [q('x', 'xq'), dq('xq', 'xd'), dq('w', 'wd', 'ws', 'wz128'), { op: 'MatMul', inputs: ['xd', 'wd'], outputs: ['y'] }],
        { w: whole('uint8', [300, 5], 1, 255) },
      ),
    ],
    [
      'a single row, whose sums are shifted',
      model(
        [1, 40],
        [
          q('x', 'xq'),
          dq('xq', 'xd'),
          dq('w', 'wd', 'ws', 'wz'),
          { op: 'MatMul', inputs: ['xd', 'wd'], outputs: ['m'] },
          q('m', 'mq'),
          dq('mq', 'y'),
        ],
        {
          w: whole('int8', [40, 7], -127, 127),
        },
      ),
    ],
    [
      'attention scores of two quantised values',
      model(
        [1, 6, 8],
        [
          q('x', 'xq'),
          dq('xq', 'xd'),
          { op: 'Transpose', inputs: ['xd'], outputs: ['t'], attrs: { perm: ints(0, 2, 1) } },
          { op: 'MatMul', inputs: ['xd', 't'], outputs: ['m'] },
          q('m', 'mq', 's3', 'z3'),
          dq('mq', 'md', 's3', 'z3'),
          { op: 'Softmax', inputs: ['md'], outputs: ['p'], attrs: { axis: { int: -1 } } },
          { op: 'MatMul', inputs: ['p', 'xd'], outputs: ['y'] },
        ],
        {},
      ),
    ],
    [
      'QLinearConv, QLinearAdd, QLinearGlobalAveragePool and QGemm',
      model(
        [1, 4, 6, 6],
        [
          q('x', 'xq'),
          {
            op: 'QLinearConv',
            inputs: ['xq', 's', 'z', 'w', 'cs', 'cz', 's', 'z', 'b'],
            outputs: ['cq'],
            attrs: { pads: ints(1, 1, 1, 1) },
          },
          { op: 'QLinearAdd', domain: 'com.microsoft', inputs: ['xq', 's', 'z', 'cq', 's', 'z', 's3', 'z'], outputs: ['aq'] },
          { op: 'QLinearSigmoid', domain: 'com.microsoft', inputs: ['aq', 's3', 'z', 'gs', 'z2'], outputs: ['gq'] },
          { op: 'QLinearGlobalAveragePool', domain: 'com.microsoft', inputs: ['gq', 'gs', 'z2', 'gs', 'z2'], outputs: ['pq'] },
          { op: 'Flatten', inputs: ['pq'], outputs: ['fq'] },
          {
            op: 'QGemm',
            domain: 'com.microsoft',
            inputs: ['fq', 'gs', 'z2', 'v', 'ws', 'wz', 'd'],
            outputs: ['y'],
            attrs: { transB: { int: 1 } },
          },
        ],
        {
          w: whole('int8', [4, 4, 3, 3], -127, 127),
          b: whole('int32', [4], -900, 900),
          gs: f(1 / 255),
          v: whole('int8', [3, 4], -127, 127),
          d: whole('int32', [3], -900, 900),
          ...perChannel(4),
        },
        { 'com.microsoft': 1 },
      ),
    ],
    [
      'averages, and a concatenation of two grids',
      model(
        [1, 3, 6, 6],
        [
          q('x', 'xq'),
          {
            op: 'QLinearAveragePool',
            domain: 'com.microsoft',
            inputs: ['xq', 's', 'z', 's3', 'z'],
            outputs: ['pq'],
            attrs: { kernel_shape: ints(2, 2), strides: ints(2, 2), pads: ints(1, 1, 1, 1) },
          },
          { op: 'MaxPool', inputs: ['xq'], outputs: ['mq'], attrs: { kernel_shape: ints(3, 3), strides: ints(1, 1) } },
          {
            op: 'QLinearConcat',
            domain: 'com.microsoft',
            inputs: ['s3', 'z', 'pq', 's3', 'z', 'mq', 's', 'z'],
            outputs: ['cq'],
            attrs: { axis: { int: 1 } },
          },
          dq('cq', 'y', 's3', 'z'),
        ],
        {},
        { 'com.microsoft': 1 },
      ),
    ],
    [
      'QLinearMatMul',
      model(
        [1, 5, 16],
        [
          q('x', 'xq'),
          { op: 'QLinearMatMul', inputs: ['xq', 's', 'z', 'w', 'ws', 'wz', 's3', 'z'], outputs: ['mq'] },
          dq('mq', 'y', 's3', 'z'),
        ],
        {
          w: whole('int8', [16, 9], -127, 127),
        },
      ),
    ],
  ])('%s', async (_, spec) => {
    const { refused, differing, error, meanError } = await judge(spec, { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    // A step of eight bits is 0.4 to 0.8 % of these ranges: few integers are other ones, and by one step, where the runtime rounds between two operators.
    expect(error).toBeLessThan(0.008);
    expect(meanError).toBeLessThan(0.0002);
  });

  test.each<[string, Readonly<Record<string, AttrSpec>>, Tensor]>([
    [
      'for each channel',
      { axis: { int: 1 } },
      tensor(
        'float32',
        [6],
        [1, 2, 3, 4, 5, 6].map((v) => v / 100),
      ),
    ],
    ['for blocks', { axis: { int: 0 }, block_size: { int: 8 } }, whole('float32', [2, 6], 1, 9)],
  ])('weights with scales %s', async (_, attrs, scales) => {
    const spec = {
      ...model([4, 16], [dq('w', 'r', 'bs', 'bz', attrs), { op: 'MatMul', inputs: ['x', 'r'], outputs: ['y'] }], {
        w: whole('int8', [16, 6], -8, 7),
        bs: scales,
        bz: whole('int8', scales.dims, -2, 2),
      }),
      opset: 21,
    };
    const { refused, differing, exactError, error } = await judge(spec, { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    expect(exactError).toBeLessThan(1e-5);
    expect(error).toBeLessThan(3e-3);
  });

  test('QLinearSoftmax, which the runtime computes from tables of integers', async () => {
    const node: NodeSpec = {
      op: 'QLinearSoftmax',
      domain: 'com.microsoft',
      inputs: ['xq', 's', 'z', 'ps', 'z2'],
      outputs: ['yq'],
      attrs: { axis: { int: -1 }, opset: { int: 13 } },
    };
    const spec = model([4, 16], [q('x', 'xq'), node, dq('yq', 'y', 'ps', 'z2')], { ps: f(1 / 255) }, { 'com.microsoft': 1 });
    const { refused, differing, error } = await judge(spec, { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    // One step of the result, which has 88 of them here.
    expect(error).toBeLessThan(1.01 / 87);
  });

  test('MatMulNBits', async () => {
    const attrs = { K: { int: 32 }, N: { int: 6 }, bits: { int: 4 }, block_size: { int: 16 } };
    const node: NodeSpec = { op: 'MatMulNBits', domain: 'com.microsoft', inputs: ['x', 'w', 'ws', 'wz'], outputs: ['y'], attrs };
    const packed = { w: whole('uint8', [6, 2, 8], 0, 255), ws: whole('float32', [12], 1, 5), wz: whole('uint8', [6], 0, 255) };
    const { refused, differing, exactError, error } = await judge(model([4, 32], [node], packed, { 'com.microsoft': 1 }), { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    expect(exactError).toBeLessThan(1e-5);
    expect(error).toBeLessThan(3e-3);
  });

  test('16 bits around a zero point at one side', async () => {
    const spec = model(
      [4, 16],
      [q('x', 'xq', 'fine', 'aside'), dq('xq', 'r', 'fine', 'aside'), { op: 'MatMul', inputs: ['r', 'w'], outputs: ['y'] }],
      {
        fine: f(0.0001),
        aside: { dtype: 'uint16', dims: [], data: Uint16Array.of(25_000) },
        w: whole('float32', [16, 6], -3, 3),
      },
    );
    const { refused, differing, error } = await judge({ ...spec, opset: 21 }, { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    expect(error).toBeLessThan(1e-3);
  });

  test.each(['MatMulInteger', 'ConvInteger'])('DynamicQuantizeLinear and %s: closer to real numbers than the reference', async (op) => {
    const conv = op === 'ConvInteger';
    const spec = model(
      conv ? [1, 3, 6, 6] : [4, 20],
      [
        { op: 'DynamicQuantizeLinear', inputs: ['x'], outputs: ['xq', 'xs', 'xz'] },
        { op, inputs: ['xq', 'w', 'xz'], outputs: ['i'] },
        { op: 'Cast', inputs: ['i'], outputs: ['c'], attrs: { to: { int: 1 } } },
        { op: 'Mul', inputs: ['xs', 'ws'], outputs: ['m'] },
        { op: 'Mul', inputs: ['c', 'm'], outputs: ['v'] },
        { op: 'Add', inputs: ['v', 'b'], outputs: ['y'] },
      ],
      { w: whole('int8', conv ? [5, 3, 3, 3] : [20, 5], -127, 127), b: whole('float32', conv ? [1, 5, 1, 1] : [5], -1, 1) },
    );
    const { refused, differing, exactError, error } = await judge(spec, { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    expect(error).toBeLessThan(0.02);
    expect(Math.abs(error - exactError)).toBeLessThan(0.002);
  });
});
