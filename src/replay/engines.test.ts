import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import type { Calibration } from '../compiler/api.ts';
import { compile } from '../compiler/compile.ts';
import { SELECTION } from '../compiler/families/select.ts';
import { checkBinding } from '../hooks/fit.ts';
import { parseBinding } from '../hooks/parse.ts';
import { xdpHook } from '../hooks/xdp.ts';
import { importModel } from '../onnx/import.ts';
import { ModelRunner } from './runner.ts';
import { framesOf } from './testing/frames-of.ts';

const folder = resolve(import.meta.dirname, '../../public/samples/payload');
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const MODEL = 'payload-ids.onnx';

it('the sample says the same to the last bit, in as many instructions, interpreted and as WebAssembly', async () => {
  const model = importModel(read(MODEL), { fileName: MODEL, dims: { batch: 1 } });
  const fit = checkBinding(parseBinding(readFileSync(join(folder, 'binding.json'), 'utf8'), 'binding.json'), model)!;
  const calibration = JSON.parse(readFileSync(join(folder, 'calibration.json'), 'utf8')) as Calibration;
  const hook = xdpHook(fit);
  const { program, meta } = compile({
    model,
    modelFile: MODEL,
    calibration,
    hook,
    families: SELECTION,
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
  });
  const interpreted = new ModelRunner(program, meta, 'interp');
  const translated = new ModelRunner(program, meta, 'wasm');
  expect(translated.vm.engine).toBe('wasm');
  const packets = (await framesOf(read('heldout.pcap'))).slice(0, 50);
  let ran = 0;
  for (const data of packets) {
    const outcome = translated.runPacket(data);
    expect(outcome).toEqual(interpreted.runPacket(data));
    if (outcome.score?.ran) ran++;
  }
  expect(ran).toBeGreaterThan(25);
});
