import { describe, expect, test } from 'vitest';
import { compileC } from '../../clang/compile.ts';
import { Device } from './device.ts';
import * as libbpf from './libbpf.ts';
import { commandOf } from './testing/device.ts';
import { u32, u64 } from './testing/uses.ts';

const SOURCE = (step: number): string => `
#include <linux/bpf.h>
#include <accelerator.h>
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 2); __type(key, __u32); __type(value, __u64); } count SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); } own SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
SEC("accelerator/submit")
int tally(struct bpf_context *ctx)
{
  __u32 tenant = ctx->tenant, zero = 0;
  __u64 *value = bpf_map_lookup_elem(&count, &tenant), seq = ctx->seq;
  __u32 *mine = bpf_map_lookup_elem(&own, &zero);
  if (value) *value += ${step};
  if (mine) *mine += 1;
  bpf_ringbuf_output(&events, &seq, sizeof seq, 0);
  return 0;
}
SEC("accelerator/complete")
int idle(struct bpf_context *ctx) { return 0; }
`;

const objectOf = async (step: number) => (await compileC(SOURCE(step), { fileName: 'tally.c' })).object!;
const number = (value: Uint8Array | null): number | null => value && Number(new DataView(value.buffer).getBigUint64(0, true));

describe('libbpf’s functions', { timeout: 60_000 }, () => {
  test('open, load, attach, update maps, replace and destroy, as a program written for libbpf does', async () => {
    const device = new Device();
    let seq = 0;
    const run = (tenant: number): void => {
      device.submit([commandOf({ seq: seq++, request: seq, tenant })]);
      device.run();
    };
    const object = libbpf.bpf_object__open(await objectOf(1), { object_name: 'tally' });
    const tally = libbpf.bpf_object__find_program_by_name(object, 'tally')!;
    expect([libbpf.bpf_object__name(object), libbpf.bpf_program__section_name(tally), libbpf.bpf_program__insn_cnt(tally) > 5]).toEqual([
      'tally',
      'accelerator/submit',
      true,
    ]);
    expect(libbpf.bpf_object__find_program_by_name(object, 'nothing')).toBeNull();
    const count = libbpf.bpf_object__find_map_by_name(object, 'count')!;
    expect(libbpf.bpf_map__update_elem(count, u32(1), u64(0))).toBe(-22);
    expect(() => libbpf.bpf_program__attach(tally, device)).toThrow(/not loaded/);
    const idle = libbpf.bpf_object__find_program_by_name(object, 'idle')!;
    expect(libbpf.bpf_program__set_autoload(idle, false)).toBe(0);
    libbpf.bpf_object__load(object);
    expect(() => libbpf.bpf_program__attach(idle, device)).toThrow(/not loaded/);
    expect(() => libbpf.bpf_object__load(object)).toThrow(/it is loaded/);

    const link = libbpf.bpf_program__attach(tally, device);
    expect(libbpf.bpf_map__update_elem(count, u32(1), u64(10), libbpf.BPF_NOEXIST)).toBe(0);
    expect(libbpf.bpf_map__update_elem(count, u32(1), u64(10), libbpf.BPF_NOEXIST)).toBe(-17);
    expect(libbpf.bpf_map__update_elem(count, u32(2), u64(0), libbpf.BPF_EXIST)).toBe(-2);
    expect(libbpf.bpf_map__update_elem(count, u32(1), u32(10))).toBe(-22);
    run(1);
    run(1);
    expect(number(libbpf.bpf_map__lookup_elem(count, u32(1)))).toBe(12);
    expect(libbpf.bpf_map__lookup_elem(count, u32(9))).toBeNull();
    const own = libbpf.bpf_object__find_map_by_name(object, 'own')!;
    expect(number(libbpf.bpf_map__lookup_elem(own, u32(0)))).toBe(2);
    expect(libbpf.bpf_map__update_elem(own, u32(0), u64(5))).toBe(0);

    const events: number[] = [];
    const ring = libbpf.ring_buffer__new(libbpf.bpf_object__find_map_by_name(object, 'events')!, (data) => {
      events.push(Number(new DataView(data.buffer, data.byteOffset).getBigUint64(0, true)));
      return 0;
    });
    expect([libbpf.ring_buffer__poll(ring, 100), libbpf.ring_buffer__consume(ring), events]).toEqual([2, 0, [0, 1]]);
    libbpf.ring_buffer__free(ring);
    expect(libbpf.ring_buffer__poll(ring)).toBe(-22);
    expect(() => libbpf.ring_buffer__new(count, () => 0)).toThrow(/no ring buffer/);

    // A newer object begins with what the older one counted.
    const newer = libbpf.bpf_object__open(await objectOf(100), { object_name: 'newer' });
    libbpf.bpf_object__load(newer, { maps_from: object });
    expect(libbpf.bpf_link__update_program(link, libbpf.bpf_object__find_program_by_name(newer, 'tally')!)).toBe(0);
    run(1);
    const newCount = libbpf.bpf_object__find_map_by_name(newer, 'count')!;
    expect([number(libbpf.bpf_map__lookup_elem(count, u32(1))), number(libbpf.bpf_map__lookup_elem(newCount, u32(1)))]).toEqual([12, 112]);
    expect(() => libbpf.bpf_link__update_program(link, libbpf.bpf_object__find_program_by_name(newer, 'idle')!)).toThrow(/cannot replace/);
    libbpf.bpf_link__destroy(link);
    run(1);
    expect(number(libbpf.bpf_map__lookup_elem(newCount, u32(1)))).toBe(112);

    const keys: Uint8Array[] = [];
    libbpf.bpf_map__update_elem(newCount, u32(5), u64(1));
    expect(libbpf.bpf_map__update_elem(newCount, u32(6), u64(1))).toBe(-7);
    for (let key = libbpf.bpf_map__get_next_key(newCount, null); key; key = libbpf.bpf_map__get_next_key(newCount, key)) keys.push(key);
    expect(keys.length).toBe(2);
    expect([libbpf.bpf_map__delete_elem(newCount, u32(5)), libbpf.bpf_map__delete_elem(newCount, u32(5))]).toEqual([0, -2]);
  });

  test('open refuses what is no object for the accelerator', async () => {
    expect(() => libbpf.bpf_object__open(new Uint8Array(10))).toThrow();
    const xdp = await compileC('#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nSEC("xdp") int x(struct xdp_md *ctx) { return 2; }');
    expect(() => libbpf.bpf_object__open(xdp.object!)).toThrow(/section xdp is none of the accelerator/);
  });
});
