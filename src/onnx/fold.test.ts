import * as fc from 'fast-check';
import * as ort from 'onnxruntime-web';
import { describe, expect, test } from 'vitest';
import { importModel } from './import.ts';
import type { DType, Tensor, TensorData } from './model.ts';
import { elementCount } from './tensor.ts';
import type { AttrSpec, NodeSpec } from './testing/encode-model.ts';
import { encodeModel } from './testing/encode-model.ts';

ort.env.logLevel = 'error';
ort.env.wasm.numThreads = 1;

const f = (dims: number[], values?: number[]): Tensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from(values ?? Array.from({ length: elementCount(dims) }, (_, i) => ((i * 7919 + 13) % 101) / 25 - 2)),
});
const i64 = (dims: number[], values: number[]): Tensor => ({ dtype: 'int64', dims, data: BigInt64Array.from(values, BigInt) });
const i32 = (dims: number[], values: number[]): Tensor => ({ dtype: 'int32', dims, data: Int32Array.from(values) });
const bool = (dims: number[], values: number[]): Tensor => ({ dtype: 'bool', dims, data: Uint8Array.from(values) });
const axes = (...values: number[]) => i64([values.length], values);

interface Case {
  readonly op: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly attrs?: Record<string, AttrSpec>;
  readonly opset?: number;
  readonly outputs?: number;
  readonly domain?: string;
}
const attr = {
  i: (int: number): AttrSpec => ({ int }),
  f: (float: number): AttrSpec => ({ float }),
  s: (string: string): AttrSpec => ({ string }),
  is: (...ints: number[]): AttrSpec => ({ ints }),
};

/** The model of one case: its inputs either all constant, so that import folds it, or all graph inputs, so that ONNX Runtime runs it. */
function modelOf(c: Case, constant: boolean): Uint8Array {
  const names = c.inputs.map((input, i) => (input ? `x${i}` : ''));
  const outputs = Array.from({ length: c.outputs ?? 1 }, (_, i) => `y${i}`);
  const given = c.inputs.flatMap((tensor, i) => (tensor ? [{ name: `x${i}`, tensor }] : []));
  return encodeModel({
    opset: c.opset ?? 17,
    nodes: [{ op: c.op, inputs: names, outputs, attrs: c.attrs }],
    initializers: constant ? Object.fromEntries(given.map(({ name, tensor }) => [name, tensor])) : {},
    inputs: constant ? [] : given.map(({ name, tensor }) => ({ name, dtype: tensor.dtype, dims: tensor.dims })),
    outputs: outputs.map((name) => ({ name })),
  });
}

async function runtime(c: Case): Promise<Record<string, Tensor>> {
  const session = await ort.InferenceSession.create(modelOf(c, false), { logSeverityLevel: 3 });
  const feeds: Record<string, ort.Tensor> = {};
  c.inputs.forEach((t, i) => {
    if (t) feeds[`x${i}`] = new ort.Tensor(t.dtype as 'float32', t.data as Float32Array, t.dims);
  });
  const results = await session.run(feeds);
  const out: Record<string, Tensor> = {};
  for (const [name, { type, dims, data }] of Object.entries(results)) out[name] = { dtype: type as DType, dims, data: data as TensorData };
  await session.release();
  return out;
}

function expectClose(name: string, mine: Tensor, theirs: Tensor): void {
  expect({ name, dtype: mine.dtype, dims: [...mine.dims] }).toEqual({ name, dtype: theirs.dtype, dims: [...theirs.dims] });
  const [a, b] = [Array.from(mine.data as Iterable<number | bigint>), Array.from(theirs.data as Iterable<number | bigint>)];
  a.forEach((x, i) => {
    if (typeof x === 'bigint' || !mine.dtype.startsWith('float')) expect(`${name}[${i}] = ${x}`).toBe(`${name}[${i}] = ${b[i]}`);
    else if (Number.isNaN(b[i]) || !Number.isFinite(b[i] as number)) expect(x).toBe(b[i]);
    else
      expect(Math.abs(x - (b[i] as number)), `${name}[${i}]: ${x} and ${b[i]}`).toBeLessThanOrEqual(
        4e-6 * Math.max(1, Math.abs(b[i] as number)),
      );
  });
}

async function check(c: Case): Promise<void> {
  const folded = importModel(modelOf(c, true), { fileName: 'case.onnx' });
  expect(
    folded.nodes.map(({ op }) => op),
    `${c.op} is folded`,
  ).toEqual([]);
  const theirs = await runtime(c);
  for (const [name, tensor] of Object.entries(theirs)) expectClose(`${c.op} ${name}`, folded.initializers.get(name)!, tensor);
}

const FLOAT_UNARY = [
  'Abs',
  'Neg',
  'Sign',
  'Relu',
  'Exp',
  'Reciprocal',
  'Floor',
  'Ceil',
  'Round',
  'Sin',
  'Cos',
  'Tan',
  'Atan',
  'Sinh',
  'Cosh',
].concat([
  'Tanh',
  'Asinh',
  'Sigmoid',
  'Softplus',
  'Softsign',
  'HardSwish',
  'Erf',
  'Elu',
  'Celu',
  'Selu',
  'LeakyRelu',
  'HardSigmoid',
  'ThresholdedRelu',
  'IsNaN',
]);
const BINARY = ['Add', 'Sub', 'Mul', 'Div'];
const COMPARE = ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'];
const halves = f([7], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0]);
const ints = i64([2, 3], [-7, -2, 0, 1, 5, 9_007_199_254_740_991]);

const CASES: Case[] = [
  ...FLOAT_UNARY.map((op) => ({ op, inputs: [f([3, 17])] })),
  ...['Sqrt', 'Log'].map((op) => ({ op, inputs: [f([4], [0.25, 1, 2, 9])] })),
  ...['Abs', 'Neg', 'Sign'].map((op) => ({ op, inputs: [ints] })),
  { op: 'Round', inputs: [halves] },
  { op: 'Gelu', inputs: [f([9])], opset: 20 },
  { op: 'Gelu', inputs: [f([9])], opset: 20, attrs: { approximate: attr.s('tanh') } },
  ...BINARY.map((op) => ({ op, inputs: [f([2, 1, 3]), f([4, 1])] })),
  ...BINARY.map((op) => ({ op, inputs: [ints, i64([3], [3, -2, 7])] })),
  ...BINARY.map((op) => ({ op, inputs: [i32([4], [-9, 8, 2_000_000_000, -7]), i32([4], [2, 3, 2_000_000_000, -2])] })),
  ...COMPARE.flatMap((op) => [
    { op, inputs: [f([2, 3]), f([3])] },
    { op, inputs: [ints, i64([1], [0])] },
  ]),
  { op: 'Mod', inputs: [i64([4], [-7, 7, -7, 7]), i64([4], [3, 3, -3, -3])] },
  { op: 'Mod', inputs: [i64([4], [-7, 7, -7, 7]), i64([4], [3, 3, -3, -3])], attrs: { fmod: attr.i(1) } },
  { op: 'Mod', inputs: [f([3], [-5.5, 5.5, 2]), f([3], [2, -2, 2])], attrs: { fmod: attr.i(1) } },
  { op: 'Pow', inputs: [f([3], [0.5, 2, 3]), f([], [2])] },
  { op: 'Pow', inputs: [f([3], [0.5, 2, 3]), i64([1], [3])] },
  { op: 'Pow', inputs: [i64([3], [-2, 3, 10]), i64([1], [3])] },
  { op: 'PRelu', inputs: [f([2, 3]), f([3])] },
  ...['And', 'Or', 'Xor'].map((op) => ({ op, inputs: [bool([4], [0, 0, 1, 1]), bool([4], [0, 1, 0, 1])] })),
  { op: 'Not', inputs: [bool([2], [0, 1])] },
  ...['Min', 'Max', 'Sum', 'Mean'].map((op) => ({ op, inputs: [f([2, 3]), f([3]), f([1], [0.1])] })),
  ...['Min', 'Max'].map((op) => ({ op, inputs: [ints, i64([], [1])] })),
  { op: 'Clip', inputs: [f([9]), f([], [-1]), f([], [0.5])] },
  { op: 'Clip', inputs: [f([9]), null, f([], [0.5])] },
  { op: 'Clip', inputs: [f([9])], opset: 10, attrs: { min: attr.f(-0.5), max: attr.f(0.25) } },
  { op: 'Where', inputs: [bool([2, 1], [1, 0]), f([1, 3]), f([2, 3])] },
  { op: 'Where', inputs: [bool([2], [1, 0]), i64([2], [1, 2]), i64([2], [3, 4])] },
  { op: 'Reshape', inputs: [f([2, 3, 4]), i64([3], [0, -1, 2])] },
  { op: 'Reshape', inputs: [f([2, 3, 4]), i64([1], [-1])] },
  { op: 'Flatten', inputs: [f([2, 3, 4])], attrs: { axis: attr.i(2) } },
  { op: 'Flatten', inputs: [f([2, 3, 4])], attrs: { axis: attr.i(0) } },
  { op: 'Squeeze', inputs: [f([1, 3, 1]), axes(0)] },
  { op: 'Squeeze', inputs: [f([1, 3, 1])], opset: 11, attrs: { axes: attr.is(-1) } },
  { op: 'Squeeze', inputs: [f([1, 3, 1])] },
  { op: 'Unsqueeze', inputs: [f([3]), axes(0, -1)] },
  { op: 'Unsqueeze', inputs: [f([3])], opset: 11, attrs: { axes: attr.is(1) } },
  { op: 'Transpose', inputs: [f([2, 3, 4])], attrs: { perm: attr.is(1, 2, 0) } },
  { op: 'Transpose', inputs: [f([2, 3, 4])] },
  { op: 'Slice', inputs: [f([5, 6]), axes(1, -3), axes(9, -1), axes(0, 1)] },
  { op: 'Slice', inputs: [f([5, 6]), axes(-1, 4), axes(-100, 1), axes(0, 1), axes(-2, -1)] },
  { op: 'Slice', inputs: [f([5, 6])], opset: 9, attrs: { starts: attr.is(1), ends: attr.is(100), axes: attr.is(1) } },
  { op: 'Split', inputs: [f([6, 2])], outputs: 3 },
  { op: 'Split', inputs: [f([6, 2]), axes(1, 5)], outputs: 2 },
  { op: 'Split', inputs: [f([2, 7])], outputs: 3, opset: 18, attrs: { axis: attr.i(1), num_outputs: attr.i(3) } },
  { op: 'Split', inputs: [f([2, 6])], outputs: 2, opset: 11, attrs: { axis: attr.i(-1), split: attr.is(2, 4) } },
  { op: 'Concat', inputs: [f([2, 1]), f([2, 3])], attrs: { axis: attr.i(-1) } },
  { op: 'Concat', inputs: [i64([1], [4]), i64([2], [5, 6])], attrs: { axis: attr.i(0) } },
  { op: 'Expand', inputs: [f([3, 1]), i64([3], [2, 1, 4])] },
  { op: 'Tile', inputs: [f([2, 3]), i64([2], [2, 3])] },
  { op: 'Pad', inputs: [f([2, 3]), i64([4], [1, 0, 0, 2]), f([], [9])] },
  { op: 'Pad', inputs: [i64([2], [7, 8]), i64([2], [1, 1])] },
  { op: 'Shape', inputs: [f([2, 3, 4])] },
  { op: 'Shape', inputs: [f([2, 3, 4])], attrs: { start: attr.i(-2), end: attr.i(5) } },
  { op: 'Size', inputs: [f([2, 3, 4])] },
  { op: 'ConstantOfShape', inputs: [i64([2], [2, 3])], attrs: { value: { tensor: i64([1], [7]) } } },
  { op: 'ConstantOfShape', inputs: [i64([2], [2, 3])] },
  { op: 'Range', inputs: [i64([], [10]), i64([], [1]), i64([], [-3])] },
  { op: 'Range', inputs: [f([], [0]), f([], [1]), f([], [0.25])] },
  { op: 'Gather', inputs: [f([4, 3]), i64([2, 2], [0, -1, 2, 1])] },
  { op: 'Gather', inputs: [f([4, 3]), i64([], [1])], attrs: { axis: attr.i(1) } },
  { op: 'GatherElements', inputs: [f([3, 3]), i64([2, 3], [0, 1, 2, -1, 0, 1])] },
  { op: 'GatherElements', inputs: [f([3, 3]), i64([3, 2], [0, 1, 2, -1, 0, 1])], attrs: { axis: attr.i(1) } },
  { op: 'ScatterND', inputs: [f([4, 2]), i64([2, 1], [3, 0]), f([2, 2])] },
  { op: 'Cast', inputs: [f([4], [-1.7, 0, 0.2, 3.9])], attrs: { to: attr.i(7) } },
  { op: 'Cast', inputs: [f([4], [-1.7, 0, 0.2, 3.9])], attrs: { to: attr.i(9) } },
  { op: 'Cast', inputs: [f([4], [-1.7, 0, 0.2, 3.9])], attrs: { to: attr.i(6) } },
  { op: 'Cast', inputs: [ints], attrs: { to: attr.i(1) } },
  { op: 'Cast', inputs: [ints], attrs: { to: attr.i(9) } },
  { op: 'Cast', inputs: [bool([2], [0, 1])], attrs: { to: attr.i(1) } },
  { op: 'Trilu', inputs: [f([2, 4, 3])], attrs: { upper: attr.i(0) } },
  { op: 'Trilu', inputs: [f([4, 3]), i64([], [1])] },
  { op: 'EyeLike', inputs: [f([3, 4])], attrs: { k: attr.i(1) } },
  ...['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceSumSquare', 'ReduceLogSumExp'].flatMap((op) => [
    { op, inputs: [f([2, 3, 4])], attrs: { axes: attr.is(-1) } },
    { op, inputs: [f([2, 3, 4])], attrs: { axes: attr.is(0, 2), keepdims: attr.i(0) } },
    { op, inputs: [f([2, 3, 4]), axes(1)], opset: 18 },
  ]),
  { op: 'ReduceSum', inputs: [f([2, 3, 4]), axes(1)] },
  { op: 'ReduceSum', inputs: [f([2, 3, 4])], opset: 11, attrs: { axes: attr.is(1) } },
  { op: 'ReduceSum', inputs: [f([2, 3])], attrs: { keepdims: attr.i(0) } },
  ...['ReduceProd', 'ReduceMax', 'ReduceMin'].map((op) => ({ op, inputs: [i64([3], [4, -5, 6])], attrs: { keepdims: attr.i(0) } })),
  { op: 'ArgMax', inputs: [f([2, 3, 4])], attrs: { axis: attr.i(1), keepdims: attr.i(0) } },
  { op: 'ArgMax', inputs: [f([4], [1, 5, 5, 2])], attrs: { axis: attr.i(0), select_last_index: attr.i(1) } },
  { op: 'ArgMin', inputs: [f([2, 3])], attrs: { axis: attr.i(-1) } },
  { op: 'CumSum', inputs: [f([2, 3]), i64([], [1])] },
  { op: 'CumSum', inputs: [i64([4], [1, 2, 3, 4]), i64([], [0])], attrs: { exclusive: attr.i(1), reverse: attr.i(1) } },
  { op: 'MatMul', inputs: [f([2, 1, 3, 4]), f([5, 4, 2])] },
  { op: 'MatMul', inputs: [f([4]), f([2, 4, 3])] },
  { op: 'MatMul', inputs: [f([3, 4]), f([4])] },
  {
    op: 'Gemm',
    inputs: [f([4, 3]), f([5, 4]), f([5])],
    attrs: { transA: attr.i(1), transB: attr.i(1), alpha: attr.f(0.5), beta: attr.f(2) },
  },
  { op: 'Gemm', inputs: [f([3, 4]), f([4, 5])] },
  { op: 'Softmax', inputs: [f([2, 3, 4])] },
  { op: 'Softmax', inputs: [f([2, 3, 4])], attrs: { axis: attr.i(1) } },
  { op: 'Softmax', inputs: [f([2, 3, 4])], opset: 11 },
  { op: 'Softmax', inputs: [f([2, 3, 4])], opset: 11, attrs: { axis: attr.i(-1) } },
  { op: 'LogSoftmax', inputs: [f([2, 5])] },
  { op: 'LayerNormalization', inputs: [f([2, 3, 4]), f([4]), f([4])], attrs: { epsilon: attr.f(1e-3) } },
  { op: 'LayerNormalization', inputs: [f([2, 3, 4]), f([3, 4])], attrs: { axis: attr.i(1) } },
];

describe('constant folding computes what ONNX Runtime computes', () => {
  test.each(
    CASES.map(
      (c) => [`${c.op} ${c.inputs.map((t) => (t ? `${t.dtype}[${t.dims.join()}]` : '-')).join(' ')} opset ${c.opset ?? 17}`, c] as const,
    ),
  )('%s', (_, c) => check(c));
});

const SHAPE_ONLY: Case[] = [
  {
    op: 'Conv',
    inputs: [f([1, 4, 9, 9]), f([6, 2, 3, 3])],
    attrs: { group: attr.i(2), strides: attr.is(2, 1), pads: attr.is(1, 0, 1, 2), dilations: attr.is(1, 2) },
  },
  { op: 'Conv', inputs: [f([1, 4, 9]), f([6, 4, 3])], attrs: { auto_pad: attr.s('SAME_UPPER'), strides: attr.is(2) } },
  { op: 'MaxPool', inputs: [f([1, 2, 7, 8])], attrs: { kernel_shape: attr.is(3, 2), strides: attr.is(2, 3), ceil_mode: attr.i(1) } },
  { op: 'AveragePool', inputs: [f([1, 2, 7])], attrs: { kernel_shape: attr.is(3), pads: attr.is(1, 1) } },
  { op: 'GlobalAveragePool', inputs: [f([2, 3, 5])] },
  { op: 'BatchNormalization', inputs: [f([2, 3, 5]), f([3]), f([3]), f([3]), f([3], [1, 2, 3])] },
  { op: 'TopK', inputs: [f([2, 5]), axes(3)], outputs: 2 },
  { op: 'Einsum', inputs: [f([2, 3, 4]), f([2, 4, 5])], attrs: { equation: attr.s('bij,bjk->bik') } },
  { op: 'Einsum', inputs: [f([2, 3, 4, 5]), f([5, 6])], attrs: { equation: attr.s('...ij, jk -> ...ik') } },
  { op: 'Einsum', inputs: [f([3, 4])], attrs: { equation: attr.s('ij->ji') } },
  { op: 'OneHot', inputs: [i64([2, 3], [0, 1, 2, 0, 1, 2]), i64([], [4]), f([2], [0, 1])] },
  { op: 'GatherND', inputs: [f([3, 4, 5]), i64([2, 2], [0, 1, 2, 3])] },
  { op: 'LayerNormalization', inputs: [f([2, 3, 4]), f([4]), f([4])], outputs: 3 },
];

test.each(SHAPE_ONLY.map((c) => [`${c.op} ${c.inputs.map((t) => t?.dims.join('x')).join(' ')}`, c] as const))(
  'shapes agree: %s',
  async (_, c) => {
    const model = importModel(modelOf(c, true), { fileName: 'case.onnx' });
    for (const [name, { dtype, dims }] of Object.entries(await runtime(c))) {
      const mine = model.values.get(name)!;
      expect({ name, dtype: mine.dtype, dims: mine.dims }).toEqual({ name, dtype, dims: [...dims] });
    }
  },
);

test('random chains of movements end where ONNX Runtime ends', async () => {
  const dim = fc.integer({ min: 1, max: 4 });
  const chain = fc.record({
    dims: fc.tuple(dim, dim, dim),
    perm: fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
    start: fc.integer({ min: -5, max: 5 }),
    step: fc.constantFrom(-2, -1, 1, 2),
    repeat: dim,
  });
  await fc.assert(
    fc.asyncProperty(chain, async ({ dims, perm, start, step, repeat }) => {
      const nodes: NodeSpec[] = [
        { op: 'Transpose', inputs: ['x'], outputs: ['a'], attrs: { perm: attr.is(...perm) } },
        { op: 'Slice', inputs: ['a', 'start', 'end', 'axis', 'step'], outputs: ['b'] },
        { op: 'Tile', inputs: ['b', 'repeats'], outputs: ['c'] },
        { op: 'Reshape', inputs: ['c', 'flat'], outputs: ['y'] },
      ];
      const constants = {
        start: axes(start),
        end: axes(step > 0 ? 100 : -100),
        axis: axes(1),
        step: axes(step),
        repeats: i64([3], [1, repeat, 1]),
        flat: axes(-1),
      };
      const x = f([...dims]);
      const folded = importModel(encodeModel({ opset: 17, nodes, outputs: [{ name: 'y' }], initializers: { ...constants, x } }), {
        fileName: 'chain',
      });
      const live = encodeModel({
        opset: 17,
        nodes,
        outputs: [{ name: 'y' }],
        initializers: constants,
        inputs: [{ name: 'x', dtype: 'float32', dims }],
      });
      const session = await ort.InferenceSession.create(live, { logSeverityLevel: 3 });
      const { y } = await session.run({ x: new ort.Tensor('float32', x.data as Float32Array, dims) });
      await session.release();
      expect(Array.from(folded.initializers.get('y')!.data as Float32Array)).toEqual(Array.from(y.data as Float32Array));
    }),
    { seed: 1, numRuns: 60 },
  );
});

/** One graph with the operators that changed their form between operator sets, each in the form of `opset`. */
function formsOf(opset: number): { nodes: NodeSpec[]; initializers: Record<string, Tensor>; outputs: string[] } {
  const nodes: NodeSpec[] = [];
  const initializers: Record<string, Tensor> = {
    x: f([2, 3, 4]),
    scale: f([4]),
    one: axes(1),
    last: axes(-1),
    low: f([], [-1]),
    high: f([], [1]),
    pads: i64([6], [0, 1, 0, 0, 0, 2]),
  };
  const add = (op: string, inputs: string[], attrs: Record<string, AttrSpec> = {}, outputs = 1) =>
    nodes.push({ op, inputs, attrs, outputs: Array.from({ length: outputs }, (_, i) => `${op}_${nodes.length}_${i}`) });
  const axesForm = (op: string, inputsFrom: number, from: string, list: number[]) =>
    opset >= inputsFrom ? add(op, [from, list[0] === 1 ? 'one' : 'last']) : add(op, [from], { axes: attr.is(...list) });
  axesForm('ReduceSum', 13, 'x', [1]);
  for (const op of ['ReduceMean', 'ReduceMax', 'ReduceL2', 'ReduceProd']) axesForm(op, 18, 'x', [-1]);
  axesForm('Unsqueeze', 13, 'x', [1]);
  axesForm('Squeeze', 13, nodes.at(-1)!.outputs[0], [1]);
  add('Softmax', ['x']);
  add('LogSoftmax', ['x'], { axis: attr.i(1) });
  add('Split', ['x'], opset >= 18 ? { axis: attr.i(2), num_outputs: attr.i(2) } : { axis: attr.i(2) }, 2);
  if (opset >= 11) add('Clip', ['x', 'low', 'high']);
  else add('Clip', ['x'], { min: attr.f(-1), max: attr.f(1) });
  if (opset >= 11) add('Pad', ['x', 'pads']);
  else add('Pad', ['x'], { pads: attr.is(0, 1, 0, 0, 0, 2) });
  if (opset >= 10) add('Slice', ['x', 'one', 'last', 'last']);
  else add('Slice', ['x'], { starts: attr.is(1), ends: attr.is(-1), axes: attr.is(-1) });
  if (opset >= 17) add('LayerNormalization', ['x', 'scale']);
  if (opset >= 20) add('Gelu', ['x'], { approximate: attr.s('tanh') });
  add('Shape', ['x'], opset >= 15 ? { start: attr.i(1) } : {});
  add('Cast', ['x'], { to: attr.i(7) });
  add('Reshape', ['x', 'last']);
  add('Transpose', ['x'], { perm: attr.is(2, 0, 1) });
  add('Dropout', ['x']);
  if (opset >= 9) add('Erf', ['x']);
  add('MatMul', ['x', 'scale']);
  add('Flatten', ['x'], { axis: attr.i(2) });
  add('ArgMax', ['x'], { axis: attr.i(2), keepdims: attr.i(0) });
  add('Pow', ['x', 'high']);
  add('Expand', ['high', 'one']);
  return { nodes, initializers, outputs: nodes.flatMap((node) => node.outputs) };
}

test.each([8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21])('operators in the form of operator set %i', async (opset) => {
  const { nodes, initializers, outputs } = formsOf(opset);
  const named = outputs.map((name) => ({ name }));
  const folded = importModel(encodeModel({ opset, nodes, initializers, outputs: named }), { fileName: 'forms.onnx' });
  expect(folded.nodes).toEqual([]);
  const { x, ...rest } = initializers;
  const live = encodeModel({ opset, nodes, initializers: rest, inputs: [{ name: 'x', dtype: x.dtype, dims: x.dims }], outputs: named });
  const session = await ort.InferenceSession.create(live, { logSeverityLevel: 3 });
  const results = await session.run({ x: new ort.Tensor('float32', x.data as Float32Array, x.dims) });
  await session.release();
  for (const name of outputs) {
    const { type, dims, data } = results[name];
    expectClose(`opset ${opset} ${name}`, folded.initializers.get(name)!, { dtype: type as DType, dims, data: data as TensorData });
  }
  const shaped = importModel(live, { fileName: 'forms.onnx' });
  for (const name of outputs) expect([name, ...shaped.values.get(name)!.dims]).toEqual([name, ...results[name].dims]);
});
