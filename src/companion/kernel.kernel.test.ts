import { spawnSync } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeInsns } from '../bpf/insn.ts';
import type { MapDef, Program } from '../bpf/program.ts';
import { writeObject } from '../object/writer.ts';
import { kernelForTests } from './vitest-kernel.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const XDP = 6;
const SYSCALL = 31;

function program(hex: string, maps: readonly MapDef[] = [], more: Partial<Program> = {}): Program {
  return {
    name: 'test',
    section: 'xdp',
    progType: XDP,
    expectedAttachType: 0,
    sleepable: false,
    loadFlags: 0,
    license: 'GPL',
    insns: decodeInsns(Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'))),
    subprogs: [{ name: 'test', start: 0, linkage: 'global' }],
    maps,
    lineInfo: [],
    origins: [],
    insnOrigins: [],
    kfuncCalls: new Map(),
    ...more,
  };
}

const RETURN_2 = 'b700000002000000 9500000000000000';
/** r0 = *(u32 *)map value; then adds 1 to it. */
const COUNTER = '18210000 00000000 00000000 00000000 6110000000000000 b702000001000000 c321000000000000 9500000000000000';
const data: MapDef = {
  name: '.data.counter',
  type: 2,
  keySize: 4,
  valueSize: 8,
  maxEntries: 1,
  flags: 0,
  data: Uint8Array.of(7, 0, 0, 0, 9, 0, 0, 0),
};

describe.skipIf(!kernel)('kernel', () => {
  it('loads, runs and describes a program', async () => {
    const result = await kernel!.load(program(RETURN_2), { logLevel: 1 });
    expect(result).toMatchObject({ accepted: true, errno: 0, processed: 2, message: null });
    const run = await result.program!.testRun(new Uint8Array(64).fill(5), { repeat: 100 });
    expect(run).toMatchObject({ errno: 0, returnValue: 2 });
    expect(run.data).toEqual(new Uint8Array(64).fill(5));
    expect(await result.program!.info()).toMatchObject({ verifiedInsns: 2, tag: expect.stringMatching(/^[0-9a-f]{16}$/) });
    await result.program!.closeAll();
  });

  it('reports a rejection with message, instruction and errno', async () => {
    const result = await kernel!.load(program('bf20000000000000 9500000000000000'), { logLevel: 1 });
    expect(result).toMatchObject({ accepted: false, errno: 13, message: 'R2 !read_ok', insnIdx: 0, program: null });
  });

  it('gives data maps their contents and reads one after each run of a batch', async () => {
    const { program: loaded } = await kernel!.load(program(COUNTER, [data]));
    const map = loaded!.map('.data.counter');
    const packets = Array.from({ length: 300 }, () => new Uint8Array(60));
    const results = await loaded!.testRunBatch(packets, { map, key: new Uint8Array(4) });
    expect(results.map((r) => r.run.returnValue)).toEqual(packets.map((_, i) => 7 + i));
    expect(results.map((r) => r.value![0] | (r.value![1] << 8))).toEqual(packets.map((_, i) => 8 + i));
    await loaded!.closeAll();
  });

  it('freezes what must be frozen', async () => {
    const map = await kernel!.createMap({ ...data, frozen: true });
    expect(await map.tryUpdate(new Uint8Array(4), new Uint8Array(8))).toBe(1);
    await map.close();
  });

  it('updates, reads, walks and deletes per-CPU hash entries', async () => {
    const map = await kernel!.createMap({ name: 'h', type: 5, keySize: 2, valueSize: 3, maxEntries: 4, flags: 0 });
    await map.update(Uint8Array.of(1, 0), Uint8Array.of(1, 2, 3));
    await map.update(Uint8Array.of(2, 0), Uint8Array.of(4, 5, 6));
    const perCpu = (bytes: number[]) => Uint8Array.from({ length: 8 * kernel!.cpus }, (_, i) => bytes[i % 8] ?? 0);
    expect(await map.lookup(Uint8Array.of(1, 0))).toEqual(perCpu([1, 2, 3]));
    expect(await map.delete(Uint8Array.of(1, 0))).toBe(true);
    expect(await map.delete(Uint8Array.of(1, 0))).toBe(false);
    expect(await map.lookup(Uint8Array.of(1, 0))).toBeNull();
    expect(await map.dump()).toEqual([{ key: Uint8Array.of(2, 0), value: perCpu([4, 5, 6]) }]);
    await map.close();
  });

  it('runs a SYSCALL program on a context', async () => {
    const double = '6112000000000000 0f22000000000000 6321000000000000 b700000000000000 9500000000000000';
    const { program: loaded, log } = await kernel!.load(program(double, [], { progType: SYSCALL, sleepable: true }));
    expect(log).toContain('processed 5 insns');
    const run = await loaded!.testRun(new Uint8Array(0), { ctx: Uint8Array.of(21, 0, 0, 0) });
    expect(run).toMatchObject({ errno: 0, returnValue: 0, data: Uint8Array.of(42, 0, 0, 0) });
    await loaded!.closeAll();
  });

  it('creates a map of maps from its template and refuses a foolish map with its errno', async () => {
    const inner: MapDef = { name: 'inner', type: 2, keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 };
    const outer = await kernel!.createMap({ name: 'outer', type: 12, keySize: 4, valueSize: 4, maxEntries: 2, flags: 0, inner });
    await outer.close();
    expect(await kernel!.tryCreateMap({ ...inner, keySize: 3 })).toBe(22);
  });

  it('calls kernel functions by name', async () => {
    const locked = '8520000000000000 8520000000000000 b700000003000000 9500000000000000';
    const calls = (second: string) => ({
      kfuncCalls: new Map([
        [0, 'bpf_rcu_read_lock'],
        [1, second],
      ]),
    });
    const result = await kernel!.load(program(locked, [], calls('bpf_rcu_read_unlock')), { logLevel: 1 });
    expect(result.message).toBeNull();
    expect((await result.program!.testRun(new Uint8Array(64))).returnValue).toBe(3);
    await result.program!.closeAll();
    await expect(kernel!.load(program(locked, [], calls('bpf_no_such_thing')))).rejects.toThrow(
      'insn 1: this kernel has no function bpf_no_such_thing',
    );
  });

  it.skipIf(spawnSync('bpftool', ['version']).status !== 0)('loads an object with bpftool and finds its maps', async () => {
    const good = program(COUNTER, [{ ...data, section: '.data.counter' }], { subprogs: [{ name: 'test', start: 0, linkage: 'global' }] });
    const loaded = await kernel!.loadObject(writeObject(good));
    expect(loaded.output).toContain('processed');
    expect((await loaded.program!.testRun(new Uint8Array(64))).returnValue).toBe(7);
    expect((await loaded.program!.map('.data.counter').lookupIndex(0))[0]).toBe(8);
    await loaded.program!.closeAll();
    const refused = await kernel!.loadObject(writeObject(program('bf20000000000000 9500000000000000')));
    expect(refused).toMatchObject({ program: null, output: expect.stringContaining('R2 !read_ok') });
  });

  it('reports what the kernel has against a BTF blob', async () => {
    await expect(kernel!.loadBtf(new Uint8Array(24))).rejects.toThrow(/kernel refuses BTF \(errno 22\)/);
  });
});
