import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { Tensor } from '../../onnx/model.ts';
import type { AttrSpec, ModelSpec, NodeSpec, ValueSpec } from '../../onnx/testing/encode-model.ts';
import { judge } from '../testing/judge.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const f = (dims: readonly number[], fill: (i: number) => number): Tensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => fill(i)),
});
const ints = (...values: number[]): Tensor => ({ dtype: 'int64', dims: [values.length], data: BigInt64Array.from(values, BigInt) });
const int = (value: number): Tensor => ({ dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(value)) });
const flags = (dims: readonly number[], fill: (i: number) => boolean): Tensor => ({
  dtype: 'bool',
  dims,
  data: Uint8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => (fill(i) ? 1 : 0)),
});
const wave = (i: number): number => Math.sin(i * 1.7 + 0.3);
const node = (op: string, inputs: string, output: string, attrs: Readonly<Record<string, AttrSpec>> = {}, domain = ''): NodeSpec => ({
  op,
  inputs: inputs.split(' ').map((name) => (name === '-' ? '' : name)),
  outputs: [output],
  attrs,
  domain,
});
const x: ValueSpec = { name: 'x', dtype: 'float32', dims: [1, 4, 6] };
const y: ValueSpec = { name: 'y', dtype: 'float32', dims: [1, 4, 6] };
const ids: ValueSpec = { name: 'ids', dtype: 'int64', dims: [1, 4] };
const mask: ValueSpec = { name: 'mask', dtype: 'int64', dims: [1, 4] };
const heads: ValueSpec[] = ['q', 'k', 'v'].map((name) => ({ name, dtype: 'float32', dims: [1, name === 'q' ? 4 : 2, 5, 6] }));

interface Form {
  readonly name: string;
  readonly inputs: readonly ValueSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly initializers?: Readonly<Record<string, Tensor>>;
  readonly opset?: number;
  /** Error over the range of the output that integers may have. */
  readonly within?: number;
}

const table = f([9, 6], wave);
const FLOAT = { to: { int: 1 } };

const FORMS: readonly Form[] = [
  {
    name: 'single rows, each with a matrix of its own',
    inputs: [{ name: 'x', dtype: 'float32', dims: [4, 1, 6] }],
    nodes: [node('Tanh', 'x', 't'), node('MatMul', 't w', 'out')],
    initializers: { w: f([4, 6, 5], wave) },
  },
  {
    name: 'attention of one query in several heads',
    inputs: ['q', 'k', 'v'].map((name) => ({ name, dtype: 'float32', dims: [1, 3, name === 'q' ? 1 : 5, 4] })),
    nodes: [
      node('Transpose', 'k', 'kt', { perm: { ints: [0, 1, 3, 2] } }),
      node('MatMul', 'q kt', 's'),
      node('Softmax', 's', 'p', { axis: { int: -1 } }),
      node('MatMul', 'p v', 'out'),
    ],
  },
  {
    name: 'attention among probabilities, whose integers have all their bits',
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, 4, 6] }],
    nodes: [
      node('Softmax', 'x', 'q', { axis: { int: 2 } }),
      node('Transpose', 'q', 'k', { perm: { ints: [0, 2, 1] } }),
      node('MatMul', 'q k', 's'),
      node('Softmax', 's', 'p', { axis: { int: -1 } }),
      node('MatMul', 'p q', 'out'),
    ],
  },
  {
    name: 'products of elements that were moved',
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, 4, 6] }],
    nodes: [
      node('Pad', 'x pads', 'q', { mode: { string: 'reflect' } }),
      node('Transpose', 'q', 'k', { perm: { ints: [0, 2, 1] } }),
      node('MatMul', 'q k', 'out'),
    ],
    initializers: { pads: ints(0, 1, 0, 0, 2, 3) },
  },
  {
    name: 'values that are larger than an entry of a per-CPU map, in a shared one',
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, 2, 40, 40] }],
    nodes: [
      node('Conv', 'x w', 'c', { pads: { ints: [1, 1, 1, 1] } }),
      node('Tanh', 'c', 't'),
      node('Pad', 't pads', 'p', { mode: { string: 'edge' } }),
      node('ReduceMean', 'p', 'out', { axes: { ints: [1, 2] }, keepdims: { int: 0 } }),
    ],
    initializers: { w: f([12, 2, 3, 3], wave), pads: ints(0, 0, 1, 0, 0, 0, 0, 2) },
  },
  {
    name: 'the same row several times',
    inputs: [{ name: 'x', dtype: 'float32', dims: [1, 9] }],
    nodes: [node('Gather', 'x i', 'g', { axis: { int: 0 } }), node('Tanh', 'g', 'out')],
    initializers: { i: ints(0, 0, 0) },
  },
  {
    name: 'a mask of flags that is padded',
    inputs: [x, mask],
    nodes: [
      node('Cast', 'mask', 'flags', { to: { int: 9 } }),
      node('Cast', 'flags', 'small', { to: { int: 1 } }),
      node('Pad', 'small pads', 'wide'),
      node('Cast', 'wide', 'bits', { to: { int: 9 } }),
      node('Where', 'bits low x', 'scores'),
      node('Softmax', 'scores', 'out', { axis: { int: -1 } }),
    ],
    initializers: { pads: ints(0, 0, 0, 2), low: f([], () => Number.NEGATIVE_INFINITY) },
  },
  {
    name: 'a reshape that cuts across dimensions of a copy (relative shift)',
    inputs: [{ name: 'x', dtype: 'float32', dims: [2, 4, 7] }],
    nodes: [
      node('Pad', 'x pads', 'p'),
      node('Reshape', 'p across', 'r'),
      node('Slice', 'r starts ends axes', 's'),
      node('Reshape', 's back', 'out'),
    ],
    initializers: {
      pads: ints(0, 0, 1, 0, 0, 0),
      across: ints(2, 8, 4),
      starts: ints(1),
      ends: ints(8),
      axes: ints(1),
      back: ints(2, 4, 7),
    },
  },
  { name: 'einsum of one operand', inputs: [x], nodes: [node('Einsum', 'x', 'out', { equation: { string: 'bij->bji' } })] },
  { name: 'einsum that sums', inputs: [x], nodes: [node('Einsum', 'x', 'out', { equation: { string: 'bij->bj' } })] },
  {
    name: 'einsum with ellipses and an implied output',
    inputs: [x],
    nodes: [node('Einsum', 'x w', 'out', { equation: { string: '...i,ij' } })],
    initializers: { w: f([6, 3], wave) },
  },
  {
    name: 'einsum of a sum, a diagonal and a product',
    inputs: [x, y],
    nodes: [node('Einsum', 'x y w', 'out', { equation: { string: 'bsd,btd,tt->bs' } })],
    initializers: { w: f([4, 4], wave) },
  },
  { name: 'the larger of two', inputs: [x, y], nodes: [node('Max', 'x y', 'out')] },
  {
    name: 'the smallest of three, one constant',
    inputs: [x, y],
    nodes: [node('Min', 'x y c', 'out')],
    initializers: { c: f([6], wave) },
  },
  { name: 'a mean of three', inputs: [x, y], nodes: [node('Mean', 'x y x', 'out')] },
  {
    name: 'a condition that compares two computed values',
    inputs: [x, y],
    nodes: [node('Greater', 'x y', 'c'), node('Where', 'c x y', 'out')],
  },
  {
    name: 'two computed branches under a constant condition',
    inputs: [x, y],
    nodes: [node('Where', 'c x y', 'out')],
    initializers: { c: flags([4, 6], (i) => i % 3 === 0) },
  },
  {
    name: 'a fill that differs between elements',
    inputs: [x, ids],
    nodes: [
      node('Equal', 'ids two', 'e'),
      node('Unsqueeze', 'e last', 'c'),
      node('Where', 'c fill x', 'out'),
      node('Gather', 't ids', 'g'),
    ],
    initializers: { two: int(2), last: ints(2), fill: f([6], wave), t: table },
  },
  {
    name: 'positions below a length that is an input',
    inputs: [x, { name: 'length', dtype: 'int64', dims: [1, 1] }],
    nodes: [
      node('Less', 'range length', 'c'),
      node('Unsqueeze', 'c last', 'wide'),
      node('Where', 'wide x lowest', 'kept'),
      node('Softmax', 'kept', 'out', { axis: { int: 1 } }),
    ],
    initializers: { range: ints(0, 1, 2, 3), last: ints(2), lowest: f([], () => -1e9) },
  },
  {
    name: 'a causal mask or padding',
    inputs: [{ name: 'scores', dtype: 'float32', dims: [1, 4, 4] }, mask],
    nodes: [
      node('Cast', 'mask', 'seen', { to: { int: 9 } }),
      node('Not', 'seen', 'hidden'),
      node('Unsqueeze', 'hidden one', 'wide'),
      node('Or', 'later wide', 'blocked'),
      node('Where', 'blocked lowest scores', 'kept'),
      node('Softmax', 'kept', 'out', { axis: { int: -1 } }),
    ],
    initializers: { later: flags([4, 4], (i) => i % 4 > Math.floor(i / 4)), one: ints(1), lowest: f([], () => -3.4028234663852886e38) },
  },
  {
    name: 'a mask that is made of a smallest float, with a bias added to it first',
    inputs: [{ name: 'scores', dtype: 'float32', dims: [1, 4, 4] }, mask],
    nodes: [
      node('Cast', 'mask', 'seen', FLOAT),
      node('Sub', 'one seen', 'hidden'),
      node('Mul', 'hidden lowest', 'low'),
      node('Unsqueeze', 'low axis', 'wide'),
      node('Add', 'bias wide', 'sum'),
      node('Add', 'scores sum', 'all'),
      node('Softmax', 'all', 'out', { axis: { int: -1 } }),
    ],
    initializers: { one: f([], () => 1), lowest: f([], () => -3.4028234663852886e38), axis: ints(1), bias: f([4, 4], wave) },
  },
  {
    name: 'positions counted over a mask',
    inputs: [mask],
    nodes: [node('CumSum', 'mask axis', 'count'), node('Mul', 'count mask', 'places'), node('Gather', 't places', 'out')],
    initializers: { axis: int(1), t: table },
  },
  {
    name: 'a mean over what a mask lets through',
    inputs: [x, mask],
    nodes: [
      node('Cast', 'mask', 'm', FLOAT),
      node('Unsqueeze', 'm last', 'wide'),
      node('Mul', 'x wide', 'kept'),
      node('ReduceSum', 'kept one', 'sum', { keepdims: { int: 0 } }),
      node('ReduceSum', 'wide one', 'n', { keepdims: { int: 0 } }),
      node('Clip', 'n least', 'divisor'),
      node('Div', 'sum divisor', 'out'),
    ],
    initializers: { last: ints(2), one: ints(1), least: f([], () => 1e-9) },
  },
  { name: 'running sums', inputs: [x], nodes: [node('CumSum', 'x axis', 'out', { reverse: { int: 1 } })], initializers: { axis: int(1) } },
  {
    name: 'places without order',
    inputs: [x],
    nodes: [node('Gather', 'x at', 'out', { axis: { int: 2 } })],
    initializers: { at: ints(5, 0, 1, 3) },
  },
  {
    name: 'a grid of places',
    inputs: [x],
    nodes: [node('Gather', 'x at', 'out', { axis: { int: 2 } })],
    initializers: { at: { dtype: 'int64', dims: [2, 2], data: BigInt64Array.of(0n, 1n, 3n, 4n) } },
  },
  {
    name: 'a slice backwards',
    inputs: [x],
    nodes: [node('Slice', 'x start end axis step', 'out')],
    initializers: { start: ints(-1), end: ints(-1_000_000), axis: ints(1), step: ints(-1) },
  },
  { name: 'repeats', inputs: [x], nodes: [node('Tile', 'x n', 'out')], initializers: { n: ints(1, 2, 3) } },
  {
    name: 'a standard deviation as a feature',
    inputs: [x],
    within: 0.02,
    nodes: [
      node('ReduceMean', 'x', 'mean', { axes: { ints: [-1] } }),
      node('Sub', 'x mean', 'c'),
      node('Mul', 'c c', 'sq'),
      node('ReduceMean', 'sq', 'var', { axes: { ints: [-1] } }),
      node('Sqrt', 'var', 'out'),
    ],
  },
  {
    name: 'what is left of a mean',
    inputs: [x],
    nodes: [node('ReduceMean', 'x', 'mean', { axes: { ints: [-1] } }), node('Sub', 'x mean', 'c'), node('Tanh', 'c', 'out')],
  },
  {
    name: 'a softmax of what is stored with the opposite sign',
    inputs: [x],
    nodes: [node('Neg', 'x', 'n'), node('Softmax', 'n', 'out', { axis: { int: 1 } })],
  },
  {
    name: 'one query a head',
    inputs: [
      { name: 'q', dtype: 'float32', dims: [4, 1, 6] },
      { name: 'k', dtype: 'float32', dims: [4, 6, 5] },
    ],
    nodes: [node('MatMul', 'q k', 'out')],
  },
  {
    name: 'attention as one operator, causal, fewer keys than queries',
    opset: 23,
    inputs: heads,
    nodes: [node('Attention', 'q k v', 'out', { is_causal: { int: 1 } })],
  },
  {
    name: 'attention as one operator, three dimensions and a boolean mask',
    opset: 23,
    inputs: [...['q', 'k', 'v'].map((name): ValueSpec => ({ name, dtype: 'float32', dims: [1, 5, 12] }))],
    nodes: [node('Attention', 'q k v m', 'out', { q_num_heads: { int: 3 }, kv_num_heads: { int: 3 } })],
    initializers: { m: flags([5, 5], (i) => (i * 7) % 3 !== 0 || i % 6 === 0) },
  },
  {
    name: 'rotary embedding of halves',
    opset: 23,
    inputs: [heads[0]],
    nodes: [node('RotaryEmbedding', 'q cos sin', 'out')],
    initializers: { cos: f([1, 5, 3], (i) => Math.cos(i)), sin: f([1, 5, 3], (i) => Math.sin(i)) },
  },
  {
    name: 'rotary embedding of pairs, with positions',
    opset: 23,
    inputs: [heads[0]],
    nodes: [node('RotaryEmbedding', 'q cos sin at', 'out', { interleaved: { int: 1 } })],
    initializers: {
      cos: f([8, 3], (i) => Math.cos(i)),
      sin: f([8, 3], (i) => Math.sin(i)),
      at: { dtype: 'int64', dims: [1, 5], data: BigInt64Array.of(1n, 2n, 3n, 5n, 7n) },
    },
  },
  {
    name: 'root mean square normalisation as one operator',
    opset: 23,
    inputs: [x],
    nodes: [node('RMSNormalization', 'x w', 'out')],
    initializers: { w: f([6], (i) => 1 + 0.2 * wave(i)) },
  },
  {
    name: 'fused layers of ONNX Runtime',
    inputs: [x, y],
    nodes: [
      node('SkipLayerNormalization', 'x y w b', 'n', {}, 'com.microsoft'),
      node('FusedMatMul', 'n m', 'p', { transB: { int: 1 }, alpha: { float: 0.5 } }, 'com.microsoft'),
      node('BiasGelu', 'p bias', 'g', {}, 'com.microsoft'),
      node('FastGelu', 'g', 'out', {}, 'com.microsoft'),
    ],
    initializers: { w: f([6], (i) => 1 + 0.2 * wave(i)), b: f([6], wave), m: f([5, 6], wave), bias: f([5], wave) },
  },
];

describe.skipIf(!kernel)('forms in which exports write things', () => {
  test.each(FORMS.map((form) => [form.name, form] as const))('%s', async (_, form) => {
    const spec: ModelSpec = {
      opset: form.opset ?? 17,
      nodes: form.nodes,
      inputs: form.inputs,
      outputs: [{ name: 'out' }],
      initializers: form.initializers ?? {},
      domains: { 'com.microsoft': 1 },
    };
    const sizes: Readonly<Record<string, number>> = { mask: 2, length: 4, ids: 9 };
    let n = 0;
    const judged = await judge(spec, {
      kernel,
      // The first place is never hidden: a row that masks everything has no meaning.
      input: (random, name) => {
        if (name === 'mask') return n++ % 4 === 0 ? 1 : Math.floor(random() * 2);
        if (name === 'length') return 1 + Math.floor(random() * 3);
        return sizes[name] ? Math.floor(random() * sizes[name]) : random() * 4 - 2;
      },
    });
    expect(judged.refused).toBeNull();
    expect(judged.exactError).toBeLessThan(1e-3);
    expect(judged.error).toBeLessThan(form.within ?? 0.005);
    expect(judged.differing).toBe(0);
  });
});
