import { readFileSync } from 'node:fs';
import type { Program } from '../../bpf/program.ts';
import type { Kernel } from '../../companion/kernel.ts';
import type { Calibration, Compiled } from '../../compiler/api.ts';
import { compile } from '../../compiler/compile.ts';
import { SELECTION } from '../../compiler/families/select.ts';
import { programBtf } from '../../object/program-btf.ts';
import { importModel } from '../../onnx/import.ts';
import type { KernelVersion } from '../../verifier/api.ts';
import { Vm } from '../../vm/vm.ts';
import type { Binding } from '../binding.ts';
import { checkBinding } from '../fit.ts';
import { hookOf } from '../hook.ts';
import { parseBinding } from '../parse.ts';
import { CONTROL, CONTROL_MAP, COUNTERS_MAP, LATENCY_MAP, type Production, readCounters } from '../production/binding.ts';
import { bucketEnd, bucketStart, readHistogram } from '../production/histogram.ts';
import { SCORE_BYTES, SCORE_MAP, VERDICTS_MAP } from '../xdp.ts';
import { capturePackets, randomPackets } from './packets.ts';

const KEY = new Uint8Array(4);
const sample = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../../public/samples/payload/${name}`, import.meta.url)));
const model = importModel(sample('payload-ids.onnx'), { fileName: 'payload-ids.onnx', dims: { batch: 1 } });
const calibration = JSON.parse(new TextDecoder().decode(sample('calibration.json'))) as Calibration;

/** The sample's own binding. */
export const SAMPLE_BINDING = parseBinding(JSON.parse(new TextDecoder().decode(sample('binding.json'))), 'binding.json');
/** Packets of the held-out capture, and odd ones of which some are cut. */
export const MIXED_PACKETS = [
  ...capturePackets(sample('heldout.pcap')).slice(0, 40),
  ...randomPackets(9, 60).filter((packet) => packet.length >= 14),
];

/** The sample classifier, with or without manners. */
export function sampleInProduction(
  production?: Production,
  output: Binding['output'] = SAMPLE_BINDING.output,
  version: KernelVersion = '6.18',
): Compiled {
  const binding = { ...SAMPLE_BINDING, output, ...(production ? { production } : {}) };
  return compile({
    model,
    modelFile: 'payload-ids.onnx',
    hook: hookOf(checkBinding(parseBinding(binding, 'binding.json'), model, '')),
    families: SELECTION,
    kernel: version,
    strategy: 'auto',
    quant: 'w8a16',
    calibration,
  });
}

/** A value of map `control`. */
export const control = (mode: number, oneIn = 0, seed = 0): Uint8Array => {
  const value = new Uint8Array(CONTROL.bytes);
  const view = new DataView(value.buffer);
  view.setUint32(CONTROL.mode, mode, true);
  view.setUint32(CONTROL.sample, oneIn, true);
  view.setUint32(CONTROL.seed, seed, true);
  return value;
};

/** What a program in production said of {@link MIXED_PACKETS}, once for each setting of map `control`. */
export interface Said {
  /** Return value and last score of each event. */
  readonly events: string[];
  readonly verdicts: number[];
  readonly counters: ReturnType<typeof readCounters>;
  /** Events in the histogram. */
  readonly timed: number | null;
}

const u64s = (value: Uint8Array): number[] => Array.from(new BigUint64Array(value.slice().buffer), Number);
const hex = (value: Uint8Array): string => Buffer.from(value.subarray(0, SCORE_BYTES)).toString('hex');
const has = ({ maps }: Program, name: string): boolean => maps.some((map) => map.name === name);
const total = (counts: readonly number[]): number => counts.reduce((sum, n) => sum + n, 0);

/** Of an engine. Its clock stands still. `weights`: whether the map holds any. */
export function saidByEngine(program: Program, engine: 'interp' | 'wasm', settings: readonly Uint8Array[], weights = true): Said {
  const vm = new Vm(program, { engine });
  const all = (map: string, n: number) =>
    Array.from({ length: n }, (_, i) => vm.maps.get(map).lookup(new Uint8Array(Uint32Array.of(i).buffer))!);
  if (!weights) vm.maps.get('.data.weights').update(KEY, new Uint8Array(program.maps[0]!.valueSize));
  const events = settings.flatMap((value) => {
    vm.maps.get(CONTROL_MAP).update(KEY, value);
    return MIXED_PACKETS.map((packet) => `${vm.runXdp(packet).returnValue} ${hex(vm.maps.get(SCORE_MAP).lookup(KEY)!)}`);
  });
  return {
    events,
    verdicts: all(VERDICTS_MAP, 7).map((value) => u64s(value)[0]!),
    counters: { ...readCounters(vm.maps.get(COUNTERS_MAP).lookup(KEY)!), nanoseconds: 0 },
    timed: has(program, LATENCY_MAP) ? total(readHistogram(vm.maps.get(LATENCY_MAP).lookup(KEY)!)) : null,
  };
}

/** Of a kernel, on one of whose processors the loader is pinned. Throws where it rejects the program, or where the sum of times is not within the buckets that they are in. */
export async function saidByKernel(kernel: Kernel, program: Program, settings: readonly Uint8Array[], weights = true): Promise<Said> {
  const loaded = await kernel.load(program, { btf: programBtf(program) });
  const run = loaded.program;
  if (!run) throw new Error(`rejected: ${loaded.log.slice(-3000)}`);
  if (!weights) await run.map('.data.weights').update(KEY, new Uint8Array(program.maps[0]!.valueSize));
  const score = run.map(SCORE_MAP);
  const events: string[] = [];
  for (const value of settings) {
    await run.map(CONTROL_MAP).update(KEY, value);
    for (const { run: ran, value: last } of await run.testRunBatch(MIXED_PACKETS, { map: score, key: KEY }))
      events.push(`${ran.returnValue} ${hex(last!)}`);
  }
  const verdicts: number[] = [];
  for (let i = 0; i < 7; i++) verdicts.push(total(u64s(await run.map(VERDICTS_MAP).lookupIndex(i))));
  const counters = readCounters((await run.map(COUNTERS_MAP).lookup(KEY))!);
  const timed = has(program, LATENCY_MAP) ? readHistogram((await run.map(LATENCY_MAP).lookup(KEY))!) : null;
  if (timed) {
    const [least, most] = [bucketStart, bucketEnd].map((end) => total(timed.map((n, bucket) => (n === 0 ? 0 : n * end(bucket)))));
    if (!(counters.nanoseconds >= least! && counters.nanoseconds <= most! && least! > 0))
      throw new Error(`${counters.nanoseconds} ns in buckets of ${least} to ${most}`);
  }
  await run.closeAll();
  return { events, verdicts, counters: { ...counters, nanoseconds: 0 }, timed: timed ? total(timed) : null };
}

/** Events that the counters do not explain; 0 where every one is in one of them. */
export function unexplained({ counters, verdicts }: Said): number {
  const { events, off, unsampled, scored, fail_map, fail_weights, fail_truncated, fail_flows } = counters;
  return events - off - unsampled - scored - verdicts[6]! - fail_map - fail_weights - fail_truncated - fail_flows;
}
