import type { Tensor } from '../../src/onnx/model.ts';
import { type AttrSpec, encodeModel, type NodeSpec } from '../../src/onnx/testing/encode-model.ts';

const floats = (...dims: number[]): Tensor => {
  const size = dims.reduce((all, dim) => all * dim, 1);
  return { dtype: 'float32', dims, data: Float32Array.from({ length: size }, (_, i) => (i % 7) / 7 - 0.4) };
};
const ints = (...values: number[]): Tensor => ({
  dtype: 'int64',
  dims: [values.length],
  data: BigInt64Array.from(values, BigInt),
});
const one = (value: number): Tensor => ({ dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(value)) });

interface Small {
  readonly op: string;
  readonly dims: readonly (number | string)[];
  readonly more?: Readonly<Record<string, Tensor>>;
  readonly attrs?: Readonly<Record<string, AttrSpec>>;
  readonly inputs?: readonly string[];
}

/** Operators that look at numbers in their inputs or attributes for shapes: where a changed file asks for too much. */
const SMALL: readonly Small[] = [
  { op: 'MatMul', dims: [2, 8], more: { w: floats(8, 4) } },
  { op: 'Gemm', dims: [2, 8], more: { w: floats(4, 8), b: floats(4) }, attrs: { transB: { int: 1 }, alpha: { float: 0.5 } } },
  {
    op: 'Conv',
    dims: [1, 3, 8, 8],
    more: { w: floats(4, 3, 3, 3) },
    attrs: { pads: { ints: [1, 1, 1, 1] }, strides: { ints: [2, 2] }, dilations: { ints: [1, 1] } },
  },
  { op: 'ConvTranspose', dims: [1, 3, 8, 8], more: { w: floats(3, 2, 3, 3) }, attrs: { strides: { ints: [2, 2] } } },
  { op: 'MaxPool', dims: [1, 3, 8, 8], attrs: { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] }, ceil_mode: { int: 1 } } },
  { op: 'AveragePool', dims: [1, 3, 8], attrs: { kernel_shape: { ints: [3] }, auto_pad: { string: 'SAME_UPPER' } } },
  { op: 'Reshape', dims: [2, 3, 4], more: { shape: ints(0, -1) } },
  { op: 'Transpose', dims: [2, 3, 4], attrs: { perm: { ints: [2, 0, 1] } } },
  { op: 'Expand', dims: [1, 3], more: { shape: ints(4, 3) } },
  { op: 'Tile', dims: [2, 3], more: { repeats: ints(2, 2) } },
  { op: 'Slice', dims: [8, 8], more: { starts: ints(1), ends: ints(7), axes: ints(0), steps: ints(2) } },
  { op: 'Pad', dims: [2, 3], more: { pads: ints(1, 0, 0, 1) }, attrs: { mode: { string: 'constant' } } },
  { op: 'Gather', dims: [6, 3], more: { indices: ints(0, 5) }, attrs: { axis: { int: 0 } } },
  { op: 'Concat', dims: [2, 3], more: { other: floats(2, 5) }, attrs: { axis: { int: 1 } } },
  { op: 'Split', dims: [6, 3], more: { split: ints(2, 4) } },
  { op: 'Resize', dims: [1, 1, 4, 4], more: { roi: floats(0), scales: floats(0), sizes: ints(1, 1, 8, 8) } },
  { op: 'TopK', dims: [2, 8], more: { k: ints(3) } },
  { op: 'OneHot', dims: [4], more: { depth: ints(5), values: floats(2) } },
  { op: 'Einsum', dims: [2, 3], more: { w: floats(3, 4) }, attrs: { equation: { string: 'ij,jk->ik' } } },
  { op: 'ReduceSum', dims: [2, 3, 4], more: { axes: ints(1, -1) }, attrs: { keepdims: { int: 0 } } },
  { op: 'LayerNormalization', dims: [2, 8], more: { scale: floats(8), bias: floats(8) }, attrs: { axis: { int: -1 } } },
  { op: 'Softmax', dims: ['n', 8], attrs: { axis: { int: -1 } } },
  { op: 'LSTM', dims: [3, 1, 4], more: { w: floats(1, 8, 4), r: floats(1, 8, 2) }, attrs: { hidden_size: { int: 2 } } },
  { op: 'GRU', dims: [3, 1, 4], more: { w: floats(1, 6, 4), r: floats(1, 6, 2) }, attrs: { hidden_size: { int: 2 } } },
  { op: 'Unsqueeze', dims: [2, 3], more: { axes: ints(0, 3) } },
  { op: 'DepthToSpace', dims: [1, 8, 2, 2], attrs: { blocksize: { int: 2 } } },
  {
    op: 'ScatterND',
    dims: [4, 3],
    more: { indices: { dtype: 'int64', dims: [2, 1], data: BigInt64Array.of(0n, 3n) }, updates: floats(2, 3) },
  },
  { op: 'CumSum', dims: [4, 3], more: { axis: one(0) } },
  {
    op: 'QuantizeLinear',
    dims: [4],
    more: { scale: { dtype: 'float32', dims: [], data: Float32Array.of(0.1) }, zero: { dtype: 'int8', dims: [], data: Int8Array.of(3) } },
  },
];

/** Values that are folded from constants alone: what the file says is computed while it is opened. */
function folding(): Uint8Array[] {
  const chain: NodeSpec[] = [
    { op: 'Shape', inputs: ['x'], outputs: ['s'] },
    { op: 'Gather', inputs: ['s', 'zero'], outputs: ['d'] },
    { op: 'Mul', inputs: ['d', 'two'], outputs: ['m'] },
    { op: 'Unsqueeze', inputs: ['m', 'zeros'], outputs: ['u'] },
    { op: 'ConstantOfShape', inputs: ['u'], outputs: ['c'] },
    { op: 'Range', inputs: ['zero', 'many', 'two'], outputs: ['r'] },
    { op: 'Cast', inputs: ['r'], outputs: ['f'], attrs: { to: { int: 1 } } },
    { op: 'Expand', inputs: ['f', 'shape'], outputs: ['e'] },
    { op: 'Tile', inputs: ['e', 'twice'], outputs: ['t'] },
    { op: 'ReduceSum', inputs: ['t'], outputs: ['a'], attrs: { keepdims: { int: 0 } } },
    { op: 'Add', inputs: ['x', 'a'], outputs: ['y'] },
  ];
  const initializers = { zero: one(0), two: one(2), many: one(12), zeros: ints(0), shape: ints(4, 6), twice: ints(2, 1) };
  return [
    encodeModel({
      opset: 17,
      nodes: chain,
      initializers,
      inputs: [{ name: 'x', dtype: 'float32', dims: [3, 4] }],
      outputs: [{ name: 'y', dtype: 'float32', dims: [3, 4] }],
    }),
    encodeModel({
      opset: 17,
      inputs: [{ name: 'x', dtype: 'float32', dims: [2, 4] }],
      outputs: [{ name: 'y' }],
      initializers: { go: { dtype: 'bool', dims: [], data: Uint8Array.of(1) }, trips: one(4), a: floats(2, 4) },
      nodes: [
        {
          op: 'Loop',
          inputs: ['trips', 'go', 'x'],
          outputs: ['l'],
          attrs: {
            body: {
              graph: {
                inputs: [
                  { name: 'i', dtype: 'int64', dims: [] },
                  { name: 'c', dtype: 'bool', dims: [] },
                  { name: 'v', dtype: 'float32', dims: [2, 4] },
                ],
                outputs: [
                  { name: 'c2', dtype: 'bool', dims: [] },
                  { name: 'v2', dtype: 'float32', dims: [2, 4] },
                ],
                nodes: [
                  { op: 'Identity', inputs: ['c'], outputs: ['c2'] },
                  { op: 'Add', inputs: ['v', 'a'], outputs: ['v2'] },
                ],
              },
            },
          },
        },
        {
          op: 'If',
          inputs: ['go'],
          outputs: ['y'],
          attrs: {
            then_branch: { graph: { nodes: [{ op: 'Relu', inputs: ['l'], outputs: ['p'] }], outputs: [{ name: 'p' }] } },
            else_branch: { graph: { nodes: [{ op: 'Neg', inputs: ['l'], outputs: ['q'] }], outputs: [{ name: 'q' }] } },
          },
        },
      ],
    }),
  ];
}

/** ONNX files of one operator each, and some whose constants are folded. */
export function smallModels(): Uint8Array[] {
  return [
    ...SMALL.map(({ op, dims, more = {}, attrs }) =>
      encodeModel({
        opset: 17,
        inputs: [{ name: 'x', dtype: op === 'OneHot' ? 'int64' : 'float32', dims }],
        initializers: more,
        nodes: [{ op, name: `${op}_0`, inputs: ['x', ...Object.keys(more)], outputs: ['y'], attrs }],
        outputs: [{ name: 'y' }],
      }),
    ),
    ...folding(),
  ];
}
