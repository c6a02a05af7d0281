import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recognise } from '../graph/recognise.ts';
import { evaluate, readView } from '../testing/evaluate.ts';
import { ModelBuilder } from '../testing/model-builder.ts';
import { mergeLinears } from './linears.ts';

interface Chain {
  readonly rows: number;
  readonly widths: readonly number[];
  readonly bias: boolean;
  readonly seed: number;
}

/** Products one after the other; the middle value of the first two may have another reader. */
function chain({ rows, widths, bias, seed }: Chain, shared = false) {
  const b = new ModelBuilder(seed);
  let x = 'x';
  let first = '';
  for (let i = 1; i < widths.length; i++) {
    const [k, n] = [widths[i - 1]!, widths[i]!];
    x = b.node('MatMul', [x, b.weight([k, n], 1)], [rows, n]);
    if (bias) x = b.node('Add', [x, b.weight([n], 1)], [rows, n]);
    first ||= x;
  }
  if (shared) x = b.node('Concat', [x, first], [rows, widths.at(-1)! + widths[1]!], { axis: 1n });
  return b.model([{ name: 'x', dtype: 'float32', dims: [rows, widths[0]!] }], x);
}

test('products one after the other are one where that multiplies less, and the function stays', () => {
  const shapes = fc.record({
    rows: fc.integer({ min: 1, max: 5 }),
    widths: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 5 }),
    bias: fc.boolean(),
    seed: fc.integer({ min: 1, max: 1e6 }),
  });
  fc.assert(
    fc.property(shapes, (shape) => {
      const graph = recognise(chain(shape));
      const merged = mergeLinears(graph);
      const cost = (g: typeof graph): number =>
        g.ops.reduce((sum, op) => sum + (op.kind === 'linear' ? op.weights.dims[0]! * op.weights.dims[1]! : 0), 0);
      expect(cost(merged)).toBeLessThanOrEqual(cost(graph));
      const [, k, n] = shape.widths as [number, number, number];
      if (n * shape.widths[0]! <= k * (shape.widths[0]! + n)) expect(merged.ops.length).toBeLessThan(graph.ops.length);
      const input = new Map([['x', Array.from({ length: shape.rows * shape.widths[0]! }, (_, i) => Math.sin(i + shape.seed))]]);
      const of = (g: typeof graph): Float64Array => readView(g.outputs[0]!.view, evaluate(g, input));
      const want = of(graph);
      of(merged).forEach((y, i) => {
        expect(y).toBeCloseTo(want[i]!, 8);
      });
    }),
    { seed: 3, numRuns: 100 },
  );
});

test('what somebody else reads, and low ranks, stay', () => {
  const count = (widths: number[], shared: boolean): number =>
    mergeLinears(recognise(chain({ rows: 3, widths, bias: true, seed: 4 }, shared))).ops.filter((op) => op.kind === 'linear').length;
  expect(count([8, 6, 4], false)).toBe(1);
  expect(count([8, 6, 4], true)).toBe(2);
  expect(count([8, 1, 8], false)).toBe(2);
});
