import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { editableText } from '../bpf/edit-function.ts';
import type { Program } from '../bpf/program.ts';
import { revertHunk } from './revert.ts';
import { forked } from './workers/fork.ts';

const LINES = [
  '.func main global',
  'r6 = r1',
  'top:',
  'if r6 == 1 goto out',
  'r1 = 0x1234567890 ll',
  'call helper_f',
  'r6 += 1',
  'goto top',
  'out:',
  'r0 = 0',
  'exit',
  '.func helper_f static',
  'r0 = 5',
  'if r1 > 9 goto end',
  'r0 = 6',
  'end:',
  'exit',
];
const base = assemble(LINES.join('\n')).program!;

/** Edits that keep every label: lines taken out, put in and changed. */
const edits = fc.array(
  fc.record({ at: fc.nat(LINES.length - 2), how: fc.constantFrom('remove', 'add', 'change'), value: fc.integer({ min: 100, max: 999 }) }),
  { minLength: 1, maxLength: 5 },
);

function edited(list: { at: number; how: string; value: number }[]): Program | null {
  const lines: (string | null)[] = [...LINES];
  for (const { at, how, value } of list) {
    const line = LINES[at];
    if (line.startsWith('.') || line.endsWith(':')) continue;
    if (how === 'remove' && !/goto|call|exit/.test(line)) lines[at] = null;
    else if (how === 'add') lines[at] = `${lines[at] ?? ''}\nr3 = ${value}`;
    else if (line === 'goto top') lines[at] = value % 2 === 0 ? 'goto out' : line;
    else if (!/goto|call|exit/.test(line)) lines[at] = `r4 = ${value}`;
  }
  return assemble(lines.filter((line) => line !== null).join('\n')).program;
}

describe('a fork', () => {
  it('differs where a jump leads elsewhere, and not where lines only moved', () => {
    const text = LINES.join('\n');
    const hunksOf = (edit: string) => forked(base, editableText(assemble(edit).program!), 'program.s').insnHunks;
    expect(hunksOf(text)).toEqual([]);
    expect(hunksOf(text.replace('goto top', 'goto out'))).toEqual([{ from: 6, to: 7, baseFrom: 6, baseTo: 7 }]);
    expect(hunksOf(text.replace('top:\n', 'top:\nr2 = 7\n'))).toEqual([{ from: 1, to: 2, baseFrom: 1, baseTo: 1 }]);
  });
});

describe('revertHunk', () => {
  it('takes changes back one by one until the compiled program is left', () => {
    fc.assert(
      fc.property(edits, fc.nat(), (list, first) => {
        const start = edited(list)!;
        let fork = forked(base, editableText(start), 'program.s');
        let before = fork.insnHunks.length;
        while (fork.insnHunks.length > 0) {
          const program = revertHunk(base, fork.program, fork.insnHunks, first % fork.insnHunks.length);
          fork = forked(base, editableText(program), 'program.s');
          expect(fork.insnHunks.length).toBeLessThan(before);
          before = fork.insnHunks.length;
        }
        expect(fork.program.insns).toEqual(base.insns);
        expect(fork.program.subprogs).toEqual(base.subprogs);
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});
