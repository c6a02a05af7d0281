import { describe, expect, it } from 'vitest';
import { recognise } from './files.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('what a file is', () => {
  it.each([
    ['x.log', 'func#0 @0\n0: R1=ctx() R10=fp0\n', 'log'],
    ['pasted.txt', '[ 1.5] 0: (b7) r0 = 0\n', 'log'],
    ['no ending', 'processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0\n', 'log'],
    ['x.s', '0: (b7) r0 = 0\n1: (95) exit\n', 'assembly'],
    ['x.s', '0: R1=ctx() R10=fp0\n0: (b7) r0 = 0\n', 'log'],
    ['x.s', '.section xdp\nr0 = 2\nexit\n', 'assembly'],
    ['x.json', '{"R1=ctx()": 1}', 'binding'],
    ['x.o', '\x7fELF', 'object'],
    ['x.strace', '1 12:00:00.5 read(0, "", 1) = 0\n', 'calls'],
    ['calls.json', '[{"pid": 1, "nr": 0}]', 'calls'],
    ['b.json', '{"hook": "xdp"}', 'binding'],
    ['x.csv', 'a,b\n1,2\n', 'tensors'],
    ['x.jpg', '\xff\xd8\xff', 'pictures'],
  ])('%s with %j is %s', async (name, text, kind) => {
    expect(await recognise(name, bytes(text))).toBe(kind);
  });

  it.each([
    ['x.log', 'hello'],
    ['x.txt', 'Dear all'],
    ['x.o', 'no elf'],
    ['empty.log', ''],
  ])('%s with %j is refused in words', async (name, text) => {
    await expect(recognise(name, bytes(text))).rejects.toThrow(/log|ELF|empty/);
  });
});
