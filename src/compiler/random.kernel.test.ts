import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import type { Model } from '../onnx/model.ts';
import { Vm } from '../vm/vm.ts';
import type { Precision } from './api.ts';
import { compile } from './compile.ts';
import { SELECTION } from './families/select.ts';
import { recognise } from './graph/recognise.ts';
import { allParts } from './parts.ts';
import { whyNot } from './strategy.ts';
import { evaluate, readView } from './testing/evaluate.ts';
import { loadOutput } from './testing/fixtures.ts';
import { floatCalibration } from './testing/float-calibration.ts';
import { type DecoderShape, randomDecoder } from './testing/random-decoder.ts';
import { type EncoderShape, randomEncoder } from './testing/random-model.ts';
import { plainHook } from './testing/tensor-hook.ts';

/** More in a long run: BPFORMER_RANDOM_MODELS=2000. */
const RUNS = Number(process.env.BPFORMER_RANDOM_MODELS ?? 8);

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const parts = await allParts();
const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);

/** What a model is compiled for. */
const targets = fc.record({
  kernel: fc.constantFrom('6.18' as const, '6.1' as const),
  // Loops that are walked at every call may come to more than a million instructions.
  strategy: fc.constantFrom('global' as const, 'may_goto' as const, 'bpf_loop' as const, 'unrolled' as const),
  quant: fc.constantFrom<Precision>('w8a16', 'w8a16', 'w16a16', 'w8a8', 'w4a16', 'w2a16', 'w2a8', 'w1a16', 'w1a8'),
});
type Target = typeof targets extends fc.Arbitrary<infer T> ? T : never;

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
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map((s) => ({ ...s, width: Math.max(2, s.heads * s.perHead), heads: s.heads * s.perHead < 2 ? 1 : s.heads }));

const decoders: fc.Arbitrary<DecoderShape> = fc
  .record({
    sequence: fc.integer({ min: 2, max: 17 }),
    kvHeads: fc.integer({ min: 1, max: 3 }),
    sharers: fc.integer({ min: 1, max: 3 }),
    half: fc.integer({ min: 1, max: 4 }),
    hidden: fc.integer({ min: 1, max: 50 }),
    classes: fc.integer({ min: 2, max: 9 }),
    vocabulary: fc.integer({ min: 2, max: 40 }),
    norm: fc.constantFrom('rms' as const, 'layer' as const, 'none' as const),
    positions: fc.constantFrom('halves' as const, 'pairs' as const, 'alibi' as const, 'learned' as const, 'counted' as const),
    gate: fc.constantFrom('Sigmoid' as const, 'Gelu' as const, 'none' as const),
    mask: fc.constantFrom('causal' as const, 'tokens' as const, 'both' as const, 'none' as const),
    source: fc.constantFrom(0, 0, 3, 8),
    head: fc.constantFrom('last' as const, 'all' as const, 'mean over tokens' as const),
    seed: fc.integer({ min: 1, max: 1e6 }),
  })
  .map(({ sharers, half, ...s }) => ({ ...s, heads: s.kvHeads * sharers, size: 2 * half }));

/** Tokens of which the first is never padding (a row that masks everything has no meaning), and floats. */
function samplesFor(model: Model, vocabulary: number, count: number): Map<string, number[]>[] {
  return Array.from(
    { length: count },
    (_, n) =>
      new Map(
        model.inputs.map(({ name, dims }) => {
          const size = dims.reduce((a, b) => a * b, 1);
          const token = (i: number): number => (i === 0 ? 1 : ((i + 3) * (n + 7) * 31) % vocabulary);
          return [name, Array.from({ length: size }, (_unused, i) => (name === 'tokens' ? token(i) : Math.sin(i * 1.3 + n)))];
        }),
      ),
  );
}

/** The kernel accepts the program, both engines leave the same integers, and they are close to exact arithmetic. */
async function check(model: Model, vocabulary: number, target: Target): Promise<void> {
  const graph = recognise(model, SELECTION);
  const samples = samplesFor(model, vocabulary, 6);
  const calibration = floatCalibration(graph, samples);
  const compiled = compile({
    model,
    modelFile: 'random.onnx',
    calibration,
    hook: plainHook,
    families: SELECTION,
    kernel: target.kernel,
    strategy: whyNot(target.strategy, target.kernel) ? 'global' : target.strategy,
    quant: target.quant,
    parts,
  });
  const loaded = await kernel!.load(compiled.program, { btf: programBtf(compiled.program) });
  expect(loaded.message, loaded.log.slice(-1500)).toBeNull();
  const vm = new Vm(compiled.program);
  for (const sample of samples.slice(0, 2)) {
    const input = new Uint8Array(compiled.program.maps.find((m) => m.name === 'input')!.valueSize);
    for (const slot of compiled.meta.inputs) {
      const values = sample.get(slot.name)!;
      if (slot.elem === 'u16') new Uint16Array(input.buffer, slot.byteOff).set(values);
      else new Int16Array(input.buffer, slot.byteOff).set(values.map((x) => Math.round(x / slot.scale)));
    }
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
    if (target.quant !== 'w8a16' && target.quant !== 'w16a16') continue;
    for (const [i, x] of want.entries()) expect(Math.abs(x - got[i])).toBeLessThan(0.06 * (max - min) + 0.01);
  }
  await loaded.program!.close();
}

describe.skipIf(!kernel)(
  'random models of odd shapes are accepted, equal the interpreter bit for bit and stay close to exact arithmetic',
  () => {
    const options = { seed: 1, numRuns: RUNS };
    const time = 60_000 + 2_000 * RUNS;
    test(
      'encoders',
      () =>
        fc.assert(
          fc.asyncProperty(shapes, targets, (s, target) => check(randomEncoder(s), s.vocabulary, target)),
          options,
        ),
      time,
    );
    test(
      'decoders: grouped heads, rotary and counted positions, ALiBi, gates, masks, cross-attention',
      () =>
        fc.assert(
          fc.asyncProperty(decoders, targets, (s, target) => check(randomDecoder(s), s.vocabulary, target)),
          options,
        ),
      time,
    );
  },
);
