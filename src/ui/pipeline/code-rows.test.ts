import { expect, test } from 'vitest';
import { OWN, PROLOGUE, SPILL } from '../../compiler/ir/numbered.ts';
import { textColumn } from '../../workbench/columns.ts';
import { IR_BLOCK, IR_FUNC, IR_OP, type IrView } from '../../workbench/ir-view.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { codeRows } from './code-rows.ts';

/** Two functions; in the second, operation 3 became nothing and operation 4 two instructions with a spill between. */
const view: IrView = {
  kind: Uint8Array.of(IR_FUNC, IR_BLOCK, IR_OP, IR_FUNC, IR_BLOCK, IR_OP, IR_OP, IR_BLOCK, IR_OP, IR_OP),
  number: Uint32Array.of(0, 0, 0, 1, 0, 1, 2, 1, 3, 4),
  text: textColumn([]),
  rowOfOp: Uint32Array.of(2, 5, 6, 8, 9),
  funcs: [
    { name: 'main', row: 0, ops: 1, placed: true },
    { name: 'f', row: 3, ops: 4, placed: true },
  ],
};
const program = {
  code: new Uint8Array(8 * 7),
  subprogs: [{ start: 0 }, { start: 1 }],
  irOf: Int32Array.of(0, -1, 1, 2, 4, -1, 4),
  irHow: Uint8Array.of(OWN, PROLOGUE, OWN, OWN, OWN, SPILL, OWN),
} as unknown as ProgramView;

test('each operation stands beside its first instruction, what became nothing where the IR has it', () => {
  expect(codeRows(program, view, 1, true).map(({ ir, insn, how }) => [ir, insn, how])).toEqual([
    [-1, 1, 'prologue'],
    [4, -1, 'own'],
    [5, 2, 'own'],
    [6, 3, 'own'],
    [7, -1, 'own'],
    [8, -1, 'own'],
    [9, 4, 'own'],
    [-1, 5, 'spill'],
    [-1, 6, 'own'],
  ]);
});

test('every instruction of a function is there once', () => {
  expect(
    codeRows(program, view, 0, true)
      .concat(codeRows(program, view, 1, true))
      .flatMap(({ insn }) => (insn < 0 ? [] : [insn])),
  ).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test('the IR alone has all of its rows', () => {
  expect(codeRows(program, view, 1, false).map(({ ir }) => ir)).toEqual([4, 5, 6, 7, 8, 9]);
});
