import { OWN, PROLOGUE } from '../../compiler/ir/numbered.ts';
import { IR_OP, type IrView } from '../../workbench/ir-view.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { isWide } from '../program/decode.ts';

/** A line of a function: a row of the IR, an instruction, or both; -1 for none. */
export interface CodeRow {
  readonly ir: number;
  readonly insn: number;
  /** Why an instruction has no operation of its own. */
  readonly how: 'own' | 'prologue' | 'spill' | 'edited';
}

const EDITED = 3;

/**
 * The lines of function `at`: each operation beside the first instruction that it became, further ones below it. Operations without an instruction
 * stand where the IR has them; with `code` false there are no instructions at all.
 */
export function codeRows(program: ProgramView, view: IrView, at: number, code: boolean): CodeRow[] {
  const from = view.funcs[at]!.row + 1;
  const to = view.funcs[at + 1]?.row ?? view.kind.length;
  const start = program.subprogs[at]?.start ?? -1;
  const rows: CodeRow[] = [];
  const op = (ir: number): void => void rows.push({ ir, insn: -1, how: 'own' });
  if (!code || start < 0 || !program.irOf) {
    for (let ir = from; ir < to; ir++) op(ir);
    return rows;
  }
  const end = program.subprogs[at + 1]?.start ?? program.code.length / 8;
  const placed = new Set(program.irOf.subarray(start, end));
  let ir = from;
  let last = -1;
  for (let insn = start; insn < end; insn++) {
    // The second slot of a wide load belongs to its first.
    if (insn > start && isWide(program, insn - 1)) continue;
    const number = program.irOf[insn]!;
    const how = program.irHow?.[insn] ?? OWN;
    if (number < 0) {
      rows.push({ ir: -1, insn, how: how === PROLOGUE ? 'prologue' : how === EDITED ? 'edited' : 'spill' });
      continue;
    }
    const row = view.rowOfOp[number]!;
    // What stands between and became no instruction; what became one comes with it.
    for (; ir < row; ir++) if (view.kind[ir] !== IR_OP || !placed.has(view.number[ir]!)) op(ir);
    rows.push({ ir: number === last ? -1 : row, insn, how: 'own' });
    if (row >= ir) ir = row + 1;
    last = number;
  }
  for (; ir < to; ir++) if (view.kind[ir] !== IR_OP || !placed.has(view.number[ir]!)) op(ir);
  return rows;
}
