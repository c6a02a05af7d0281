import { afterAll, describe, expect, it } from 'vitest';
import { randomOf } from '../../base/random.ts';
import { MAP_TYPE_ARRAY } from '../../bpf/maps.ts';
import type { Program } from '../../bpf/program.ts';
import { PROG_TYPE_XDP } from '../../bpf/progtypes.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { emitProgram } from '../../compiler/backend/emit.ts';
import { FuncBuilder } from '../../compiler/ir/builder.ts';
import type { IrFunc } from '../../compiler/ir/ir.ts';
import { programBtf } from '../../object/program-btf.ts';
import { verify } from '../../verifier/verify.ts';
import { Vm } from '../../vm/vm.ts';
import type { Binding } from '../binding.ts';
import { CLOCK_MAP, clockValue } from '../clock.ts';
import { FLOWS_MAP } from '../features/maps.ts';
import { featureSource } from '../features/source.ts';
import { FEATURE_BINDINGS, fittedFeatures } from '../testing/feature-bindings.ts';
import { slotFor } from '../testing/feature-runs.ts';
import { programOf } from '../testing/harness.ts';
import { randomPackets } from '../testing/packets.ts';
import {
  control,
  MIXED_PACKETS,
  SAMPLE_BINDING,
  type Said,
  saidByEngine,
  saidByKernel,
  sampleInProduction,
  unexplained,
} from '../testing/production-runs.ts';
import { traffic } from '../testing/traffic.ts';
import { xdpHook } from '../xdp.ts';
import { CONTROL_MAP, COUNTERS_MAP, MODE, readCounters } from './binding.ts';
import { bucketCode, manners } from './code.ts';
import { FLOW_HASH_FUNC, flowHash, flowHashFuncs, flowIsSampled } from './flow-hash.ts';
import { bucketOf } from './histogram.ts';

const kernel = await kernelForTests();
if (kernel) await kernel.pin(0);
afterAll(() => kernel?.close());

const KEY = new Uint8Array(4);
const [XDP_DROP, XDP_PASS] = [1, 2];
const packets = MIXED_PACKETS;
const build = sampleInProduction;
const base = SAMPLE_BINDING;
const u64s = (value: Uint8Array): number[] => Array.from(new BigUint64Array(value.slice().buffer), Number);
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const names = ({ maps }: Program): Set<string> => new Set(maps.map(({ name }) => name));

/** What kernel and both engines say, which is the same. */
async function said(program: Program, settings: readonly Uint8Array[], weights = true): Promise<Said> {
  const real = await saidByKernel(kernel!, program, settings, weights);
  expect(saidByEngine(program, 'wasm', settings, weights)).toEqual(real);
  expect(saidByEngine(program, 'interp', settings, weights)).toEqual(real);
  expect(real.counters.events).toBe(packets.length * settings.length);
  expect(unexplained(real)).toBe(0);
  return real;
}

const returned = (events: readonly string[], from: number, to: number) =>
  events.slice(from, to).map((event) => Number(event.split(' ')[0]));

/** A packet program from functions of ours, whose main one reads and writes map `io`. */
function small(main: (b: FuncBuilder, io: ReturnType<FuncBuilder['reg']>) => void, more: readonly IrFunc[] = []): Program {
  const b = new FuncBuilder('small', 'main', ['ctx']);
  const key = b.stackSlot(8);
  b.store(key.addr(), 0, 0, 4);
  const io = b.callHelper('bpf_map_lookup_elem', [b.mapPtr('io'), key.addr()]);
  b.when('eq', io, 0, () => b.ret(0));
  main(b, io);
  b.ret(2);
  const maps = [{ name: 'io', type: MAP_TYPE_ARRAY, keySize: 4, valueSize: 16, maxEntries: 1, flags: 0 }];
  const emitted = emitProgram([b.finish(), ...more], { cpu: 'v3', maps });
  return {
    name: 'small',
    section: 'xdp',
    progType: PROG_TYPE_XDP,
    expectedAttachType: 0,
    sleepable: false,
    loadFlags: 0,
    license: 'GPL',
    insns: emitted.insns,
    subprogs: emitted.subprogs,
    maps,
    lineInfo: [],
    origins: [],
    insnOrigins: emitted.originIds.map(() => []),
    kfuncCalls: new Map(),
  };
}

describe.skipIf(!kernel)('the parts of it in the kernel and in the engines', () => {
  it('the bucket of a time', async () => {
    const program = small((b, io) => b.store(io, 8, bucketCode(b, b.load(io, 0, 8)), 8));
    const loaded = await kernel!.load(program);
    expect(loaded.message, loaded.log).toBeNull();
    const random = randomOf(5);
    const numbers = [
      0,
      1,
      7,
      8,
      9,
      15,
      16,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 52,
      ...Array.from({ length: 500 }, () => Math.floor(2 ** (random() * 52))),
    ];
    const vms = (['interp', 'wasm'] as const).map((engine) => new Vm(program, { engine }));
    for (const ns of numbers) {
      const value = new Uint8Array(new BigUint64Array([BigInt(ns), 0n]).buffer);
      await loaded.program!.map('io').update(KEY, value);
      await loaded.program!.testRun(new Uint8Array(14));
      const wanted = [ns, bucketOf(ns)];
      expect(u64s((await loaded.program!.map('io').lookup(KEY))!)).toEqual(wanted);
      for (const vm of vms) {
        vm.maps.get('io').update(KEY, value);
        vm.runXdp(new Uint8Array(14));
        expect(u64s(vm.maps.get('io').lookup(KEY)!)).toEqual(wanted);
      }
    }
    await loaded.program!.closeAll();
  });

  it('the hash of a flow', async () => {
    const program = small((b, io) => b.store(io, 0, b.call(FLOW_HASH_FUNC, [b.arg(0)]), 8), flowHashFuncs(0));
    const loaded = await kernel!.load(program, { btf: programBtf(program) });
    expect(loaded.message, loaded.log.slice(-3000)).toBeNull();
    for (const version of ['5.15', '6.1'] as const)
      expect(verify(program, { kernel: version, privilege: 'root', logLevel: 0 }).message).toBeNull();
    const vms = (['interp', 'wasm'] as const).map((engine) => new Vm(program, { engine }));
    const seen = new Set<number>();
    for (const packet of [...packets, ...randomPackets(11, 1500).filter(({ length }) => length >= 14)]) {
      await loaded.program!.testRun(packet);
      const wanted = flowHash(packet);
      seen.add(wanted);
      expect(u64s((await loaded.program!.map('io').lookup(KEY))!)[0]).toBe(wanted);
      for (const vm of vms) {
        vm.runXdp(packet);
        expect(u64s(vm.maps.get('io').lookup(KEY)!)[0]).toBe(wanted);
      }
    }
    expect(seen.size).toBeGreaterThan(800);
    await loaded.program!.closeAll();
  }, 60_000);
});

describe.skipIf(!kernel)('a model in production', () => {
  const plain = build();
  const vm = new Vm(plain.program, { engine: 'wasm' });
  const verdicts = packets.map((packet) => vm.runXdp(packet).returnValue);

  it('without `production` nothing of it is in the program', () => {
    expect([...names(plain.program)]).not.toEqual(expect.arrayContaining([CONTROL_MAP]));
    expect(build({}).program.insns.length).toBeGreaterThan(plain.program.insns.length);
  });

  it('enforces, watches, and is switched off from one event to the next', async () => {
    const n = packets.length;
    const { events, counters, timed } = await said(build({ latency: true }).program, [
      control(MODE.compiled),
      control(MODE.shadow),
      control(MODE.off),
      control(99),
      control(MODE.enforce),
    ]);
    const truncated = returned(events, 0, n).filter((code, i) => code !== verdicts[i]).length;
    // What differs from the plain program are cut packets, which pass.
    expect(truncated).toBeLessThanOrEqual(counters.fail_truncated / 3);
    for (const at of [n, 2 * n, 3 * n]) expect(new Set(returned(events, at, at + n))).toEqual(new Set([XDP_PASS]));
    expect(returned(events, 4 * n, 5 * n)).toEqual(returned(events, 0, n));
    expect(returned(events, 0, n).filter((code) => code === XDP_DROP).length).toBeGreaterThan(10);
    expect(counters.shadowed).toBe(returned(events, 0, n).filter((code) => code !== XDP_PASS).length);
    expect(counters.off).toBe(2 * n);
    expect(counters.fail_truncated).toBeGreaterThan(0);
    expect(timed).toBe(counters.scored);
    // In shadow mode the score is the same as without.
    expect(events.slice(n, 2 * n).map((event) => event.split(' ')[1])).toEqual(events.slice(0, n).map((event) => event.split(' ')[1]));
  }, 60_000);

  it('a program that begins in shadow mode enforces when it is told to', async () => {
    const { events, counters } = await said(build({ shadow: true }).program, [control(MODE.compiled), control(MODE.enforce)]);
    expect(new Set(returned(events, 0, packets.length))).toEqual(new Set([XDP_PASS]));
    expect(returned(events, packets.length, 2 * packets.length).filter((code) => code === XDP_DROP).length).toBe(counters.shadowed);
  }, 60_000);

  it('scores one event in three, or as many as it is told', async () => {
    const { counters } = await said(build({ sample: { oneIn: 3, by: 'event' } }).program, [control(0), control(0, 1), control(0, 5)]);
    const eligible = counters.eligible / 3;
    expect(counters.unsampled).toBeGreaterThan(0);
    expect(Math.abs(counters.unsampled - (eligible * (2 / 3) + eligible * (4 / 5)))).toBeLessThan(3);
  }, 60_000);

  it('scores the flows of the sample and no others', async () => {
    const { events, counters } = await said(build({ sample: { oneIn: 2, by: 'flow' } }).program, [control(0), control(0, 4, 1234)]);
    expect(counters.unsampled).toBeGreaterThan(30);
    for (const [round, oneIn, seed] of [
      [0, 2, 0],
      [1, 4, 1234],
    ] as const)
      for (const [i, packet] of packets.entries()) {
        if (verdicts[i] !== XDP_DROP) continue;
        const code = returned(events, round * packets.length, (round + 1) * packets.length)[i];
        if (!flowIsSampled(packet, oneIn, seed)) expect(code).toBe(XDP_PASS);
      }
  }, 60_000);

  it('passes everything while the map holds no weights, and says why', async () => {
    const { events, counters } = await said(build({}).program, [control(0)], false);
    expect(new Set(returned(events, 0, packets.length))).toEqual(new Set([XDP_PASS]));
    expect(counters.scored).toBe(0);
    expect(counters.fail_weights).toBeGreaterThan(50);
  }, 60_000);

  it('a TAG passes and is counted', async () => {
    const output = { ...base.output, above: 'TAG' } as Binding['output'];
    const { program } = build({}, output);
    const real = await said(program, [control(0)]);
    expect(real.verdicts[5]).toBeGreaterThan(5);
    expect(real.counters.fail_metadata).toBe(0);
  }, 60_000);

  it('features of flows count every packet, whatever the sample leaves out', async () => {
    const input = FEATURE_BINDINGS['all together']!;
    const fit = fittedFeatures(input);
    const source = featureSource(input);
    const hooks = [xdpHook(fit, source), xdpHook(fit, source, manners({ sample: { oneIn: 4, by: 'event' }, latency: true }))];
    const programs = hooks.map((hook) => programOf(hook, fit.count, fit.classes, 2e-5, 'v3', slotFor(input)));
    const frames = traffic(11, 60, 12);
    const features: string[][] = [[], []];
    for (const [i, program] of programs.entries()) {
      const loaded = await kernel!.load(program, { btf: programBtf(program) });
      expect(loaded.message, loaded.log.slice(-3000)).toBeNull();
      const vm = new Vm(program, { engine: 'wasm' });
      const run = loaded.program!;
      for (const { frame, timeNs } of frames) {
        await run.map(CLOCK_MAP).update(KEY, clockValue(timeNs));
        vm.maps.get(CLOCK_MAP).update(KEY, clockValue(timeNs));
        expect(vm.runXdp(frame).returnValue).toBe((await run.testRun(frame)).returnValue);
      }
      const [flows] = [await run.map(FLOWS_MAP).dump()];
      features[i] = flows.map(({ key, value }) => `${hex(key)} ${Buffer.from(value).toString('hex')}`).sort();
      if (i === 1) {
        const real = readCounters((await run.map(COUNTERS_MAP).lookup(KEY))!);
        const mine = readCounters(vm.maps.get(COUNTERS_MAP).lookup(KEY)!);
        expect({ ...mine, nanoseconds: 0 }).toEqual({ ...real, nanoseconds: 0 });
        expect(real.scored).toBe(Math.ceil(real.eligible / 4));
        expect(real.scored).toBeGreaterThan(5);
        expect(real.fail_flows + real.fail_map).toBe(0);
        expect(real.unsampled).toBe(real.eligible - real.scored);
      }
      await run.closeAll();
    }
    expect(features[0]!.length).toBeGreaterThan(3);
    expect(features[1]).toEqual(features[0]);
  }, 60_000);

  it.each(['5.15', '6.1', '6.6', '6.12'] as const)(
    'is accepted by the profile of %s, and its code by this kernel',
    async (version) => {
      const { program } = build({ sample: { oneIn: 2, by: 'flow' }, latency: true }, base.output, version);
      expect(verify(program, { kernel: version, privilege: 'root', logLevel: 0 }).message).toBeNull();
      if (version === '5.15') await said(program, [control(0), control(MODE.shadow, 1)]);
    },
    60_000,
  );
});
