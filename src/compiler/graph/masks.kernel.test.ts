import { afterAll, expect, test } from 'vitest';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import type { Tensor } from '../../onnx/model.ts';
import type { ModelSpec, NodeSpec } from '../../onnx/testing/encode-model.ts';
import { judge } from '../testing/judge.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const SMALLEST = -3.4028234663852886e38;
const scalar = (x: number): Tensor => ({ dtype: 'float32', dims: [], data: Float32Array.of(x) });
const node = (op: string, inputs: string, output: string): NodeSpec => ({
  op,
  inputs: inputs.split(' '),
  outputs: [output],
  attrs: op === 'Transpose' ? { perm: { ints: [0, 2, 1] } } : op === 'Softmax' ? { axis: { int: -1 } } : {},
});

/** Attention of `x` to itself under a mask that is an input of floats, added as it is or computed from ones and zeros. */
function attention(computed: number | null): ModelSpec {
  const mask = computed === null ? [] : [node('Sub', 'one mask', 'missing'), node('Mul', 'missing low', 'added')];
  return {
    opset: 13,
    inputs: [
      { name: 'x', dtype: 'float32', dims: [1, 8, 6] },
      { name: 'mask', dtype: 'float32', dims: [1, 1, 8] },
    ],
    outputs: [{ name: 'y', dtype: 'float32', dims: [1, 8, 6] }],
    initializers: { one: scalar(1), low: scalar(computed ?? 0) },
    nodes: [
      ...mask,
      node('Transpose', 'x', 'xt'),
      node('MatMul', 'x xt', 's'),
      node('Add', `s ${computed === null ? 'mask' : 'added'}`, 'masked'),
      node('Softmax', 'masked', 'p'),
      node('MatMul', 'p x', 'y'),
    ],
  };
}

test('masks of flags that are subtracted, under a lower bound for sums of masks, cost no accuracy', async () => {
  const spec = attention(1e12);
  const nodes = spec.nodes.flatMap((each) =>
    each.outputs[0] === 'masked'
      ? [node('Sub', 's added', 'kept'), node('Add', 'kept causal', 'sum'), node('Max', 'sum least', 'masked')]
      : [each],
  );
  const causal = Float32Array.from({ length: 64 }, (_, i) => (i % 8 > Math.floor(i / 8) ? SMALLEST : 0));
  const initializers = {
    ...spec.initializers,
    least: scalar(SMALLEST),
    causal: { dtype: 'float32', dims: [8, 8], data: causal } as Tensor,
  };
  const own = (random: () => number, name: string): number => (name === 'x' ? random() * 4 - 2 : random() < 0.75 ? 1 : 0);
  const { exactError, differing, refused } = await judge({ ...spec, nodes, initializers }, { kernel, samples: 1, input: own });
  expect({ differing, refused }).toEqual({ differing: 0, refused: null });
  expect(exactError).toBeLessThan(1e-5);
});

/** One key in four is masked. */
const input =
  (kept: number, masked: number) =>
  (random: () => number, name: string): number =>
    name === 'x' ? random() * 4 - 2 : random() < 0.25 ? masked : kept;

test.each([-100, -10_000, -1e9, SMALLEST, Number.NEGATIVE_INFINITY])('a mask of %d that is an input costs no accuracy', async (low) => {
  const { error, differing, refused } = await judge(attention(null), { kernel, samples: 16, input: input(0, low) });
  expect({ differing, refused }).toEqual({ differing: 0, refused: null });
  expect(error).toBeLessThan(1e-3);
});

test.each([-10_000, SMALLEST])('a mask of %d times what is no one among floats costs no accuracy', async (low) => {
  const { error, differing, refused } = await judge(attention(low), { kernel, samples: 16, input: input(1, 0) });
  expect({ differing, refused }).toEqual({ differing: 0, refused: null });
  expect(error).toBeLessThan(1e-3);
});
