import type { IrMap } from '../../compiler/ir/numbered.ts';
import { formatInst, formatTerm } from '../../compiler/ir/print.ts';
import type { ProgramSpec } from '../clients.ts';
import { textColumn } from '../columns.ts';
import { IR_BLOCK, IR_FUNC, IR_OP, type IrView } from '../ir-view.ts';
import { type CallContext, Transferred } from '../rpc.ts';
import { heldProgram } from './programs.ts';

/** The IR as rows: heads of functions, labels of blocks, operations. Null for a program that no compiler of ours made. */
export async function irView({ program: spec }: { program: ProgramSpec }, context: CallContext): Promise<Transferred<IrView> | null> {
  const { compiled } = await heldProgram(spec, context);
  if (!compiled) return null;
  const view = viewOf(compiled.ir, compiled.program.name, compiled.program.subprogs.length);
  const { kind, number, text, rowOfOp } = view;
  return new Transferred(
    view,
    [kind, number, text.bytes, text.start, rowOfOp].map((column) => column.buffer as ArrayBuffer),
  );
}

function viewOf(ir: IrMap, name: string, placed: number): IrView {
  const kind: number[] = [];
  const number: number[] = [];
  const texts: string[] = [];
  const rowOfOp: number[] = [];
  const funcs: { name: string; row: number; ops: number; placed: boolean }[] = [];
  const row = (of: number, id: number, text: string): void => {
    kind.push(of);
    number.push(id);
    texts.push(text);
  };
  ir.funcs.forEach((func, at) => {
    const args = func.args.map((arg) => `v${arg.reg}: ${arg.type}`).join(', ');
    const before = rowOfOp.length;
    const head = kind.length;
    row(IR_FUNC, at, `${at === 0 ? name : func.name}(${args})`);
    for (const block of func.blocks) {
      row(IR_BLOCK, block.id, `b${block.id}`);
      for (const inst of block.insts) {
        rowOfOp.push(kind.length);
        row(IR_OP, rowOfOp.length - 1, formatInst(inst));
      }
      rowOfOp.push(kind.length);
      row(IR_OP, rowOfOp.length - 1, formatTerm(block.term));
    }
    funcs.push({ name: at === 0 ? name : func.name, row: head, ops: rowOfOp.length - before, placed: at < placed });
  });
  return {
    kind: Uint8Array.from(kind),
    number: Uint32Array.from(number),
    text: textColumn(texts),
    rowOfOp: Uint32Array.from(rowOfOp),
    funcs,
  };
}
