import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../../bpf/asm.ts';
import type { Program } from '../../bpf/program.ts';
import { kernelForTests } from '../../companion/vitest-kernel.ts';
import { programBtf } from '../../object/program-btf.ts';
import { Vm } from '../../vm/vm.ts';
import { verify } from '../verify.ts';
import { liveRegisters } from './live.ts';
import { loopAround } from './loop.ts';
import { FORMS, rewriteLoop } from './rewrite.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

function program(text: string): Program {
  const { program: made, diagnostics } = assemble(text);
  if (!made) throw new Error(JSON.stringify(diagnostics));
  return made;
}

const LOOPS: Readonly<Record<string, { text: string; at: number; forms: readonly string[] }>> = {
  'a sum, tested at the end': {
    text: '.section xdp\nr6 = 0\nr0 = 7\nnext: r7 = r6\nr7 *= 3\nr0 += r7\nr6 += 1\nif r6 < 50 goto next\nr0 &= 0xffff\nexit',
    at: 3,
    forms: FORMS,
  },
  'a table in a map, tested at the head, with a branch and an early end': {
    text: `.section xdp
.map table array 4 256 1
*(u32 *)(r10 -4) = 0
r1 = map[table]
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto out
r8 = r0
r6 = 2
r9 = 1
next: if r6 >= 60 goto done
r1 = r8
r1 += r6
r2 = *(u8 *)(r1 +0)
if r2 == 9 goto done
r2 &= 7
if r2 > 3 goto even
r9 += 5
even: r9 += r6
r6 += 2
goto next
done: r0 = r9
r0 &= 0xffff
exit
out: r0 = 1
exit`,
    at: 12,
    forms: FORMS,
  },
  'a body that uses the stack': {
    text: '.section xdp\nr6 = 0\n*(u64 *)(r10 -8) = 0\nnext: r1 = *(u64 *)(r10 -8)\nr1 += r6\n*(u64 *)(r10 -8) = r1\nr6 += 1\nif r6 != 20 goto next\nr0 = *(u64 *)(r10 -8)\nexit',
    at: 3,
    forms: ['may_goto', 'unrolled'],
  },
};

describe.skipIf(!kernel)('a loop in another form', () => {
  it.each(Object.entries(LOOPS))('%s is accepted by the kernel and does the same', async (_, { text, at, forms }) => {
    const before = program(text);
    const loop = loopAround(before, at)!;
    expect(loop.counter).not.toBeNull();
    const results = async (made: Program): Promise<number[]> => {
      const loaded = await kernel!.load(made, { btf: programBtf(made) });
      expect(loaded.message, loaded.log.slice(-1500)).toBeNull();
      const ours = verify(made, { kernel: '6.18', privilege: 'root', logLevel: 0 });
      expect(ours).toMatchObject({ message: null, processed: loaded.processed });
      const vm = new Vm(made);
      const all: number[] = [];
      for (const stop of [0, 9, 31]) {
        if (vm.maps.has('table')) {
          const table = Uint8Array.from({ length: 256 }, (_unused, i) => (i === stop ? 9 : (i * 37) % 8));
          vm.maps.get('table').update(new Uint8Array(4), table);
          await loaded.program!.map('table').update(new Uint8Array(4), table);
        }
        all.push(vm.runXdp(new Uint8Array(64)).returnValue, (await loaded.program!.testRun(new Uint8Array(64))).returnValue);
      }
      await loaded.program!.close();
      return all;
    };
    const wanted = await results(before);
    for (const form of FORMS) {
      const rewrite = (): Program => rewriteLoop(before, loop, form, '6.18', liveRegisters(before, '6.18'));
      if (forms.includes(form)) expect(await results(rewrite()), form).toEqual(wanted);
      else expect(rewrite).toThrow(/uses the stack/);
    }
  });
});

describe('loops and their counters', () => {
  it('finds the innermost loop, how often it goes round, and what has none', () => {
    const nested = program(
      '.section xdp\nr6 = 0\nouter: r7 = 1\ninner: r7 += 2\nif r7 <= 9 goto inner\nr6 += 1\nif r6 < 4 goto outer\nr0 = 2\nexit',
    );
    expect(loopAround(nested, 2)).toMatchObject({ head: 2, latch: 3, counter: { reg: 7, init: 1, rounds: 5, last: 9 } });
    expect(loopAround(nested, 4)).toMatchObject({ head: 1, latch: 5, counter: { reg: 6, rounds: 4, last: 3 } });
    expect(loopAround(nested, 6)).toBeNull();
    const unknown = program('.section xdp\ncall bpf_get_prandom_u32\nr6 = 0\nnext: r6 += 1\nif r6 < r0 goto next\nr0 = 2\nexit');
    const loop = loopAround(unknown, 2)!;
    expect(loop.counter).toBeNull();
    expect(() => rewriteLoop(unknown, loop, 'unrolled', '6.18', [])).toThrow(/number of rounds is not known/);
    expect(() => rewriteLoop(unknown, loop, 'may_goto', '6.6', [])).toThrow(/may_goto needs Linux 6.9/);
  });
});
