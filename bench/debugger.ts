/**
 * What watching costs: `npm run long debugger`. One inference of the shipped payload sample as the interpreter runs it, under the debugger
 * (which records checkpoints), block by block under the profiler, and with a look at every instruction; in WebAssembly without counters and
 * with them; then steps back at random places.
 * All of it in one run, the best of several, so that the ratios hold on any machine.
 */

import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Calibration } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { SELECTION } from '../src/compiler/families/select.ts';
import { checkBinding } from '../src/hooks/fit.ts';
import { parseBinding } from '../src/hooks/parse.ts';
import { xdpHook } from '../src/hooks/xdp.ts';
import { importModel } from '../src/onnx/import.ts';
import { framesOf } from '../src/replay/testing/frames-of.ts';
import { Debugger } from '../src/vm/debug/debugger.ts';
import { CompiledProfiler } from '../src/vm/profile/compiled.ts';
import { Counters } from '../src/vm/profile/counters.ts';
import { Profiler } from '../src/vm/profile/profiler.ts';
import { randomSource } from '../src/vm/testing/random-program.ts';
import { Vm } from '../src/vm/vm.ts';

const folder = resolve(dirname(fileURLToPath(import.meta.url)), '../public/samples/payload');
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const MODEL = 'payload-ids.onnx';
const ROUNDS = 7;
const STEPS_BACK = 200;
const WASM_RUNS = 300;

const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

export default async function measure(): Promise<Record<string, unknown>> {
  const model = importModel(read(MODEL), { fileName: MODEL, dims: { batch: 1 } });
  const fit = checkBinding(parseBinding(readFileSync(join(folder, 'binding.json'), 'utf8'), 'binding.json'), model)!;
  const calibration = JSON.parse(readFileSync(join(folder, 'calibration.json'), 'utf8')) as Calibration;
  const { program } = compile({
    model,
    modelFile: MODEL,
    calibration,
    hook: xdpHook(fit),
    families: SELECTION,
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
  });
  // The packet that the program works on longest: one that the model sees.
  const packets = (await framesOf(read('heldout.pcap'))).slice(0, 50);
  const plain = new Vm(program);
  const lengths = packets.map((data) => plain.runXdp(data).insnsExecuted);
  const insns = Math.max(...lengths);
  const packet = packets[lengths.indexOf(insns)]!;

  const profiler = new Profiler(new Vm(program));
  let debug = new Debugger(new Vm(program), ({ prepareXdp }) => prepareXdp(packet));
  const ways: Record<string, () => unknown> = {
    plain: () => plain.runXdp(packet),
    debugger: () => debug.continue(),
    profiler: () => profiler.run(({ prepareXdp }) => prepareXdp(packet)),
    everyInstruction: () => plain.runTraced(packet, () => {}),
  };
  const best = new Map(Object.keys(ways).map((name) => [name, Number.POSITIVE_INFINITY]));
  for (let i = 0; i < ROUNDS; i++) {
    debug = new Debugger(new Vm(program), ({ prepareXdp }) => prepareXdp(packet));
    for (const [name, run] of Object.entries(ways)) {
      const began = performance.now();
      await run();
      best.set(name, Math.min(best.get(name)!, performance.now() - began));
    }
  }
  const translated = new Vm(program, { engine: 'wasm' });
  const counted = CompiledProfiler.of(new Vm(program, { engine: 'wasm', counters: Counters.of }))!;
  const us = { wasm: Number.POSITIVE_INFINITY, wasmWithCounters: Number.POSITIVE_INFINITY };
  for (let i = 0; i < ROUNDS * WASM_RUNS; i++) {
    // Rounds of one and of the other, so that both meet the same machine.
    const which = Math.floor(i / WASM_RUNS) % 2 === 0 ? 'wasm' : 'wasmWithCounters';
    const began = performance.now();
    if (which === 'wasm') translated.runUnseen({ packet });
    else counted.run({ packet });
    us[which] = Math.min(us[which], (performance.now() - began) * 1000);
  }
  const random = randomSource(1);
  const back: number[] = [];
  for (let i = 0; i < STEPS_BACK; i++) {
    await debug.goTo(1 + (random() % (insns - 1)));
    const began = performance.now();
    await debug.stepBack();
    back.push(performance.now() - began);
  }
  back.sort((a, b) => a - b);
  const base = best.get('plain')!;
  return {
    instructions: insns,
    millionsASecond: Object.fromEntries([...best].map(([name, ms]) => [name, round(insns / ms / 1000, 1)])),
    timesPlain: Object.fromEntries([...best].map(([name, ms]) => [name, round(ms / base)])),
    microseconds: { wasm: round(us.wasm, 1), wasmWithCounters: round(us.wasmWithCounters, 1), times: round(us.wasmWithCounters / us.wasm) },
    stepBack: {
      medianMs: round(back[STEPS_BACK / 2]!),
      worstMs: round(back.at(-1)!),
      timesPlainMedian: round(back[STEPS_BACK / 2]! / base, 3),
    },
    recording: { checkpoints: debug.recording.count, bytes: debug.recording.bytes, instructionsApart: debug.recording.spacing },
  };
}
