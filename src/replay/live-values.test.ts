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
import { Debugger } from '../vm/debug/debugger.ts';
import { Vm } from '../vm/vm.ts';
import { stageProgress, valueStates } from './live-values.ts';
import { readPlace, ValueCollector, ValueReader } from './program-values.ts';
import { framesOf } from './testing/frames-of.ts';

const folder = resolve(import.meta.dirname, '../../public/samples/payload');
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const MODEL = 'payload-ids.onnx';

it('at any place of a run, values are those of the whole run as far as they are made, in memory too where it says so', async () => {
  const model = importModel(read(MODEL), { fileName: MODEL, dims: { batch: 1 } });
  const fit = checkBinding(parseBinding(readFileSync(join(folder, 'binding.json'), 'utf8'), 'binding.json'), model)!;
  const calibration = JSON.parse(readFileSync(join(folder, 'calibration.json'), 'utf8')) as Calibration;
  const {
    program,
    meta,
    tensors: plan,
  } = compile({
    model,
    modelFile: MODEL,
    calibration,
    hook: xdpHook(fit),
    families: SELECTION,
    kernel: '6.18',
    strategy: 'auto',
    quant: 'w8a16',
  });
  const packet = (await framesOf(read('heldout.pcap'))).find((data) => new ValueReader(program, meta, plan).packet(data).ran)!;
  const whole = new Map(new ValueReader(program, meta, plan).packet(packet).values.map((value) => [value.name, value]));
  const debug = new Debugger(new Vm(program), ({ prepareXdp }) => prepareXdp(packet));
  await debug.continue();
  const length = debug.length!;
  const collector = new ValueCollector(program, plan);
  const seen = { whole: 0, part: 0, overwritten: 0 };
  for (let step = 0; step <= length; step += Math.ceil(length / 23)) {
    await debug.goTo(step);
    collector.begin(debug.vm);
    await debug.scan(collector.stops, (insnIdx) => collector.onStop({ insnIdx, frame: debug.depth }));
    expect(debug.step).toBe(step);
    for (const { name, data, known, made, parts, latest } of collector.soFar()) {
      const expected = whole.get(name)!.data;
      const wrong = data.findIndex((value, at) => (!known || known[at] === 1) && value !== expected[at]);
      expect([name, step, wrong]).toEqual([name, step, -1]);
      expect(made).toBeLessThanOrEqual(parts);
      if (known) expect(known[latest]).toBe(1);
      if (made < parts) seen.part++;
    }
    const { frames } = debug;
    const states = valueStates(plan, stageProgress(program, plan, frames[0]?.insnIdx ?? -1, frames.length > 1));
    plan.values.forEach((place, at) => {
      if (states[at] === 'overwritten') seen.overwritten++;
      if (states[at] !== 'whole') return;
      seen.whole++;
      expect(readPlace(debug.vm, plan, place), place.name).toEqual(whole.get(place.name)!.data);
    });
  }
  expect(seen.whole).toBeGreaterThan(20);
  expect(seen.part).toBeGreaterThan(5);
  expect(seen.overwritten).toBeGreaterThan(5);
});
