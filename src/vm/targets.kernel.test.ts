import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import type { MapDef } from '../bpf/program.ts';
import type { KernelMap } from '../companion/kernel.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { Vm } from './vm.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const ENGINES = ['interp', 'wasm'] as const;
/** The loopback device is there on every machine. */
const LOOPBACK = 1;

const packetOf = (...words: number[]): Uint8Array => {
  const packet = new Uint8Array(64);
  packet.set(new Uint8Array(Uint32Array.from(words).buffer), 16);
  return packet;
};

/** Redirects by the packet's key and flags. */
const redirect = (map: string): string => `
.section xdp
.license GPL
.map t ${map}
r2 = 16
r3 = r10
r3 += -16
r4 = 16
call bpf_xdp_load_bytes
if r0 != 0 goto out
r1 = map[t]
r2 = *(u32 *)(r10 -16)
r3 = *(u64 *)(r10 -8)
call bpf_redirect_map
out: exit`;

/** What a program reads of the entry at the packet's key. */
const lookup = (map: string): string => `
.section xdp
.license GPL
.map t ${map}
r2 = 16
r3 = r10
r3 += -16
r4 = 4
call bpf_xdp_load_bytes
r0 = 2000
r1 = map[t]
r2 = r10
r2 += -16
call bpf_map_lookup_elem
r6 = r0
r0 = 1000
if r6 == 0 goto out
r0 = *(u32 *)(r6 +0)
out: exit`;

const KEYS = [0, 1, 2, 3, 4, 7, 1_000_000, 0xffffffff];
const FLAGS = [0, 1, 2, 3, 4, 8, 11, 16, 17, 24, 27, 32, 0x10000];

describe.skipIf(!kernel)('targets of redirects', () => {
  it.each([
    ['devmap', 'devmap 4 4 4', [0, 2], LOOPBACK],
    ['devmap with programs', 'devmap 4 8 4', [3], LOOPBACK],
    ['devmap_hash', 'devmap_hash 4 4 4', [7, 1_000_000], LOOPBACK],
    ['cpumap', 'cpumap 4 4 2', [0], 16],
    ['an empty cpumap', 'cpumap 4 4 2', [], 16],
    ['an empty xskmap', 'xskmap 4 4 4', [], 0],
  ] as const)('%s: the verdicts are the kernel’s for every key and flag', { timeout: 60_000 }, async (_, map, filled, value) => {
    await kernel!.pin(0);
    for (const text of map.startsWith('devmap') ? [redirect(map), lookup(map)] : [redirect(map)]) {
      const { program, diagnostics } = assemble(text);
      expect(diagnostics).toEqual([]);
      const loaded = await kernel!.load(program!, { logLevel: 1 });
      expect(loaded.message).toBeNull();
      const machines = ENGINES.map((engine) => new Vm(program!, { engine, cpus: kernel!.cpus }));
      for (const key of filled) {
        const bytes = new Uint8Array(program!.maps[0].valueSize);
        bytes.set(word(value));
        // A file descriptor of -1 or 0 is no program.
        await loaded.program!.map('t').update(word(key), bytes);
        for (const vm of machines) vm.maps.get('t').update(word(key), bytes);
      }
      for (const key of KEYS)
        for (const flags of text === lookup(map) ? [0] : FLAGS) {
          const packet = packetOf(key, 0, flags, 0);
          const expected = (await loaded.program!.testRun(packet)).returnValue;
          for (const vm of machines) {
            const got = vm.run({ packet });
            expect([key, flags, got.returnValue]).toEqual([key, flags, expected]);
            if (text !== lookup(map)) expect(got.redirect !== null).toBe(expected === 4);
          }
        }
      await loaded.program!.closeAll();
    }
  });
});

/** Adds the packet's third word to the value at its second one, in the map at its first one. */
const NESTED = `
.section xdp
.license GPL
r2 = 16
r3 = r10
r3 += -16
r4 = 12
call bpf_xdp_load_bytes
r0 = 1000
r1 = map[outer]
r2 = r10
r2 += -16
call bpf_map_lookup_elem
r6 = r0
r0 = 1001
if r6 == 0 goto out
r1 = r6
r2 = r10
r2 += -12
call bpf_map_lookup_elem
r6 = r0
r0 = 1002
if r6 == 0 goto out
r1 = *(u32 *)(r10 -8)
lock *(u64 *)(r6 +0) += r1
r0 = *(u32 *)(r6 +0)
out: exit`;

describe.skipIf(!kernel)('maps of maps', () => {
  it.each([
    ['array_of_maps', 12, [0, 2]],
    ['hash_of_maps', 13, [5, 0xfffffff0]],
  ] as const)(
    '%s: programs find the inner maps of the kernel, and change the same values',
    { timeout: 60_000 },
    async (_, type, places) => {
      const inner: MapDef = { name: 'inner', type: 2, keySize: 4, valueSize: 8, maxEntries: 3, flags: 0 };
      const outer: MapDef = { name: 'outer', type, keySize: 4, valueSize: 4, maxEntries: 4, flags: 0, inner };
      const assembled = assemble(NESTED.replace('.license GPL', '.license GPL\n.map outer hash 4 4 4'));
      expect(assembled.diagnostics).toEqual([]);
      const program = { ...assembled.program!, maps: [outer] };
      await kernel!.pin(0);
      const loaded = await kernel!.load(program, { logLevel: 1 });
      expect(loaded.message).toBeNull();
      const extraMaps = places.map((_, i) => ({ ...inner, name: `inner${i}` }));
      const theirs: KernelMap[] = [];
      const machines = ENGINES.map((engine) => new Vm(program, { engine, extraMaps }));
      for (const [i, place] of places.entries()) {
        const made = await kernel!.createMap(inner);
        theirs.push(made);
        await loaded.program!.map('outer').update(word(place), word(made.fd));
        for (const vm of machines) vm.maps.get('outer').update(word(place), word(1 + i));
      }
      for (const place of [0, 1, 2, 3, 4, 5, 0xfffffff0])
        for (const key of [0, 1, 2, 3, 0xffffffff]) {
          const packet = packetOf(place, key, place + 3 * key + 1);
          const expected = (await loaded.program!.testRun(packet)).returnValue;
          for (const vm of machines) expect([place, key, vm.run({ packet }).returnValue]).toEqual([place, key, expected]);
        }
      for (const [i, map] of theirs.entries()) {
        const held = (await map.dump()).map(({ value }) => Buffer.from(value).toString('hex'));
        expect(held.some((value) => /[^0]/.test(value))).toBe(true);
        for (const vm of machines)
          expect(
            vm.maps
              .get(`inner${i}`)
              .entries()
              .map(({ value }) => Buffer.from(value).toString('hex')),
          ).toEqual(held);
        await map.close();
      }
      await loaded.program!.closeAll();
    },
  );
});
