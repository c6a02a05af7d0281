/**
 * Programs exported as C: `npm run long c-exports [6.1,6.12]`. Fixtures of the zoo, the payload sample and trees, compiled for each kernel in several
 * strategies, written as C and compiled by clang; this machine's kernel and the others, booted under QEMU, must accept what clang made and give the integers of our interpreter.
 * Kernels are Debian packages in `.cache/kernels` (`npm run long kernels 6.1` fetches them).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cSource } from '../src/cli/export/source.ts';
import { type Kernel, openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import type { CompileOptions } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { randomTrees } from '../src/compiler/families/ml/testing/random-trees.ts';
import { familiesFor } from '../src/compiler/families.ts';
import { FIXTURES, loadModel, modelBytes, tensors } from '../src/compiler/testing/fixtures.ts';
import { tensorHook } from '../src/hooks/tensor.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { readObject } from '../src/object/reader.ts';
import { importModel } from '../src/onnx/import.ts';
import type { Model, Tensor } from '../src/onnx/model.ts';
import { calibrate } from '../src/reference/calibrate.ts';
import { storeTensor } from '../src/replay/tensors.ts';
import type { KernelVersion } from '../src/verifier/api.ts';
import { Vm } from '../src/vm/vm.ts';
import { bootOlder } from './older-kernel.ts';

const root = resolve(fileURLToPath(import.meta.url), '../..');
const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);
const INPUTS = 5;
const STRATEGIES: Readonly<Record<string, readonly CompileOptions['strategy'][]>> = {
  '6.1': ['auto', 'unrolled'],
  '6.12': ['auto', 'may_goto'],
  '6.18': ['auto', 'may_goto'],
};

interface Case {
  readonly name: string;
  readonly model: Model;
  readonly bytes: Uint8Array;
  readonly samples: readonly Readonly<Record<string, Tensor>>[];
}

function cases(): Case[] {
  const read = (path: string): Uint8Array => new Uint8Array(readFileSync(resolve(root, path)));
  const made: Case[] = FIXTURES.map((name) => {
    const model = loadModel(read, name);
    return { name, model, bytes: modelBytes(read, name), samples: tensors(read, name, 'calibration.npy', model).slice(0, 8) };
  });
  const forest = randomTrees({
    seed: 7,
    trees: 20,
    depth: 6,
    features: 6,
    classes: 4,
    leaves: 'all',
    kind: 'classifier',
    transform: 'SOFTMAX',
    aggregate: 'SUM',
    base: true,
    positive: false,
    modes: 'leq',
    scaler: false,
  });
  const samples = forest.inputs.map((data) => ({ X: { dtype: 'float32' as const, dims: [1, 6], data } }));
  made.push({ name: 'trees', model: importModel(forest.bytes, { fileName: 'trees' }), bytes: forest.bytes, samples });
  return made;
}

async function tried(
  kernel: Kernel,
  folder: string,
  test: Case,
  version: KernelVersion,
  strategy: CompileOptions['strategy'],
): Promise<object> {
  const { model, bytes, samples, name } = test;
  const calibration = await calibrate(bytes, samples, { source: 'trace' });
  const families = await familiesFor(model);
  const made = compile({
    model,
    modelFile: `${name}.onnx`,
    calibration,
    hook: tensorHook(),
    kernel: version,
    strategy,
    quant: 'w8a16',
    families,
  });
  const [from, to] = [join(folder, 'm.c'), join(folder, 'm.o')];
  writeFileSync(from, cSource(made.program, made.meta));
  const flags = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-fno-unroll-loops', '-I/usr/include/x86_64-linux-gnu'];
  execFileSync('clang-19', [...flags, '-c', from, '-o', to], { stdio: 'pipe' });
  const program = readObject(new Uint8Array(readFileSync(to)), to).programs[0]!;
  const loaded = await kernel.load(program, { btf: programBtf(program) });
  const insns = [made.program.insns.length, program.insns.length];
  if (!loaded.program) return { insns, message: loaded.message };
  const vm = new Vm(made.program);
  let differ = 0;
  for (const sample of samples.slice(0, INPUTS)) {
    const input = new Uint8Array(made.program.maps.find((m) => m.name === 'input')!.valueSize);
    for (const slot of made.meta.inputs) storeTensor(sample[slot.name]!, slot, input);
    vm.maps.get('input').update(KEY, input);
    vm.runXdp(PACKET);
    await loaded.program.map('input').update(KEY, input);
    await loaded.program.testRun(PACKET);
    const theirs = await loaded.program.map('output').lookupIndex(0);
    if (!Buffer.from(theirs).equals(Buffer.from(vm.maps.get('output').lookup(KEY)!))) differ++;
  }
  await loaded.program.closeAll();
  return { insns, processed: loaded.processed, differ };
}

export default async function measure([versions = '6.1,6.12']: string[]): Promise<unknown> {
  const here = await openKernel();
  if (!here) throw new Error(whyNoKernel());
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-c-'));
  const figures: Record<string, object> = {};
  const all = cases();
  for (const version of ['6.18', ...versions.split(',')] as KernelVersion[]) {
    let [kernel, end, release] = [here, async (): Promise<void> => here.close(), 'this machine'];
    if (version !== '6.18') ({ kernel, end, release } = await bootOlder(version));
    const rows: Record<string, object> = {};
    for (const test of all)
      for (const strategy of STRATEGIES[version]!) {
        rows[`${test.name} ${strategy}`] = await tried(kernel, folder, test, version, strategy);
        console.error(version, test.name, strategy, JSON.stringify(rows[`${test.name} ${strategy}`]));
      }
    figures[version] = { release, rows };
    await end();
  }
  rmSync(folder, { recursive: true });
  return figures;
}
