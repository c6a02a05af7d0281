/**
 * What the loop strategies cost: `npm run long strategies`. The shipped payload sample and the fixtures of the zoo, compiled with each; what this machine's kernel
 * says of them and how long one inference takes there and in the engine, all in one run.
 */

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import type { Calibration, Compiled, CompileOptions } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { SELECTION } from '../src/compiler/families/select.ts';
import { STRATEGIES } from '../src/compiler/strategy.ts';
import { FIXTURES, loadModel, modelBytes, storeInput, tensors } from '../src/compiler/testing/fixtures.ts';
import { plainHook } from '../src/compiler/testing/tensor-hook.ts';
import { checkBinding } from '../src/hooks/fit.ts';
import { parseBinding } from '../src/hooks/parse.ts';
import { xdpHook } from '../src/hooks/xdp.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { importModel } from '../src/onnx/import.ts';
import { calibrate } from '../src/reference/calibrate.ts';
import { framesOf } from '../src/replay/testing/frames-of.ts';
import { Vm } from '../src/vm/vm.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(resolve(root, path)));
const SAMPLE = 'public/samples/payload';
/** The best of several batches, the strategies in turn. */
const BATCHES = 5;
const RUNS = 200;
const KEY = new Uint8Array(4);

type Case = Omit<CompileOptions, 'strategy'> & { readonly packet: Uint8Array; readonly store: ((compiled: Compiled) => Uint8Array) | null };

async function cases(): Promise<Case[]> {
  const target = { kernel: '6.18', quant: 'w8a16' } as const;
  const model = importModel(read(`${SAMPLE}/payload-ids.onnx`), { fileName: 'payload-ids.onnx', dims: { batch: 1 } });
  const fit = checkBinding(parseBinding(new TextDecoder().decode(read(`${SAMPLE}/binding.json`)), 'binding.json'), model)!;
  const calibration = JSON.parse(new TextDecoder().decode(read(`${SAMPLE}/calibration.json`))) as Calibration;
  const [first] = await framesOf(read(`${SAMPLE}/heldout.pcap`));
  const made: Case[] = [
    {
      ...target,
      model,
      modelFile: 'payload-ids.onnx',
      calibration,
      hook: xdpHook(fit),
      families: SELECTION,
      packet: first!,
      store: null,
    },
  ];
  for (const fixture of FIXTURES) {
    const zoo = loadModel(read, fixture);
    const samples = tensors(read, fixture, 'calibration.npy', zoo).slice(0, 8);
    made.push({
      ...target,
      model: zoo,
      modelFile: `${fixture}.onnx`,
      calibration: await calibrate(modelBytes(read, fixture), samples, { source: 'trace' }),
      hook: plainHook,
      families: SELECTION,
      packet: new Uint8Array(64),
      store: (compiled) => storeInput(compiled, samples[0]!),
    });
  }
  return made;
}

export default async function measure(): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(whyNoKernel());
  const figures: Record<string, Record<string, object>> = {};
  for (const { packet, store, ...options } of await cases()) {
    const rows: Record<string, object> = {};
    const clocks: { name: string; run: () => Promise<number>; best: number }[] = [];
    for (const { name } of STRATEGIES) {
      let compiled: Compiled;
      try {
        compiled = compile({ ...options, strategy: name });
      } catch (error) {
        rows[name] = { refused: String(error) };
        continue;
      }
      const { program } = compiled;
      const loaded = await kernel.load(program, { btf: programBtf(program) });
      const { message, processed, totalStates, peakStates, stackDepth } = loaded;
      rows[name] = { insns: program.insns.length, message, processed, totalStates, peakStates, stackDepth };
      if (!loaded.program) continue;
      const input = store?.(compiled);
      if (input) await loaded.program.map('input').update(KEY, input);
      const vm = new Vm(program, { engine: 'wasm' });
      if (input) vm.maps.get('input').update(KEY, input);
      const inKernel = loaded.program;
      clocks.push({ name, run: async () => (await inKernel.testRun(packet, { repeat: RUNS })).durationNs, best: Number.POSITIVE_INFINITY });
      clocks.push({
        name: `${name} engine`,
        run: async () => {
          const before = performance.now();
          for (let i = 0; i < RUNS; i++) vm.runXdp(packet);
          return ((performance.now() - before) / RUNS) * 1e6;
        },
        best: Number.POSITIVE_INFINITY,
      });
    }
    for (let batch = 0; batch < BATCHES; batch++) for (const clock of clocks) clock.best = Math.min(clock.best, await clock.run());
    for (const { name, best } of clocks) {
      const [strategy, side] = name.split(' ');
      rows[strategy!] = { ...rows[strategy!], [side ? 'engineNs' : 'kernelNs']: Math.round(best) };
    }
    figures[options.modelFile] = rows;
  }
  kernel.close();
  return figures;
}
