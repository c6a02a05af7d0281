/**
 * The shipped payload sample, end to end: `npm run long sample`. All 2,000 held-out packets through ONNX Runtime, the engine and
 * this machine's kernel; then the mean time of one inference in the kernel beside ONNX Runtime as WebAssembly and native, in one run.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KernelRunner } from '../src/companion/kernel-runner.ts';
import type { Calibration } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { SELECTION } from '../src/compiler/families/select.ts';
import { checkBinding } from '../src/hooks/fit.ts';
import { parseBinding } from '../src/hooks/parse.ts';
import { xdpHook } from '../src/hooks/xdp.ts';
import { importModel } from '../src/onnx/import.ts';
import { createReference, type Tensors } from '../src/reference/reference.ts';
import { packetInputs } from '../src/replay/inputs.ts';
import { ReferenceRunner } from '../src/replay/reference-runner.ts';
import { replayPackets } from '../src/replay/replay.ts';
import { ModelRunner, type Outcome } from '../src/replay/runner.ts';
import { framesOf } from '../src/replay/testing/frames-of.ts';
import { verify } from '../src/verifier/verify.ts';

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(here, '../public/samples/payload');
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
/** Each side is timed in this many batches, in turn; the best counts. */
const BATCHES = 7;
const RUNS = 200;
const MODEL = 'payload-ids.onnx';

/** Does two runs agree to the last bit? */
function same(a: Outcome, b: Outcome): boolean {
  if (a.returnValue !== b.returnValue || a.score?.ran !== b.score?.ran || a.score?.scoreQ16 !== b.score?.scoreQ16) return false;
  const names = Object.keys(a.outputs ?? {});
  return names.every((name) => a.outputs![name].every((value, i) => value === b.outputs![name][i]));
}

export default async function measure(): Promise<unknown> {
  const bytes = read(MODEL);
  const model = importModel(bytes, { fileName: MODEL, dims: { batch: 1 } });
  const fit = checkBinding(parseBinding(readFileSync(join(folder, 'binding.json'), 'utf8'), 'binding.json'), model)!;
  const calibration = JSON.parse(readFileSync(join(folder, 'calibration.json'), 'utf8')) as Calibration;
  const options = {
    model,
    modelFile: MODEL,
    calibration,
    hook: xdpHook(fit),
    families: SELECTION,
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
  } as const;
  compile(options);
  const beforeCompile = performance.now();
  const { program, meta } = compile(options);
  const compileMs = performance.now() - beforeCompile;
  const verdict = verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 });
  const packets = await framesOf(read('heldout.pcap'));
  const labels = (JSON.parse(readFileSync(join(folder, 'heldout-labels.json'), 'utf8')) as { packets: { label: number }[] }).packets;

  const engine = new ModelRunner(program, meta, 'wasm');
  const reference = await ReferenceRunner.open(bytes, { fileName: MODEL }, model, fit);
  const outcomes: Outcome[] = [];
  const replay = await replayPackets([{ packets }], engine, { reference, onEvent: (_, outcome) => outcomes.push(outcome) });
  await reference.release();

  const kernel = await KernelRunner.open(program, meta);
  const interpreter = new ModelRunner(program, meta, 'interp');
  const differences = { engine: 0, interpreter: 0 };
  for (const [i, packet] of packets.entries()) {
    const inKernel = await kernel.runPacket(packet);
    if (!same(inKernel, outcomes[i])) differences.engine++;
    if (!same(inKernel, interpreter.runPacket(packet))) differences.interpreter++;
  }
  kernel.close();

  const loads = await KernelRunner.open(program, meta, RUNS);
  const { processed } = await loads.statistics();
  const times = await timeInference(loads, engine, bytes, packets[0], packetInputs(packets[0], fit.binding, model.inputs[0])!);
  loads.close();
  const correct = outcomes.filter(({ returnValue }, i) => (returnValue === 1) === (labels[i].label === 1)).length;
  const comparison = replay.comparison!;
  return {
    packets: packets.length,
    labels: { malicious: labels.filter(({ label }) => label === 1).length, benign: labels.filter(({ label }) => label === 0).length },
    agreementWithOnnxRuntime: comparison.agreement,
    byReferenceVerdict: comparison.classes.filter(({ events }) => events > 0),
    nearThreshold: comparison.nearTies,
    maxLogitError: comparison.maxAbsError,
    meanLogitError: comparison.meanAbsError,
    maxScoreError: replay.maxScoreError,
    programAccuracy: correct / packets.length,
    differencesFromKernel: { [engine.vm.engine]: differences.engine, interp: differences.interpreter },
    program: { insns: program.insns.length, compileMs: Math.round(compileMs) },
    kernelVerifier: { processed },
    ownVerifier: { accepted: verdict.accepted, message: verdict.message, processed: verdict.processed },
    microsecondsPerInference: times,
  };
}

/** Best mean of several batches for each side, batches in turn so that all meet the same machine. */
async function timeInference(
  kernel: KernelRunner,
  engine: ModelRunner,
  bytes: Uint8Array,
  packet: Uint8Array,
  inputs: Tensors,
): Promise<Record<string, number>> {
  const wasm = await createReference(bytes);
  const native = await openNative(bytes, inputs);
  const best: Record<string, number> = {};
  const note = (name: string, us: number): void => {
    best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, Math.round(us * 10) / 10);
  };
  const clock = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const before = performance.now();
    for (let i = 0; i < RUNS; i++) await work();
    note(name, ((performance.now() - before) / RUNS) * 1000);
  };
  for (let batch = 0; batch < BATCHES; batch++) {
    await kernel.runPacket(packet);
    note('kernel', kernel.lastNs / 1000);
    await clock('engine', async () => engine.vm.runXdp(packet));
    await clock('onnxruntimeWeb', () => wasm.run(inputs));
    await clock('onnxruntimeNode', native);
  }
  await wasm.release();
  return best;
}

/** onnxruntime-node lives in a package of its own; it is installed on first use, without its download script. */
async function openNative(bytes: Uint8Array, inputs: Tensors): Promise<() => Promise<unknown>> {
  const home = join(here, 'native');
  if (!existsSync(join(home, 'node_modules'))) {
    execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: home, stdio: 'inherit' });
  }
  // biome-ignore lint/suspicious/noExplicitAny: the package is absent from the main install, and so are its types.
  const ort: any = createRequire(join(home, 'package.json'))('onnxruntime-node');
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, dims, data }]) => [name, new ort.Tensor(dtype, data, dims)]),
  );
  return () => session.run(feeds) as Promise<unknown>;
}
