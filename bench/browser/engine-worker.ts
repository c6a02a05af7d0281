// Runs in a worker of the page that bench/engine-browser.ts serves: the payload sample on both engines.

import type { Calibration } from '../../src/compiler/api.ts';
import { compile } from '../../src/compiler/compile.ts';
import { SELECTION } from '../../src/compiler/families/select.ts';
import { checkBinding } from '../../src/hooks/fit.ts';
import { parseBinding } from '../../src/hooks/parse.ts';
import { xdpHook } from '../../src/hooks/xdp.ts';
import { importModel } from '../../src/onnx/import.ts';
import { configureOrt } from '../../src/reference/ort.ts';
import { createReference } from '../../src/reference/reference.ts';
import { packetInputs } from '../../src/replay/inputs.ts';
import { framesOf } from '../../src/replay/testing/frames-of.ts';
import { Vm } from '../../src/vm/vm.ts';
import { smallFilter } from '../small-filter.ts';

const MODEL = 'payload-ids.onnx';
const COMPARED = 50;
const BATCHES = 40;
const RUNS = 20;

async function read(name: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(`/sample/${name}`)).arrayBuffer());
}

/** Chromium's own figure, where a worker has it. */
const heapBytes = (): number | undefined => (performance as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize;

const text = async (name: string): Promise<string> => new TextDecoder().decode(await read(name));

async function measure(): Promise<unknown> {
  const model = importModel(await read(MODEL), { fileName: MODEL, dims: { batch: 1 } });
  const fit = checkBinding(parseBinding(await text('binding.json'), 'binding.json'), model)!;
  const calibration = JSON.parse(await text('calibration.json')) as Calibration;
  const hook = xdpHook(fit);
  const { program } = compile({
    model,
    modelFile: MODEL,
    calibration,
    hook,
    families: SELECTION,
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
  });
  const packets = await framesOf(await read('heldout.pcap'));
  let before = performance.now();
  const translated = new Vm(program, { engine: 'wasm' });
  const startUpMs = performance.now() - before;
  before = performance.now();
  translated.runXdp(packets[0]);
  const firstRunMs = performance.now() - before;
  const interpreted = new Vm(program);
  const differences = packets.slice(0, COMPARED).filter((packet) => {
    const [a, b] = [translated, interpreted].map((vm) => vm.runXdp(packet));
    return a.returnValue !== b.returnValue || a.insnsExecuted !== b.insnsExecuted;
  }).length;
  configureOrt({
    wasmPaths: { wasm: `${location.origin}/ort/ort-wasm-simd-threaded.wasm`, mjs: `${location.origin}/ort/ort-wasm-simd-threaded.mjs` },
  });
  const reference = await createReference(await read(MODEL));
  const inputs = packetInputs(packets[0], fit.binding, model.inputs[0])!;
  const best = { engine: Number.POSITIVE_INFINITY, onnxruntimeWeb: Number.POSITIVE_INFINITY };
  let insnsExecuted = 0;
  // In turn, so that both meet the same machine.
  for (let batch = 0; batch < BATCHES; batch++) {
    before = performance.now();
    for (let i = 0; i < RUNS; i++) ({ insnsExecuted } = translated.runXdp(packets[0]));
    best.engine = Math.min(best.engine, (performance.now() - before) / RUNS);
    before = performance.now();
    for (let i = 0; i < RUNS; i++) await reference.run(inputs);
    best.onnxruntimeWeb = Math.min(best.onnxruntimeWeb, (performance.now() - before) / RUNS);
  }
  return {
    engine: translated.engine,
    startUpMs: Math.round(startUpMs),
    firstRunMs: Math.round(firstRunMs * 10) / 10,
    packetsCompared: COMPARED,
    differences,
    insnsExecuted,
    microsecondsPerInference: Math.round(best.engine * 1000),
    onnxruntimeWebMicroseconds: Math.round(best.onnxruntimeWeb * 1000),
    timesAsFastAsOnnxruntimeWeb: Math.round((best.onnxruntimeWeb / best.engine) * 100) / 100,
    millionInsnsPerSecond: Math.round(insnsExecuted / best.engine / 1000),
    smallFilter: smallFilter(heapBytes),
  };
}

measure().then(
  (figures) => postMessage({ figures }),
  (error: unknown) => postMessage({ error: String(error) }),
);
