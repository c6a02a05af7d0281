import { expect, test } from 'vitest';
import { allFamilies, familiesFor, isFamilyOp } from './families.ts';
import { OPS } from './ops.ts';
import { randomEncoder } from './testing/random-model.ts';

test('the families say which operators they have', async () => {
  for (const name of (await allFamilies()).keys()) expect(isFamilyOp(name) || OPS.has(name), name).toBe(true);
});

test('an encoder needs none', async () => {
  const model = randomEncoder({
    sequence: 3,
    width: 4,
    heads: 1,
    hidden: 4,
    classes: 2,
    vocabulary: 5,
    activation: 'Gelu',
    mask: 'causal',
    pool: 'mean',
    fused: false,
    seed: 1,
  });
  expect((await familiesFor(model)).size).toBe(0);
});
