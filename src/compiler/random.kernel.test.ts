import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { Vm } from '../vm/vm.ts';
import type { FixedStrategy, Precision } from './api.ts';
import { compile } from './compile.ts';
import { recognise } from './graph/recognise.ts';
import { whyNot } from './strategy.ts';
import { evaluate, readView } from './testing/evaluate.ts';
import { loadOutput } from './testing/fixtures.ts';
import { floatCalibration } from './testing/float-calibration.ts';
import { type EncoderShape, randomEncoder } from './testing/random-model.ts';
import { plainHook } from './testing/tensor-hook.ts';

/** More in a long run: BPFORMER_RANDOM_MODELS=2000. */
const RUNS = Number(process.env.BPFORMER_RANDOM_MODELS ?? 8);

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);

interface Chosen {
  readonly kernel: '6.1' | '6.18';
  readonly strategy: FixedStrategy;
  readonly quant: Precision;
}

const shapes: fc.Arbitrary<EncoderShape> = fc
  .record({
    sequence: fc.integer({ min: 2, max: 21 }),
    heads: fc.integer({ min: 1, max: 4 }),
    perHead: fc.integer({ min: 1, max: 9 }),
    hidden: fc.integer({ min: 1, max: 70 }),
    classes: fc.integer({ min: 2, max: 6 }),
    vocabulary: fc.integer({ min: 2, max: 40 }),
    activation: fc.constantFrom('Relu' as const, 'Gelu' as const, 'Tanh' as const),
    mask: fc.constantFrom('none' as const, 'causal' as const, 'tokens' as const),
    pool: fc.constantFrom('mean' as const, 'max' as const, 'first' as const),
    fused: fc.boolean(),
    kernel: fc.constantFrom('6.18' as const, '6.1' as const),
    // Loops that are walked at every call may come to more than a million instructions.
    strategy: fc.constantFrom('global' as const, 'may_goto' as const, 'bpf_loop' as const, 'unrolled' as const),
    quant: fc.constantFrom<Precision>('w8a16', 'w8a16', 'w16a16', 'w8a8', 'w4a16', 'w2a16', 'w1a16'),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map((s) => ({ ...s, width: Math.max(2, s.heads * s.perHead), heads: s.heads * s.perHead < 2 ? 1 : s.heads }));

describe.skipIf(!kernel)('random encoders of odd shapes', () => {
  test(
    'are accepted, equal the interpreter bit for bit and stay close to exact arithmetic',
    async () => {
      await fc.assert(
        fc.asyncProperty(shapes, async (shape) => {
          const model = randomEncoder(shape);
          const graph = recognise(model);
          const samples = Array.from({ length: 6 }, (_, n) => {
            // The first token is never padding: a row that masks everything has no meaning.
            const tokens = Array.from({ length: shape.sequence }, (_unused, i) =>
              i === 0 ? 1 : ((i + 3) * (n + 7) * 31) % shape.vocabulary,
            );
            return new Map([['tokens', tokens]]);
          });
          const calibration = floatCalibration(graph, samples);
          const { kernel: target, strategy, quant } = shape as EncoderShape & Chosen;
          const compiled = compile({
            model,
            modelFile: 'random.onnx',
            calibration,
            hook: plainHook,
            kernel: target,
            strategy: whyNot(strategy, target) ? 'global' : strategy,
            quant,
          });
          const loaded = await kernel!.load(compiled.program, { btf: programBtf(compiled.program) });
          expect(loaded.message, loaded.log.slice(-1500)).toBeNull();
          const vm = new Vm(compiled.program);
          for (const sample of samples.slice(0, 2)) {
            const input = new Uint8Array(compiled.program.maps.find((m) => m.name === 'input')!.valueSize);
            new Uint16Array(input.buffer).set(sample.get('tokens')!);
            vm.maps.get('input').update(KEY, input);
            vm.runXdp(PACKET);
            await loaded.program!.map('input').update(KEY, input);
            await loaded.program!.testRun(PACKET);
            const theirs = await loaded.program!.map('output').lookupIndex(0);
            expect(theirs).toEqual(vm.maps.get('output').lookup(KEY));
            const got = loadOutput(compiled, theirs);
            const want = readView(graph.outputs[0].view, evaluate(graph, sample));
            const { max, min } = calibration.ranges[graph.outputs[0].view.buf.name];
            // Fewer bits are held to the interpreter alone: random weights leave little of a result at four.
            if (quant !== 'w8a16' && quant !== 'w16a16') continue;
            for (const [i, x] of want.entries()) expect(Math.abs(x - got[i])).toBeLessThan(0.06 * (max - min) + 0.01);
          }
          await loaded.program!.close();
        }),
        { seed: 1, numRuns: RUNS },
      );
    },
    60_000 + 2_000 * RUNS,
  );
});
