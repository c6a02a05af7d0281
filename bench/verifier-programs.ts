/**
 * The programs that the verifier's long runs share: what our compiler emits for the samples and for encoders of many shapes, and what
 * clang-19 makes of C. `npm run long verifier-programs` lists them.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from '../src/bpf/program.ts';
import type { Calibration, HookCode } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { SELECTION } from '../src/compiler/families/select.ts';
import { recognise } from '../src/compiler/graph/recognise.ts';
import { FIXTURES, loadModel, modelBytes, tensors } from '../src/compiler/testing/fixtures.ts';
import { floatCalibration } from '../src/compiler/testing/float-calibration.ts';
import { type EncoderShape, randomEncoder } from '../src/compiler/testing/random-model.ts';
import { checkBinding } from '../src/hooks/fit.ts';
import { parseBinding } from '../src/hooks/parse.ts';
import { tensorHook } from '../src/hooks/tensor.ts';
import { xdpHook } from '../src/hooks/xdp.ts';
import { readObject } from '../src/object/reader.ts';
import { importModel, inspectModel } from '../src/onnx/import.ts';
import type { Model } from '../src/onnx/model.ts';
import { calibrate } from '../src/reference/calibrate.ts';
import type { KernelVersion } from '../src/verifier/api.ts';
import { Dice } from '../src/verifier/testing/dice.ts';

export interface NamedProgram {
  readonly name: string;
  readonly from: 'compiler' | 'clang';
  readonly program: Program;
}

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(join(root, path)));
const TARGETS: readonly KernelVersion[] = ['6.18', '6.1'];

function emit(name: string, model: Model, calibration: Calibration, hook: HookCode, kernel: KernelVersion): NamedProgram {
  const { program } = compile({
    model,
    modelFile: `${name}.onnx`,
    calibration,
    hook,
    families: SELECTION,
    kernel,
    strategy: 'auto',
    quant: 'w8a16',
  });
  return { name: `${name} for ${kernel}`, from: 'compiler', program };
}

/** The trained fixtures, the payload sample and the motion sample. */
export async function samplePrograms(targets = TARGETS): Promise<NamedProgram[]> {
  const made: NamedProgram[] = [];
  for (const fixture of FIXTURES) {
    const model = loadModel(read, fixture);
    const samples = tensors(read, fixture, 'calibration.npy', model).slice(0, 8);
    const calibration = await calibrate(modelBytes(read, fixture), samples, { source: 'trace' });
    for (const target of targets) made.push(emit(fixture, model, calibration, tensorHook(), target));
  }
  for (const sample of ['payload/payload-ids.onnx', 'motion/model.onnx']) {
    const [folder] = sample.split('/');
    const bytes = read(`public/samples/${sample}`);
    const dims = Object.fromEntries(inspectModel(bytes, sample).symbolicDims.map((dim) => [dim, 1]));
    const model = importModel(bytes, { fileName: sample, dims });
    const calibration = JSON.parse(new TextDecoder().decode(read(`public/samples/${folder}/calibration.json`))) as Calibration;
    const binding = folder === 'payload' ? new TextDecoder().decode(read('public/samples/payload/binding.json')) : null;
    const hook = (): HookCode => (binding ? xdpHook(checkBinding(parseBinding(binding, 'binding.json'), model)!) : tensorHook());
    for (const target of targets) made.push(emit(folder, model, calibration, hook(), target));
  }
  return made;
}

/** Encoders of one layer, of shapes drawn from a seed. */
export function encoderPrograms(count: number, seed = 1, targets = TARGETS): NamedProgram[] {
  const dice = new Dice(seed);
  return Array.from({ length: count }, (_, i) => {
    const heads = 1 + dice.below(4);
    const shape: EncoderShape = {
      sequence: 4 + dice.below(18),
      width: heads * (2 + dice.below(8)),
      heads,
      hidden: 4 + dice.below(64),
      classes: 2 + dice.below(5),
      vocabulary: 4 + dice.below(36),
      activation: dice.pick(['Relu', 'Gelu', 'Tanh'] as const),
      mask: dice.pick(['none', 'causal', 'tokens'] as const),
      pool: dice.pick(['mean', 'max', 'first'] as const),
      fused: dice.chance(50),
      seed: i + 1,
    };
    const model = randomEncoder(shape);
    const samples = Array.from({ length: 3 }, (_unused, n) => {
      const tokens = Array.from({ length: shape.sequence }, (__, t) => (t === 0 ? 1 : ((t + 3) * (n + 7) * 31) % shape.vocabulary));
      return new Map([['tokens', tokens]]);
    });
    return emit(`encoder ${i + 1}`, model, floatCalibration(recognise(model, SELECTION), samples), tensorHook(), dice.pick(targets));
  });
}

/** Every program of a C file, compiled by clang-19. */
function clang(path: string, label: string, flags: readonly string[]): NamedProgram[] {
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-c-'));
  try {
    const out = join(folder, 'out.o');
    const include = '/usr/include/x86_64-linux-gnu';
    execFileSync('clang-19', ['-target', 'bpf', '-g', '-I', include, ...flags, '-c', path, '-o', out], { stdio: 'pipe' });
    return readObject(new Uint8Array(readFileSync(out)), label).programs.map((program) => ({
      name: `${label} ${program.name}`,
      from: 'clang',
      program,
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** KIND of verifier-scale.c → the N it is compiled with. */
const SCALES: readonly (readonly number[])[] = [
  [30, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000],
  [1, 2, 3, 4, 8, 16, 24, 32, 60, 100, 200, 300, 400, 600, 655],
  [8, 10, 20, 30, 40, 60, 100, 140, 200, 220, 600],
  [4, 5, 6, 8, 10, 12, 14, 16, 20, 30, 40, 60],
  [2, 4, 8, 15, 30, 50, 60, 100, 150, 400],
  [12, 13, 14, 15, 16, 30, 1000],
];

/** The object reader's C files and the larger programs of verifier-scale.c. */
export function clangPrograms(cpus: readonly string[] = ['v2', 'v4']): NamedProgram[] {
  const testdata = join(root, 'src/object/testdata');
  // Maps with a lock need their types to be created; bench loads maps without.
  const small = readdirSync(testdata).filter((file) => file.endsWith('.c') && file !== 'lock.c');
  return [
    ...small.flatMap((file) => cpus.flatMap((cpu) => clang(join(testdata, file), `${file} ${cpu}`, ['-O2', `-mcpu=${cpu}`]))),
    ...SCALES.flatMap((sizes, kind) =>
      sizes.flatMap((n) =>
        cpus.flatMap((cpu) =>
          clang(join(root, 'bench/verifier-scale.c'), `scale ${kind} ${n} ${cpu}`, ['-O2', `-mcpu=${cpu}`, `-DKIND=${kind}`, `-DN=${n}`]),
        ),
      ),
    ),
  ];
}

export async function allPrograms(encoders: number): Promise<NamedProgram[]> {
  return [...(await samplePrograms()), ...encoderPrograms(encoders), ...clangPrograms()];
}

export default async function list(): Promise<undefined> {
  for (const { name, from, program } of await allPrograms(10)) console.log(`${from} ${name}: ${program.insns.length} instructions`);
}
