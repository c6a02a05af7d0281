import { afterAll, describe, expect, test } from 'vitest';
import { randomOf } from '../../base/random.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { Tensor } from '../../onnx/model.ts';
import type { AttrSpec, ModelSpec, NodeSpec, ValueSpec } from '../../onnx/testing/encode-model.ts';
import { judge } from '../testing/judge.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const random = randomOf(9);
const f = (dims: readonly number[], size = 0.5): Tensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => (random() * 2 - 1) * size),
});
const node = (op: string, inputs: string, outputs: string, attrs: Readonly<Record<string, AttrSpec>> = {}): NodeSpec => ({
  op,
  domain: 'com.microsoft',
  inputs: inputs.split(' ').map((name) => (name === '-' ? '' : name)),
  outputs: outputs.split(' '),
  attrs,
});
const value = (name: string, dtype: 'float32' | 'int32', ...dims: number[]): ValueSpec => ({ name, dtype, dims });
const x = value('x', 'float32', 1, 6, 8);
const heads = { num_heads: { int: 2 } };

interface Case {
  readonly name: string;
  readonly inputs: readonly ValueSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly initializers?: Readonly<Record<string, Tensor>>;
}

const W = { w: f([8, 24]), b: f([24]) };
const CASES: readonly Case[] = [
  { name: 'Attention', inputs: [x], nodes: [node('Attention', 'x w b', 'out', heads)], initializers: W },
  {
    name: 'Attention, causal',
    inputs: [x],
    nodes: [node('Attention', 'x w b', 'out', { ...heads, unidirectional: { int: 1 } })],
    initializers: W,
  },
  {
    name: 'Attention with a mask of ones and zeros',
    inputs: [x, value('mask', 'int32', 1, 6)],
    nodes: [node('Attention', 'x w b mask', 'out', heads)],
    initializers: W,
  },
  {
    name: 'Attention with a length',
    inputs: [x, value('length', 'int32', 1)],
    nodes: [node('Attention', 'x w b length', 'out', heads)],
    initializers: W,
  },
  {
    name: 'Attention with a relative bias and a scale',
    inputs: [x],
    nodes: [node('Attention', 'x w b - - r', 'out', { ...heads, scale: { float: 0.7 } })],
    initializers: { ...W, r: f([1, 2, 6, 6], 2) },
  },
  {
    name: 'MultiHeadAttention of other keys, with a bias and a mask',
    inputs: [x, value('k', 'float32', 1, 5, 8), value('v', 'float32', 1, 5, 12), value('mask', 'int32', 1, 5)],
    nodes: [node('MultiHeadAttention', 'x k v b mask', 'out', heads)],
    initializers: { b: f([28]) },
  },
  {
    name: 'EmbedLayerNormalization with segments and a mask that Attention reads',
    inputs: [value('ids', 'int32', 1, 6), value('kinds', 'int32', 1, 6), value('mask', 'int32', 1, 6)],
    nodes: [
      node('EmbedLayerNormalization', 'ids kinds words places segments g b mask', 'e lengths', { epsilon: { float: 1e-5 } }),
      node('Attention', 'e w c lengths', 'a', heads),
      node('SkipLayerNormalization', 'a e g b', 'out', { epsilon: { float: 1e-5 } }),
    ],
    initializers: { words: f([11, 8], 1), places: f([9, 8], 1), segments: f([2, 8], 1), g: f([8], 1), b: f([8]), w: W.w, c: W.b },
  },
  {
    name: 'EmbedLayerNormalization of tokens alone',
    inputs: [value('ids', 'int32', 1, 6)],
    nodes: [node('EmbedLayerNormalization', 'ids - words places - g b', 'out lengths')],
    initializers: { words: f([11, 8], 1), places: f([9, 8], 1), g: f([8], 1), b: f([8]) },
  },
];

describe.skipIf(!kernel)('operators of ONNX Runtime’s optimiser, against it, the kernel and both engines', () => {
  test.each(CASES)('$name', async ({ inputs, nodes, initializers = {} }) => {
    const spec: ModelSpec = { opset: 17, nodes, inputs, outputs: [{ name: 'out' }], initializers };
    // At least the first token is shown.
    let shown = 0;
    const input = (dice: () => number, name: string): number => {
      if (name === 'length') return 1 + Math.floor(dice() * 6);
      if (name === 'mask') return shown++ % 5 === 0 || dice() < 0.5 ? 1 : 0;
      if (name === 'ids') return Math.floor(dice() * 11);
      return name === 'kinds' ? Math.floor(dice() * 2) : dice() * 4 - 2;
    };
    const { refused, differing, error } = await judge(spec, { kernel, input });
    expect([refused, differing]).toEqual([null, 0]);
    expect(error).toBeLessThan(3e-3);
  });
});
