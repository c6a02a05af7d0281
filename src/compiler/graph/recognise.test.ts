import { describe, expect, test } from 'vitest';
import { InputError } from '../../base/errors.ts';
import type { Model, ValueInfo } from '../../onnx/model.ts';
import { SELECTION } from '../families/select.ts';
import { evaluate, readView } from '../testing/evaluate.ts';
import { ModelBuilder } from '../testing/model-builder.ts';
import { erf } from './functions.ts';
import { recognise } from './recognise.ts';

const S = 3;
const D = 4;
const DIMS = [1, S, D];
const x: ValueInfo = { name: 'x', dtype: 'float32', dims: DIMS };
const DATA = Array.from({ length: S * D }, (_, i) => Math.sin(i * 1.7) * 2);

function modelOf(build: (m: ModelBuilder) => string, inputs: readonly ValueInfo[] = [x]): Model {
  const m = new ModelBuilder(1);
  for (const input of inputs) m.values.set(input.name, input);
  return m.model(inputs, build(m));
}
function run(model: Model, inputs: Readonly<Record<string, readonly number[]>> = { x: DATA }): { kinds: string[]; out: number[] } {
  const graph = recognise(model, SELECTION);
  const memory = evaluate(graph, new Map(Object.entries(inputs)));
  return { kinds: graph.ops.map((op) => op.kind), out: [...readView(graph.outputs[0].view, memory)] };
}
const close = (got: readonly number[], want: readonly number[]): void => {
  expect(got).toHaveLength(want.length);
  for (const [i, v] of want.entries()) expect(got[i]).toBeCloseTo(v, 5);
};
const rowsOf = (f: (row: readonly number[]) => number[]): number[] =>
  Array.from({ length: S }, (_, r) => f(DATA.slice(r * D, (r + 1) * D))).flat();
const GAMMA = [1, 2, 0.5, -1];
const BETA = [0.1, 0, -0.3, 2];
const layerNorm = (eps: number, unbiased = false): number[] =>
  rowsOf((row) => {
    const mean = row.reduce((a, b) => a + b) / D;
    const v = row.reduce((a, b) => a + (b - mean) ** 2, 0) / (unbiased ? D - 1 : D);
    return row.map((e, i) => ((e - mean) / (unbiased ? Math.sqrt(v) + eps : Math.sqrt(v + eps))) * GAMMA[i] + BETA[i]);
  });

describe('normalisations are recognised by what they compute', () => {
  const stats = (m: ModelBuilder): { centered: string; variance: string } => {
    const mean = m.node('ReduceMean', ['x'], [1, S, 1], { axes: [-1] });
    const centered = m.node('Sub', ['x', mean], DIMS);
    const square = m.node('Pow', [centered, m.constant([], [2])], DIMS);
    return { centered, variance: m.node('ReduceMean', [square], [1, S, 1], { axes: [-1] }) };
  };
  test('decomposed LayerNormalization, divided', () => {
    const model = modelOf((m) => {
      const { centered, variance } = stats(m);
      const root = m.node('Sqrt', [m.node('Add', [variance, m.constant([], [1e-5])], [1, S, 1])], [1, S, 1]);
      const unit = m.node('Div', [centered, root], DIMS);
      return m.node('Add', [m.node('Mul', [unit, m.constant([D], GAMMA)], DIMS), m.constant([D], BETA)], DIMS);
    });
    const { kinds, out } = run(model);
    expect(kinds).toEqual(['norm']);
    close(out, layerNorm(1e-5));
  });
  test('multiplied by a reciprocal root, squares as a product, factor first', () => {
    const model = modelOf((m) => {
      const mean = m.node('ReduceMean', ['x'], [1, S, 1], { axes: [2] });
      const centered = m.node('Sub', ['x', mean], DIMS);
      const variance = m.node('ReduceMean', [m.node('Mul', [centered, centered], DIMS)], [1, S, 1], { axes: [2] });
      const root = m.node(
        'Reciprocal',
        [m.node('Sqrt', [m.node('Add', [m.constant([], [1e-3]), variance], [1, S, 1])], [1, S, 1])],
        [1, S, 1],
      );
      const scaled = m.node('Mul', [m.constant([D], GAMMA), centered], DIMS);
      return m.node('Add', [m.constant([D], BETA), m.node('Mul', [scaled, root], DIMS)], DIMS);
    });
    const { kinds, out } = run(model);
    expect(kinds).toEqual(['norm']);
    close(out, layerNorm(1e-3));
  });
  test('by the unbiased standard deviation', () => {
    const model = modelOf((m) => {
      const { centered, variance } = stats(m);
      const unbiased = m.node('Div', [m.node('Mul', [variance, m.constant([], [D])], [1, S, 1]), m.constant([], [D - 1])], [1, S, 1]);
      const divisor = m.node('Add', [m.node('Sqrt', [unbiased], [1, S, 1]), m.constant([], [1e-6])], [1, S, 1]);
      const unit = m.node('Div', [m.node('Mul', [m.constant([D], GAMMA), centered], DIMS), divisor], DIMS);
      return m.node('Add', [unit, m.constant([D], BETA)], DIMS);
    });
    const { kinds, out } = run(model);
    expect(kinds).toEqual(['norm']);
    close(out, layerNorm(1e-6, true));
  });
  test('by the root mean square', () => {
    const model = modelOf((m) => {
      const mean = m.node('ReduceMean', [m.node('Pow', ['x', m.constant([], [2])], DIMS)], [1, S, 1], { axes: [-1] });
      const root = m.node('Sqrt', [m.node('Add', [mean, m.constant([], [1e-6])], [1, S, 1])], [1, S, 1]);
      return m.node('Mul', [m.node('Div', ['x', root], DIMS), m.constant([D], GAMMA)], DIMS);
    });
    const { kinds, out } = run(model);
    expect(kinds).toEqual(['norm']);
    close(
      out,
      rowsOf((row) => row.map((e, i) => (e / Math.sqrt(row.reduce((a, b) => a + b * b, 0) / D + 1e-6)) * GAMMA[i])),
    );
  });
  test('another divisor is no normalisation: it is computed step by step', () => {
    const model = modelOf((m) => {
      const { centered, variance } = stats(m);
      return m.node('Div', [centered, m.node('Exp', [variance], [1, S, 1])], DIMS);
    });
    const { kinds, out } = run(model);
    expect(kinds).not.toContain('norm');
    close(
      out,
      rowsOf((row) => {
        const mean = row.reduce((p, q) => p + q) / D;
        const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / D;
        return row.map((v) => (v - mean) / Math.exp(variance));
      }),
    );
  });
});

describe('elementwise graphs become one op', () => {
  test('GELU by erf', () => {
    const model = modelOf((m) => {
      const e = m.node('Erf', [m.node('Div', ['x', m.constant([], [Math.SQRT2])], DIMS)], DIMS);
      return m.node('Mul', [m.node('Mul', ['x', m.node('Add', [e, m.constant([], [1])], DIMS)], DIMS), m.constant([], [0.5])], DIMS);
    });
    const { kinds, out } = run(model);
    expect(kinds).toEqual(['unary']);
    close(
      out,
      DATA.map((v) => 0.5 * v * (1 + erf(v / Math.SQRT2))),
    );
  });
  test('a scalar factor costs nothing, a bias and a ReLU belong to the product before them', () => {
    const model = modelOf((m) => {
      const scaled = m.node('Mul', ['x', m.constant([], [0.5])], DIMS);
      const product = m.node('MatMul', [scaled, m.constant([D, 2], [1, 0, 0, 1, 1, 1, -1, 2])], [1, S, 2]);
      return m.node('Relu', [m.node('Add', [m.constant([2], [0.5, -0.25]), product], [1, S, 2])], [1, S, 2]);
    });
    const { kinds, out } = run(model);
    expect(kinds).toEqual(['linear']);
    close(
      out,
      rowsOf(([a, b, c, d]) => [Math.max(0, 0.5 * (a + c - d) + 0.5), Math.max(0, 0.5 * (b + c + 2 * d) - 0.25)]),
    );
  });
});

describe('functions of tokens', () => {
  const tokens: ValueInfo = { name: 'tokens', dtype: 'int64', dims: [1, S] };
  test('a padding mask is one table over the vocabulary', () => {
    const model = modelOf(
      (m) => {
        const keep = m.node(
          'Cast',
          [m.node('Not', [m.node('Equal', ['tokens', m.integer(0)], [1, S], {}, 'bool')], [1, S], {}, 'bool')],
          [1, S],
          { to: 1 },
        );
        return m.node('Mul', [m.node('Sub', [m.constant([], [1]), keep], [1, S]), m.constant([], [-10000])], [1, S]);
      },
      [tokens],
    );
    const { kinds, out } = run(model, { tokens: [0, 7, 0] });
    expect(kinds).toEqual(['embed']);
    close(out, [-10000, 0, -10000]);
  });
  test('choosing rows of a computed tensor by tokens is refused', () => {
    const model = modelOf((m) => m.node('Gather', [m.node('Tanh', ['x'], DIMS), 'tokens'], [1, 1, S, D], { axis: 1 }), [x, tokens]);
    expect(() => recognise(model, SELECTION)).toThrow(InputError);
    expect(() => recognise(model, SELECTION)).toThrow(/node Gather_1 .*places in a computed value depend on the data/);
  });
});

test('LogSoftmax is exact, built from kernels that exist', () => {
  const model = modelOf((m) => m.node('LogSoftmax', ['x'], DIMS, { axis: -1 }));
  const { kinds, out } = run(model);
  expect(kinds).toEqual(['softmax', 'reduce', 'reduce', 'unary', 'add', 'add']);
  close(
    out,
    rowsOf((row) => row.map((v) => v - Math.log(row.reduce((s, e) => s + Math.exp(e), 0)))),
  );
});

test('nodes that no output needs are left out, whatever they are', () => {
  const model = modelOf((m) => {
    m.node('NonZero', ['x'], [3, 4]);
    return m.node('Tanh', ['x'], DIMS);
  });
  expect(run(model).kinds).toEqual(['unary']);
});
