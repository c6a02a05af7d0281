import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from './asm.ts';
import { editableText, functionLines, replaceFunction } from './edit-function.ts';

const TEXT = `.section xdp
.license GPL
.map counts array 4 8 16
.func main global
  r1 = 0x123456789 ll
  call first
  call second
  r2 = func[third]
  r0 = 0
  exit
.func first static
  r1 = map[counts]
  if r1 == 0 goto +1
  call second
  r0 = 1
  exit
.func second static
  call bpf_get_prandom_u32#7
  exit
.func third static
  call first
  r0 = 3
  exit
`;
const base = assemble(TEXT).program!;

/** Statements that a function may hold, each complete in itself. */
const statement = fc.constantFrom(
  'r0 = 7',
  'r3 = 0x1111111122222222 ll',
  'r4 = map[counts]',
  'call first',
  'call second',
  'call third',
  'r5 = func[third]',
  'if r1 == 0 goto +0',
  'call bpf_ktime_get_ns#5',
);

describe('replaceFunction', () => {
  it('makes what assembling the whole text makes', () => {
    fc.assert(
      fc.property(fc.nat(3), fc.array(statement, { maxLength: 12 }), (func, body) => {
        const whole = editableText(base).split('\n');
        const [from, to] = functionLines(whole, base, func)!;
        const own = [whole[from], ...body, 'r0 = 0', 'exit'].join('\n');
        const text = [...whole.slice(0, from), own, ...whole.slice(to)].join('\n');
        const expected = assemble(text).program!;
        const edit = replaceFunction(base, func, own);
        expect(edit.diagnostics).toEqual([]);
        expect(edit.program!.insns).toEqual(expected.insns);
        expect(edit.program!.subprogs).toEqual(expected.subprogs);
        expect(edit.start).toBe(base.subprogs[func].start);
        expect(edit.lineOfInsn[0]).toBe(2);
        expect(edit.lineOfInsn).toHaveLength(edit.program!.insns.length - base.insns.length + size(func));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('says where mistakes are, by the line of the function', () => {
    const edit = replaceFunction(base, 1, '.func first static\n  r1 = nonsense\n  goto nowhere\n  exit');
    expect(edit.program).toBeNull();
    expect(edit.diagnostics.map(({ line }) => line)).toEqual([2, 3]);
  });

  it('gives up on a text whose functions are not those of the program', () => {
    expect(functionLines(['.func main global', 'exit'], base, 0)).toBeNull();
  });
});

function size(func: number): number {
  return (base.subprogs[func + 1]?.start ?? base.insns.length) - base.subprogs[func].start;
}
