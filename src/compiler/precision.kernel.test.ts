import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../base/errors.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { calibrate } from '../reference/calibrate.ts';
import { createReference } from '../reference/reference.ts';
import { Vm } from '../vm/vm.ts';
import type { Quant, Strategy } from './api.ts';
import { compile } from './compile.ts';
import { SELECTION } from './families/select.ts';
import { allParts } from './parts.ts';
import { loadModel, loadOutput, modelBytes, storeInput, tensors } from './testing/fixtures.ts';
import { plainHook } from './testing/tensor-hook.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const parts = await allParts();
const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));
const FIXTURE = 'bert-small';
const model = loadModel(read, FIXTURE);
const bytes = modelBytes(read, FIXTURE);
const samples = tensors(read, FIXTURE, 'inputs.npy', model).slice(0, 12);
const trace = tensors(read, FIXTURE, 'calibration.npy', model).slice(0, 24);
const calibration = await calibrate(bytes, trace, { source: 'trace' });
const reference = await createReference(bytes);
const wanted = await Promise.all(
  samples.map(async (sample) => Array.from(Object.values(await reference.run(sample))[0]!.data as Float32Array)),
);

const build = (quant: Quant, target: '6.18' | '6.1' = '6.18', ranges = calibration, strategy: Strategy = 'auto') =>
  compile({
    model,
    modelFile: 'm.onnx',
    calibration: ranges,
    hook: plainHook,
    families: SELECTION,
    kernel: target,
    strategy,
    quant,
    parts,
  });

/** Mean difference from ONNX Runtime relative to the largest score. */
function error(compiled: ReturnType<typeof build>): number {
  const vm = new Vm(compiled.program, { engine: 'wasm' });
  let [sum, count, top] = [0, 0, 0];
  for (const [i, sample] of samples.entries()) {
    vm.maps.get('input').update(KEY, storeInput(compiled, sample));
    vm.runXdp(PACKET);
    for (const [j, got] of loadOutput(compiled, vm.maps.get('output').lookup(KEY)!).entries()) {
      sum += Math.abs(got - wanted[i]![j]!);
      top = Math.max(top, Math.abs(wanted[i]![j]!));
      count++;
    }
  }
  return sum / count / top;
}

const product = model.nodes.find(({ op, inputs }) => op === 'MatMul' && model.initializers.has(inputs[1]!))!;
const QUANTS: readonly Quant[] = ['w16a16', 'w8a8', 'w4a16', 'w2a16', 'w2a8', 'w1a16', 'w1a8', `w4a16,${product.name}=w16a16`];

describe('precisions', () => {
  test('cost what they save: the error grows as bits go', () => {
    const errors = (['w16a16', 'w8a16', 'w8a8', 'w4a16', 'w2a16'] as const).map((quant) => error(build(quant)));
    expect(errors[0]).toBeLessThan(0.005);
    expect(errors[1]).toBeLessThan(0.005);
    for (const worse of [errors[2]!, errors[3]!]) expect(worse).toBeGreaterThan(errors[1]!);
    expect(Math.max(errors[2]!, errors[3]!)).toBeLessThan(0.1);
    expect(errors[4]).toBeGreaterThan(errors[3]!);
  });

  test('of four bits take less memory', () => {
    const size = (quant: Quant): number => build(quant).program.maps[0]!.valueSize;
    expect(size('w4a16')).toBeLessThan(size('w8a16'));
  });

  test.each(['bounded', 'may_goto', 'bpf_loop', 'unrolled'] as const)('give the same integers with loops as %s', (strategy) => {
    const outputs = (compiled: ReturnType<typeof build>): Uint8Array => {
      const vm = new Vm(compiled.program);
      vm.maps.get('input').update(KEY, storeInput(compiled, samples[0]!));
      vm.runXdp(PACKET);
      return vm.maps.get('output').lookup(KEY)!.slice();
    };
    for (const quant of ['w4a16', 'w8a8', 'w16a16', 'w2a16', 'w1a8'] as const)
      expect(outputs(build(quant, '6.18', calibration, strategy)), quant).toEqual(outputs(build(quant)));
  });

  test('are refused by name for nodes that are no products', () => {
    const norm = model.nodes.find(({ op }) => op === 'Softmax')!;
    expect(() => build(`w8a16,${norm.name}=w4a16`)).toThrow(InputError);
    expect(() => build('w8a16,nobody=w4a16')).toThrow(/the model has no node nobody/);
  });

  test.skipIf(!kernel)(
    'are accepted by the kernel and give what the interpreter gives, bit for bit',
    async () => {
      for (const quant of QUANTS) {
        for (const target of ['6.18', '6.1'] as const) {
          const compiled = build(quant, target);
          const loaded = await kernel!.load(compiled.program, { btf: programBtf(compiled.program) });
          expect(loaded.message, `${quant} for ${target}: ${loaded.log.slice(-1000)}`).toBeNull();
          const vm = new Vm(compiled.program);
          for (const sample of samples.slice(0, 2)) {
            const input = storeInput(compiled, sample);
            vm.maps.get('input').update(KEY, input);
            vm.runXdp(PACKET);
            await loaded.program!.map('input').update(KEY, input);
            await loaded.program!.testRun(PACKET);
            expect(await loaded.program!.map('output').lookupIndex(0), quant).toEqual(vm.maps.get('output').lookup(KEY));
          }
          await loaded.program!.closeAll();
        }
      }
    },
    120_000,
  );
});

describe('calibration', () => {
  test('by percentile or square error leaves another error, and cuts no output', async () => {
    const plain = error(build('w4a16'));
    for (const method of ['percentile:99.9', 'mse'] as const) {
      const ranges = await calibrate(bytes, trace, { source: 'trace', method });
      expect(ranges.method).toBe(method);
      const compiled = build('w4a16', '6.18', ranges);
      expect(error(compiled)).not.toBe(plain);
      expect(error(compiled)).toBeLessThan(0.1);
      expect(compiled.meta.outputs[0]!.scale).toBe(build('w4a16').meta.outputs[0]!.scale);
      expect(compiled.meta.calibration.method).toBe(method);
    }
  });
});
