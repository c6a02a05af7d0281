/**
 * Both engines and this machine's kernel: `npm run long engine`. Millions of instructions a second on small loops, and on the shipped
 * payload sample start-up, microseconds and instructions of one inference beside ONNX Runtime's, and whole events a second through the
 * replay's runner; start-up of a program of 10,000 instructions; a million packets through a small filter, and what memory grew by.
 */

import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assemble } from '../src/bpf/asm.ts';
import { heedBranchHints } from '../src/cli/branch-hints.ts';
import { openKernel } from '../src/companion/kernel.ts';
import { KernelRunner } from '../src/companion/kernel-runner.ts';
import type { Calibration } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { SELECTION } from '../src/compiler/families/select.ts';
import { checkBinding } from '../src/hooks/fit.ts';
import { parseBinding } from '../src/hooks/parse.ts';
import { xdpHook } from '../src/hooks/xdp.ts';
import { importModel } from '../src/onnx/import.ts';
import { createReference } from '../src/reference/reference.ts';
import { packetInputs } from '../src/replay/inputs.ts';
import { ModelRunner } from '../src/replay/runner.ts';
import { framesOf } from '../src/replay/testing/frames-of.ts';
import { Vm } from '../src/vm/vm.ts';
import loops from './interpreter.ts';
import { smallFilter } from './small-filter.ts';

const folder = resolve(dirname(fileURLToPath(import.meta.url)), '../public/samples/payload');
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const MODEL = 'payload-ids.onnx';
/** Times are the best of several, the sides in turn: the machine may be busy with other things. */
const BATCHES = 5;
const RUNS = 200;
/** After so many inferences V8 has compiled every function with its optimising compiler. */
const TIER_UP_RUNS = 3000;
const ENGINES = ['interp', 'wasm'] as const;

const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

/** The least time, in microseconds, that one call of `work` takes. */
function fastest(runs: number, work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const before = performance.now();
    work();
    best = Math.min(best, performance.now() - before);
  }
  return best * 1000;
}

/** Milliseconds from a program of about 10,000 instructions, loops and branches among them, to a machine that has run it once. */
function startUp(): Record<string, number> {
  const piece = (i: number) =>
    `r1 = ${i}\nr2 = 7\nl${i}: r1 *= 31\nr1 ^= r2\n*(u64 *)(r10 -8) = r1\nr3 = *(u32 *)(r10 -8)\nr0 += r3\nr2 += -1\nif r2 != 0 goto l${i}\nif r0 > 9 goto m${i}\nr0 += 1\nm${i}:`;
  const text = Array.from({ length: 910 }, (_, i) => piece(i)).join('\n');
  // Each time another program: V8 knows code that it has compiled before.
  const programs = Array.from({ length: 2 * BATCHES }, (_, i) => {
    const { program, diagnostics } = assemble(`.section xdp\nr0 = ${i}\n${text}\nexit`);
    if (!program) throw new Error(diagnostics[0].message);
    return program;
  });
  const packet = new Uint8Array(64);
  let processorMs = Number.POSITIVE_INFINITY;
  let at = 0;
  const us = fastest(programs.length, () => {
    const cpu = process.cpuUsage();
    new Vm(programs[at++], { engine: 'wasm' }).runXdp(packet);
    const { user, system } = process.cpuUsage(cpu);
    processorMs = Math.min(processorMs, (user + system) / 1000);
  });
  return { insns: programs[0].insns.length, ms: round(us / 1000, 1), processorMs: round(processorMs, 1) };
}

export default async function measure(): Promise<unknown> {
  const model = importModel(read(MODEL), { fileName: MODEL, dims: { batch: 1 } });
  const fit = checkBinding(parseBinding(readFileSync(join(folder, 'binding.json'), 'utf8'), 'binding.json'), model)!;
  const calibration = JSON.parse(readFileSync(join(folder, 'calibration.json'), 'utf8')) as Calibration;
  const { program, meta } = compile({
    model,
    modelFile: MODEL,
    calibration,
    hook: xdpHook(fit),
    families: SELECTION,
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
  });
  const packets = await framesOf(read('heldout.pcap'));
  // Compiled for good before the flag is set, which holds for what is compiled from then on. Another number of processors makes other
  // code of it: V8 would take what it has compiled already for the same code.
  const unhinted = new Vm(program, { engine: 'wasm', cpus: 2 });
  fastest(TIER_UP_RUNS, () => unhinted.runXdp(packets[0]));
  heedBranchHints();
  const startUpMs = fastest(1, () => new Vm(program, { engine: 'wasm' })) / 1000;

  const machines = ENGINES.map((engine) => new Vm(program, { engine }));
  const { insnsExecuted } = machines[0].runXdp(packets[0]);
  const reference = await createReference(read(MODEL));
  const inputs = packetInputs(packets[0], fit.binding, model.inputs[0])!;
  const kernel = (await openKernel()) ? await KernelRunner.open(program, meta, RUNS) : null;
  const us: Record<string, number> = {};
  const note = (name: string, value: number): void => {
    us[name] = Math.min(us[name] ?? Number.POSITIVE_INFINITY, round(value, 1));
  };
  for (let batch = 0; batch < BATCHES; batch++) {
    for (const [i, engine] of ENGINES.entries())
      note(
        engine,
        fastest(engine === 'wasm' ? RUNS : 5, () => machines[i].runXdp(packets[0])),
      );
    note(
      'wasmWithoutHints',
      fastest(RUNS, () => unhinted.runXdp(packets[0])),
    );
    for (let i = 0; i < RUNS; i++) {
      const before = performance.now();
      await reference.run(inputs);
      note('onnxruntimeWeb', (performance.now() - before) * 1000);
    }
    if (!kernel) continue;
    await kernel.runPacket(packets[0]);
    note('kernel', kernel.lastNs / 1000);
  }
  kernel?.close();
  await reference.release();

  const eventsPerSecond = Object.fromEntries(
    ENGINES.map((engine) => {
      const runner = new ModelRunner(program, meta, engine);
      const events = engine === 'wasm' ? packets : packets.slice(0, 50);
      for (const packet of events.slice(0, 20)) runner.runPacket(packet);
      const before = performance.now();
      for (const packet of events) runner.runPacket(packet);
      return [engine, round((events.length / (performance.now() - before)) * 1000)];
    }),
  );
  return {
    loopsMillionInsnsPerSecond: loops(),
    smallFilter: smallFilter(() => process.memoryUsage.rss()),
    startUpOf10000: startUp(),
    sample: {
      insns: program.insns.length,
      insnsExecuted,
      startUpMs: round(startUpMs, 1),
      microsecondsPerInference: us,
      millionInsnsPerSecond: Object.fromEntries(
        Object.entries(us).flatMap(([name, time]) => (name === 'onnxruntimeWeb' ? [] : [[name, round(insnsExecuted / time)]])),
      ),
      shareOfKernelSpeed: us.kernel === undefined ? null : round(us.kernel / us.wasm, 2),
      shareOfKernelSpeedWithoutHints: us.kernel === undefined ? null : round(us.kernel / us.wasmWithoutHints, 2),
      timesAsFastAsOnnxruntimeWeb: round(us.onnxruntimeWeb / us.wasm, 2),
      eventsPerSecond,
    },
  };
}
