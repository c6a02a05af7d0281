/**
 * `npm run long production-kernels [6.1,6.12]`: the sample classifier and a small language model in packets, in production, on these kernels under QEMU; every return value, score
 * and counter is compared with the engine's, and of the language model every packet as it was left.
 */
import type { Kernel } from '../src/companion/kernel.ts';
import { CONTROL_MAP, COUNTERS_MAP, MODE, type Production, readCounters } from '../src/hooks/production/binding.ts';
import {
  control,
  MIXED_PACKETS,
  saidByEngine,
  saidByKernel,
  sampleInProduction,
  unexplained,
} from '../src/hooks/testing/production-runs.ts';
import { BODY, edited, frameOf, OTHERS, REQUESTS, textInProduction } from '../src/hooks/testing/text.ts';
import { TEXT } from '../src/hooks/text/packet.ts';
import { VERDICTS_MAP } from '../src/hooks/xdp.ts';
import { programBtf } from '../src/object/program-btf.ts';
import type { KernelVersion } from '../src/verifier/api.ts';
import { Vm } from '../src/vm/vm.ts';
import { bootOlder } from './older-kernel.ts';

const CASES: readonly Production[] = [
  {},
  { shadow: true, latency: true },
  { sample: { oneIn: 3, by: 'event' } },
  { sample: { oneIn: 2, by: 'flow' }, latency: true },
];
const SETTINGS = [control(MODE.compiled), control(MODE.shadow), control(MODE.off), control(MODE.enforce, 4, 99)];

const KEY = new Uint8Array(4);
const TEXT_CASES: readonly Production[] = [{}, { shadow: true, latency: true }, { sample: { oneIn: 2, by: 'flow' }, latency: true }];
/** Requests and others, one cut short, one that asks for too much, and one that goes on behind them. */
const TEXT_FRAMES = [
  ...REQUESTS,
  ...OTHERS,
  frameOf().subarray(0, -1),
  edited(frameOf(), BODY + TEXT.prompt, 6),
  frameOf({ reset: false, prompt: [1], generate: 2 }),
];
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const total = (value: Uint8Array): number => new BigUint64Array(value.slice().buffer).reduce((sum, n) => sum + Number(n), 0);

/** Pairs of what a kernel and the engine say of the language model. */
async function textPairs(kernel: Kernel, production: Production, profile: KernelVersion): Promise<[unknown, unknown][]> {
  const { program } = await textInProduction(production, {}, profile);
  const loaded = await kernel.load(program, { btf: programBtf(program) });
  const real = loaded.program;
  if (!real) throw new Error(`rejected: ${loaded.log.slice(-2000)}`);
  const vm = new Vm(program, { engine: 'wasm' });
  const pairs: [unknown, unknown][] = [];
  for (const value of SETTINGS) {
    await real.map(CONTROL_MAP).update(KEY, value);
    vm.maps.get(CONTROL_MAP).update(KEY, value);
    for (const frame of TEXT_FRAMES) {
      const { returnValue, data } = await real.testRun(frame);
      const mine = vm.runXdp(frame);
      pairs.push([returnValue, mine.returnValue], [hex(data), hex(mine.packet)]);
    }
  }
  for (let i = 0; i < 7; i++)
    pairs.push([
      total(await real.map(VERDICTS_MAP).lookupIndex(i)),
      total(vm.maps.get(VERDICTS_MAP).lookup(new Uint8Array(Uint32Array.of(i).buffer))!),
    ]);
  const [theirs, ours] = [readCounters((await real.map(COUNTERS_MAP).lookup(KEY))!), readCounters(vm.maps.get(COUNTERS_MAP).lookup(KEY)!)];
  for (const [name, n] of Object.entries(theirs)) if (name !== 'nanoseconds') pairs.push([n, ours[name as keyof typeof ours]]);
  await real.closeAll();
  return pairs;
}

export default async function measure([versions = '6.1,6.12']: string[]): Promise<object> {
  const kernels: Record<string, object> = {};
  for (const version of versions.split(',')) {
    const { kernel, release, end } = await bootOlder(version);
    try {
      await kernel.pin(0);
      let [compared, differing, lost] = [0, 0, 0];
      // The oldest profile is for every kernel.
      for (const profile of ['5.15', version] as const)
        for (const production of CASES) {
          const { program } = sampleInProduction(production, undefined, profile as '5.15');
          const real = await saidByKernel(kernel, program, SETTINGS);
          const mine = saidByEngine(program, 'wasm', SETTINGS);
          lost += unexplained(real);
          const pairs = [
            ...real.events.map((event, i) => [event, mine.events[i]]),
            ...Object.entries(real.counters).map(([name, n]) => [n, mine.counters[name as keyof typeof mine.counters]]),
            ...real.verdicts.map((n, i) => [n, mine.verdicts[i]]),
          ];
          compared += pairs.length;
          differing += pairs.filter(([a, b]) => a !== b).length;
        }
      const text: [unknown, unknown][] = [];
      for (const profile of ['5.15', version] as const)
        for (const production of TEXT_CASES) text.push(...(await textPairs(kernel, production, profile as KernelVersion)));
      kernels[version] = {
        release,
        programs: 2 * CASES.length,
        packets: MIXED_PACKETS.length * SETTINGS.length,
        compared,
        differing,
        lost,
        text: {
          programs: 2 * TEXT_CASES.length,
          packets: TEXT_FRAMES.length * SETTINGS.length,
          compared: text.length,
          differing: text.filter(([a, b]) => a !== b).length,
        },
      };
    } finally {
      await end();
    }
  }
  return kernels;
}
