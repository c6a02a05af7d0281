import { describe, expect, it } from 'vitest';
import { inspectPaste } from './paste.ts';

describe('a pasted text', () => {
  it.each([
    ['a log', '0: R1=ctx() R10=fp0\n0: (bf) r0 = r2\nR2 !read_ok\nprocessed 1 insns (limit 1000000)\n', 'log'],
    ['the end of a log', 'R2 !read_ok\nprocessed 1 insns (limit 1000000) max_states_per_insn 0\n', 'log'],
    ['numbered instructions from 0', '   0: (b7) r0 = 2\n   1: (95) exit\n', 'assembly'],
    ['numbered instructions from the middle', '   7: (b7) r0 = 2\n   9: (95) exit\n', 'log'],
    ['assembly', '.section tc\n.map m hash 4 8 16\nr0 = 0\nexit\n', 'assembly'],
    ['assembly with a mistake', 'r0 = 2\nr1 = nonsense here\nexit\n', 'mistakes'],
    ['C', '#include <linux/bpf.h>\nSEC("xdp") int f(void *c) { return 2; }\n', 'c'],
    ['a letter', 'Dear all,\nplease find the log attached.\n', 'unknown'],
    ['bytes', '\u0000\u0001\ufffd\ufffd', 'unknown'],
  ])('%s is told', (_, text, kind) => {
    expect(inspectPaste({ text }).kind).toBe(kind);
  });

  it('says what opening it would show', () => {
    expect(inspectPaste({ text: '0: (bf) r0 = r2\nR2 !read_ok\nprocessed 1 insns (limit 1000000)\n' })).toEqual({
      kind: 'log',
      lines: 3,
      verdict: 'rejected',
      message: 'R2 !read_ok',
      insnIdx: 0,
      runs: 1,
    });
    expect(inspectPaste({ text: 'r0 = 2\nr1 = nonsense here\nexit\n' })).toMatchObject({ mistakes: 1, line: 2 });
    expect(inspectPaste({ text: '.section tc\n.map m hash 4 8 16\nr0 = 0\nexit\n' })).toMatchObject({ insns: 2, section: 'tc', maps: 1 });
  });

  it('is read at its end when it is long', () => {
    const long = `${'0: (b7) r0 = 0 ; R0=0\n'.repeat(60_000)}R2 !read_ok\nprocessed 9 insns (limit 1000000)\n`;
    expect(inspectPaste({ text: long })).toMatchObject({ kind: 'log', lines: null, verdict: 'rejected', message: 'R2 !read_ok' });
  });
});
