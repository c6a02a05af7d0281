import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { randomSource } from './testing/random-program.ts';
import { Vm } from './vm.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

/** An IPv4, an IPv6, a VLAN and a nameless frame, to a multicast, a broadcast, a foreign and the loopback's own address. */
function frames(): Uint8Array[] {
  const random = randomSource(3);
  return [
    [0x0800, [1, 0, 0x5e, 0, 0, 1]],
    [0x86dd, [255, 255, 255, 255, 255, 255]],
    [0x8100, [2, 2, 3, 4, 5, 6]],
    [0x0040, [0, 0, 0, 0, 0, 0]],
  ].map(([type, address]) => {
    const frame = Uint8Array.from({ length: 98 }, () => random());
    frame.set(address as number[]);
    frame.set([(type as number) >> 8, (type as number) & 0xff], 12);
    if (type === 0x0800) frame[14] = 0x45;
    if (type === 0x8100) frame.set([0x08, 0x00], 16);
    return frame;
  });
}

const field = (offset: number, size: number) => `r0 = *(u${size * 8} *)(r1 +${offset})\nexit`;
const call = (helper: string, ...args: (number | string)[]) =>
  `r6 = r1\n${args.map((arg, i) => `r${i + 2} = ${arg}`).join('\n')}\ncall bpf_${helper}\nexit`;
/** A call, then a field of the context, with the call's result in its upper half. */
const then = (offset: number, ...steps: string[]) => `r6 = r1\n${steps.join('\n')}\nr0 = *(u32 *)(r6 +${offset})\nexit`;
const step = (helper: string, ...args: (number | string)[]) =>
  `r1 = r6\n${args.map((arg, i) => `r${i + 2} = ${arg}`).join('\n')}\ncall bpf_${helper}`;
const withBuffer = (text: string) => `*(u64 *)(r10 -8) = 0x55667788\n*(u64 *)(r10 -16) = 0x1234567\n${text}`;
const buffer = (helper: string, ...args: (number | string)[]) =>
  withBuffer(
    `r6 = r1\n${args.map((arg, i) => `r${i + 2} = ${arg === 'buffer' ? `r10\nr${i + 2} += -16` : arg}`).join('\n')}\ncall bpf_${helper}\nif r0 != 0 goto out\nr0 = *(u64 *)(r10 -16)\nout: exit`,
  );

const CONTEXT: [string, string][] = [
  ['len', field(0, 4)],
  ['pkt_type', field(4, 4)],
  ['mark', field(8, 4)],
  ['queue_mapping', field(12, 4)],
  ['protocol', field(16, 4)],
  ['vlan_present', field(20, 4)],
  ['vlan_tci', field(24, 4)],
  ['priority', field(32, 4)],
  ['cb', field(48, 4)],
  ['hash', field(68, 4)],
];
const CLASSIFIER: [string, string][] = [
  ...CONTEXT,
  ['ingress_ifindex', field(36, 4)],
  ['ifindex', field(40, 4)],
  ['tc_index', field(44, 4)],
  ['tc_classid', field(72, 4)],
  ['wire_len', field(160, 4)],
  ['gso_segs', field(164, 4)],
  ['gso_size', field(176, 4)],
  ['napi_id', field(84, 4)],
  ['tstamp', field(152, 8)],
  ['half of protocol', field(16, 2)],
  ['a byte of protocol', field(17, 1)],
  ['data length', 'r2 = *(u32 *)(r1 +76)\nr3 = *(u32 *)(r1 +80)\nr0 = r3\nr0 -= r2\nexit'],
  [
    'writes',
    '*(u32 *)(r1 +8) = 77\n*(u32 *)(r1 +32) = 5\n*(u32 *)(r1 +56) = 6\nr0 = *(u32 *)(r1 +8)\nr2 = *(u32 *)(r1 +32)\nr0 += r2\nr2 = *(u32 *)(r1 +56)\nr0 += r2\nexit',
  ],
  [
    'direct write',
    'r2 = *(u32 *)(r1 +76)\nr3 = *(u32 *)(r1 +80)\nr4 = r2\nr4 += 40\nr0 = 1\nif r4 > r3 goto out\n*(u64 *)(r2 +30) = 0x1122334\nr0 = *(u16 *)(r2 +12)\nout: exit',
  ],
  ...[
    [0, 20],
    [90, 8],
    [91, 8],
    [98, 1],
  ].map(([o, l]): [string, string] => [
    `store_bytes ${o} ${l}`,
    withBuffer(`r2 = ${o}\nr3 = r10\nr3 += -16\nr4 = ${Math.min(l, 16)}\nr5 = 0\ncall bpf_skb_store_bytes\nexit`),
  ]),
  ['store_bytes with unknown flags', withBuffer('r2 = 0\nr3 = r10\nr3 += -16\nr4 = 8\nr5 = 8\ncall bpf_skb_store_bytes\nexit')],
  ...[
    [0, 16],
    [82, 16],
    [83, 16],
    [0x7fffffff, 4],
  ].map(([o, l]): [string, string] => [`load_bytes ${o} ${l}`, buffer('skb_load_bytes', o, 'buffer', l)]),
  ...[
    [0, 0],
    [0, 1],
    [84, 1],
    [80, 0],
    [0, 2],
  ].map(([o, s]): [string, string] => [`load_bytes_relative ${o} from ${s}`, buffer('skb_load_bytes_relative', o, 'buffer', 8, s)]),
  ...[0, 50, 98, 99, 5000].map((l): [string, string] => [`pull_data ${l}`, call('skb_pull_data', l)]),
  ...[98, 14, 13, 60, 200, 16064, 16065].map((l): [string, string] => [`change_tail ${l}`, then(0, step('skb_change_tail', l, 0))]),
  ['change_tail with flags', call('skb_change_tail', 60, 1)],
  ...[0, 14, 40, 15966, 15967].map((l): [string, string] => [`change_head ${l}`, then(0, step('skb_change_head', l, 0))]),
  ...[0, 1, 3, 4].map((t): [string, string] => [`change_type ${t}`, then(4, step('skb_change_type', t))]),
  ...[0xdd86, 0x0008, 0x0608].map((p): [string, string] => [`change_proto ${p.toString(16)}`, then(16, step('skb_change_proto', p, 0))]),
  ...[0x0081, 0xa888, 5].map((p): [string, string] => [`vlan_push ${p.toString(16)}`, then(24, step('skb_vlan_push', p, 0x123))]),
  ['vlan_push twice', then(16, step('skb_vlan_push', 0x0081, 0x123), step('skb_vlan_push', 0x0081, 0x456))],
  ['vlan_pop', then(16, step('skb_vlan_pop'))],
  ['vlan_push, push, pop', then(24, step('skb_vlan_push', 0x0081, 0x123), step('skb_vlan_push', 0xa888, 0x456), step('skb_vlan_pop'))],
  ['vlan_push, pop, pop', then(0, step('skb_vlan_push', 0x0081, 0x123), step('skb_vlan_pop'), step('skb_vlan_pop'))],
  ...[
    [20, 0, 0],
    [-20, 0, 0],
    [8, 1, 0],
    [-8, 1, 0],
    [5000, 0, 0],
    [4, 2, 0],
    [16, 0, 32],
  ].map(([d, m, f]): [string, string] => [`adjust_room ${d} ${m} ${f}`, then(0, step('skb_adjust_room', d, m, f))]),
  ...[
    [24, 0, 0x1234, 0],
    [24, 0x1111, 0x2222, 2],
    [24, 0x11111111, 0x2222, 4],
    [25, 0, 1, 2],
    [96, 1, 2, 2],
    [97, 1, 2, 2],
    [24, 1, 2, 3],
    [24, 1, 2, 16],
  ].map(([o, f, t, s]): [string, string] => [`l3_csum_replace ${o} ${f} ${t} ${s}`, call('l3_csum_replace', o, f, t, s)]),
  ...[
    [50, 0, 0x12345, 0],
    [50, 0x1111, 0x2222, 2],
    [50, 0x11111111, 0x2222, 4],
    [50, 0x1111, 0x2222, 0x12],
    [50, 0x1111, 0x2222, 0x22],
    [50, 3, 4, 0x44],
    [50, 3, 4, 0x100],
  ].map(([o, f, t, s]): [string, string] => [`l4_csum_replace ${o} ${f} ${t} ${s}`, call('l4_csum_replace', o, f, t, s)]),
  ['csum_update', call('csum_update', 7)],
  ...[0, 1, 2, 3, 4].map((l): [string, string] => [`csum_level ${l}`, call('csum_level', l)]),
  ['set_hash', then(68, step('set_hash', 99))],
  ['set_hash_invalid', then(68, step('set_hash', 99), step('set_hash_invalid'))],
  ['redirect', 'r1 = 1\nr2 = 0\ncall bpf_redirect\nexit'],
  ['redirect to ingress', 'r1 = 1\nr2 = 1\ncall bpf_redirect\nexit'],
  ['redirect with flags', 'r1 = 1\nr2 = 6\ncall bpf_redirect\nexit'],
  ['get_cgroup_classid', call('get_cgroup_classid')],
  ['get_route_realm', call('get_route_realm')],
];
const FILTER: [string, string][] = [
  ...CONTEXT,
  ...[0, 10, 81, 82, 83, 84, -0x100000, -0x200000, -0x200000 + 12, -0x1000, -1, 0x7fffffff].flatMap((offset): [string, string][] =>
    (['u32', 'u16', 'u8'] as const).flatMap((size): [string, string][] => [
      [`ld_abs ${size} ${offset}`, `r6 = r1\nr0 = *(${size} *)skb[${offset}]\nexit`],
      [`ld_ind ${size} ${offset}`, `r6 = r1\nr7 = ${offset - 3}\nr0 = *(${size} *)skb[r7 +3]\nexit`],
    ]),
  ),
  ['load_bytes', buffer('skb_load_bytes', 0, 'buffer', 16)],
  ['load_bytes_relative', buffer('skb_load_bytes_relative', 12, 'buffer', 4, 0)],
];

describe.skipIf(!kernel)('programs on socket buffers do what they do in the kernel', () => {
  const cases = [
    ...CLASSIFIER.map(([name, text]) => ['tc', name, text] as const),
    ...FILTER.map(([name, text]) => ['socket', name, text] as const),
    ...CONTEXT.map(([name, text]) => ['cgroup_skb/ingress', name, text.replace('exit', 'r0 >>= 2\nr0 &= 1\nexit')] as const),
  ];
  it.each(cases)('%s: %s', async (section, _, text) => {
    const { program, diagnostics } = assemble(`.section ${section}\n.license GPL\n${text}`);
    expect(diagnostics).toEqual([]);
    await kernel!.pin(0);
    const loaded = await kernel!.load(program!, { logLevel: 1 });
    expect(loaded.message, loaded.log).toBeNull();
    for (const packet of frames()) {
      const expected = await loaded.program!.testRun(packet, { extraRoom: 70_000 });
      expect(expected.errno).toBe(0);
      for (const engine of ['interp', 'wasm'] as const) {
        const run = new Vm(program!, { engine }).run({ packet });
        expect({ engine, returnValue: run.returnValue | 0, packet: Buffer.from(run.packet!).toString('hex') }).toEqual({
          engine,
          returnValue: expected.returnValue | 0,
          packet: Buffer.from(expected.data).toString('hex'),
        });
      }
    }
    await loaded.program!.closeAll();
  });
});
