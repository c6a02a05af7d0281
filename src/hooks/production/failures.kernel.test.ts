import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MAP_TYPE_HASH, MAP_TYPE_PERCPU_HASH } from '../../bpf/maps.ts';
import type { Program } from '../../bpf/program.ts';
import { XDP_PASS } from '../../bpf/progtypes.ts';
import type { KernelProgram } from '../../companion/kernel.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { Vm } from '../../vm/vm.ts';
import type { Binding } from '../binding.ts';
import { CLOCK_MAP, clockValue } from '../clock.ts';
import { FLOW_STATS, FLOW_STATS_MAP, FLOWS_MAP } from '../features/maps.ts';
import { featureSource } from '../features/source.ts';
import { PROCESSES_MAP, syscallHook } from '../syscalls/hook.ts';
import { attach } from '../testing/attach.ts';
import { FEATURE_BINDINGS, fittedFeatures } from '../testing/feature-bindings.ts';
import { slotFor } from '../testing/feature-runs.ts';
import { programOf } from '../testing/harness.ts';
import { MIXED_PACKETS, SAMPLE_BINDING, sampleInProduction } from '../testing/production-runs.ts';
import { fittedCalls } from '../testing/syscalls.ts';
import { traffic } from '../testing/traffic.ts';
import { SCORE_MAP, VERDICTS_MAP, xdpHook } from '../xdp.ts';
import { CONTROL, CONTROL_MAP, COUNTERS_MAP, type Counter, MODE, readCounters } from './binding.ts';
import { manners } from './code.ts';

const kernel = await kernelForTests();
if (kernel) await kernel.pin(0);
afterAll(() => kernel?.close());

const KEY = new Uint8Array(4);
const XDP_DROP = 1;
const TAG = 5;

/**
 * The same instructions around another map. An array has all its entries and an LRU hash always has room, so that neither can fail in Linux; a
 * hash of the same sizes answers the same lookups, and has no entry that nobody made, and no more than `maxEntries`.
 */
function withHash(program: Program, name: string, maxEntries: number, type = MAP_TYPE_HASH): Program {
  expect(program.maps.map((map) => map.name)).toContain(name);
  return { ...program, maps: program.maps.map((map) => (map.name === name ? { ...map, type, maxEntries } : map)) };
}

async function loaded(program: Program): Promise<KernelProgram> {
  const { program: made, log } = await kernel!.load(program, { btf: programBtf(program) });
  if (!made) throw new Error(log.slice(-3000));
  return made;
}

const countersOf = async (program: KernelProgram) => readCounters((await program.map(COUNTERS_MAP).lookup(KEY))!);

/** Runs the packets in the kernel and in both engines, which count the same, at the same times where they are given; gives return values and counters. */
async function said(program: Program, frames: readonly Uint8Array[], timesNs: readonly number[] = []) {
  const real = await loaded(program);
  const codes: number[] = [];
  for (const [i, frame] of frames.entries()) {
    if (timesNs[i] !== undefined) await real.map(CLOCK_MAP).update(KEY, clockValue(timesNs[i]));
    const { returnValue, errno } = await real.testRun(frame);
    expect(errno).toBe(0);
    codes.push(returnValue);
  }
  const counters = { ...(await countersOf(real)), nanoseconds: 0 };
  for (const engine of ['interp', 'wasm'] as const) {
    const vm = new Vm(program, { engine });
    const mine = frames.map((frame, i) => {
      if (timesNs[i] !== undefined) vm.maps.get(CLOCK_MAP).update(KEY, clockValue(timesNs[i]));
      return vm.runXdp(frame).returnValue;
    });
    expect(mine).toEqual(codes);
    expect({ ...readCounters(vm.maps.get(COUNTERS_MAP).lookup(KEY)!), nanoseconds: 0 }).toEqual(counters);
  }
  return { codes, counters, real };
}

const failures = (counters: Readonly<Record<Counter, number>>) =>
  Object.fromEntries(Object.entries(counters).filter(([name, n]) => name.startsWith('fail_') && n > 0));

describe.skipIf(!kernel)('what fails in the kernel passes, and is counted by its reason', () => {
  const all = MIXED_PACKETS.length;

  it('fail_map: there is no entry to read the mode from', async () => {
    const { program } = sampleInProduction({ latency: true });
    const { codes, counters, real } = await said(withHash(program, CONTROL_MAP, 1), MIXED_PACKETS);
    expect(new Set(codes)).toEqual(new Set([XDP_PASS]));
    expect(failures(counters)).toEqual({ fail_map: all });
    expect(counters).toMatchObject({ events: all, scored: 0 });
    // With the entry everything is as it should be again.
    await real.map(CONTROL_MAP).update(KEY, new Uint8Array(CONTROL.bytes));
    const after = (await real.testRunBatch(MIXED_PACKETS)).map(({ run }) => run.returnValue);
    expect(after.filter((code) => code === XDP_DROP).length).toBeGreaterThan(10);
    expect((await countersOf(real)).fail_map).toBe(all);
    await real.closeAll();
  }, 60_000);

  it('fail_map: there is no entry to leave the score in', async () => {
    const { program } = sampleInProduction({});
    const { codes, counters, real } = await said(withHash(program, SCORE_MAP, 1, MAP_TYPE_PERCPU_HASH), MIXED_PACKETS);
    expect(new Set(codes)).toEqual(new Set([XDP_PASS]));
    expect(counters.scored).toBe(0);
    expect(counters.fail_map).toBe(all - counters.fail_truncated);
    expect(counters.fail_map).toBeGreaterThan(50);
    await real.closeAll();
  }, 60_000);

  it('fail_flows: there is no room for another flow', async () => {
    const input = FEATURE_BINDINGS['all together']!;
    const fit = fittedFeatures(input);
    const hook = xdpHook(fit, featureSource(input), manners({}));
    const program = programOf(hook, fit.count, fit.classes, 2e-5, 'v3', slotFor(input));
    const timed = traffic(11, 200, 40);
    const [frames, timesNs] = [timed.map(({ frame }) => frame), timed.map(({ timeNs }) => timeNs)];
    const plenty = await said(program, frames, timesNs);
    expect(failures(plenty.counters)).toEqual({});
    expect(plenty.counters.scored).toBeGreaterThan(100);
    const ROOM = 3;
    const { codes, counters, real } = await said(withHash(program, FLOWS_MAP, ROOM), frames, timesNs);
    expect((await real.map(FLOWS_MAP).dump()).length).toBe(ROOM);
    const full = await real.map(FLOW_STATS_MAP).lookup(new Uint8Array(Uint32Array.of(FLOW_STATS.full).buffer));
    const refused = new BigUint64Array(full!.slice().buffer).reduce((sum, n) => sum + Number(n), 0);
    expect(failures(counters)).toEqual({ fail_flows: refused });
    expect(refused).toBeGreaterThan(50);
    // What had something for the model was scored, or had no room.
    expect(counters.scored + refused).toBe(plenty.counters.scored);
    expect(counters.scored).toBeGreaterThan(0);
    expect(codes.filter((code) => code !== XDP_PASS).length).toBeLessThanOrEqual(counters.scored);
    await Promise.all([plenty.real.closeAll(), real.closeAll()]);
  }, 60_000);

  it('fail_metadata: a packet that comes with as much metadata as there may be has no room for a TAG', async () => {
    const output = { ...SAMPLE_BINDING.output, above: 'TAG' } as Binding['output'];
    const { program } = sampleInProduction({}, output);
    const real = await loaded(program);
    // struct xdp_md: data begins behind the metadata.
    const MOST = 216;
    const runs = async (metaBytes: number): Promise<number[]> => {
      const codes: number[] = [];
      for (const packet of MIXED_PACKETS.slice(0, 40)) {
        const data = new Uint8Array(metaBytes + packet.length);
        data.set(packet, metaBytes);
        const packetCtx = new Uint8Array(Uint32Array.of(metaBytes, data.length, 0, 0, 0, 0).buffer);
        const run = await real.testRun(data, { packetCtx });
        expect(run.errno).toBe(0);
        codes.push(run.returnValue);
      }
      return codes;
    };
    const tags = async (): Promise<number> => {
      const value = await real.map(VERDICTS_MAP).lookup(new Uint8Array(Uint32Array.of(TAG).buffer));
      return new BigUint64Array(value!.slice().buffer).reduce((sum, n) => sum + Number(n), 0);
    };
    await runs(0);
    const tagged = await tags();
    expect(tagged).toBeGreaterThan(10);
    expect(failures(await countersOf(real))).toEqual({});
    const codes = await runs(MOST);
    expect(new Set(codes)).toEqual(new Set([XDP_PASS]));
    const counters = await countersOf(real);
    expect(failures(counters)).toEqual({ fail_metadata: tagged });
    // Beside `scored`: the verdict fell, it could only not be told.
    expect(counters.scored).toBe(80);
    expect(await tags()).toBe(2 * tagged);
    await real.closeAll();
  }, 60_000);
});

const ready = existsSync('/usr/include/bpf/libbpf.h');
if (kernel && !ready) console.warn('skipped: the tracepoint is attached where libbpf-dev is');

describe.skipIf(!kernel || !ready)('a tracepoint', () => {
  it('fail_flows: there is no room for another process', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bpformer-failures-'));
    try {
      const input = { kind: 'syscalls', length: 32, every: 7 } as const;
      const program = withHash(programOf(syscallHook(fittedCalls(input), input, manners({})), input.length, 2, 2e-5), PROCESSES_MAP, 1);
      const attached = await attach(program, folder, kernel!);
      // Two processes at the least: whichever came first keeps the only place unless it ends, the others find none.
      writeFileSync(join(folder, 'many.sh'), 'for i in 1 2 3 4 5 6 7 8; do cat /proc/self/stat; cat /proc/self/stat & done; wait');
      execFileSync('sh', [join(folder, 'many.sh')]);
      const [counted, control] = [await attached.open(COUNTERS_MAP), await attached.open(CONTROL_MAP)];
      await control.update(KEY, Uint8Array.of(MODE.off, ...new Uint8Array(CONTROL.bytes - 1)));
      const counters = readCounters((await counted.lookup(KEY))!);
      expect(counters.fail_flows).toBeGreaterThan(100);
      expect(counters.fail_flows).toBeLessThanOrEqual(counters.events);
      expect(failures(counters)).toEqual({ fail_flows: counters.fail_flows });
      expect((await (await attached.open(PROCESSES_MAP)).dump()).length).toBeLessThanOrEqual(1);
      await attached.end();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
