import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { calibrate } from '../reference/calibrate.ts';
import { Vm } from '../vm/vm.ts';
import { compileFixture, FIXTURES, loadModel, modelBytes, storeInput, tensors } from './testing/fixtures.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const KEY = new Uint8Array(4);
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));
const PACKET = new Uint8Array(64);

describe.skipIf(!kernel)('compiled fixtures in the kernel', () => {
  test.each(FIXTURES.flatMap((fixture) => (['6.18', '6.1'] as const).map((target) => [fixture, target] as const)))(
    '%s for %s is accepted and gives what the interpreter gives, bit for bit',
    async (fixture, target) => {
      const model = loadModel(read, fixture);
      const calibration = await calibrate(modelBytes(read, fixture), tensors(read, fixture, 'calibration.npy', model).slice(0, 8), {
        source: 'trace',
      });
      const compiled = compileFixture(fixture, model, calibration, target);
      const result = await kernel!.load(compiled.program, { btf: programBtf(compiled.program) });
      expect(result.message, result.log.slice(-2000)).toBeNull();
      const vm = new Vm(compiled.program);
      for (const sample of tensors(read, fixture, 'inputs.npy', model).slice(0, 4)) {
        const input = storeInput(compiled, sample);
        vm.maps.get('input').update(KEY, input);
        vm.runXdp(PACKET);
        await result.program!.map('input').update(KEY, input);
        await result.program!.testRun(PACKET);
        const theirs = await result.program!.map('output').lookupIndex(0);
        expect(theirs).toEqual(vm.maps.get('output').lookup(KEY));
      }
      await result.program!.close();
    },
  );
});
