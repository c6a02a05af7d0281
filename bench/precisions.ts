/**
 * What the precisions cost: `npm run long precisions`. The fixtures of the zoo, compiled with each; time of one inference in this machine's
 * kernel, bytes of the weights and how the results compare with ONNX Runtime, all in one run.
 */

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import type { Compiled } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { SELECTION } from '../src/compiler/families/select.ts';
import { allParts } from '../src/compiler/parts.ts';
import { PRECISIONS } from '../src/compiler/precision.ts';
import { FIXTURES, loadModel, modelBytes, storeInput, tensors } from '../src/compiler/testing/fixtures.ts';
import { plainHook } from '../src/compiler/testing/tensor-hook.ts';
import { readWeightsHeader } from '../src/compiler/weights-map.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { calibrate } from '../src/reference/calibrate.ts';
import { ReferenceRunner } from '../src/replay/reference-runner.ts';
import { replayTensors } from '../src/replay/replay.ts';
import { ModelRunner } from '../src/replay/runner.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const read = (path: string): Uint8Array => new Uint8Array(readFileSync(resolve(root, path)));
/** The best of several batches, the precisions in turn. */
const BATCHES = 7;
const RUNS = 400;
const parts = await allParts();
const KEY = new Uint8Array(4);
const PACKET = new Uint8Array(64);

export default async function measure(): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(whyNoKernel());
  const figures: Record<string, Record<string, object>> = {};
  for (const fixture of FIXTURES) {
    const model = loadModel(read, fixture);
    const bytes = modelBytes(read, fixture);
    const samples = tensors(read, fixture, 'calibration.npy', model);
    const events = tensors(read, fixture, 'inputs.npy', model);
    const calibration = await calibrate(bytes, samples, { source: 'trace' });
    const reference = await ReferenceRunner.open(bytes, { fileName: fixture }, model, null);
    const rows: Record<string, object> = {};
    const clocks: { name: string; run: () => Promise<number>; best: number }[] = [];
    for (const { name } of PRECISIONS) {
      const compiled: Compiled = compile({
        model,
        modelFile: `${fixture}.onnx`,
        calibration,
        hook: plainHook,
        families: SELECTION,
        kernel: '6.18',
        strategy: 'auto',
        quant: name,
        parts,
      });
      const { program, meta } = compiled;
      const { comparison } = await replayTensors(events, new ModelRunner(program, meta), { reference });
      const loaded = await kernel.load(program, { btf: programBtf(program) });
      rows[name] = {
        weights: readWeightsHeader(program.maps[0]!.data!)!.size,
        agreement: comparison!.agreement,
        relativeError: Number(comparison!.relativeError.toPrecision(3)),
        processed: loaded.processed,
        message: loaded.message,
      };
      if (!loaded.program) continue;
      await loaded.program.map('input').update(KEY, storeInput(compiled, events[0]!));
      const inKernel = loaded.program;
      clocks.push({ name, run: async () => (await inKernel.testRun(PACKET, { repeat: RUNS })).durationNs, best: Number.POSITIVE_INFINITY });
    }
    for (let batch = 0; batch < BATCHES; batch++) for (const clock of clocks) clock.best = Math.min(clock.best, await clock.run());
    const base = clocks.find(({ name }) => name === 'w8a16')!.best;
    for (const { name, best } of clocks)
      rows[name] = { ...rows[name], kernelNs: Math.round(best), ofW8a16: Number((best / base).toFixed(2)) };
    figures[fixture] = { events: events.length as unknown as object, ...rows };
    await reference.release();
  }
  kernel.close();
  return figures;
}
