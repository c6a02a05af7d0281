import { expect, test } from 'vitest';
import { recognise } from '../graph/recognise.ts';
import { evaluate, readView } from '../testing/evaluate.ts';
import { randomEncoder } from '../testing/random-model.ts';
import { splitWideProducts } from './split.ts';

test('a fused projection that is too wide becomes three products with the same results', () => {
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
  const whole = recognise(randomEncoder(shape));
  // The projection takes 7 · 36 · 2 = 504 bytes; everything else fits in 300.
  const split = splitWideProducts(whole, 300);
  expect(split.ops.length).toBe(whole.ops.length + 2);
  const tokens = new Map([['tokens', [1, 2, 3, 4, 5, 6, 7]]]);
  const [a, b] = [whole, split].map((graph) => [...readView(graph.outputs[0].view, evaluate(graph, tokens))]);
  expect(b).toEqual(a);
  expect(splitWideProducts(whole, 32768)).toBe(whole);
});
