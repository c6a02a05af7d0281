import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SELECTION } from '../families/select.ts';
import type { HGraph } from '../graph/hops.ts';
import { recognise } from '../graph/recognise.ts';
import { leavesUnread } from '../graph/unread.ts';
import { mapDims, product } from '../graph/view.ts';
import { evaluate, readView } from '../testing/evaluate.ts';
import { judge } from '../testing/judge.ts';
import { randomGraph } from '../testing/random-graph.ts';
import { randomEncoder } from '../testing/random-model.ts';
import { dropDead } from './dead.ts';

const shapes = fc.record({
  sequence: fc.integer({ min: 2, max: 12 }),
  heads: fc.integer({ min: 1, max: 3 }),
  perHead: fc.integer({ min: 2, max: 6 }),
  hidden: fc.integer({ min: 1, max: 20 }),
  classes: fc.integer({ min: 2, max: 4 }),
  vocabulary: fc.integer({ min: 2, max: 30 }),
  activation: fc.constantFrom('Relu' as const, 'Gelu' as const),
  mask: fc.constantFrom('none' as const, 'causal' as const, 'tokens' as const),
  pool: fc.constantFrom('mean' as const, 'max' as const, 'first' as const),
  fused: fc.boolean(),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

const products = (graph: HGraph): number =>
  graph.ops.reduce(
    (sum, op) =>
      sum +
      (op.kind === 'linear'
        ? product(op.out.dims) * op.weights.dims[1]!
        : op.kind === 'matmul'
          ? product(op.out.dims) * mapDims(op.a.map).at(-1)!
          : 0),
    0,
  );

test('a classifier of the first row computes no other row after the last attention, whatever the weights are, and the same results', () => {
  fc.assert(
    fc.property(shapes, (s) => {
      const shape = { ...s, width: s.heads * s.perHead };
      const graph = recognise(randomEncoder(shape), SELECTION);
      expect(leavesUnread(graph)).toBe(shape.pool === 'first');
      const dropped = dropDead(graph);
      const { sequence, width, hidden } = shape;
      // Without a row: its mean of values, output projection and both products of the feed-forward part.
      const row = width * sequence + width * width + 2 * width * hidden;
      if (shape.pool === 'first') expect(products(dropped)).toBeLessThanOrEqual(products(graph) - (sequence - 1) * row);
      const tokens = Array.from({ length: sequence }, (_, i) => (i === 0 ? 1 : (i * 7 + shape.seed) % shape.vocabulary));
      const of = (g: HGraph): Float64Array => readView(g.outputs[0]!.view, evaluate(g, new Map([['tokens', tokens]])));
      const want = of(graph);
      of(dropped).forEach((x, i) => {
        expect(x).toBeCloseTo(want[i]!, 8);
      });
    }),
    { seed: 17, numRuns: 30 },
  );
});

test('what is dropped does not depend on the weights', () => {
  const shape = {
    sequence: 6,
    heads: 2,
    width: 8,
    hidden: 8,
    classes: 3,
    vocabulary: 9,
    activation: 'Relu',
    mask: 'none',
    pool: 'first',
    fused: true,
  } as const;
  const dims = (seed: number): unknown => {
    const graph = recognise(randomEncoder({ ...shape, seed }), SELECTION);
    const zeros = {
      ...graph,
      ops: graph.ops.map((op) =>
        op.kind === 'linear' && seed === 2 ? { ...op, weights: { ...op.weights, data: new Float64Array(op.weights.data.length) } } : op,
      ),
    };
    return dropDead(zeros).ops.map((op) => [op.kind, op.out.dims]);
  };
  expect(dims(2)).toEqual(dims(1));
});

test('a product that reads the input in an uneven order stays as it is where its input stays', async () => {
  // Sums along an axis, turned and picked from: a graph that `random-models` found.
  const shape = { dims: [5, 7, 9], length: 6, seed: 378_982_962 };
  const { differing, exactError } = await judge(randomGraph(shape), { samples: 2, seed: shape.seed });
  expect(differing).toBe(0);
  expect(exactError).toBeLessThan(1e-4);
});
