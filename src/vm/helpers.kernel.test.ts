import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { Vm } from './vm.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const packet = Uint8Array.from({ length: 100 }, (_, i) => (i * 37) & 0xff);

const adjust = (helper: string, delta: number) => `r6 = r1\nr2 = ${delta}\ncall bpf_xdp_adjust_${helper}\nexit`;

/** Reads `length` bytes at `offset` into the stack and returns the helper's result, or the first word that it read. */
const loadBytes = (offset: number, length: number) => `
  *(u64 *)(r10 -8) = 0
  r2 = ${offset}
  r3 = r10
  r3 += -8
  r4 = ${length}
  call bpf_xdp_load_bytes
  if r0 != 0 goto out
  r0 = *(u64 *)(r10 -8)
  out: exit`;

const csumDiff = (fromSize: number, toSize: number, seed: number, words: [number, number]) => `
  r1 = ${words[0]} ll
  *(u64 *)(r10 -16) = r1
  r1 = ${words[1]} ll
  *(u64 *)(r10 -8) = r1
  r1 = r10
  r1 += -16
  r2 = ${fromSize}
  r3 = r10
  r3 += -8
  r4 = ${toSize}
  r5 = ${seed}
  call bpf_csum_diff
  exit`;

const cases: [string, string][] = [
  ...[14, 1, -8, -216, -217, 86, 87, -1000].map((d): [string, string] => [`adjust_head ${d}`, adjust('head', d)]),
  ...[1, -1, -86, -87, 3420, 3421, -200].map((d): [string, string] => [`adjust_tail ${d}`, adjust('tail', d)]),
  ...[-4, -8, -6, -216, -220, 4, -32].map((d): [string, string] => [`adjust_meta ${d}`, adjust('meta', d)]),
  [
    'metadata moves with the head',
    `r6 = r1
     r2 = -4
     call bpf_xdp_adjust_meta
     r2 = *(u32 *)(r6 +8)
     r3 = *(u32 *)(r6 +0)
     r4 = r2
     r4 += 4
     if r4 > r3 goto out
     *(u32 *)(r2 +0) = 0x1234567
     r1 = r6
     r2 = 20
     call bpf_xdp_adjust_head
     r2 = *(u32 *)(r6 +8)
     r3 = *(u32 *)(r6 +0)
     r4 = r2
     r4 += 4
     if r4 > r3 goto out
     r0 = *(u32 *)(r2 +0)
     out: exit`,
  ],
  ...[
    [0, 8],
    [93, 7],
    [93, 8],
    [0xffff, 4],
    [0x10000, 4],
  ].map(([o, l]): [string, string] => [`load_bytes ${o} ${l}`, loadBytes(o, l)]),
  ['store_bytes', '*(u64 *)(r10 -8) = 0x55667788\nr2 = 50\nr3 = r10\nr3 += -8\nr4 = 8\ncall bpf_xdp_store_bytes\nexit'],
  ['get_buff_len', 'call bpf_xdp_get_buff_len\nexit'],
  ['redirect', 'r1 = 1\nr2 = 0\ncall bpf_redirect\nexit'],
  ['redirect with flags', 'r1 = 1\nr2 = 5\ncall bpf_redirect\nexit'],
  ['redirect_map without target', '.map d devmap 4 4 4\nr1 = map[d]\nr2 = 1\nr3 = 2\ncall bpf_redirect_map\nexit'],
  ['redirect_map beyond the map', '.map d devmap 4 4 4\nr1 = map[d]\nr2 = 9\nr3 = 1\ncall bpf_redirect_map\nexit'],
  ['get_smp_processor_id', 'call bpf_get_smp_processor_id\nexit'],
  ['csum_diff of both', csumDiff(8, 8, 0, [0x1f3f7f9fbf, 0x11f2f3f4])],
  ['csum_diff of additions', csumDiff(0, 8, 0x1234, [0, 0x7ffffff1])],
  ['csum_diff of removals', csumDiff(8, 0, 0x4321, [0x3234567890, 0])],
  ['csum_diff of nothing', csumDiff(0, 0, 7, [0, 0])],
  ['tail call into an empty slot', '.map p prog_array 4 4 2\nr6 = r1\nr2 = map[p]\nr3 = 1\ncall bpf_tail_call\nr0 = 17\nexit'],
];

describe.skipIf(!kernel)('helpers return what the kernel returns', () => {
  it.each(cases)('%s', async (_, text) => {
    const { program, diagnostics } = assemble(`.section xdp\n.license GPL\n${text}`);
    expect(diagnostics).toEqual([]);
    await kernel!.pin(0);
    const loaded = await kernel!.load(program!, { logLevel: 1 });
    expect(loaded.log).toContain('processed');
    expect(loaded.message).toBeNull();
    const expected = await loaded.program!.testRun(packet, { extraRoom: 4096 });
    await loaded.program!.closeAll();
    expect(expected.errno).toBe(0);
    for (const engine of ['interp', 'wasm'] as const) {
      const run = new Vm(program!, { engine }).runXdp(packet);
      expect({ returnValue: run.returnValue, packet: Uint8Array.from([...run.metadata, ...run.packet]) }).toEqual({
        returnValue: expected.returnValue,
        packet: expected.data,
      });
    }
  });
});
