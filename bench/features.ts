/**
 * `npm run long features`: 10,000 packets through the program of every kind of feature binding, in the kernel and in both engines; every
 * number of map `features` and of the model's input must be the reference's.
 */
import { openKernel, whyNoKernel } from '../src/companion/kernel.ts';
import { FEATURE_BINDINGS } from '../src/hooks/testing/feature-bindings.ts';
import { compareFeatures } from '../src/hooks/testing/feature-runs.ts';
import { randomPackets } from '../src/hooks/testing/packets.ts';
import { traffic } from '../src/hooks/testing/traffic.ts';

const PACKETS = 10_000;
const ODD = 2000;

export default async function measure(): Promise<object> {
  const kernel = await openKernel();
  if (!kernel) throw new Error(`no kernel can be asked: ${whyNoKernel()}`);
  const flows = traffic(1, PACKETS - ODD, 300);
  const odd = randomPackets(2, ODD * 2)
    .filter((frame) => frame.length >= 14)
    .slice(0, ODD)
    .map((frame, i) => ({ frame, timeNs: flows.at(-1)!.timeNs + i * 1000 }));
  const packets = [...flows, ...odd];
  const bindings: Record<string, object> = {};
  try {
    for (const [name, input] of Object.entries(FEATURE_BINDINGS)) {
      const { messages, ...run } = await compareFeatures(input, packets, kernel);
      bindings[name] = { ...run, different: messages.length, first: messages.slice(0, 3) };
      console.error(name, JSON.stringify(bindings[name]));
    }
  } finally {
    kernel.close();
  }
  return { packetsOfEach: packets.length, bindings };
}
