import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../../../companion/vitest-kernel.ts';
import { programBtf } from '../../../object/program-btf.ts';
import { importModel } from '../../../onnx/import.ts';
import { calibrate } from '../../../reference/calibrate.ts';
import { createReference } from '../../../reference/reference.ts';
import { loadTensor, storeTensor } from '../../../replay/tensors.ts';
import { Vm } from '../../../vm/vm.ts';
import { compile } from '../../compile.ts';
import { familiesFor } from '../../families.ts';
import { allParts } from '../../parts.ts';
import { plainHook } from '../../testing/tensor-hook.ts';
import { randomTrees, type TreesCase } from './testing/random-trees.ts';

/** More in a long run: BPFORMER_RANDOM_TREES=500. */
const RUNS = Number(process.env.BPFORMER_RANDOM_TREES ?? 20);
const kernel = await kernelForTests();
afterAll(() => kernel?.close());
const parts = await allParts();
const KEY = new Uint8Array(4);

const common = {
  seed: fc.integer({ min: 1, max: 1e6 }),
  trees: fc.integer({ min: 1, max: 21 }),
  depth: fc.integer({ min: 0, max: 7 }),
  features: fc.integer({ min: 1, max: 9 }),
  base: fc.boolean(),
  positive: fc.boolean(),
  modes: fc.constantFrom('all' as const, 'leq' as const),
  scaler: fc.boolean(),
  specialise: fc.boolean(),
  kernel: fc.constantFrom('6.18' as const, '6.1' as const),
  strategy: fc.constantFrom('global' as const, 'bounded' as const, 'may_goto' as const, 'bpf_loop' as const, 'unrolled' as const),
};
const classifiers = fc.record({
  ...common,
  kind: fc.constant('classifier' as const),
  classes: fc.integer({ min: 3, max: 6 }),
  leaves: fc.constantFrom('all' as const, 'one' as const),
  transform: fc.constantFrom('NONE' as const, 'LOGISTIC' as const, 'SOFTMAX' as const),
  aggregate: fc.constant('SUM' as const),
});
const binary = fc.record({
  ...common,
  kind: fc.constant('classifier' as const),
  classes: fc.constant(2),
  leaves: fc.constantFrom('single' as const, 'all' as const),
  transform: fc.constantFrom('NONE' as const, 'LOGISTIC' as const, 'SOFTMAX' as const),
  aggregate: fc.constant('SUM' as const),
});
const regressors = fc.record({
  ...common,
  kind: fc.constant('regressor' as const),
  classes: fc.integer({ min: 1, max: 3 }),
  leaves: fc.constant('all' as const),
  transform: fc.constant('NONE' as const),
  aggregate: fc.constantFrom('SUM' as const, 'AVERAGE' as const, 'MIN' as const, 'MAX' as const),
});
const cases = fc.oneof(classifiers, binary, regressors).map((c) => ({
  ...c,
  // Base values and weights of both of two classes are refused: the runtime's own rule for them makes no sense.
  base: c.base && !(c.classes === 2 && c.kind === 'classifier' && c.leaves === 'all'),
  strategy: c.kernel === '6.1' && c.strategy === 'may_goto' ? ('global' as const) : c.strategy,
}));

describe.skipIf(!kernel)('random trees', () => {
  test(
    'are accepted, decide as ONNX Runtime on, beside and far from their thresholds, and give the same integers in kernel and engines',
    async () => {
      await fc.assert(
        fc.asyncProperty(cases, async (c) => {
          const { bytes, inputs } = randomTrees(c as TreesCase);
          const model = importModel(bytes, { fileName: 'trees' });
          const sample = (data: Float32Array) => ({ X: { dtype: 'float32' as const, dims: [1, c.features], data } });
          const compiled = compile({
            model,
            modelFile: 'trees.onnx',
            calibration: await calibrate(bytes, inputs.map(sample), { source: 'trace' }),
            hook: plainHook,
            kernel: c.kernel,
            strategy: c.strategy,
            quant: 'w8a16',
            families: await familiesFor(model),
            specialise: c.specialise,
            parts,
          });
          const loaded = await kernel!.load(compiled.program, { btf: programBtf(compiled.program) });
          expect(loaded.message, loaded.log.slice(-1500)).toBeNull();
          const vms = (['interp', 'wasm'] as const).map((engine) => new Vm(compiled.program, { engine }));
          const reference = await createReference(bytes);
          for (const data of inputs) {
            const input = new Uint8Array(compiled.program.maps.find((m) => m.name === 'input')!.valueSize);
            storeTensor(sample(data).X, compiled.meta.inputs[0]!, input);
            await loaded.program!.map('input').update(KEY, input);
            await loaded.program!.testRun(new Uint8Array(64));
            const output = await loaded.program!.map('output').lookupIndex(0);
            for (const vm of vms) {
              vm.maps.get('input').update(KEY, input);
              vm.runXdp(new Uint8Array(64));
              expect(vm.maps.get('output').lookup(KEY)).toEqual(output);
            }
            const want = await reference.run(sample(data));
            for (const slot of compiled.meta.outputs) {
              const got = loadTensor(slot, output);
              const theirs = Array.from(want[slot.name]!.data as ArrayLike<number | bigint>, Number);
              if (slot.classes) expect([...got], `label of ${data}`).toEqual(theirs);
              // Single precision sums of up to 21 weights, and tables.
              else for (const [i, y] of theirs.entries()) expect(Math.abs(y - got[i]!)).toBeLessThan(4e-6);
            }
          }
          await reference.release();
          await loaded.program!.close();
        }),
        { seed: 3, numRuns: RUNS },
      );
    },
    60_000 + 1_000 * RUNS,
  );
});
