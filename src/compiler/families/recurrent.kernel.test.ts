import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { randomOf } from '../../base/random.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { importModel } from '../../onnx/import.ts';
import { type AttrSpec, encodeModel } from '../../onnx/testing/encode-model.ts';
import { calibrate } from '../../reference/calibrate.ts';
import { createReference } from '../../reference/reference.ts';
import { loadTensor, storeTensor } from '../../replay/tensors.ts';
import { Vm } from '../../vm/vm.ts';
import { compile } from '../compile.ts';
import { familiesFor } from '../families.ts';
import { judge } from '../testing/judge.ts';
import { plainHook } from '../testing/tensor-hook.ts';

/** More in a long run: BPFORMER_RANDOM_RECURRENT=300. */
const RUNS = Number(process.env.BPFORMER_RANDOM_RECURRENT ?? 12);
const kernel = await kernelForTests();
afterAll(() => kernel?.close());
const KEY = new Uint8Array(4);
const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const;

const shapes = fc.record({
  op: fc.constantFrom('RNN' as const, 'GRU' as const, 'LSTM' as const),
  direction: fc.constantFrom('forward' as const, 'reverse' as const, 'bidirectional' as const),
  steps: fc.integer({ min: 1, max: 64 }),
  size: fc.integer({ min: 1, max: 19 }),
  hidden: fc.integer({ min: 1, max: 18 }),
  after: fc.boolean(),
  bias: fc.boolean(),
  initial: fc.boolean(),
  relu: fc.boolean(),
  seed: fc.integer({ min: 1, max: 1e6 }),
  kernel: fc.constantFrom('6.18' as const, '6.1' as const),
  strategy: fc.constantFrom('global' as const, 'may_goto' as const, 'bpf_loop' as const, 'unrolled' as const),
});
type Shape = typeof shapes extends fc.Arbitrary<infer T> ? T : never;

/** `given`: initial states are inputs of the model. */
function modelOf(s: Shape, given = false): Uint8Array {
  const random = randomOf(s.seed);
  const directions = s.direction === 'bidirectional' ? 2 : 1;
  const rows = GATES[s.op] * s.hidden;
  const tensor = (dims: number[], by: number) => ({
    dtype: 'float32' as const,
    dims,
    data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => (random() * 2 - 1) * by),
  });
  const relu = s.relu && s.op === 'RNN';
  const initializers = {
    w: tensor([directions, rows, s.size], 1 / Math.sqrt(s.size)),
    // ReLU grows without bound where weights are large.
    r: tensor([directions, rows, s.hidden], (relu ? 0.5 : 1.5) / Math.sqrt(s.hidden)),
    b: tensor([directions, 2 * rows], 0.5),
    ...(given ? {} : { h0: tensor([directions, 1, s.hidden], 1.5), c0: tensor([directions, 1, s.hidden], 2) }),
  };
  const states = s.op === 'LSTM' ? ['h0', 'c0'] : ['h0'];
  const attrs: Record<string, AttrSpec> = {
    hidden_size: { int: s.hidden },
    direction: { string: s.direction },
    ...(s.op === 'GRU' ? { linear_before_reset: { int: s.after ? 1 : 0 } } : {}),
    ...(relu ? { activations: { strings: Array.from({ length: directions }, () => 'Relu') } } : {}),
  };
  const inputs = ['x', 'w', 'r', s.bias ? 'b' : '', '', s.initial ? 'h0' : '', ...(s.op === 'LSTM' ? [s.initial ? 'c0' : ''] : [])];
  const outputs = ['y', 'last', ...(s.op === 'LSTM' ? ['cells'] : [])];
  return encodeModel({
    opset: 14,
    nodes: [{ op: s.op, inputs, outputs, attrs }],
    inputs: [
      { name: 'x', dtype: 'float32', dims: [s.steps, 1, s.size] },
      ...(given ? states : []).map((name) => ({ name, dtype: 'float32' as const, dims: [directions, 1, s.hidden] })),
    ],
    outputs: outputs.map((name) => ({ name })),
    initializers,
  });
}

describe.skipIf(!kernel)('recurrent layers', () => {
  test.each(['RNN', 'GRU', 'LSTM'] as const)('%s in both directions from states that are inputs', async (op) => {
    const shape = {
      steps: 9,
      size: 5,
      hidden: 7,
      after: true,
      bias: true,
      initial: true,
      relu: false,
      seed: 3,
      kernel: '6.18',
      strategy: 'global',
    } as const;
    const { refused, differing, exactError, error } = await judge(modelOf({ ...shape, op, direction: 'bidirectional' }, true), { kernel });
    expect([refused, differing]).toEqual([null, 0]);
    expect(exactError).toBeLessThan(1e-5);
    expect(error).toBeLessThan(1e-3);
  });
});

describe.skipIf(!kernel)('random recurrent layers', () => {
  test(
    'are accepted, stay close to ONNX Runtime over all their steps, and give the same integers in kernel and engines',
    async () => {
      await fc.assert(
        fc.asyncProperty(shapes, async (s) => {
          const bytes = modelOf(s);
          const model = importModel(bytes, { fileName: 'recurrent' });
          const random = randomOf(s.seed + 1);
          const samples = Array.from({ length: 4 }, () => {
            const data = Float32Array.from({ length: s.steps * s.size }, () => random() * 4 - 2);
            return { x: { dtype: 'float32' as const, dims: [s.steps, 1, s.size], data } };
          });
          const compiled = compile({
            model,
            modelFile: 'recurrent.onnx',
            calibration: await calibrate(bytes, samples, { source: 'trace' }),
            hook: plainHook,
            kernel: s.kernel,
            strategy: s.kernel === '6.1' && s.strategy === 'may_goto' ? 'global' : s.strategy,
            quant: 'w8a16',
            families: await familiesFor(model),
          });
          const loaded = await kernel!.load(compiled.program, { btf: programBtf(compiled.program) });
          expect(loaded.message, loaded.log.slice(-1500)).toBeNull();
          const vms = (['interp', 'wasm'] as const).map((engine) => new Vm(compiled.program, { engine }));
          const reference = await createReference(bytes);
          for (const sample of samples) {
            const input = new Uint8Array(compiled.program.maps.find((m) => m.name === 'input')!.valueSize);
            storeTensor(sample.x, compiled.meta.inputs[0]!, input);
            await loaded.program!.map('input').update(KEY, input);
            await loaded.program!.testRun(new Uint8Array(64));
            const output = await loaded.program!.map('output').lookupIndex(0);
            for (const vm of vms) {
              vm.maps.get('input').update(KEY, input);
              vm.runXdp(new Uint8Array(64));
              expect(vm.maps.get('output').lookup(KEY)).toEqual(output);
            }
            const want = await reference.run(sample);
            for (const slot of compiled.meta.outputs) {
              const theirs = want[slot.name]!.data as Float32Array;
              const got = loadTensor(slot, output);
              const top = theirs.reduce((a, y) => Math.max(a, Math.abs(y)), 1);
              for (const [i, y] of theirs.entries()) expect(Math.abs(y - got[i]!), `${slot.name}[${i}]`).toBeLessThan(4e-3 * top);
            }
          }
          await reference.release();
          await loaded.program!.close();
        }),
        { seed: 5, numRuns: RUNS },
      );
    },
    60_000 + 1_500 * RUNS,
  );
});
