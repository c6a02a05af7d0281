import { afterAll, describe, expect, it } from 'vitest';
import { openKernel } from '../../companion/kernel.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { FEATURE_BINDINGS, fittedFeatures } from '../testing/feature-bindings.ts';
import { compareFeatures, slotFor } from '../testing/feature-runs.ts';
import { programOf } from '../testing/harness.ts';
import { randomPackets } from '../testing/packets.ts';
import { traffic } from '../testing/traffic.ts';
import { xdpHook } from '../xdp.ts';
import { FLOW_STATS, FLOW_STATS_MAP, FLOWS_MAP } from './maps.ts';
import { featureSource } from './source.ts';
import { SIDES, sideWord } from './words.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const flows = traffic(11, 160, 12);
const odd = randomPackets(12, 80)
  .filter((frame) => frame.length >= 14)
  .map((frame, i) => ({ frame, timeNs: flows.at(-1)!.timeNs + i * 1000 }));

describe.skipIf(!kernel)('the kernel computes features as the reference does', () => {
  it.each(Object.entries(FEATURE_BINDINGS))(
    '%s',
    async (_, input) => {
      const run = await compareFeatures(input, [...flows, ...odd], kernel);
      expect(run.messages.slice(0, 5)).toEqual([]);
      expect(run.seen).toBeGreaterThan(180);
      expect(run.processed).toBeLessThan(60_000);
    },
    60_000,
  );

  it('with the instructions of kernel 5.15', async () => {
    const run = await compareFeatures(FEATURE_BINDINGS['all together']!, [...flows, ...odd], kernel, 'v3');
    expect(run.messages.slice(0, 5)).toEqual([]);
  }, 60_000);

  it.each(['every statistic', 'every field', 'sequence'])(
    'as float32 for trees: %s',
    async (name) => {
      const input = structuredClone(FEATURE_BINDINGS[name]!);
      if (input.kind === 'sequence' && 'of' in input)
        (input.of as unknown[]).splice(2, 2, { name: 'iat', log2: true, mean: 16, scale: 0.125 });
      const run = await compareFeatures(input, [...flows, ...odd], kernel, 'v4', { elem: 'f32', scale: 1 });
      expect(run.messages.slice(0, 5)).toEqual([]);
    },
    60_000,
  );

  it('two processors at once lose no packet of a flow, but those that went on without its lock', async () => {
    const input = { kind: 'flow', features: ['flow.packets'], flows: { entries: 16 } } as const;
    const fit = fittedFeatures(input);
    const program = programOf(xdpHook(fit, featureSource(input)), fit.count, fit.classes, 1, 'v4', slotFor(input));
    const loaded = (await kernel!.load(program, { btf: programBtf(program) })).program!;
    const other = (await openKernel())!;
    await kernel!.pin(0);
    await other.pin(1);
    const there = await other.openProgram((await loaded.info()).id);
    const repeat = 200_000;
    await Promise.all([loaded.testRun(flows[0]!.frame, { repeat }), there.testRun(flows[0]!.frame, { repeat })]);
    other.close();
    const [flow] = await loaded.map(FLOWS_MAP).dump();
    const packets = new DataView(flow!.value.buffer, flow!.value.byteOffset).getUint32(sideWord(SIDES.both, 'packets') * 8, true);
    const counter = await loaded.map(FLOW_STATS_MAP).lookupIndex(FLOW_STATS.unlocked);
    const unlocked = Array.from({ length: kernel!.cpus }, (_, cpu) =>
      new DataView(counter.buffer, counter.byteOffset).getUint32(cpu * 8, true),
    );
    expect(packets).toBeLessThanOrEqual(2 * repeat);
    expect(packets).toBeGreaterThanOrEqual(2 * repeat - unlocked.reduce((a, b) => a + b));
    await loaded.closeAll();
  }, 60_000);
});
