import { expect, test } from 'vitest';
import { lineColumns } from '../../workbench/columns.ts';
import { firstInsnOf, lineOf } from './lines.ts';

const lines = lineColumns([
  { insnIdx: 0, file: './filter.c', line: 10, text: '' },
  { insnIdx: 3, file: './include/helper.h', line: 4, text: '' },
  { insnIdx: 5, file: './filter.c', line: 12, text: '' },
  { insnIdx: 8, file: './filter.c', line: 10, text: '' },
]);

test('an instruction belongs to the last line before it, in its own file', () => {
  expect([0, 2, 3, 4, 5, 7, 8, 99].map((insn) => lineOf(lines, 'filter.c', insn))).toEqual([10, 10, 0, 0, 12, 12, 10, 10]);
  expect(lineOf(lines, 'helper.h', 4)).toBe(4);
  expect(lineOf(lineColumns([]), 'filter.c', 4)).toBe(0);
});

test('a line leads to its first instruction', () => {
  expect([10, 12, 4, 11].map((line) => firstInsnOf(lines, 'filter.c', line))).toEqual([0, 5, -1, -1]);
});
