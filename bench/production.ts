/**
 * `npm run long production`: what the manners of `production` cost a packet. Each variant of a program with a tiny stand-in for a model runs the same packet in turns with the plain one
 * (BPF_PROG_TEST_RUN, medians over rounds), and the sample classifier says what an inference costs beside it.
 */
import { readFileSync } from 'node:fs';
import { openKernel } from '../src/companion/kernel.ts';
import type { KernelProgram } from '../src/companion/kernel-program.ts';
import type { Calibration } from '../src/compiler/api.ts';
import { compile } from '../src/compiler/compile.ts';
import { familiesFor } from '../src/compiler/families.ts';
import { checkBinding } from '../src/hooks/fit.ts';
import { hookOf } from '../src/hooks/hook.ts';
import { parseBinding } from '../src/hooks/parse.ts';
import { CONTROL, CONTROL_MAP, MODE, type Production } from '../src/hooks/production/binding.ts';
import { manners } from '../src/hooks/production/code.ts';
import { fitted, programOf } from '../src/hooks/testing/harness.ts';
import { capturePackets } from '../src/hooks/testing/packets.ts';
import { xdpHook } from '../src/hooks/xdp.ts';
import { programBtf } from '../src/object/program-btf.ts';
import { importModel } from '../src/onnx/import.ts';

const KEY = new Uint8Array(4);
const REPEAT = 200_000;
const ROUNDS = 31;
const SAMPLE_REPEAT = 2000;
/** More than packets in a run, so that the share that is scored does not matter. */
const RARE = 1 << 30;

const VARIANTS: readonly { readonly name: string; readonly production: Production; readonly mode?: number }[] = [
  { name: 'production', production: {} },
  { name: 'in shadow mode', production: {}, mode: MODE.shadow },
  { name: 'with latency', production: { latency: true } },
  { name: 'sample by event, scored', production: { sample: { oneIn: 1, by: 'event' } } },
  { name: 'sample by flow, scored', production: { sample: { oneIn: 1, by: 'flow' } } },
  { name: 'sample by event, left out', production: { sample: { oneIn: RARE, by: 'event' } } },
  { name: 'sample by flow, left out', production: { sample: { oneIn: RARE, by: 'flow' } } },
  { name: 'switched off', production: {}, mode: MODE.off },
];

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const sample = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../public/samples/payload/${name}`, import.meta.url)));

export default async function production(): Promise<unknown> {
  const kernel = await openKernel();
  if (!kernel) throw new Error('no kernel can be asked');
  await kernel.pin(0);
  const load = async (program: Parameters<typeof programBtf>[0], mode = 0): Promise<KernelProgram> => {
    const loaded = await kernel.load(program, { btf: programBtf(program) });
    if (!loaded.program) throw new Error(loaded.log.slice(-2000));
    const value = new Uint8Array(CONTROL.bytes);
    value[CONTROL.mode] = mode;
    if (mode !== 0) await loaded.program.map(CONTROL_MAP).update(KEY, value);
    return loaded.program;
  };
  const packet = capturePackets(sample('heldout.pcap'))[0]!;
  const fit = fitted('l4_payload', 4, { kind: 'threshold', class: 1, threshold: 0.5, above: 'PASS', below: 'PASS' }, 2);
  const stand = (chosen?: Production) => programOf(xdpHook(fit, undefined, chosen ? manners(chosen) : null), 4, 2, 2e-5);
  const plain = await load(stand());
  const others = await Promise.all(VARIANTS.map(({ production: chosen, mode }) => load(stand(chosen), mode)));
  const time = async (program: KernelProgram, repeat = REPEAT): Promise<number> => (await program.testRun(packet, { repeat })).durationNs;
  const plainNs: number[] = [];
  const more: number[][] = VARIANTS.map(() => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, program] of others.entries()) {
      const before = await time(plain);
      const ns = await time(program);
      const after = await time(plain);
      plainNs.push(before);
      more[i]!.push(ns - (before + after) / 2);
    }
  const onnx = importModel(sample('payload-ids.onnx'), { fileName: 'payload-ids.onnx', dims: { batch: 1 } });
  const binding = parseBinding(JSON.parse(new TextDecoder().decode(sample('binding.json'))), 'binding.json');
  const classifier = await load(
    compile({
      model: onnx,
      modelFile: 'payload-ids.onnx',
      hook: hookOf(checkBinding(binding, onnx)),
      families: await familiesFor(onnx),
      kernel: '6.18',
      strategy: 'auto',
      quant: 'w8a16',
      calibration: JSON.parse(new TextDecoder().decode(sample('calibration.json'))) as Calibration,
    }).program,
  );
  const inferences: number[] = [];
  for (let round = 0; round < ROUNDS; round++) inferences.push(await time(classifier, SAMPLE_REPEAT));
  const inferenceNs = median(inferences);
  kernel.close();
  return {
    rounds: ROUNDS,
    repeat: REPEAT,
    plainNs: median(plainNs),
    sampleClassifierNs: inferenceNs,
    variants: VARIANTS.map(({ name }, i) => {
      const ns = median(more[i]!);
      return { name, moreNs: Math.round(ns * 10) / 10, ofAnInference: Math.round((ns / inferenceNs) * 1e5) / 1e5 };
    }),
  };
}
