// Runs in a worker of the page that bench/engine-browser.ts serves: the payload sample on both engines.
import type { Calibration } from '../../src/compiler/api.ts';
import { compile } from '../../src/compiler/compile.ts';
import { checkBinding } from '../../src/hooks/fit.ts';
import { parseBinding } from '../../src/hooks/parse.ts';
import { xdpHook } from '../../src/hooks/xdp.ts';
import { importModel } from '../../src/onnx/import.ts';
import { readPcap } from '../../src/traces/pcap.ts';
import { Vm } from '../../src/vm/vm.ts';

const MODEL = 'payload-ids.onnx';
const COMPARED = 50;
const BATCHES = 40;
const RUNS = 20;

async function read(name: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(`/sample/${name}`)).arrayBuffer());
}

const text = async (name: string): Promise<string> => new TextDecoder().decode(await read(name));

async function measure(): Promise<unknown> {
  const model = importModel(await read(MODEL), { fileName: MODEL, dims: { batch: 1 } });
  const fit = checkBinding(parseBinding(await text('binding.json'), 'binding.json'), model)!;
  const calibration = JSON.parse(await text('calibration.json')) as Calibration;
  const hook = xdpHook(fit);
  const { program } = compile({ model, modelFile: MODEL, calibration, hook, kernel: '6.18', strategy: 'auto', quant: 'w8a16' });
  const packets = readPcap(await read('heldout.pcap'), 'heldout.pcap').packets.map((packet) => packet.data);
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
  let best = Number.POSITIVE_INFINITY;
  let insnsExecuted = 0;
  for (let batch = 0; batch < BATCHES; batch++) {
    before = performance.now();
    for (let i = 0; i < RUNS; i++) ({ insnsExecuted } = translated.runXdp(packets[0]));
    best = Math.min(best, (performance.now() - before) / RUNS);
  }
  return {
    engine: translated.engine,
    startUpMs: Math.round(startUpMs),
    firstRunMs: Math.round(firstRunMs * 10) / 10,
    packetsCompared: COMPARED,
    differences,
    insnsExecuted,
    microsecondsPerInference: Math.round(best * 1000),
    millionInsnsPerSecond: Math.round(insnsExecuted / best / 1000),
  };
}

measure().then(
  (figures) => postMessage({ figures }),
  (error: unknown) => postMessage({ error: String(error) }),
);
