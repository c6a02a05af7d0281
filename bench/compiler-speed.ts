/**
 * Speed of compiled models in the kernel: `BPFORMER_ORT_NODE=FOLDER npm run long compiler-speed MODELS`. MODELS is a folder with the encoders `encoder-s32-d32` and
 * `encoder-s64-d64` (samples/zoo/export.py); FOLDER is one in which `npm install onnxruntime-node --ignore-scripts` was run. All in one run:
 * our program by `BPF_PROG_TEST_RUN`, native ONNX Runtime, the same integer algorithm as plain C (bench/native/encoder.c) that clang -O2 compiled for BPF, and
 * linear layers alone. Times are the best of several batches, the competitors in turn.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Kernel, openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import type { KernelProgram } from '../src/companion/kernel-program.ts';
import type { Calibration, Compiled, CompileOptions } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { SELECTION } from '../src/compiler/families/select.ts';
import type { HGraph } from '../src/compiler/graph/hops.ts';
import { recognise } from '../src/compiler/graph/recognise.ts';
import { mapDims, product } from '../src/compiler/graph/view.ts';
import { plainHook } from '../src/compiler/testing/tensor-hook.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { readObject } from '../src/object/reader.ts';
import { importModel, inspectModel } from '../src/onnx/import.ts';
import type { Model, Tensor } from '../src/onnx/model.ts';
import { calibrate } from '../src/reference/calibrate.ts';
import { createReference } from '../src/reference/reference.ts';
import { splitInputs } from '../src/replay/split-inputs.ts';
import { loadTensor, storeTensor } from '../src/replay/tensors.ts';
import { readNpy } from '../src/traces/npy.ts';
import { linearLayers } from './compiler-speed/layers.ts';
import { plainParameters } from './compiler-speed/plain.ts';

const here = dirname(fileURLToPath(import.meta.url));
const MODELS = ['encoder-s32-d32', 'encoder-s64-d64'] as const;
/** Precisions that are measured; the first is the compiler's default. */
const QUANTS: readonly CompileOptions['quant'][] = ['w8a16', 'w8a8'];
const BATCHES = 25;
const RUNS = 40;
const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);

interface Clock {
  readonly name: string;
  readonly run: () => Promise<number>;
  best: number;
}
const clock = (name: string, run: () => Promise<number>): Clock => ({ name, run, best: Number.POSITIVE_INFINITY });
const inKernel = (name: string, program: KernelProgram): Clock =>
  clock(name, async () => (await program.testRun(PACKET, { repeat: RUNS })).durationNs);

async function race(clocks: readonly Clock[]): Promise<void> {
  for (let batch = 0; batch < BATCHES; batch++) for (const c of clocks) c.best = Math.min(c.best, await c.run());
}

/** Multiply-accumulates of the graph as it was recognised, before anything is folded. */
function multiplyAccumulates(graph: HGraph): { linear: number; attention: number } {
  let [linear, attention] = [0, 0];
  for (const op of graph.ops) {
    if (op.kind === 'linear') linear += product(op.out.dims) * op.weights.dims[1]!;
    if (op.kind === 'matmul') attention += product(op.out.dims) * mapDims(op.a.map).at(-1)!;
  }
  return { linear, attention };
}

interface Loaded {
  readonly model: Model;
  readonly bytes: Uint8Array;
  readonly inputs: readonly Tensor[];
  readonly calibration: Calibration;
}

async function load(folder: string): Promise<Loaded> {
  const bytes = new Uint8Array(readFileSync(join(folder, 'model.onnx')));
  const { symbolicDims } = inspectModel(bytes, 'model.onnx');
  const model = importModel(bytes, { fileName: 'model.onnx', dims: Object.fromEntries(symbolicDims.map((d) => [d, 1])) });
  const input = model.inputs[0]!;
  const read = (file: string): Tensor[] => {
    const { shape, data } = readNpy(new Uint8Array(readFileSync(join(folder, file))), file);
    return splitInputs({ dtype: 'float32', dims: shape, data } as Tensor, input, file);
  };
  const samples = read('calibration.npy').map((tensor) => ({ [input.name]: tensor }));
  return { model, bytes, inputs: read('inputs.npy'), calibration: await calibrate(bytes, samples, { source: 'trace' }) };
}

const argmax = (v: ArrayLike<number>): number => Array.from(v).indexOf(Math.max(...Array.from(v)));

/** Share of inputs with the same class as ONNX Runtime's. */
async function agreement(loaded: Loaded, compiled: Compiled, program: KernelProgram, wanted: readonly number[]): Promise<number> {
  const [slot] = compiled.meta.inputs;
  const input = program.map('input');
  let agree = 0;
  for (const [i, tensor] of loaded.inputs.entries()) {
    const buffer = new Uint8Array(input.def.valueSize);
    storeTensor(tensor, slot!, buffer);
    await input.update(KEY, buffer);
    await program.testRun(PACKET);
    if (argmax(loadTensor(compiled.meta.outputs[0]!, await program.map('output').lookupIndex(0))) === wanted[i]) agree++;
  }
  return agree / wanted.length;
}

async function referenceClasses({ model, bytes, inputs }: Loaded): Promise<number[]> {
  const reference = await createReference(bytes);
  const classes: number[] = [];
  for (const tensor of inputs)
    classes.push(argmax((await reference.run({ [model.inputs[0]!.name]: tensor }))[model.outputs[0]!.name]!.data as Float32Array));
  await reference.release();
  return classes;
}

/** The parts of onnxruntime-node that are used. */
interface OrtNode {
  readonly InferenceSession: {
    create(path: string, options: object): Promise<{ run(feeds: object): Promise<object> }>;
  };
  readonly Tensor: new (type: string, data: BigInt64Array, dims: readonly number[]) => object;
}

async function ortClocks(folder: string, { model, inputs }: Loaded): Promise<Clock[]> {
  const place = process.env.BPFORMER_ORT_NODE;
  if (!place || !existsSync(place)) return [];
  const ort = createRequire(`${resolve(place)}/`)('onnxruntime-node') as OrtNode;
  const [input] = model.inputs;
  const feeds = { [input!.name]: new ort.Tensor('int64', BigInt64Array.from(inputs[0]!.data as BigInt64Array, BigInt), input!.dims) };
  const made: Clock[] = [];
  // As it comes, and with one thread, as a program in the kernel has.
  for (const [name, options] of [
    ['ort', {}],
    ['ortOneThread', { intraOpNumThreads: 1, interOpNumThreads: 1 }],
  ] as const) {
    const session = await ort.InferenceSession.create(join(folder, 'model.onnx'), options);
    made.push(
      clock(name, async () => {
        const before = performance.now();
        for (let i = 0; i < RUNS; i++) await session.run(feeds);
        return ((performance.now() - before) / RUNS) * 1e6;
      }),
    );
  }
  return made;
}

/** The plain C program with the model's parameters, by each clang that is installed. */
async function plainClocks(
  kernel: Kernel,
  loaded: Loaded,
): Promise<{ clocks: Clock[]; programs: KernelProgram[]; plain: ReturnType<typeof plainParameters> }> {
  const plain = plainParameters(loaded.model, loaded.calibration);
  const folder = mkdtempSync(join(tmpdir(), 'bpformer-plain-'));
  const [clocks, programs]: [Clock[], KernelProgram[]] = [[], []];
  for (const [compiler, cpu] of [
    ['clang-16', 'v3'],
    ['clang-19', 'v3'],
    ['clang-19', 'v4'],
  ] as const) {
    const file = join(folder, `${compiler}-${cpu}.o`);
    const defines = Object.entries(plain.sizes).map(([name, value]) => `-D${name}=${value}`);
    try {
      execFileSync(compiler, ['-g', '-O2', '-target', 'bpf', `-mcpu=${cpu}`, ...defines, '-c', join(here, 'native/encoder.c'), '-o', file]);
    } catch {
      console.error(`${compiler} is not there or does not take ${cpu}`);
      continue;
    }
    const [program] = readObject(new Uint8Array(readFileSync(file)), file).programs;
    const result = await kernel.load(program!, { btf: programBtf(program!) });
    if (!result.program) {
      console.error(`plain C by ${compiler} ${cpu} is refused: ${result.message}`);
      continue;
    }
    const name = (part: string): string => result.program!.maps.find((m) => m.def.name.includes(part))!.def.name;
    await result.program.map(name('.data.wei')).update(KEY, plain.bytes);
    await result.program.map(name('.data.inp')).update(KEY, plain.tokens(loaded.inputs[0]!));
    clocks.push(inKernel(`plain ${compiler} ${cpu}`, result.program));
    programs.push(result.program);
  }
  return { clocks, programs, plain };
}

export default async function measure([folder]: string[]): Promise<unknown> {
  if (!folder || !MODELS.every((name) => existsSync(join(folder, name, 'model.onnx'))))
    throw new Error(`give the folder in which samples/zoo/export.py put ${MODELS.join(' and ')}`);
  if (!process.env.BPFORMER_ORT_NODE) console.error('BPFORMER_ORT_NODE names no folder with onnxruntime-node: nothing is compared with it');
  const kernel = await openKernel();
  if (!kernel) throw new Error(whyNoKernel());
  const figures: Record<string, unknown> = { linearLayers: await linearLayers(kernel, BATCHES) };
  for (const name of MODELS) {
    const loaded = await load(join(folder, name));
    const wanted = await referenceClasses(loaded);
    const clocks: Clock[] = [];
    const facts: Record<string, unknown> = { multiplyAccumulates: multiplyAccumulates(recognise(loaded.model)) };
    for (const quant of QUANTS) {
      const compiled = compile({
        model: loaded.model,
        modelFile: `${name}.onnx`,
        calibration: loaded.calibration,
        hook: plainHook,
        families: SELECTION,
        kernel: '6.18',
        strategy: 'auto',
        quant,
      });
      const result = await kernel.load(compiled.program, { btf: programBtf(compiled.program) });
      if (!result.program) throw new Error(`${name} ${quant} is refused: ${result.message}`);
      facts[quant] = {
        insns: compiled.program.insns.length,
        processed: result.processed,
        agreement: await agreement(loaded, compiled, result.program, wanted),
        inputs: wanted.length,
      };
      clocks.push(inKernel(quant, result.program));
    }
    const plain = await plainClocks(kernel, loaded);
    const [first] = plain.programs;
    if (first) {
      let agree = 0;
      for (const [i, tensor] of loaded.inputs.entries()) {
        await first.map(first.maps.find((m) => m.def.name.includes('.data.inp'))!.def.name).update(KEY, plain.plain.tokens(tensor));
        await first.testRun(PACKET);
        const out = await first.map(first.maps.find((m) => m.def.name.includes('.data.out'))!.def.name).lookupIndex(0);
        if (argmax(new Int32Array(out.buffer, out.byteOffset, plain.plain.sizes.C)) === wanted[i]) agree++;
      }
      facts.plainAgreement = agree / wanted.length;
    }
    const all = [...clocks, ...(await ortClocks(join(folder, name), loaded)), ...plain.clocks];
    await race(all);
    const us = Object.fromEntries(all.map((c) => [c.name, Math.round(c.best / 100) / 10]));
    const ratio = (over: string): Record<string, number> =>
      Object.fromEntries(QUANTS.filter((q) => us[q] && us[over]).map((q) => [q, Math.round((us[q]! / us[over]!) * 100) / 100]));
    const plainBest = Math.min(...plain.clocks.map((c) => c.best)) / 1000;
    facts.us = us;
    facts.ofOrt = ratio('ort');
    facts.ofOrtOneThread = ratio('ortOneThread');
    facts.plainOverOurs = Object.fromEntries(QUANTS.map((q) => [q, Math.round((plainBest / us[q]!) * 100) / 100]));
    figures[name] = facts;
    console.error(name, JSON.stringify(facts));
  }
  kernel.close();
  return figures;
}
