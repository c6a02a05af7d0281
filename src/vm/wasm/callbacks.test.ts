import { expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import { VmFault } from '../fault.ts';
import { Vm } from '../vm.ts';

const HEAD = '.section xdp\n.license GPL\n.map sums array 4 8 4\n.map cells percpu_array 4 16 3\n.func main\n';
/** Adds the index, and what the callback's context holds, to entry 0 of `sums`. */
const ADD = `.func add static
r6 = r1
r7 = *(u64 *)(r2 +0)
*(u32 *)(r10 -4) = 0
r1 = map[sums]
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto out
r1 = *(u64 *)(r0 +0)
r1 += r6
r1 += r7
*(u64 *)(r0 +0) = r1
out: r0 = 0
if r6 != 20 goto go_on
r0 = 1
go_on: exit`;
const loop = (times: string, flags = 0): string => `*(u64 *)(r10 -8) = 1000
r1 = ${times}
r2 = func[add]
r3 = r10
r3 += -8
r4 = ${flags}
call bpf_loop
`;
/** Calls itself through bpf_loop, each time one frame deeper, `depth` times. */
const nest = (depth: number): string => `r1 = 2
r2 = func[nest]
r3 = 0
r4 = 0
call bpf_loop
exit
.func nest static
r3 = r2
r3 += 1
r0 = 0
if r3 > ${depth} goto out
r1 = 2
r2 = func[nest]
r4 = 0
call bpf_loop
r0 = 0
out: exit`;

const CASES: Record<string, [text: string, end: unknown]> = {
  'no rounds': [`${loop('0')}exit\n${ADD}`, { returnValue: 0, insnsExecuted: 8 }],
  'some rounds': [`${loop('7')}exit\n${ADD}`, { returnValue: 7, insnsExecuted: 113 }],
  'a callback that ends it': [`${loop('50')}exit\n${ADD}`, { returnValue: 21, insnsExecuted: 324 }],
  'only the low half counts': [
    `${loop('0x500000003 ll').replace('r4 =', 'r5 = 9\nr4 =')}exit\n${ADD}`,
    { returnValue: 3, insnsExecuted: 54 },
  ],
  'too many rounds': [`${loop('8388609')}exit\n${ADD}`, { returnValue: 2 ** 32 - 7, insnsExecuted: 8 }],
  'unknown flags': [`${loop('3', 1)}exit\n${ADD}`, { returnValue: 2 ** 32 - 22, insnsExecuted: 8 }],
  'twice, with what the first left': [`${loop('3')}r6 = r0\n${loop('4')}r0 += r6\nexit\n${ADD}`, { returnValue: 7, insnsExecuted: 122 }],
  'a callback from the stack': [
    `r2 = func[add]\n*(u64 *)(r10 -16) = r2\n${loop('6').replace('r2 = func[add]', 'r2 = *(u64 *)(r10 -16)')}exit\n${ADD}`,
    { returnValue: 6, insnsExecuted: 100 },
  ],
  'callbacks in callbacks': [nest(4), { returnValue: 2, insnsExecuted: 466 }],
  'one frame too many': [nest(12), 'insn 15: the call stack of 9 frames is too deep'],
  'a fault in the fourth round': [
    `${loop('9')}exit\n.func add static\nr0 = 0\nif r1 < 3 goto out\nr0 = *(u64 *)(r2 +9)\nout: exit`,
    'insn 11: read of 8 bytes at stack+513 beyond its 512 bytes',
  ],
  'no end': [`${loop('8388608')}${loop('8388608')}exit\n.func add static\nr0 = 0\nr0 += 0\nexit`, 'stopped '],
  'every element': [
    `*(u64 *)(r10 -8) = 5
r1 = map[cells]
r2 = func[each]
r3 = r10
r3 += -8
r4 = 0
call bpf_for_each_map_elem
exit
.func each static
r5 = *(u32 *)(r2 +0)
r5 += *(u64 *)(r4 +0)
*(u64 *)(r3 +8) = r5
r1 = *(u64 *)(r4 +0)
r1 += 1
*(u64 *)(r4 +0) = r1
r0 = 0
if r5 != 7 goto out
r0 = 1
out: exit`.replace('r5 += *(u64 *)(r4 +0)', 'r1 = *(u64 *)(r4 +0)\nr5 += r1'),
    { returnValue: 2, insnsExecuted: 29 },
  ],
};

it.each(Object.entries(CASES))('both engines agree on %s', (_, [text, end]) => {
  const { program, diagnostics } = assemble(HEAD + text);
  expect(diagnostics).toEqual([]);
  const outcomes = (['interp', 'wasm'] as const).map((engine) => {
    const vm = new Vm(program!, { engine, maxInsns: 1_000_000, cpus: 2, cpu: 1 });
    expect(vm.engine).toBe(engine);
    let found: unknown;
    try {
      const { returnValue, insnsExecuted } = vm.runXdp(new Uint8Array(64));
      found = { returnValue, insnsExecuted };
    } catch (error) {
      if (!(error instanceof VmFault)) throw error;
      // Where an endless program is stopped is for each engine to say.
      found = error.message.replace(/^.*(stopped )after.*/, '$1');
    }
    return { found, maps: [...vm.maps].map((map) => map.entries()) };
  });
  expect(outcomes[1]).toEqual(outcomes[0]);
  expect(outcomes[0].found).toEqual(end);
});
