import { expect, test } from 'vitest';
import type { Model } from '../../onnx/model.ts';
import { SELECTION } from '../families/select.ts';
import { fold } from '../fold/fold.ts';
import type { HGraph } from '../graph/hops.ts';
import { recognise } from '../graph/recognise.ts';
import { product } from '../graph/view.ts';
import { evaluate, readView } from '../testing/evaluate.ts';
import { ModelBuilder } from '../testing/model-builder.ts';
import { type EncoderShape, randomEncoder } from '../testing/random-model.ts';
import { splitWideValues } from './split.ts';

const TOKENS = new Map([['tokens', [1, 2, 3, 4, 5, 6, 7]]]);
const outputOf = (graph: HGraph): number[] => [...readView(graph.outputs[0]!.view, evaluate(graph, TOKENS))];
const bytes = (graph: HGraph): number[] => graph.ops.map((op) => 2 * product(op.out.dims));

const shape = {
  sequence: 7,
  width: 12,
  heads: 3,
  hidden: 8,
  classes: 3,
  vocabulary: 9,
  activation: 'Gelu',
  mask: 'causal',
  pool: 'mean',
  fused: true,
  seed: 3,
} as const;

test('a fused projection that is too wide becomes three products with the same results', () => {
  const whole = recognise(randomEncoder(shape), SELECTION);
  // The projection takes 7 · 36 · 2 = 504 bytes; everything else fits in 300.
  const split = splitWideValues(whole, 300);
  expect(split.ops.length).toBe(whole.ops.length + 2);
  expect(outputOf(split)).toEqual(outputOf(whole));
  expect(splitWideValues(whole, 32768)).toBe(whole);
});

test.each(['none', 'causal'] satisfies EncoderShape['mask'][])('tables and attention are made of the parts (mask: %s)', (mask) => {
  const whole = recognise(randomEncoder({ ...shape, mask }), SELECTION);
  const folded = fold(splitWideValues(whole, 300));
  expect(Math.max(...bytes(folded))).toBeLessThanOrEqual(300);
  // A table for the sum with positions and one for each part, and attention as one kernel where nothing is masked.
  expect(folded.ops.filter((op) => op.kind === 'own')).toHaveLength(mask === 'none' ? 5 : 4);
  const want = outputOf(whole);
  outputOf(folded).forEach((x, i) => {
    expect(x).toBeCloseTo(want[i]!, 6);
  });
});

/** Width 12 in 3 heads; `wide` makes the projection [1, 7, 36] of an embedding. */
function threeParts(interleaved: boolean, wide: (m: ModelBuilder, x: string) => string): Model {
  const m = new ModelBuilder(11);
  m.values.set('tokens', { name: 'tokens', dtype: 'int64', dims: [1, 7] });
  const x = m.node('Gather', [m.weight([9, 12], 1), 'tokens'], [1, 7, 12], { axis: 0 });
  m.initializers.set('shape', { dtype: 'int64', dims: [0], data: new BigInt64Array(0) });
  const dims = interleaved ? [1, 7, 3, 12] : [1, 7, 36];
  const qkv = m.node('Reshape', [wide(m, x), 'shape'], dims);
  const width = interleaved ? 4 : 12;
  const axis = m.integer(dims.length - 1, [1]);
  const [q, k, v] = [0, 1, 2].map((i) =>
    m.node('Slice', [qkv, m.integer(i * width, [1]), m.integer((i + 1) * width, [1]), axis], [...dims.slice(0, -1), width]),
  );
  const of = [...dims.slice(0, -1), width];
  const y = m.node('Add', [m.node('Mul', [q!, k!], of), v!], of);
  return m.model([m.values.get('tokens')!], y);
}

test('columns of a part need not lie side by side: heads that hold query, key and value each', () => {
  const whole = recognise(
    threeParts(true, (m, x) => m.node('Add', [m.node('MatMul', [x, m.weight([12, 36], 1)], [1, 7, 36]), m.weight([36], 1)], [1, 7, 36])),
    SELECTION,
  );
  const split = splitWideValues(whole, 300);
  expect(Math.max(...bytes(whole))).toBe(504);
  expect(Math.max(...bytes(split))).toBeLessThanOrEqual(300);
  expect(outputOf(split)).toEqual(outputOf(whole));
});

test('a sum of products (an adapter beside a projection) is split with what it adds', () => {
  const whole = recognise(
    threeParts(false, (m, x) => {
      const inner = m.node('MatMul', [x, m.weight([12, 4], 1)], [1, 7, 4]);
      const adapter = m.node('MatMul', [inner, m.weight([4, 36], 1)], [1, 7, 36]);
      return m.node('Add', [m.node('MatMul', [x, m.weight([12, 36], 1)], [1, 7, 36]), adapter], [1, 7, 36]);
    }),
    SELECTION,
  );
  const split = splitWideValues(whole, 300);
  expect(whole.ops.filter((op) => op.kind === 'add' && op.out.dims.at(-1) === 36)).toHaveLength(1);
  expect(Math.max(...bytes(split))).toBeLessThanOrEqual(300);
  expect(outputOf(split)).toEqual(outputOf(whole));
});

test('a value that a reader needs as a whole stays whole', () => {
  const graph = recognise(
    threeParts(false, (m, x) => m.node('Softmax', [m.node('MatMul', [x, m.weight([12, 36], 1)], [1, 7, 36])], [1, 7, 36], { axis: -1 })),
    SELECTION,
  );
  expect(splitWideValues(graph, 300)).toBe(graph);
});
