import fc from 'fast-check';
import { expect, test } from 'vitest';
import { alignPrograms, ONLY_A, ONLY_B, OTHER, OTHER_REGISTERS, SAME } from './align.ts';
import { assemble } from './asm.ts';
import type { LineInfo, Program } from './program.ts';

function program(text: string, lines: readonly number[] = []): Program {
  const { program: made, diagnostics } = assemble(`.section xdp\n${text}`);
  expect(diagnostics).toEqual([]);
  const lineInfo = lines.map((line, insnIdx): LineInfo => ({ insnIdx, file: 'a.c', line, column: 1, text: '' }));
  return { ...made!, lineInfo };
}
const kinds = (a: Program, b: Program): string =>
  alignPrograms(a, b)
    .map(({ rows }) => rows.map(({ kind }) => 'sroab'[kind]).join(''))
    .join('|');

test('a program beside itself is the same throughout', () => {
  const one = program('r1 = 5\nif r1 > 3 goto end\nr0 = 1\nexit\nend:\nr0 = 2\nexit');
  expect(kinds(one, one)).toBe('ssssss');
});

test('an instruction more or less leaves the others beside their own, jumps over it included', () => {
  const short = program('r1 = 5\nif r1 > 3 goto end\nr0 = 1\nexit\nend:\nr0 = 2\nexit');
  const long = program('r1 = 5\nif r1 > 3 goto end\nr2 = 7\nr0 = 1\nexit\nend:\nr3 = 1\nr0 = 2\nexit');
  expect(kinds(short, long)).toBe('ssbssbss');
  expect(kinds(long, short)).toBe('ssassass');
});

test('other registers and frame slots are told from other operations, which stand side by side where the source line is one', () => {
  const a = program('r1 = 5\n*(u64 *)(r10 -8) = r1\nr0 = 1\nexit', [1, 2, 3, 4]);
  const b = program('r2 = 5\n*(u64 *)(r10 -16) = r2\nr0 = 9\nexit', [1, 2, 3, 4]);
  expect(kinds(a, b)).toBe('rros');
  expect(kinds({ ...a, lineInfo: [] }, { ...b, lineInfo: [] })).toBe('rrabs');
});

test('a jump that leads elsewhere differs', () => {
  const a = program('if r1 > 3 goto one\nr0 = 1\nexit\none:\nr0 = 2\nexit');
  const b = program('if r1 > 3 goto one\none:\nr0 = 1\nexit\nr0 = 2\nexit');
  expect(kinds(a, b)).toBe('ossss');
});

test('functions are paired by name, in any order; the rest stands alone', () => {
  const call = (name: string, body: string) => `call ${name}\nexit\n.func ${name}\n${body}\nexit\n`;
  const a = program(`call one\ncall two\nexit\n.func one\nr0 = 1\nexit\n.func two\nr0 = 2\nexit`);
  const b = program(`call two\ncall one\nexit\n.func two\nr0 = 2\nexit\n.func one\nr0 = 3\nexit`);
  expect(alignPrograms(a, b).map(({ a: i, b: j }) => [i, j])).toEqual([
    [0, 0],
    [1, 2],
    [2, 1],
  ]);
  expect(alignPrograms(program(call('x', 'r0 = 1')), program(call('y', 'r0 = 1'))).map(({ rows }) => rows.length)).toEqual([3, 2]);
  expect(alignPrograms(program('r0 = 1\nexit'), program(call('y', 'r0 = 1'))).at(-1)).toMatchObject({ a: -1, b: 1 });
});

test('every instruction stands in exactly one row, in order', () => {
  const insn = fc.constantFrom(
    'r1 = 1',
    'r2 = 1',
    'r1 += r2',
    'r0 = 3',
    'r3 = *(u64 *)(r1 +8)',
    'if r1 > 3 goto +0',
    'r4 = 0x1122334455667788 ll',
  );
  const text = fc.array(insn, { maxLength: 30 }).map((list) => program([...list, 'exit'].join('\n')));
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [{ rows }] = alignPrograms(a, b) as [ReturnType<typeof alignPrograms>[number]];
      const whole = (p: Program) => p.insns.flatMap(({ opcode }, at) => (opcode === 0 ? [] : [at]));
      expect(rows.flatMap((row) => (row.a >= 0 ? [row.a] : []))).toEqual(whole(a));
      expect(rows.flatMap((row) => (row.b >= 0 ? [row.b] : []))).toEqual(whole(b));
      for (const { kind, a: x, b: y } of rows) {
        expect([x < 0, y < 0]).toEqual([kind === ONLY_B, kind === ONLY_A]);
        if (kind === SAME) expect(a.insns[x]!.opcode).toBe(b.insns[y]!.opcode);
        expect([SAME, OTHER_REGISTERS, OTHER, ONLY_A, ONLY_B]).toContain(kind);
      }
    }),
    { seed: 4, numRuns: 300 },
  );
});
