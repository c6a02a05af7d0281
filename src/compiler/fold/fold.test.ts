import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SELECTION } from '../families/select.ts';
import type { HGraph } from '../graph/hops.ts';
import { recognise } from '../graph/recognise.ts';
import { evaluate, readView } from '../testing/evaluate.ts';
import { type EncoderShape, randomEncoder } from '../testing/random-model.ts';
import { fold } from './fold.ts';

const shapes: fc.Arbitrary<EncoderShape> = fc
  .record({
    sequence: fc.integer({ min: 2, max: 12 }),
    heads: fc.integer({ min: 1, max: 3 }),
    perHead: fc.integer({ min: 1, max: 8 }),
    hidden: fc.integer({ min: 1, max: 20 }),
    classes: fc.integer({ min: 2, max: 4 }),
    vocabulary: fc.integer({ min: 2, max: 30 }),
    activation: fc.constantFrom('Relu' as const, 'Gelu' as const),
    mask: fc.constantFrom('none' as const, 'causal' as const, 'tokens' as const),
    pool: fc.constantFrom('mean' as const, 'max' as const, 'first' as const),
    fused: fc.boolean(),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map((s) => ({ ...s, width: Math.max(2, s.heads * s.perHead), heads: s.heads * s.perHead < 2 ? 1 : s.heads }));

const outputOf = (graph: HGraph, tokens: number[]): Float64Array =>
  readView(graph.outputs[0]!.view, evaluate(graph, new Map([['tokens', tokens]])));

describe('fold', () => {
  test('leaves the function of the inputs as it is', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const graph = recognise(randomEncoder(shape), SELECTION);
        const folded = fold(graph);
        // The first layer always follows an embedding and a normalisation here.
        expect(folded.ops.filter((op) => op.kind === 'own').length).toBeGreaterThan(0);
        expect(folded.ops.length).toBeLessThanOrEqual(graph.ops.length);
        const tokens = Array.from({ length: shape.sequence }, (_, i) => (i === 0 ? 1 : (i * 7 + shape.seed) % shape.vocabulary));
        const want = outputOf(graph, tokens);
        outputOf(folded, tokens).forEach((x, i) => {
          expect(x).toBeCloseTo(want[i]!, 6);
        });
      }),
      { seed: 1, numRuns: 60 },
    );
  });
  test('fuses attention without a mask, and keeps its three steps with one', () => {
    const base = {
      sequence: 8,
      width: 8,
      heads: 2,
      hidden: 8,
      classes: 2,
      vocabulary: 9,
      activation: 'Relu',
      pool: 'mean',
      fused: true,
      seed: 5,
    } as const;
    const kinds = (mask: EncoderShape['mask']): string[] =>
      fold(recognise(randomEncoder({ ...base, mask }), SELECTION)).ops.map((op) => op.kind);
    expect(kinds('none')).not.toContain('softmax');
    expect(kinds('causal')).toContain('softmax');
  });
});
