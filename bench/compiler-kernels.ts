/**
 * Compiled models on older kernels: `npm run long compiler-kernels [6.1,6.12] [MODELS]`. The fixtures of the zoo, the payload sample and the trained models of the folder
 * MODELS (samples/zoo/export.py) are compiled for each kernel in all precisions and strategies that it takes; the real one, booted under QEMU, must accept them and
 * give the integers that our interpreter gives. Kernels are Debian packages in `.cache/kernels` (bench/kernels.ts fetches them).
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Kernel } from '../src/companion/kernel.ts';
import type { Calibration, CompileOptions } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { SELECTION } from '../src/compiler/families/select.ts';
import { STRATEGIES, whyNot } from '../src/compiler/strategy.ts';
import { FIXTURES, loadModel, modelBytes, tensors } from '../src/compiler/testing/fixtures.ts';
import { plainHook } from '../src/compiler/testing/tensor-hook.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { importModel, inspectModel } from '../src/onnx/import.ts';
import type { Model, Tensor } from '../src/onnx/model.ts';
import { calibrate } from '../src/reference/calibrate.ts';
import { splitInputs } from '../src/replay/split-inputs.ts';
import { storeTensor } from '../src/replay/tensors.ts';
import { readNpy } from '../src/traces/npy.ts';
import type { KernelVersion } from '../src/verifier/api.ts';
import { Vm } from '../src/vm/vm.ts';
import { bootOlder } from './older-kernel.ts';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);
/** Inputs that are run through each program. */
const INPUTS = 3;
const QUANTS: readonly CompileOptions['quant'][] = ['w8a16', 'w8a8'];

interface Case {
  readonly name: string;
  readonly model: Model;
  readonly calibration: Calibration;
  readonly inputs: readonly Tensor[];
}

async function cases(folder: string | undefined): Promise<Case[]> {
  const read = (path: string): Uint8Array => new Uint8Array(readFileSync(resolve(root, path)));
  const made: Case[] = [];
  for (const fixture of FIXTURES) {
    const model = loadModel(read, fixture);
    const samples = tensors(read, fixture, 'calibration.npy', model).slice(0, 8);
    const calibration = await calibrate(modelBytes(read, fixture), samples, { source: 'trace' });
    made.push({ name: fixture, model, calibration, inputs: samples.map((sample) => sample[model.inputs[0]!.name]!) });
  }
  for (const name of folder ? readdirSync(folder) : []) {
    const file = join(folder!, name, 'model.onnx');
    if (!existsSync(file)) continue;
    const bytes = new Uint8Array(readFileSync(file));
    const { shape, data } = readNpy(new Uint8Array(readFileSync(join(folder!, name, 'calibration.npy'))), 'calibration.npy');
    const { symbolicDims, inputs } = inspectModel(bytes, name);
    const dims = Object.fromEntries(symbolicDims.map((d) => [d, d === inputs[0]!.dims[0] ? 1 : shape[1]!]));
    const model = importModel(bytes, { fileName: name, dims });
    const samples = splitInputs({ dtype: 'float32', dims: shape, data } as Tensor, model.inputs[0]!, name);
    const fed = samples.map((tensor) => ({ [model.inputs[0]!.name]: tensor }));
    made.push({ name, model, calibration: await calibrate(bytes, fed, { source: 'trace' }), inputs: samples });
  }
  return made;
}

/** What the kernel says of one program, and on how many inputs it gives other integers than our interpreter. */
async function tried(
  kernel: Kernel,
  { name, model, calibration, inputs }: Case,
  options: Pick<CompileOptions, 'kernel' | 'strategy' | 'quant'>,
): Promise<object> {
  const { program, meta } = compile({ ...options, model, modelFile: `${name}.onnx`, calibration, hook: plainHook, families: SELECTION });
  const loaded = await kernel.load(program, { btf: programBtf(program) });
  if (!loaded.program) return { insns: program.insns.length, message: loaded.message };
  const vm = new Vm(program);
  let differ = 0;
  for (const tensor of inputs.slice(0, INPUTS)) {
    const input = new Uint8Array(program.maps.find((m) => m.name === 'input')!.valueSize);
    storeTensor(tensor, meta.inputs[0]!, input);
    vm.maps.get('input').update(KEY, input);
    vm.runXdp(PACKET);
    await loaded.program.map('input').update(KEY, input);
    await loaded.program.testRun(PACKET);
    const theirs = await loaded.program.map('output').lookupIndex(0);
    if (!Buffer.from(theirs).equals(Buffer.from(vm.maps.get('output').lookup(KEY)!))) differ++;
  }
  await loaded.program.close();
  return { insns: program.insns.length, processed: loaded.processed, differ };
}

export default async function measure([versions = '6.1,6.12', folder]: string[]): Promise<unknown> {
  const all = await cases(folder);
  const figures: Record<string, object> = {};
  for (const version of versions.split(',') as KernelVersion[]) {
    const { kernel, release, end } = await bootOlder(version);
    const rows: Record<string, object> = {};
    let [accepted, refused, differ] = [0, 0, 0];
    for (const test of all)
      for (const quant of QUANTS)
        for (const { name: strategy } of STRATEGIES) {
          // Walked at every call, loops come to more than a million instructions; the other strategies are there for that.
          if (whyNot(strategy, version) || strategy === 'bounded') continue;
          const row = (await tried(kernel, test, { kernel: version, strategy, quant })) as { message?: string; differ?: number };
          if (row.message === undefined) accepted++;
          else refused++;
          differ += row.differ ?? 0;
          rows[`${test.name} ${quant} ${strategy}`] = row;
          console.error(version, test.name, quant, strategy, JSON.stringify(row));
        }
    figures[release] = { accepted, refused, inputsThatDiffer: differ, rows };
    await end();
  }
  return figures;
}
