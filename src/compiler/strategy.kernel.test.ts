import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { calibrate } from '../reference/calibrate.ts';
import { verify } from '../verifier/verify.ts';
import { Vm } from '../vm/vm.ts';
import type { Compiled, FixedStrategy } from './api.ts';
import { compile } from './compile.ts';
import { SELECTION } from './families/select.ts';
import { STRATEGIES } from './strategy.ts';
import { loadModel, modelBytes, storeInput, tensors } from './testing/fixtures.ts';
import { plainHook } from './testing/tensor-hook.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));

/** The integers of the outputs of a program that the kernel and our verifier accept. */
async function outputs(compiled: Compiled, inputs: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const result = await kernel!.load(compiled.program, { btf: programBtf(compiled.program) });
  expect(result.message, result.log.slice(-2000)).toBeNull();
  const ours = verify(compiled.program, { kernel: '6.18', privilege: 'root', logLevel: 0 });
  expect(ours).toMatchObject({ message: null, processed: result.processed, totalStates: result.totalStates });
  const made: Uint8Array[] = [];
  for (const input of inputs) {
    await result.program!.map('input').update(KEY, input);
    await result.program!.testRun(PACKET);
    made.push((await result.program!.map('output').lookupIndex(0))!);
  }
  await result.program!.close();
  return made;
}

/** The second has loops over three dimensions. */
const CASES = [
  ['bert-small', STRATEGIES.map(({ name }) => name)],
  ['vit-window-small', ['may_goto', 'bpf_loop']],
] as const;

describe.skipIf(!kernel)('loop strategies in the kernel', () => {
  test.each(CASES)(
    '%s gives the same integers whatever its loops become, in kernel, interpreter and WebAssembly',
    async (fixture, strategies) => {
      const model = loadModel(read, fixture);
      const calibration = await calibrate(modelBytes(read, fixture), tensors(read, fixture, 'calibration.npy', model).slice(0, 2), {
        source: 'trace',
      });
      const made = (strategy: FixedStrategy): Compiled =>
        compile({
          model,
          modelFile: `${fixture}.onnx`,
          calibration,
          hook: plainHook,
          families: SELECTION,
          kernel: '6.18',
          strategy,
          quant: 'w8a16',
        });
      const present = made('global');
      const inputs = tensors(read, fixture, 'inputs.npy', model)
        .slice(0, 2)
        .map((sample) => storeInput(present, sample));
      const wanted = await outputs(present, inputs);
      for (const name of strategies) {
        const compiled = made(name);
        const theirs = await outputs(compiled, inputs);
        expect(theirs, name).toEqual(wanted);
        for (const engine of ['interp', 'wasm'] as const) {
          const vm = new Vm(compiled.program, { engine });
          vm.maps.get('input').update(KEY, inputs[0]!);
          vm.runXdp(PACKET);
          expect(vm.maps.get('output').lookup(KEY), `${name}, ${engine}`).toEqual(wanted[0]);
        }
      }
    },
  );
});
