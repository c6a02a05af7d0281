/** `npm run long production-kernels [6.1,6.12]`: the sample classifier in production on these kernels under QEMU; every return value, score and counter is compared with the engine's. */
import { MODE, type Production } from '../src/hooks/production/binding.ts';
import {
  control,
  MIXED_PACKETS,
  saidByEngine,
  saidByKernel,
  sampleInProduction,
  unexplained,
} from '../src/hooks/testing/production-runs.ts';
import { bootOlder } from './older-kernel.ts';

const CASES: readonly Production[] = [
  {},
  { shadow: true, latency: true },
  { sample: { oneIn: 3, by: 'event' } },
  { sample: { oneIn: 2, by: 'flow' }, latency: true },
];
const SETTINGS = [control(MODE.compiled), control(MODE.shadow), control(MODE.off), control(MODE.enforce, 4, 99)];

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
      kernels[version] = {
        release,
        programs: 2 * CASES.length,
        packets: MIXED_PACKETS.length * SETTINGS.length,
        compared,
        differing,
        lost,
      };
    } finally {
      await end();
    }
  }
  return kernels;
}
