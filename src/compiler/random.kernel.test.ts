import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import type { Model } from '../onnx/model.ts';
import { judge } from './testing/judge.ts';
import { checkRandom } from './testing/random-check.ts';
import { randomCnn } from './testing/random-cnn.ts';
import { randomDecoder } from './testing/random-decoder.ts';
import { randomGraph } from './testing/random-graph.ts';
import { randomEncoder } from './testing/random-model.ts';
import { cnns, decoders, encoders, graphs, type RandomTarget, targets } from './testing/random-shapes.ts';

/** More in a long run: BPFORMER_RANDOM_MODELS=2000; `npm run long random-models` counts what becomes of them. */
const RUNS = Number(process.env.BPFORMER_RANDOM_MODELS ?? 6);

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

/** The kernel accepts the program, both engines leave the same integers, and they are close to exact arithmetic. */
async function check(model: Model, vocabulary: number, target: RandomTarget): Promise<void> {
  const { refused, differing, error } = await checkRandom(kernel!, model, vocabulary, target);
  expect([refused, differing]).toEqual([null, 0]);
  // Fewer bits are held to the interpreter alone: random weights leave little of a result at four.
  // Nor is a range left where blocks of weights are zero.
  if (!target.zeros && (target.quant === 'w8a16' || target.quant === 'w16a16')) expect(error).toBeLessThan(0.07);
}

describe.skipIf(!kernel)(
  'random models of odd shapes are accepted, equal the interpreter bit for bit and stay close to what they should give',
  () => {
    const options = { seed: 1, numRuns: RUNS };
    const time = 60_000 + 3_000 * RUNS;
    test(
      'encoders',
      () =>
        fc.assert(
          fc.asyncProperty(encoders, targets, (s, target) => check(randomEncoder(s), s.vocabulary, target)),
          options,
        ),
      time,
    );
    // Queries, keys and values of one product leave exponentials their bits at all these sizes; the last one asks for entries of more than 32 KiB.
    test.each([
      [128, 32, 2],
      [129, 40, 2],
      [20, 128, 1],
      [160, 104, 2],
    ])('encoders of %i positions and %i columns, whose sums are loops', async (sequence, width, heads) => {
      const vocabulary = 9;
      const shape = { sequence, width, heads, hidden: 6, classes: 3, vocabulary, activation: 'Gelu', mask: 'none', pool: 'mean' } as const;
      const target = { kernel: '6.18', strategy: 'global', quant: 'w8a16', specialise: false, zeros: null } as const;
      const { refused, differing, error } = await checkRandom(
        kernel!,
        randomEncoder({ ...shape, fused: true, seed: 3 }),
        vocabulary,
        target,
      );
      expect([refused, differing]).toEqual([null, 0]);
      expect(error).toBeLessThan(0.005);
    });
    test(
      'decoders: grouped heads, rotary and counted positions, ALiBi, gates, masks, cross-attention',
      () =>
        fc.assert(
          fc.asyncProperty(decoders, targets, (s, target) => check(randomDecoder(s), s.vocabulary, target)),
          options,
        ),
      time,
    );
    test(
      'convolutional networks, beside ONNX Runtime',
      () =>
        fc.assert(
          fc.asyncProperty(cnns, async (shape) => {
            const { refused, differing, exactError, error } = await judge(randomCnn(shape), { kernel, samples: 2, seed: shape.seed });
            expect([refused, differing]).toEqual([null, 0]);
            expect(exactError).toBeLessThan(1e-5);
            expect(error).toBeLessThan(0.03);
          }),
          options,
        ),
      time,
    );
    test(
      'operators in any order, beside ONNX Runtime',
      () =>
        fc.assert(
          fc.asyncProperty(graphs, async (shape) => {
            const { refused, differing, exactError } = await judge(randomGraph(shape), { kernel, samples: 2, seed: shape.seed });
            expect([refused, differing]).toEqual([null, 0]);
            expect(exactError).toBeLessThan(1e-4);
          }),
          options,
        ),
      time,
    );
  },
);
