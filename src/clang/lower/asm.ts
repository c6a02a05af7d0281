import type { BlockId } from '../../compiler/ir/ir.ts';
import type { Inst, Line } from '../llvm-ir/module.ts';
import { leaves } from '../llvm-ir/types.ts';
import { aliasOfCall, type FunctionLowering } from './function.ts';

/** Inline assembly: barriers, whose template is empty; everything else is refused by its text. */
export function lowerAsm(f: FunctionLowering, line: Line, inst: Extract<Inst, { op: 'call' }>, to: (target: string) => BlockId): void {
  if (inst.callee.kind !== 'asm') return;
  const { template, constraints } = inst.callee;
  if (template.trim() !== '') f.refuse(`inline assembly is not supported: ${template.trim().split('\n')[0]}`);
  if (inst.next !== null) f.code.end({ op: 'jump', to: to(inst.next) });
  if (line.name === null || aliasOfCall(inst)) return;
  // Outputs tied to inputs pass them on; others hold anything.
  const outputs = constraints.split(',').filter((constraint) => constraint.startsWith('='));
  const inputs = constraints.split(',').filter((constraint) => !constraint.startsWith('=') && !constraint.startsWith('~'));
  const regs = outputs.length > 1 ? f.partsFor(line.name, line.type) : [f.regFor(line.name)];
  if (leaves(line.type).length !== outputs.length) f.refuse('inline assembly with results in memory is not supported');
  outputs.forEach((_, at) => {
    const tied = inputs.findIndex((constraint) => constraint === String(at));
    if (tied >= 0) f.moveTo(regs[at]!, f.resolve(inst.args[tied]!.value));
    else f.code.emit({ op: 'mov', dst: regs[at]!, src: { imm: 0 }, width: 64 });
  });
}
