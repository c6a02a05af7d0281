import { describe, expect, it } from 'vitest';
import { InputError } from '../base/errors.ts';
import { assemble } from '../bpf/asm.ts';
import type { Insn } from '../bpf/program.ts';
import { rawProgram } from './conformance.ts';
import { randomSource } from './testing/random-program.ts';
import { Vm, type VmOptions } from './vm.ts';

const ENGINES = ['interp', 'wasm'] as const;
const PACKET = new Uint8Array(64);
/** Far below the second that a tab waits, so that a busy machine passes too. */
const LIMIT_MS = 100;

/** The message that stops a program of assembler text. */
function stopped(text: string, options: VmOptions): string {
  try {
    machine(text, options).run({ packet: PACKET });
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('it ended');
}

const NESTED_LOOPS = `
.func main
r1 = 8388608
r2 = func[outer]
r3 = 0
r4 = 0
call bpf_loop
exit
.func outer static
r1 = 8388608
r2 = func[inner]
r3 = 0
r4 = 0
call bpf_loop
r0 = 0
exit
.func inner static
r0 = 0
exit`;

const HELPER_FOREVER = `
again:
r1 = r10
r1 += -512
r2 = 512
r3 = r10
r3 += -512
call bpf_probe_read_kernel
goto again`;

/** Starts a timer that its callback starts again, at once. */
const TIMER_FOREVER = `
.map t array 4 24 1
.func main
*(u32 *)(r10 -4) = 0
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
r2 = func[again]
call bpf_timer_set_callback
r1 = r6
r2 = 0
r3 = 0
call bpf_timer_start
out:
r0 = 0
exit
.func again static
r1 = r3
r2 = 0
r3 = 0
call bpf_timer_start
r0 = 0
exit`;

/** Two values of 32 MiB, the second one without a zero in it, and a call in an endless loop. */
const HUGE = 1 << 25;
const onHuge = (call: string): string =>
  `.map one array 4 ${HUGE} 1\n.map two array 4 ${HUGE} 1\nr9 = r1\n*(u64 *)(r10 -8) = 0\nr6 = map_value[one]\nr7 = map_value[two]\nagain:\n${call}\ngoto again`;

/** `body` so many times, from a callback. */
const repeated = (times: number, maps: string, body: string): string => `
${maps}
.func main
*(u64 *)(r10 -8) = r1
r1 = ${times}
r2 = func[one]
r3 = r10
r3 += -8
r4 = 0
call bpf_loop
exit
.func one static
r6 = r2
*(u64 *)(r10 -8) = 0x61616161
${body}
r0 = 0
exit`;

function machine(text: string, options: VmOptions): Vm {
  const { program, diagnostics } = assemble(`.section xdp\n.license GPL\n${text}`);
  expect(diagnostics).toEqual([]);
  return new Vm(program!, options);
}

describe.each(ENGINES)('hostile programs on %s', (engine) => {
  it.each([
    ['a jump to itself', 'l: goto l', 'insn 0: stopped after 100 ms'],
    ['a loop with a condition that never changes', 'r1 = 1\nl: r2 += r1\nif r1 == 1 goto l\nexit', 'stopped after 100 ms'],
    ['a loop of helper calls', HELPER_FOREVER, 'stopped after 100 ms'],
    ['loops of callbacks in loops of callbacks', NESTED_LOOPS, 'stopped after 100 ms'],
    ['recursion', '.func main\ncall f\nexit\n.func f static\ncall f\nexit', 'the call stack of 9 frames is too deep'],
    [
      'recursion through callbacks',
      '.func main\nr1 = 5\nr2 = func[main]\nr3 = 0\nr4 = 0\ncall bpf_loop\nexit',
      'the call stack of 9 frames is too deep',
    ],
  ])('stops %s by the clock or the depth', (_, text, message) => {
    expect(stopped(text, { engine, timeLimitMs: LIMIT_MS, maxInsns: Number.MAX_SAFE_INTEGER })).toContain(message);
  });

  it('stops by the count of instructions alike on every machine', () => {
    for (const text of ['l: goto l', 'r1 = 1\nl: r2 += r1\nif r1 == 1 goto l\nexit', NESTED_LOOPS])
      expect(stopped(text, { engine, maxInsns: 200_000 })).toMatch(/stopped after 2000\d\d instructions/);
  });

  it.each([
    ['copies', `r1 = r6\nr2 = ${HUGE}\nr3 = r7\ncall bpf_probe_read_kernel`],
    ['copies of text', `r1 = r6\nr2 = ${HUGE}\nr3 = r7\ncall bpf_probe_read_kernel_str`],
    ['comparisons of text', `r1 = r7\nr2 = ${HUGE}\nr3 = r7\ncall bpf_strncmp`],
    ['checksums', `r1 = r6\nr2 = ${HUGE}\nr3 = r7\nr4 = ${HUGE}\nr5 = 0\ncall bpf_csum_diff`],
    ['numbers in text', `r1 = r6\nr2 = ${HUGE}\nr3 = 10\nr4 = r10\nr4 += -8\ncall bpf_strtol`],
    ['updates', 'r1 = map[one]\nr2 = r10\nr2 += -4\nr3 = r7\nr4 = 0\ncall bpf_map_update_elem'],
  ])('stops %s of 32 MiB by the clock', (_, call) => {
    const vm = machine(onHuge(call), {
      engine,
      timeLimitMs: LIMIT_MS,
      maxInsns: Number.MAX_SAFE_INTEGER,
    });
    vm.maps.get('two').update(new Uint8Array(4), new Uint8Array(HUGE).fill(0x31));
    expect(() => vm.run({ packet: PACKET })).toThrow('stopped after 100 ms');
  });

  it('does not read formats or numbers without an end', () => {
    for (const call of [
      'r1 = r7\nr2 = 200000\nr3 = 0\ncall bpf_trace_printk',
      'r1 = r7\nr2 = 200000\nr3 = 10\nr4 = r10\nr4 += -8\ncall bpf_strtol',
    ]) {
      const vm = machine(onHuge(call), { engine });
      vm.maps.get('two').update(new Uint8Array(4), new Uint8Array(HUGE).fill(0x31));
      expect(() => vm.run({ packet: PACKET })).toThrow(/65536 characters/);
    }
  });

  it('stops timers that start themselves again, by count and by the clock', () => {
    for (const [options, message] of [
      [{ maxInsns: 10_000 }, /stopped after \d+ instructions/],
      [{ timeLimitMs: LIMIT_MS, maxInsns: Number.MAX_SAFE_INTEGER }, /stopped after 100 ms/],
    ] as const) {
      const vm = machine(TIMER_FOREVER, { engine, ...options });
      expect(vm.run({ packet: PACKET }).returnValue).toBe(0);
      expect(() => vm.advance(1)).toThrow(message);
    }
  });

  it('keeps only so much of what a program tells the world, and says so', () => {
    const print = repeated(300_000, '', 'r1 = r10\nr1 += -8\nr2 = 5\nr3 = 0\ncall bpf_trace_printk');
    const { events } = machine(print, { engine }).run({ packet: PACKET });
    expect(events.length).toBeLessThan(270_000);
    expect(events.at(-1)).toEqual({ kind: 'printk', text: '(more was printed than this machine keeps)' });
    // The callback ends the loop when a record finds no room.
    const send = repeated(
      300_000,
      '.map e perf_event_array 4 4 4\n.map big array 4 1000000 1',
      'r1 = *(u64 *)(r6 +0)\nr2 = map[e]\nw3 = -1\nr4 = map_value[big]\nr5 = 1000000\ncall bpf_perf_event_output\nif r0 == 0 goto fine\nr0 = 1\nexit\nfine:',
    );
    const sent = machine(send, { engine }).run({ packet: PACKET });
    expect([sent.events.length, sent.returnValue]).toEqual([67, 68]);
  });

  it('takes keys of any length', () => {
    const vm = machine(
      '.map h hash 300000 8 4\n.map k array 4 300000 1\nr1 = map[h]\nr2 = map_value[k]\nr3 = map_value[k]\nr4 = 0\ncall bpf_map_update_elem\nr1 = map[h]\nr2 = map_value[k]\ncall bpf_map_lookup_elem\nr6 = r0\nr0 = 1\nif r6 != 0 goto out\nr0 = 2\nout: exit',
      { engine },
    );
    expect(vm.run({ packet: PACKET }).returnValue).toBe(1);
  });

  it('hands long keys to callbacks whole', () => {
    const vm = machine(
      '.map h hash 3000 8 4\n.map k array 4 3000 1\n.func main\nr1 = map[h]\nr2 = map_value[k]\nr3 = map_value[k]\nr4 = 0\ncall bpf_map_update_elem\n*(u64 *)(r10 -8) = 0\nr1 = map[h]\nr2 = func[f]\nr3 = r10\nr3 += -8\nr4 = 0\ncall bpf_for_each_map_elem\nr0 = *(u64 *)(r10 -8)\nexit\n.func f static\nr1 = *(u8 *)(r2 +2999)\n*(u64 *)(r4 +0) = r1\nr0 = 0\nexit',
      { engine },
    );
    vm.maps.get('k').update(new Uint8Array(4), new Uint8Array(3000).fill(6));
    expect(vm.run({ packet: PACKET }).returnValue).toBe(6);
  });

  it.each([
    ['that finds no room between others', 'r1 = map[m]\nr2 = 0\nr3 = 60000\nr4 = 0\nr5 = 0\ncall kfunc bpf_arena_alloc_pages'],
    ['of all of it, freed', 'r1 = map[m]\nr2 = map_value[m]\nr3 = -1\ncall kfunc bpf_arena_free_pages'],
  ])('stops an endless loop of requests for pages of an arena %s', (_, call) => {
    const half = 'r1 = map[m]\nr2 = map_value[m]\nr2 += 245755904\nr3 = 1\nr4 = 0\nr5 = 0\ncall kfunc bpf_arena_alloc_pages';
    const text = `.map m arena 0 0 120000 0x400\n${half}\nagain:\n${call}\ngoto again`;
    expect(stopped(text, { engine, timeLimitMs: LIMIT_MS, maxInsns: Number.MAX_SAFE_INTEGER })).toContain('stopped after 100 ms');
  });

  it('a tail call to itself ends after 33', () => {
    const { program } = assemble(
      '.section xdp\n.map jumps prog_array 4 4 1\n.map count array 4 8 1\nr6 = r1\nr2 = map_value[count]\nr3 = *(u64 *)(r2 +0)\nr3 += 1\n*(u64 *)(r2 +0) = r3\nr1 = r6\nr2 = map[jumps]\nr3 = 0\ncall bpf_tail_call\nr0 = 7\nexit',
    );
    const vm = new Vm(program!, { engine });
    vm.maps.get('jumps').update(new Uint8Array(4), new Uint8Array(4));
    expect(vm.run({ packet: PACKET }).returnValue).toBe(7);
    expect(vm.maps.get('count').lookup(new Uint8Array(4))![0]).toBe(34);
  });

  it.each([
    ['null', 'r1 = 0\nr0 = *(u64 *)(r1 +0)\nexit', 'read of 8 bytes at null'],
    ['the highest address', 'r1 = -1\nr0 = *(u8 *)(r1 +0)\nexit', 'read of 1 byte at 0xffffffffffffffff, where nothing is'],
    ['past 32 bits', 'r1 = 0x100010000 ll\nr0 = *(u64 *)(r1 +0)\nexit', 'where nothing is'],
    ['the engine’s own memory', 'r1 = 1024\nr0 = 0\n*(u64 *)(r1 +0) = r0\nexit', 'write of 8 bytes at null+1024'],
    ['below the stack', 'r0 = *(u64 *)(r10 -520)\nexit', 'read of 8 bytes at stack'],
    ['above the stack', '*(u64 *)(r10 +0) = 1\nexit', 'write of 8 bytes at stack'],
    ['a map as memory', '.map m hash 4 8 1\nr1 = map[m]\nr0 = *(u64 *)(r1 +0)\nexit', 'where nothing is'],
    ['a function as memory', '.func main\nr1 = func[f]\nr0 = *(u64 *)(r1 +0)\nexit\n.func f static\nr0 = 0\nexit', 'where nothing is'],
    ['a number as a function', 'r1 = 3\nr2 = 5\nr3 = 0\nr4 = 0\ncall bpf_loop\nexit', 'R2 of bpf_loop holds no function'],
  ])('stops an access to %s', (_, text, message) => {
    expect(stopped(text, { engine })).toContain(message);
  });

  it.each([
    ['an array', '.map m array 4 65536 1000000'],
    ['a hash', '.map m hash 8 65536 1000000'],
    ['a trie', '.map m lpm_trie 8 65536 1000000 1'],
    ['an arena', '.map m arena 0 0 4000000 0x400'],
    ['a bloom filter', '.map m bloom_filter 0 8 4294967295'],
    ['per-CPU values', '.map m percpu_array 4 32768 1000000'],
    ['a queue', '.map m queue 0 65536 1000000'],
  ])('refuses %s too large for this machine', (_, map) => {
    expect(stopped(`${map}\nr0 = 0\nexit`, { engine, cpus: 4 })).toMatch(
      /^map m: (a bloom filter of|it needs \d+ bytes)|^(map|arena) m needs \d+ bytes/,
    );
  });

  it('runs into a message or an end whatever the bytes are', () => {
    const random = randomSource(11);
    const ends = { returned: 0, stopped: 0 };
    for (let i = 0; i < 400; i++) {
      const length = 1 + (random() % 40);
      const insns: Insn[] = Array.from({ length }, (_, at) => ({
        opcode: [random() & 0xff, 0x85, 0x05, 0x79, 0x7b, 0x07, 0xb7, 0x0f, 0x18, 0xdb][random() % 10],
        dst: random() % 11,
        src: random() % 11,
        off: random() % 4 === 0 ? (random() << 16) >> 16 : (random() % length) - at - 1,
        imm: random() % 2 === 0 ? random() % 220 : random() | 0,
      }));
      try {
        const program = { ...rawProgram(new Uint8Array(0)), insns: [...insns, { opcode: 0x95, dst: 0, src: 0, off: 0, imm: 0 }] };
        new Vm(program, { engine, maxInsns: 50_000 }).run({ packet: PACKET });
        ends.returned++;
      } catch (error) {
        if (!(error instanceof InputError)) throw new Error(`program ${i}: ${String(error)}`, { cause: error });
        ends.stopped++;
      }
    }
    expect(ends.returned + ends.stopped).toBe(400);
    expect(ends.stopped).toBeGreaterThan(50);
  });
});
