import { describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import type { MapDef, Program } from '../bpf/program.ts';
import { Vm, type VmOptions } from './vm.ts';

const PACKET = new Uint8Array(64);
const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

function program(text: string, fields: Partial<Program> = {}): Program {
  const { program: assembled, diagnostics } = assemble(`.section xdp\n.license GPL\n${text}`);
  expect(diagnostics).toEqual([]);
  return { ...assembled!, ...fields };
}

describe.each(['interp', 'wasm'] as const)('services on %s', (engine) => {
  const machine = (text: string, options: VmOptions = {}, fields: Partial<Program> = {}) =>
    new Vm(program(text, fields), { engine, ...options });
  const returned = (vm: Vm): number => vm.run({ packet: PACKET }).returnValue;

  it('timers fire in order of their time, with map, key and value, and may start again', () => {
    const vm = machine(`
    .map t array 4 24 3
    .func main
    r7 = 0
    next:
    *(u32 *)(r10 -4) = r7
    r1 = map[t]
    r2 = r10
    r2 += -4
    call bpf_map_lookup_elem
    if r0 == 0 goto out
    r6 = r0
    r1 = r6
    r2 = map[t]
    r3 = 1
    call bpf_timer_init
    r1 = r6
    r2 = func[fired]
    call bpf_timer_set_callback
    r2 = 3
    r2 -= r7
    r2 *= 1000
    r1 = r6
    r3 = 0
    call bpf_timer_start
    r7 += 1
    if r7 < 3 goto next
    r1 = r6
    r2 = map[t]
    r3 = 1
    call bpf_timer_init
    out:
    exit
    .func fired static
    r4 = *(u32 *)(r2 +0)
    r4 += 100
    *(u64 *)(r3 +16) = r4
    *(u32 *)(r10 -4) = r4
    r6 = r3
    r1 = map[t]
    if r4 != 102 goto tell
    r1 = r6
    r2 = 500
    r3 = 0
    call bpf_timer_start
    tell:
    r1 = 0x6425 ll
    *(u64 *)(r10 -16) = r1
    r1 = r10
    r1 += -16
    r2 = 3
    r3 = *(u64 *)(r6 +16)
    call bpf_trace_printk
    r0 = 0
    exit`);
    // The second bpf_timer_init of a timer is refused as busy.
    expect(returned(vm) | 0).toBe(-16);
    const text = (ns: number) => vm.advance(ns).map((event) => (event.kind === 'printk' ? event.text : ''));
    expect(text(900)).toEqual([]);
    expect(text(1200)).toEqual(['102', '102', '101', '102']);
    expect(text(2000)).toEqual(['102', '100', '102', '102', '102']);
    vm.resetMaps();
    expect(text(1_000_000)).toEqual([]);
  });

  it('finds a map in a map, and nothing where user space put none', () => {
    const inner: MapDef = { name: 'inner', type: 2, keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 };
    const outer: MapDef = { name: 'outer', type: 13, keySize: 4, valueSize: 4, maxEntries: 2, flags: 0, inner };
    const vm = machine(
      `.map outer hash_of_maps 4 4 2
      *(u32 *)(r10 -4) = 7
      r1 = map[outer]
      r2 = r10
      r2 += -4
      call bpf_map_lookup_elem
      if r0 == 0 goto none
      *(u32 *)(r10 -4) = 1
      r1 = r0
      r2 = r10
      r2 += -4
      call bpf_map_lookup_elem
      if r0 == 0 goto none
      r0 = *(u64 *)(r0 +0)
      exit
      none:
      r0 = 99
      exit`,
      { extraMaps: [inner] },
      { maps: [outer] },
    );
    expect(returned(vm)).toBe(99);
    vm.maps.get('inner').update(word(1), new Uint8Array(8).fill(3));
    vm.maps.get('outer').update(word(7), word(1));
    expect(returned(vm)).toBe(0x03030303);
    expect(() => vm.maps.get('outer').update(word(7), word(0))).toThrow('map outer is not of the kind that it holds');
    expect(() => vm.maps.get('outer').update(word(7), word(9))).toThrow('this machine has no map 9');
  });

  it('drains what user space queued, record by record, until the callback stops', () => {
    const vm = machine(`
    .map u user_ringbuf 0 0 4096
    .func main
    *(u64 *)(r10 -8) = 0
    r1 = map[u]
    r2 = func[each]
    r3 = r10
    r3 += -8
    r4 = 0
    call bpf_user_ringbuf_drain
    r1 = *(u64 *)(r10 -8)
    r1 <<= 8
    r0 += r1
    exit
    .func each static
    r6 = r2
    r3 = r1
    r1 = r10
    r1 += -8
    *(u64 *)(r10 -8) = 0
    r2 = 4
    r4 = 0
    r5 = 0
    call bpf_dynptr_read
    r1 = *(u64 *)(r10 -8)
    r2 = *(u64 *)(r6 +0)
    r2 += r1
    *(u64 *)(r6 +0) = r2
    r0 = 0
    if r1 != 30 goto out
    r0 = 1
    out:
    exit`);
    vm.maps.get('u').records!.push(word(10), word(30), word(50));
    expect(returned(vm)).toBe(2 + (40 << 8));
    expect(returned(vm)).toBe(1 + (50 << 8));
  });

  it('a tail call from a function ends that function alone', () => {
    const other = program('r0 = 5\nexit');
    const vm = machine(
      '.map p prog_array 4 4 2\n.func main\ncall f\nr0 += 100\nexit\n.func f static\nr2 = map[p]\nr3 = 1\ncall bpf_tail_call\nr0 = 7\nexit',
      { programs: [other] },
    );
    expect(returned(vm)).toBe(107);
    vm.maps.get('p').update(word(1), word(1));
    expect(returned(vm)).toBe(105);
  });

  it('what is thrown is returned, or goes to the exception callback', () => {
    const text =
      '.func main\nr1 = 77\ncall f\nr0 = 1\nexit\n.func f static\ncall kfunc bpf_throw\nr0 = 2\nexit\n.func caught global\nr0 = r1\nr0 += 1000\nexit';
    expect(returned(machine(text))).toBe(77);
    expect(returned(machine(text, {}, { exceptionCallbacks: ['caught'] }))).toBe(1077);
  });

  it('objects live in lists in the order of pushes, and their number is bounded', () => {
    const localStructs = new Map([[5, { name: 'node', size: 24, isScalar: false, members: [], fields: [] }]]);
    const vm = machine(
      `.map h array 4 16 1
      r6 = 0
      more:
      r1 = 5
      r2 = 0
      call kfunc bpf_obj_new_impl
      if r0 == 0 goto none
      r7 = r0
      *(u64 *)(r7 +16) = r6
      r1 = map_value[h]
      r2 = r7
      r3 = 0
      r4 = 0
      call kfunc bpf_list_push_front_impl
      r6 += 1
      if r6 < 3 goto more
      r1 = map_value[h]
      call kfunc bpf_list_pop_back
      r8 = *(u64 *)(r0 +16)
      r1 = r0
      r2 = 0
      call kfunc bpf_obj_drop_impl
      r1 = map_value[h]
      call kfunc bpf_list_pop_front
      r0 = *(u64 *)(r0 +16)
      r0 *= 10
      r0 += r8
      exit
      none:
      r0 = 99
      exit`,
      {},
      { localStructs },
    );
    expect(returned(vm)).toBe(20);
    let last = 0;
    for (let i = 0; i < 1100 && last !== 99; i++) last = returned(vm);
    expect(last).toBe(99);
  });

  it('local storage is made when asked for, and kept', () => {
    const vm = new Vm(
      program(
        '.map s sk_storage 4 8 0 1\nr6 = *(u64 *)(r1 +168)\nr1 = map[s]\nr2 = r6\nr3 = 0\nr4 = 1\ncall bpf_sk_storage_get\nif r0 == 0 goto none\nr1 = *(u64 *)(r0 +0)\nr1 += 1\n*(u64 *)(r0 +0) = r1\nr0 = r1\nexit\nnone:\nr0 = 99\nexit',
        { progType: 3 },
      ),
      { engine },
    );
    expect([returned(vm), returned(vm)]).toEqual([1, 2]);
    expect(vm.maps.get('s').entries()).toHaveLength(1);
  });

  it('arena pages are given and taken, and casts keep a pointer', () => {
    const vm = machine(
      '.map a arena 0 0 4 0x400\nr1 = map[a]\nr2 = 0\nr3 = 2\nr4 = 0\nr5 = 0\ncall kfunc bpf_arena_alloc_pages\nif r0 == 0 goto none\nr6 = r0\n*(u64 *)(r6 +4100) = 42\nr0 = *(u64 *)(r6 +4100)\nexit\nnone:\nr0 = 99\nexit',
    );
    expect([returned(vm), returned(vm), returned(vm)]).toEqual([42, 42, 99]);
    expect(vm.maps.get('a').entries()).toHaveLength(4);
  });
});
