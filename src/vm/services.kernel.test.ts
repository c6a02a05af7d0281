import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { Vm } from './vm.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const packet = Uint8Array.from({ length: 100 }, (_, i) => (i * 37 + 11) & 0xff);

/** Stores text, at most 16 bytes of it, at fp-16, filled with zeros. */
const text = (value: string): string => {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(value));
  const view = new DataView(bytes.buffer);
  const word = (at: number) => `r1 = 0x${view.getBigUint64(at, true).toString(16)} ll\n*(u64 *)(r10 ${at - 16}) = r1`;
  return `${word(0)}\n${word(8)}`;
};

/** The result's low 16 bits, and above them the number that was parsed. */
const parse = (helper: string, value: string, base: number, length = 16): string => `
${text(value)}
*(u64 *)(r10 -24) = 0
r1 = r10
r1 += -16
r2 = ${length}
r3 = ${base}
r4 = r10
r4 += -24
call bpf_${helper}
r0 &= 0xffff
r1 = *(u64 *)(r10 -24)
r1 <<= 16
r0 |= r1
exit`;

const compareWith = (a: string, b: string, length: number): string => `
.map .rodata array 4 16 1 0x80 frozen
.data ${Buffer.from(b.padEnd(16, '\0')).toString('hex')}
${text(a)}
r1 = r10
r1 += -16
r2 = ${length}
r3 = map_value[.rodata]
call bpf_strncmp
exit`;

const DYNPTR =
  '.map d array 4 64 1\n.func main\nr1 = map_value[d]\nr2 = 40\nr3 = 0\nr4 = r10\nr4 += -16\ncall bpf_dynptr_from_mem\n*(u64 *)(r10 -24) = 0x11223344';
const dynptr = (steps: string): string => `${DYNPTR}\n${steps}\nexit`;
const dynptrWrite = (offset: number, length: number, flags = 0) =>
  `r1 = r10\nr1 += -16\nr2 = ${offset}\nr3 = r10\nr3 += -24\nr4 = ${length}\nr5 = ${flags}\ncall bpf_dynptr_write`;
const dynptrRead = (offset: number, length: number, flags = 0) =>
  `r1 = r10\nr1 += -32\nr2 = ${length}\nr3 = r10\nr3 += -16\nr4 = ${offset}\nr5 = ${flags}\n*(u64 *)(r10 -32) = 0\ncall bpf_dynptr_read`;

const numbers = (start: number, end: number): string => `
r6 = 0
r1 = r10
r1 += -8
r2 = ${start}
r3 = ${end}
call kfunc bpf_iter_num_new
r7 = r0
again:
r1 = r10
r1 += -8
call kfunc bpf_iter_num_next
if r0 == 0 goto done
r0 = *(u32 *)(r0 +0)
r6 += 1
r6 *= 3
r6 += r0
r6 &= 0xffffff
goto again
done:
r1 = r10
r1 += -8
call kfunc bpf_iter_num_destroy
r0 = r6
if r7 == 0 goto out
r0 = r7
out:
exit`;

const bits = (words: number): string => `
*(u64 *)(r10 -24) = 0x40010003
*(u64 *)(r10 -16) = 5
r6 = 0
r1 = r10
r1 += -40
r2 = r10
r2 += -24
r3 = ${words}
call kfunc bpf_iter_bits_new
r7 = r0
again:
r1 = r10
r1 += -40
call kfunc bpf_iter_bits_next
if r0 == 0 goto done
r0 = *(u32 *)(r0 +0)
r6 *= 5
r6 += r0
r6 &= 0xffffff
goto again
done:
r1 = r10
r1 += -40
call kfunc bpf_iter_bits_destroy
r0 = r6
if r7 == 0 goto out
r0 = r7
out:
exit`;

/** Walks a map of three entries and multiplies what it finds; stops before the entry with key \`stop\`. */
const walk = (map: string, stop: number): string => `
.map m ${map}
.func main
${[1, 2, 0].map((key) => `*(u32 *)(r10 -4) = ${key}\n*(u64 *)(r10 -16) = ${key + 5}\nr1 = map[m]\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\ncall bpf_map_update_elem`).join('\n')}
*(u64 *)(r10 -24) = 1
r1 = map[m]
r2 = func[each]
r3 = r10
r3 += -24
r4 = 0
call bpf_for_each_map_elem
r1 = *(u64 *)(r10 -24)
r1 <<= 8
r0 += r1
exit
.func each static
r5 = *(u32 *)(r2 +0)
r0 = 1
if r5 == ${stop} goto out
r6 = *(u64 *)(r3 +0)
r7 = *(u64 *)(r4 +0)
r6 *= r7
*(u64 *)(r4 +0) = r6
r0 = 0
out:
exit`;

/** All 64 bits of the context reach the callback, which walks back into the frame. */
const farContext = `
.map m array 4 8 1
.func main
*(u64 *)(r10 -24) = 1
r1 = map[m]
r2 = func[each]
r3 = r10
r3 += -1048625
r4 = 0
call bpf_for_each_map_elem
r0 = *(u64 *)(r10 -24)
exit
.func each static
r4 += 1048601
*(u64 *)(r4 +0) = 77
r0 = 0
exit`;

const loop = (times: number, flags: number, last: number): string => `
.func main
*(u64 *)(r10 -8) = 0
r1 = ${times}
r2 = func[step]
r3 = r10
r3 += -8
r4 = ${flags}
call bpf_loop
r1 = *(u64 *)(r10 -8)
r1 <<= 16
r0 += r1
exit
.func step static
r3 = *(u64 *)(r2 +0)
r3 += r1
*(u64 *)(r2 +0) = r3
r0 = 0
if r1 != ${last} goto out
r0 = 1
out:
exit`;

const cases: [string, string][] = [
  ...(
    [
      ['42', 0],
      ['-42', 0],
      ['0x1f', 0],
      ['0x1f', 16],
      ['0x', 0],
      ['0x', 16],
      ['017', 0],
      ['017', 10],
      ['089', 0],
      ['  12', 10],
      ['', 10],
      ['abc', 10],
      ['abc', 16],
      ['12z', 10],
      ['7', 3],
      ['- 5', 10],
      ['+5', 10],
      ['999999999999999', 10],
    ] as const
  ).flatMap(([value, base]): [string, string][] => [
    [`strtol of '${value}' in base ${base}`, parse('strtol', value, base)],
    [`strtoul of '${value}' in base ${base}`, parse('strtoul', value, base)],
  ]),
  ['strtol of part', parse('strtol', '123456', 10, 3)],
  ...(
    [
      ['abc', 'abc', 16],
      ['abd', 'abc', 16],
      ['abb', 'abc', 16],
      ['abcd', 'abc', 3],
      ['ab', 'abc', 16],
    ] as const
  ).map(([a, b, n]): [string, string] => [`strncmp ${a} ${b} ${n}`, compareWith(a, b, n)]),
  ['dynptr_write and read', dynptr(`${dynptrWrite(3, 8)}\n${dynptrRead(3, 8)}\nr0 = *(u64 *)(r10 -32)`)],
  ['dynptr_write at the end', dynptr(dynptrWrite(32, 8))],
  ['dynptr_write beyond', dynptr(dynptrWrite(33, 8))],
  ['dynptr_write with flags', dynptr(dynptrWrite(0, 8, 1))],
  ['dynptr_read beyond', dynptr(dynptrRead(40, 1))],
  ['dynptr_read with flags', dynptr(dynptrRead(0, 1, 2))],
  [
    'dynptr_data',
    dynptr(
      'r1 = r10\nr1 += -16\nr2 = 8\nr3 = 16\ncall bpf_dynptr_data\nif r0 == 0 goto none\n*(u64 *)(r0 +0) = 9\nr0 = 1\ngoto out\nnone:\nr0 = 2\nout:',
    ),
  ],
  [
    'dynptr_data beyond',
    dynptr('r1 = r10\nr1 += -16\nr2 = 30\nr3 = 16\ncall bpf_dynptr_data\nif r0 == 0 goto none\nr0 = 1\ngoto out\nnone:\nr0 = 2\nout:'),
  ],
  [
    'dynptr_adjust and size',
    dynptr(
      'r1 = r10\nr1 += -16\nr2 = 4\nr3 = 20\ncall kfunc bpf_dynptr_adjust\nr6 = r0\nr1 = r10\nr1 += -16\ncall kfunc bpf_dynptr_size\nr6 <<= 16\nr0 += r6',
    ),
  ],
  ['dynptr_adjust beyond', dynptr('r1 = r10\nr1 += -16\nr2 = 4\nr3 = 41\ncall kfunc bpf_dynptr_adjust')],
  ['dynptr_adjust backwards', dynptr('r1 = r10\nr1 += -16\nr2 = 4\nr3 = 3\ncall kfunc bpf_dynptr_adjust')],
  [
    'dynptr of the packet',
    'r2 = 0\nr3 = r10\nr3 += -16\ncall kfunc bpf_dynptr_from_xdp\nr1 = r10\nr1 += -16\ncall kfunc bpf_dynptr_size\nr6 = r0\nr1 = r10\nr1 += -40\nr2 = 8\nr3 = r10\nr3 += -16\nr4 = 92\nr5 = 0\ncall bpf_dynptr_read\nr0 = *(u32 *)(r10 -40)\nr0 += r6\nexit',
  ],
  [
    'slice of the packet',
    'r2 = 0\nr3 = r10\nr3 += -16\ncall kfunc bpf_dynptr_from_xdp\nr1 = r10\nr1 += -16\nr2 = 20\nr3 = r10\nr3 += -40\nr4 = 8\ncall kfunc bpf_dynptr_slice_rdwr\nif r0 == 0 goto out\n*(u32 *)(r0 +0) = 0x1234\nr0 = *(u32 *)(r0 +4)\nout: exit',
  ],
  ...[
    [0, 5],
    [-3, 3],
    [5, 5],
    [6, 5],
    [0, 9000000],
    [-2147483648, -2147483640],
    [2147483640, 2147483647],
  ].map(([a, b]): [string, string] => [`iter_num ${a} ${b}`, numbers(a, b)]),
  ...[1, 2].map((n): [string, string] => [`iter_bits of ${n} words`, bits(n)]),
  ['for_each over an array', walk('array 4 8 3', 9)],
  ['for_each over an array, stopped', walk('array 4 8 3', 1)],
  ['for_each over a hash', walk('hash 4 8 8', 9)],
  ['for_each with a context far from its frame', farContext],
  ['loop', loop(10, 0, 100)],
  ['loop, stopped', loop(10, 0, 4)],
  // Of user space there, nowhere here; no address at all; of the kernel, where nothing is.
  ...['0', '0x7000000000', '0x8000000000000000', '-4096', '-1'].flatMap((address): [string, string][] =>
    ['probe_read_kernel', 'probe_read_kernel_str'].map((helper) => [
      `${helper} at ${address}`,
      `*(u64 *)(r10 -8) = 7\nr1 = r10\nr1 += -8\nr2 = 8\nr3 = ${address} ll\ncall bpf_${helper}\nr1 = *(u64 *)(r10 -8)\nr0 += r1\nexit`,
    ]),
  ),
  ['loop with flags', loop(10, 1, 100)],
  ['loop too long', loop(8388609, 0, 0)],
  ['throw', '.func main\nr1 = 77\ncall f\nr0 = 1\nexit\n.func f static\ncall kfunc bpf_throw\nr0 = 2\nexit'],
  ['jiffies go on', 'call bpf_jiffies64\nr6 = r0\ncall bpf_jiffies64\nif r0 s< r6 goto bad\nr0 = 1\nexit\nbad:\nr0 = 2\nexit'],
  [
    'lookup of another processor',
    '.map p percpu_array 4 8 1\n*(u32 *)(r10 -4) = 0\nr1 = map[p]\nr2 = r10\nr2 += -4\nr3 = 500\ncall bpf_map_lookup_percpu_elem\nif r0 == 0 goto none\nr0 = 1\nexit\nnone:\nr0 = 2\nexit',
  ],
  ['ringbuf_query of the size', '.map r ringbuf 0 0 4096\nr1 = map[r]\nr2 = 1\ncall bpf_ringbuf_query\nexit'],
  [
    'ringbuf_output too large',
    '.map r ringbuf 0 0 4096\n.map d array 4 4096 1\nr1 = map[r]\nr2 = map_value[d]\nr3 = 4096\nr4 = 0\ncall bpf_ringbuf_output\nexit',
  ],
  [
    'ringbuf_output with flags',
    '.map r ringbuf 0 0 4096\n*(u64 *)(r10 -8) = 0\nr1 = map[r]\nr2 = r10\nr2 += -8\nr3 = 8\nr4 = 4\ncall bpf_ringbuf_output\nexit',
  ],
  [
    'ringbuf_reserve too large',
    '.map r ringbuf 0 0 4096\nr1 = map[r]\nr2 = 4090\nr3 = 0\ncall bpf_ringbuf_reserve\nif r0 == 0 goto none\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_discard\nr0 = 1\nexit\nnone:\nr0 = 2\nexit',
  ],
  [
    'perf_event_output beyond the map',
    '.map e perf_event_array 4 4 4\n*(u64 *)(r10 -8) = 0\nr2 = map[e]\nr3 = 9\nr4 = r10\nr4 += -8\nr5 = 8\ncall bpf_perf_event_output\nexit',
  ],
];

describe.skipIf(!kernel)('services return what the kernel’s return', () => {
  it.each(cases)('%s', async (_, source) => {
    const { program, diagnostics } = assemble(`.section xdp\n.license GPL\n${source}`);
    expect(diagnostics).toEqual([]);
    await kernel!.pin(0);
    const loaded = await kernel!.load(program!, { logLevel: 1, ...(program!.subprogs.length > 1 ? { btf: programBtf(program!) } : {}) });
    expect(loaded.message, loaded.log).toBeNull();
    const expected = await loaded.program!.testRun(packet);
    await loaded.program!.closeAll();
    expect(expected.errno).toBe(0);
    for (const engine of ['interp', 'wasm'] as const) {
      const run = new Vm(program!, { engine }).run({ packet });
      expect({ engine, returnValue: run.returnValue | 0, packet: Buffer.from(run.packet!).toString('hex') }).toEqual({
        engine,
        returnValue: expected.returnValue | 0,
        packet: Buffer.from(expected.data).toString('hex'),
      });
    }
  });
});
