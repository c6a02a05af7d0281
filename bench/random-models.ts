/**
 * Random small models: none may be rejected by the verifier, none may leave other integers in the kernel than in the engines.
 * `npm run long random-models -- [N] [SEED]`: N models (default 2,000), a quarter each encoders, decoders, convolutional networks and
 * operators in any order; the first two for kernels, strategies and precisions at random, the others in w8a16 beside ONNX Runtime.
 */
import fc from 'fast-check';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { judge } from '../src/compiler/testing/judge.ts';
import { checkRandom, type RandomResult } from '../src/compiler/testing/random-check.ts';
import { randomCnn } from '../src/compiler/testing/random-cnn.ts';
import { randomDecoder } from '../src/compiler/testing/random-decoder.ts';
import { GRAPH_STEPS, randomGraph } from '../src/compiler/testing/random-graph.ts';
import { randomEncoder } from '../src/compiler/testing/random-model.ts';
import { cnns, decoders, encoders, graphs, type RandomTarget, targets } from '../src/compiler/testing/random-shapes.ts';

const DEFAULT_MODELS = 2000;

interface Tally {
  models: number;
  accepted: number;
  rejected: number;
  /** Accepted programs that left other integers than our engines. */
  differing: number;
  /** Models that the compiler does not take, by what it says. */
  notCompiled: Record<string, number>;
  /** Errors relative to the range of the output: of w8a16 and w16a16. */
  medianError: number;
  largestError: number;
}

/** What one model and its checks are called when they fail. */
type Case = { readonly about: unknown; readonly run: () => Promise<RandomResult>; readonly judged: boolean };

export default async function measure(args: string[]): Promise<unknown> {
  const count = Number(args[0] ?? DEFAULT_MODELS);
  const seed = Number(args[1] ?? 1);
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel: ${whyNoKernel()}`);
  const each = Math.ceil(count / 4);
  const sampled = <T>(arbitrary: fc.Arbitrary<T>): T[] => fc.sample(arbitrary, { seed, numRuns: each });
  const fine = ({ quant, zeros }: RandomTarget): boolean => !zeros && (quant === 'w8a16' || quant === 'w16a16');
  const kinds: Record<string, Case[]> = {
    encoders: sampled(fc.tuple(encoders, targets)).map(([shape, target]) => ({
      about: { shape, target },
      judged: fine(target),
      run: () => checkRandom(kernel, randomEncoder(shape), shape.vocabulary, target),
    })),
    decoders: sampled(fc.tuple(decoders, targets)).map(([shape, target]) => ({
      about: { shape, target },
      judged: fine(target),
      run: () => checkRandom(kernel, randomDecoder(shape), shape.vocabulary, target),
    })),
    convolutions: sampled(cnns).map((shape) => ({
      about: shape,
      judged: true,
      run: () => judge(randomCnn(shape), { kernel, samples: 2, seed: shape.seed }),
    })),
    graphs: sampled(graphs).map((shape) => ({
      about: shape,
      judged: true,
      run: () => judge(randomGraph(shape), { kernel, samples: 2, seed: shape.seed }),
    })),
  };
  const figures: Record<string, Tally> = {};
  for (const [kind, cases] of Object.entries(kinds)) figures[kind] = await tally(kind, cases);
  kernel.close();
  const total = (key: 'models' | 'accepted' | 'rejected' | 'differing'): number =>
    Object.values(figures).reduce((sum, t) => sum + t[key], 0);
  return {
    models: total('models'),
    accepted: total('accepted'),
    rejected: total('rejected'),
    differing: total('differing'),
    seed,
    kinds: figures,
    operators: GRAPH_STEPS,
  };
}

async function tally(kind: string, cases: readonly Case[]): Promise<Tally> {
  const result: Tally = { models: 0, accepted: 0, rejected: 0, differing: 0, notCompiled: {}, medianError: 0, largestError: 0 };
  const errors: number[] = [];
  for (const { about, run, judged } of cases) {
    result.models++;
    try {
      const { refused, differing, error } = await run();
      if (refused !== null) {
        result.rejected++;
        console.log(`${kind}: rejected, ${refused}: ${JSON.stringify(about)}`);
        continue;
      }
      result.accepted++;
      if (differing) {
        result.differing++;
        console.log(`${kind}: other integers: ${JSON.stringify(about)}`);
      }
      if (judged) errors.push(error);
      if (judged && error > 0.1) console.log(`${kind}: error ${error.toFixed(3)}: ${JSON.stringify(about)}`);
    } catch (thrown) {
      const { name, message } = thrown as Error;
      const what = name === 'InputError' ? message.replace(/node [^:]*: /, '').slice(0, 120) : `fault: ${message}`;
      if (!result.notCompiled[what]) console.log(`${kind}: not compiled, ${message}: ${JSON.stringify(about)}`);
      result.notCompiled[what] = (result.notCompiled[what] ?? 0) + 1;
    }
    if (result.models % 100 === 0) console.error(`${kind}: ${result.models} of ${cases.length}, ${result.rejected} rejected`);
  }
  errors.sort((a, b) => a - b);
  return { ...result, medianError: errors[errors.length >> 1] ?? 0, largestError: errors[errors.length - 1] ?? 0 };
}
