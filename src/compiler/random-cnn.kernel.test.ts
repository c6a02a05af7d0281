import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { judge } from './testing/judge.ts';
import { type CnnShape, type Layer, randomCnn } from './testing/random-cnn.ts';

/** More in a long run: BPFORMER_RANDOM_MODELS=2000. */
const RUNS = Number(process.env.BPFORMER_RANDOM_MODELS ?? 6);

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const layer: fc.Arbitrary<Layer> = fc.record({
  kind: fc.constantFrom('conv' as const, 'depthwise' as const, 'grouped' as const, 'max' as const, 'average' as const, 'residual' as const),
  kernel: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
  stride: fc.integer({ min: 1, max: 2 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  padded: fc.boolean(),
  channels: fc.integer({ min: 1, max: 9 }),
  norm: fc.boolean(),
  after: fc.constantFrom('Relu' as const, 'Clip' as const, 'Tanh' as const, 'none' as const),
});
const shapes: fc.Arbitrary<CnnShape> = fc.record({
  size: fc.tuple(fc.integer({ min: 1, max: 11 }), fc.integer({ min: 2, max: 11 })),
  channels: fc.integer({ min: 1, max: 6 }),
  layers: fc.array(layer, { minLength: 1, maxLength: 5 }),
  head: fc.constantFrom('flatten' as const, 'pool' as const),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

describe.skipIf(!kernel)('random convolutional networks', () => {
  test(
    'are accepted, leave the same integers in both engines and the kernel, and stay close to ONNX Runtime',
    async () => {
      await fc.assert(
        fc.asyncProperty(shapes, async (shape) => {
          const { refused, differing, exactError, error } = await judge(randomCnn(shape), { kernel, samples: 2, seed: shape.seed });
          expect([refused, differing]).toEqual([null, 0]);
          expect(exactError).toBeLessThan(1e-5);
          expect(error).toBeLessThan(0.03);
        }),
        { seed: 1, numRuns: RUNS },
      );
    },
    60_000 + 3_000 * RUNS,
  );
});
