/**
 * `npm run long features`: 10,000 packets through the program of every kind of feature binding, in the kernel and in both engines; every number of map `features` and of the
 * model's input must be the reference's. `npm run long features-kernels` asks older kernels.
 */
import { type Kernel, openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { syscallHook } from '../src/hooks/syscalls/hook.ts';
import { FEATURE_BINDINGS } from '../src/hooks/testing/feature-bindings.ts';
import { compareFeatures } from '../src/hooks/testing/feature-runs.ts';
import { programOf } from '../src/hooks/testing/harness.ts';
import { randomPackets } from '../src/hooks/testing/packets.ts';
import { fittedCalls } from '../src/hooks/testing/syscalls.ts';
import { type TimedFrame, traffic } from '../src/hooks/testing/traffic.ts';
import { programBtf } from '../src/object/program-btf.ts';

const PACKETS = 10_000;
/** One packet in so many is no more than bytes. */
const ODD = 5;
const CALLS = { kind: 'syscalls', length: 32, every: 7 } as const;

function packetsOf(count: number): TimedFrame[] {
  const odd = count / ODD;
  const flows = traffic(1, count - odd, Math.ceil(count / 33));
  const others = randomPackets(2, odd * 2)
    .filter((frame) => frame.length >= 14)
    .slice(0, odd)
    .map((frame, i) => ({ frame, timeNs: flows.at(-1)!.timeNs + i * 1000 }));
  return [...flows, ...others];
}

/** Every binding in one kernel, and whether it takes the program of system calls. */
export async function compareAll(kernel: Kernel, cpu: 'v3' | 'v4'): Promise<object> {
  const packets = packetsOf(PACKETS);
  const bindings: Record<string, object> = {};
  for (const [name, input] of Object.entries(FEATURE_BINDINGS)) {
    try {
      const { messages, ...run } = await compareFeatures(input, packets, kernel, cpu);
      bindings[name] = { ...run, different: messages.length, first: messages.slice(0, 3) };
    } catch (error) {
      bindings[name] = { refused: (error instanceof Error ? error.message : String(error)).trim().split('\n').slice(-4) };
    }
    console.error(name, JSON.stringify(bindings[name]));
  }
  const calls = programOf(syscallHook(fittedCalls(CALLS), CALLS), CALLS.length, 2, 1, cpu);
  const loaded = await kernel.load(calls, { btf: programBtf(calls) });
  const systemCalls = loaded.program
    ? { accepted: true, processed: (await loaded.program.info()).verifiedInsns }
    : { accepted: false, log: loaded.log.slice(-300) };
  await loaded.program?.closeAll();
  return { packetsOfEach: packets.length, cpu, bindings, systemCalls };
}

export default async function measure(): Promise<object> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel can be asked: ${whyNoKernel()}`);
  try {
    return await compareAll(kernel, 'v4');
  } finally {
    kernel.close();
  }
}
