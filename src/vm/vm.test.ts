import { describe, expect, it } from 'vitest';
import { InputError } from '../base/errors.ts';
import { assemble } from '../bpf/asm.ts';
import { VmFault } from './fault.ts';
import { Vm, type VmOptions } from './vm.ts';

const u32key = (index: number) => new Uint8Array(Uint32Array.of(index).buffer);

describe.each(['interp', 'wasm'] as const)('%s', (engine) => {
  function machine(text: string, options?: VmOptions): Vm {
    const { program, diagnostics } = assemble(`.section xdp\n${text}`);
    if (!program) throw new Error(JSON.stringify(diagnostics));
    const vm = new Vm(program, { engine, ...options });
    expect(vm.engine).toBe(engine);
    return vm;
  }

  const packet = Uint8Array.from({ length: 60 }, (_, i) => i);
  const returns = (text: string, options?: VmOptions) => machine(text, options).runXdp(packet).returnValue;

  function faultOf(text: string, options?: VmOptions): VmFault {
    try {
      machine(text, options).runXdp(packet);
    } catch (error) {
      if (error instanceof VmFault) return error;
      throw error;
    }
    throw new Error('no fault');
  }

  describe('XDP', () => {
    it('sees the packet between data and data_end and what arrived where', () => {
      const vm = machine(`
      r2 = *(u32 *)(r1 +0)
      r3 = *(u32 *)(r1 +4)
      r4 = *(u32 *)(r1 +12)
      r5 = *(u32 *)(r1 +16)
      r0 = r3
      r0 -= r2
      r0 <<= 8
      r0 += r4
      r0 <<= 8
      r0 += r5
      *(u8 *)(r2 +0) = 99
      exit`);
      const run = vm.runXdp(packet, { ingressIfindex: 7, rxQueueIndex: 3 });
      expect(run.returnValue).toBe((60 << 16) | (7 << 8) | 3);
      expect(run.packet).toEqual(Uint8Array.from(packet, (byte, i) => (i === 0 ? 99 : byte)));
      expect(run.insnsExecuted).toBe(12);
    });

    it('faults on bytes behind the packet even when an earlier packet was longer', () => {
      const vm = machine(`
      r2 = *(u32 *)(r1 +0)
      r0 = *(u8 *)(r2 +59)
      exit`);
      expect(vm.runXdp(packet).returnValue).toBe(59);
      expect(() => vm.runXdp(packet.subarray(0, 59))).toThrow('insn 1: read of 1 byte at packet+59 beyond its 59 bytes');
      expect(vm.runXdp(packet).returnValue).toBe(59);
    });

    it('moves head, tail and metadata within the limits of a page', () => {
      const adjust = (helper: string, delta: number) => `
      r6 = r1
      r2 = ${delta}
      call bpf_xdp_adjust_${helper}
      exit`;
      expect(machine(adjust('head', 14)).runXdp(packet).packet).toEqual(packet.subarray(14));
      expect(machine(adjust('head', -16)).runXdp(packet).packet.length).toBe(76);
      expect(machine(adjust('tail', -10)).runXdp(packet).packet).toEqual(packet.subarray(0, 50));
      expect(machine(adjust('tail', 4)).runXdp(packet).packet).toEqual(Uint8Array.from([...packet, 0, 0, 0, 0]));
      expect(returns(adjust('meta', -8))).toBe(0);
      expect(returns(adjust('head', 47)) | 0).toBe(-22);
      expect(returns(adjust('head', -217)) | 0).toBe(-22);
      expect(returns(adjust('tail', 3461)) | 0).toBe(-22);
      expect(returns(adjust('tail', 3460))).toBe(0);
      expect(returns(adjust('meta', -7)) | 0).toBe(-13);
    });

    it('reports where a packet was sent', () => {
      const vm = machine(`
      .map ports devmap 4 4 8
      r1 = map[ports]
      r2 = 5
      r3 = 2
      call bpf_redirect_map
      exit`);
      expect(vm.runXdp(packet)).toMatchObject({ returnValue: 2, redirect: null });
      vm.maps.get('ports').update(u32key(5), u32key(3));
      expect(vm.runXdp(packet)).toMatchObject({ returnValue: 4, redirect: { map: 'ports', key: 5 } });
    });
  });

  describe('faults', () => {
    it.each([
      [
        'an overrun of a map value',
        '.map weights array 4 65536 1\nr1 = map_value[weights]\nr1 += 65536\nr0 = *(u64 *)(r1 +0)\nexit',
        'insn 3: read of 8 bytes at map weights+65536 beyond its 65536 bytes',
      ],
      [
        'an access across the end',
        '.map m array 4 10 1\nr1 = map_value[m]\nr0 = *(u64 *)(r1 +4)\nexit',
        'insn 2: read of 8 bytes at map m+4 beyond its 10 bytes',
      ],
      [
        'an underrun',
        '.map m array 4 10 1\nr1 = map_value[m]\nr0 = *(u8 *)(r1 -1)\nexit',
        'insn 2: read of 1 byte at map m-1, before its beginning',
      ],
      ['a null pointer', 'r1 = 0\n*(u32 *)(r1 +4) = 1\nexit', 'insn 1: write of 4 bytes at null+4'],
      [
        'a pointer out of the blue',
        'r1 = 0x123456789abc ll\nr0 = *(u8 *)(r1 +0)\nexit',
        'insn 2: read of 1 byte at 0x123456789abc, where nothing is',
      ],
      [
        'the upper half of an address',
        'r2 = 1 ll\nr2 <<= 32\nr2 += r10\nr0 = *(u8 *)(r2 -1)\nexit',
        /insn 4: read of 1 byte at 0x1000[0-9a-f]+, where nothing is/,
      ],
      ['a stack overrun', '*(u64 *)(r10 -520) = 0\nexit', 'insn 0: write of 8 bytes at stack-8, before its beginning'],
      ['the end of the stack', '*(u64 *)(r10 -4) = 0\nexit', 'insn 0: write of 8 bytes at stack+508 beyond its 512 bytes'],
      ['a write into the context', '*(u32 *)(r1 +0) = 0\nexit', 'insn 0: write of 4 bytes at context+0, which is read-only'],
      [
        'a write into frozen data',
        '.map .rodata array 4 8 1 0x80 frozen\n.data 0102030405060708\nr1 = map_value[.rodata]\n*(u8 *)(r1 +0) = 1\nexit',
        /insn 2: write of 1 byte at map .rodata\+0, which is read-only/,
      ],
      ['an unknown helper', 'r0 = 0\ncall bpf_get_stackid\nexit', /^insn 1: helper bpf_get_stackid#27 is not available/],
      [
        'a key that a helper cannot read',
        '.map m hash 4 8 1\nr1 = map[m]\nr2 = 0\ncall bpf_map_lookup_elem\nexit',
        'insn 3: R2 of the helper: read of 4 bytes at null',
      ],
      ['something that is no map', 'r1 = 0\nr2 = 0\ncall bpf_map_lookup_elem\nexit', 'insn 2: R1 holds no map'],
    ])('names %s', (_, text, message) => {
      const fault = faultOf(text);
      if (typeof message === 'string') expect(fault.message).toBe(message);
      else expect(fault.message).toMatch(message);
      expect(fault).toBeInstanceOf(InputError);
      expect(fault.message).toContain(`insn ${fault.insnIdx}:`);
    });

    it('does not step from one element of an array into the next', () => {
      const text = (off: number) => `
      .map a array 4 8 4
      *(u32 *)(r10 -4) = 1
      r2 = r10
      r2 += -4
      r1 = map[a]
      call bpf_map_lookup_elem
      r0 = *(u64 *)(r0 +${off})
      exit`;
      expect(returns(text(0))).toBe(0);
      expect(faultOf(text(8)).message).toBe('insn 6: read of 8 bytes at map a+8 beyond its 8 bytes');
    });

    it('stops an endless loop after its budget', () => {
      const fault = faultOf('l: r0 = 1\ngoto l', { maxInsns: 1000 });
      expect(fault.message).toMatch(/stopped after 100[0-9] instructions/);
    });

    it('stops endless recursion at the ninth frame', () => {
      expect(faultOf('.func main\ncall f\nexit\n.func f static\ncall f\nexit').message).toMatch(/the call stack of 9 frames is too deep/);
    });

    it('faults where the code ends', () => {
      const { program } = assemble('.section xdp\nr0 = 1\nexit');
      const vm = new Vm({ ...program!, insns: program!.insns.slice(0, 1) }, { engine });
      expect(() => vm.runXdp(packet)).toThrow('insn 1: runs past the last instruction');
      const jump = { opcode: 0x05, dst: 0, src: 0, off: 7, imm: 0 };
      expect(() => new Vm({ ...program!, insns: [jump] }, { engine })).toThrow('insn 0: jumps to instruction 8, where none begins');
    });

    it('refuses maps that need more memory than there is', () => {
      expect(() => machine('.map big array 4 1048576 65536\nr0 = 0\nexit')).toThrow(/map big needs \d+ bytes/);
      expect(() => machine('.map t struct_ops 4 8 4\nr0 = 0\nexit')).toThrow(
        'map t: maps of type struct_ops are not available in this machine',
      );
    });
  });

  describe('functions', () => {
    it('gives every call a fresh stack and keeps r6…r9 for the caller', () => {
      const text = `
      .func main
      r6 = 6
      r9 = 9
      *(u64 *)(r10 -8) = 77
      r1 = 5
      call f
      r0 += r6
      r0 += r9
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      exit
      .func f static
      r6 = 1000
      r9 = 1000
      r0 = *(u64 *)(r10 -8)
      r0 += r1
      *(u64 *)(r10 -8) = 1000
      exit`;
      const vm = machine(text);
      expect(vm.runXdp(packet).returnValue).toBe(5 + 6 + 9 + 77);
      expect(vm.runXdp(packet).returnValue).toBe(5 + 6 + 9 + 77);
    });

    it('lets bpf_loop call back until it is told to stop', () => {
      const text = `
      .func main
      *(u64 *)(r10 -8) = 0
      r1 = 100
      r2 = func[step]
      r3 = r10
      r3 += -8
      r4 = 0
      r6 = 3
      call bpf_loop
      r1 = *(u64 *)(r10 -8)
      r0 <<= 16
      r0 += r1
      r0 += r6
      exit
      .func step static
      r6 = *(u64 *)(r2 +0)
      r6 += r1
      *(u64 *)(r2 +0) = r6
      r0 = 0
      if r1 < 9 goto out
      r0 = 1
      out: exit`;
      expect(returns(text)).toBe((10 << 16) + 45 + 3);
    });

    it('lets may_goto out after 8,388,608 rounds', () => {
      expect(returns('r0 = 0\nl: may_goto out\nr0 += 1\ngoto l\nout: exit')).toBe(8_388_608);
    });
  });

  describe('maps', () => {
    const count = `
    .map hits percpu_array 4 8 2
    *(u32 *)(r10 -4) = 1
    r2 = r10
    r2 += -4
    r1 = map[hits]
    call bpf_map_lookup_elem
    if r0 == 0 goto out
    r1 = *(u64 *)(r0 +0)
    r1 += 1
    *(u64 *)(r0 +0) = r1
    out: r0 = 0
    exit`;

    it('keeps the values of processors apart', () => {
      const vm = machine(count, { cpus: 3, cpu: 1 });
      vm.runXdp(packet);
      vm.cpu = 2;
      vm.runXdp(packet);
      vm.runXdp(packet);
      const hits = vm.maps.get('hits');
      expect([0, 1, 2].map((cpu) => hits.lookup(u32key(1), cpu)![0])).toEqual([0, 1, 2]);
      expect(hits.lookup(u32key(1))![0]).toBe(2);
      expect(hits.lookup(u32key(2))).toBeNull();
      vm.resetMaps();
      expect(hits.lookup(u32key(1))![0]).toBe(0);
      expect(() => {
        vm.cpu = 3;
      }).toThrow(InputError);
    });

    it('evicts the oldest entry of an LRU hash and refuses a full plain one', () => {
      const lru = machine('.map m lru_hash 4 1 2\nr0 = 0\nexit').maps.get('m');
      for (const key of [1, 2, 3]) lru.update(u32key(key), Uint8Array.of(key));
      expect(lru.entries().map((e) => e.value[0])).toEqual([2, 3]);
      const plain = machine('.map m hash 4 1 2\nr0 = 0\nexit').maps.get('m');
      for (const key of [1, 2]) plain.update(u32key(key), Uint8Array.of(key));
      expect(() => plain.update(u32key(3), Uint8Array.of(3))).toThrow('map m: it is full');
      expect(plain.delete(u32key(1))).toBe(true);
      plain.update(u32key(3), Uint8Array.of(3));
      expect(plain.entries().map((e) => e.value[0])).toEqual([2, 3]);
    });

    it('refuses keys and values of the wrong length, and unknown names', () => {
      const vm = machine('.map m hash 4 8 2\nr0 = 0\nexit');
      expect(() => vm.maps.get('m').update(u32key(1), Uint8Array.of(1))).toThrow('a value of map m has 8 bytes, not 1');
      expect(() => vm.maps.get('m').lookup(Uint8Array.of(1))).toThrow('a key of map m has 4 bytes, not 1');
      expect(() => vm.maps.get('x')).toThrow('the program has no map x. It has m');
    });

    it('starts global data with its contents, and resets to them', () => {
      const vm = machine(
        '.map .data.w array 4 8 1 section=.data.w\n.data 0100000000000000\nr1 = map_value[.data.w]\nr0 = *(u64 *)(r1 +0)\nr0 += 1\n*(u64 *)(r1 +0) = r0\nexit',
      );
      expect([vm.runXdp(packet).returnValue, vm.runXdp(packet).returnValue]).toEqual([2, 3]);
      vm.resetMaps();
      expect(vm.runXdp(packet).returnValue).toBe(2);
    });
  });

  describe('helpers', () => {
    it('are deterministic: clock and random numbers', () => {
      const text = 'call bpf_get_prandom_u32\nr6 = r0\ncall bpf_ktime_get_ns\nr0 ^= r6\nexit';
      expect(returns(text, { randomSeed: 5 })).toBe(returns(text, { randomSeed: 5 }));
      expect(returns(text, { randomSeed: 5 })).not.toBe(returns(text, { randomSeed: 6 }));
    });

    it('record what a program tells user space', () => {
      const vm = machine(`
      .map rb ringbuf 0 0 4096
      r1 = map[rb]
      r2 = 8
      r3 = 0
      call bpf_ringbuf_reserve
      *(u64 *)(r0 +0) = 42
      r1 = r0
      r2 = 0
      call bpf_ringbuf_submit
      *(u64 *)(r10 -16) = 0x25206973
      r1 = 0xa642520736920 ll
      *(u64 *)(r10 -8) = r1
      r1 = r10
      r1 += -16
      r2 = 16
      r3 = -3
      call bpf_trace_printk
      r0 = 0
      exit`);
      const { events } = vm.runXdp(packet);
      expect(events[0]).toEqual({ kind: 'ringbuf', map: 'rb', data: Uint8Array.of(42, 0, 0, 0, 0, 0, 0, 0) });
      expect(events[1].kind).toBe('printk');
    });
  });

  describe('tracing', () => {
    const text = 'r0 = 0\nl: r0 += 1\nif r0 < 4 goto l\nexit';

    it('shows every instruction before it runs, and costs later runs nothing', () => {
      const vm = machine(text);
      const seen: [number, bigint][] = [];
      const run = vm.runTraced(packet, (at) => seen.push([at.insnIdx, at.register(0)]));
      expect(seen.map(([idx]) => idx)).toEqual([0, 1, 2, 1, 2, 1, 2, 1, 2, 3]);
      expect(seen.at(-1)).toEqual([3, 4n]);
      expect(run).toMatchObject({ returnValue: 4, insnsExecuted: 10 });
      expect(vm.runXdp(packet).insnsExecuted).toBe(10);
      expect(seen.length).toBe(10);
    });

    it('stops before chosen instructions only', () => {
      const vm = machine(text);
      const only = Uint8Array.of(0, 1, 0, 1);
      const seen: number[] = [];
      for (const _ of [1, 2]) {
        const run = vm.runTraced(packet, (at) => seen.push(at.insnIdx), {}, only);
        expect(run).toMatchObject({ returnValue: 4, insnsExecuted: 10 });
      }
      expect(seen).toEqual([1, 1, 1, 1, 3, 1, 1, 1, 1, 3]);
      const all: number[] = [];
      vm.runTraced(packet, (at) => all.push(at.insnIdx));
      expect(all.length).toBe(10);
    });

    it('counts how often each instruction runs', () => {
      expect([...machine(text).executedCounts(packet)]).toEqual([1, 4, 4, 1]);
    });
  });
});
