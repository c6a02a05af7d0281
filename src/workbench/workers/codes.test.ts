import { expect, test } from 'vitest';
import { assemblePrograms } from '../../bpf/asm.ts';
import { writeObject } from '../../object/writer.ts';
import { type ComparedCodes, ROW_FUNCTION, ROW_SOURCE } from '../codes-views.ts';
import type { BlobRef } from '../document.ts';
import type { CallContext } from '../rpc.ts';
import { hold, leave } from './blobs.ts';
import { codeFile, codeTexts, compareCodes } from './codes.ts';

const quiet: CallContext = { progress: () => {}, emit: () => {}, cancelled: false };
function held(name: string, text: string): BlobRef {
  const { programs, diagnostics } = assemblePrograms(text);
  expect(diagnostics).toEqual([]);
  const bytes = new Uint8Array(writeObject(programs!));
  const ref = { hash: name, name, size: bytes.length };
  hold({ hash: name, bytes });
  return ref;
}
const program = (name: string, body: string) => `.section xdp\n.license GPL\n.func ${name}\n${body}\nexit\n`;

test('two programs with their verdicts, counts and rows, and texts of the rows that are asked for', () => {
  const a = held('a.o', program('same', 'r2 = 1\nr0 = 2'));
  const b = held('b.o', program('same', 'r2 = 1\nr3 = *(u8 *)(r2 +0)\nr0 = 2'));
  expect(codeFile({ kind: 'object', blob: a }).programs).toEqual([{ name: 'same', section: 'xdp' }]);
  const sides = [a, b].map((blob) => ({ kind: 'object', blob, program: null }) as const);
  const key = JSON.stringify([[sides[0]!, sides[1]!], '6.18'] satisfies ComparedCodes);
  const { value } = compareCodes({ key }, quiet);
  expect(value.sides.map(({ accepted, message, insn, insns }) => [accepted, message, insn, insns])).toEqual([
    [true, null, null, 3],
    [false, "R2 invalid mem access 'scalar'", 1, 4],
  ]);
  expect(value.functions).toMatchObject([{ names: ['same', 'same'], insns: [3, 4], differing: 1, registers: 0 }]);
  const rows = [...value.kind]
    .map((kind, row) => [kind, value.a[row], value.b[row]])
    .filter(([kind]) => kind !== ROW_FUNCTION && kind !== ROW_SOURCE);
  expect(rows.map(([, x, y]) => [x, y])).toEqual([
    [0, 0],
    [-1, 1],
    [1, 2],
    [2, 3],
  ]);
  const texts = codeTexts({ key, from: 0, to: 99 }, quiet);
  expect(texts).toHaveLength(value.kind.length);
  expect(texts).toContainEqual(['', 'r3 = *(u8 *)(r2 +0)']);
  expect(texts).toContainEqual(['r0 = 2', 'r0 = 2']);
  // A project was left, and what was made before is gone: it is compared again.
  leave({ gone: [], unusedMs: -1 });
  expect(codeTexts({ key, from: 0, to: 99 }, quiet)).toEqual(texts);
});
