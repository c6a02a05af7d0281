import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { Tensor } from '../../onnx/model.ts';
import type { AttrSpec, ModelSpec, NodeSpec, ValueSpec } from '../../onnx/testing/encode-model.ts';
import { judge } from '../testing/judge.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const wave = (i: number): number => Math.sin(i * 1.7 + 0.3);
const f = (dims: readonly number[], fill: (i: number) => number = wave): Tensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => fill(i)),
});
const whole = (dims: readonly number[], ...data: number[]): Tensor => ({ dtype: 'int64', dims, data: BigInt64Array.from(data, BigInt) });
const node = (op: string, inputs: string, outputs: string, attrs: Readonly<Record<string, AttrSpec>> = {}): NodeSpec => ({
  op,
  inputs: inputs.split(' ').map((name) => (name === '-' ? '' : name)),
  outputs: outputs.split(' '),
  attrs,
});
const x: ValueSpec = { name: 'x', dtype: 'float32', dims: [3, 5, 4] };
const rows: ValueSpec = { name: 'rows', dtype: 'int64', dims: [2] };

interface Case {
  readonly name: string;
  readonly inputs?: readonly ValueSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly initializers?: Readonly<Record<string, Tensor>>;
  readonly opset?: number;
}

const places = whole([3, 5, 2], ...Array.from({ length: 30 }, (_, i) => (i * 7) % 4));
const CASES: readonly Case[] = [
  {
    name: 'GatherElements by constants',
    nodes: [node('GatherElements', 'x i', 'out', { axis: { int: -1 } })],
    initializers: { i: places },
  },
  {
    name: 'GatherElements by places of the largest',
    nodes: [
      node('TopK', 'x k', 'v i'),
      node('Transpose', 'x', 't', { perm: { ints: [0, 2, 1] } }),
      node('Transpose', 't', 'u', { perm: { ints: [0, 2, 1] } }),
      node('GatherElements', 'u i', 'out', { axis: { int: 2 } }),
    ],
    initializers: { k: whole([1], 3) },
  },
  {
    name: 'Gather of computed rows by an input, some from the end',
    inputs: [x, rows],
    nodes: [node('Tanh', 'x', 't'), node('Sub', 'rows two', 'r'), node('Gather', 't r', 'out', { axis: { int: 1 } })],
    initializers: { two: whole([], 2) },
  },
  {
    name: 'Gather of the row that an ArgMax finds',
    nodes: [
      node('ReduceSum', 'x axes', 's', { keepdims: { int: 0 } }),
      node('ArgMax', 's', 'at', { axis: { int: 1 }, keepdims: { int: 0 } }),
      node('Gather', 'x at', 'out', { axis: { int: 1 } }),
    ],
    initializers: { axes: whole([1], 2) },
  },
  { name: 'GatherND by constants', nodes: [node('GatherND', 'x i', 'out')], initializers: { i: whole([4, 2], 0, 1, 2, -1, 1, 3, 0, 0) } },
  {
    name: 'GatherND by constants in batches',
    nodes: [node('GatherND', 'x i', 'out', { batch_dims: { int: 1 } })],
    initializers: { i: whole([3, 1], 4, 0, 2) },
  },
  {
    name: 'GatherND of the last of each row',
    inputs: [
      { name: 'x', dtype: 'float32', dims: [1, 6, 4] },
      { name: 'rows', dtype: 'int64', dims: [1, 1] },
    ],
    nodes: [node('Relu', 'x', 't'), node('Concat', 'zero rows', 'i', { axis: { int: 1 } }), node('GatherND', 't i', 'out')],
    initializers: { zero: whole([1, 1], 0) },
  },
  {
    name: 'ScatterElements by constants',
    nodes: [
      node('Tanh', 'x', 't'),
      node('Slice', 't starts ends axes', 'u'),
      node('ScatterElements', 'x i u', 'out', { axis: { int: 2 } }),
    ],
    initializers: {
      i: whole([3, 5, 2], ...Array.from({ length: 30 }, (_, i) => [3, 1, 0, 2][i % 4] + (i % 2 ? 0 : 0))),
      starts: whole([1], 0),
      ends: whole([1], 2),
      axes: whole([1], 2),
    },
  },
  {
    name: 'the best of a gate among masks',
    inputs: [{ name: 'x', dtype: 'float32', dims: [2, 6] }],
    nodes: [
      node('TopK', 'x k', 'v i'),
      node('ScatterElements', 'low i v', 's', { axis: { int: 1 } }),
      node('Softmax', 's', 'out', { axis: { int: -1 } }),
    ],
    initializers: { k: whole([1], 2), low: f([2, 6], () => Number.NEGATIVE_INFINITY) },
  },
  {
    name: 'ScatterND of rows by constants',
    nodes: [node('Slice', 'x starts ends', 'u'), node('Neg', 'u', 'n'), node('ScatterND', 'x i n', 'out')],
    initializers: { starts: whole([1], 0), ends: whole([1], 2), i: whole([2, 1], 2, 0) },
  },
  {
    name: 'ScatterND into a part (an assignment to a slice)',
    nodes: [node('Tanh', 'x', 't'), node('GatherND', 't i', 'u'), node('ScatterND', 'x i u', 'out')],
    initializers: { i: whole([3, 2, 2], 0, 1, 0, 3, 1, 1, 1, 3, 2, 1, 2, 3) },
  },
  ...['add', 'mul', 'max', 'min'].map(
    (reduction): Case => ({
      name: `ScatterElements, several updates of one element, reduction ${reduction}`,
      nodes: [
        node('Tanh', 'x', 't'),
        node('Slice', 'x starts ends two', 'u'),
        node('ScatterElements', 't i u', 'out', { axis: { int: 1 }, reduction: { string: reduction } }),
      ],
      initializers: {
        starts: whole([1], 0),
        ends: whole([1], 3),
        two: whole([1], 1),
        i: whole([3, 3, 4], ...Array.from({ length: 36 }, (_, i) => (i * 3) % 4)),
      },
      opset: 18,
    }),
  ),
  {
    name: 'ScatterND of rows, two of them into one, reduction add',
    nodes: [node('Tanh', 'x', 't'), node('ScatterND', 't i x', 'out', { reduction: { string: 'add' } })],
    initializers: { i: whole([3, 1], 2, 0, 2) },
  },
  ...['edge', 'reflect'].map(
    (mode): Case => ({
      name: `Pad, mode ${mode}`,
      nodes: [node('Pad', 'x pads', 'out', { mode: { string: mode } })],
      initializers: { pads: whole([6], 1, 2, 3, 0, 2, 1) },
    }),
  ),
  {
    name: 'Pad with another value',
    nodes: [node('Tanh', 'x', 't'), node('Pad', 't pads v', 'out')],
    initializers: { pads: whole([6], 1, 0, 2, 0, 2, 0), v: f([], () => 1.5) },
  },
  { name: 'Pad that cuts and adds', nodes: [node('Pad', 'x pads', 'out')], initializers: { pads: whole([6], 0, 1, 0, 0, -1, 2) } },
];

describe.skipIf(!kernel)('elements in other places, against ONNX Runtime, the kernel and both engines', () => {
  test.each(CASES)('$name', async ({ inputs = [x], nodes, initializers = {}, opset = 16 }) => {
    const spec: ModelSpec = { opset, nodes, inputs, outputs: [{ name: 'out' }], initializers };
    const input = (random: () => number, name: string): number => (name === 'rows' ? Math.floor(random() * 4) : random() * 4 - 2);
    const { refused, differing, exactError, error } = await judge(spec, { kernel, input });
    expect([refused, differing]).toEqual([null, 0]);
    expect(exactError).toBeLessThan(1e-5);
    expect(error).toBeLessThan(5e-3);
  });
});
