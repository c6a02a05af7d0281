import type { BlockId, VReg } from '../../compiler/ir/ir.ts';
import type { Inst, Line, Value } from '../llvm-ir/module.ts';
import { leaves } from '../llvm-ir/types.ts';
import type { FunctionLowering } from './function.ts';
import { aliasOfCall } from './values.ts';

/** A loop's early end, by name and as the bytes that compilers before clang 19 need (`cond_break` of the kernel's tests). */
const MAY_GOTO =
  /^\s*(may_goto\s+\$\{\d+:l\}|1:\s*\.byte 0xe5\s*;\s*\.byte 0\s*;\s*\.long \(\(\$\{\d+:l\} - 1b - 8\) \/ 8\) & 0xffff\s*;\s*\.short 0)\s*(?:;\s*)?$/;

/**
 * Inline assembly: barriers, whose template is empty, and instructions with at most one result. Operands are numbered results first;
 * `asm goto` other than `may_goto`, results in memory and names of symbols are refused.
 */
export function lowerAsm(f: FunctionLowering, line: Line, inst: Extract<Inst, { op: 'call' }>, to: (target: string) => BlockId): void {
  if (inst.callee.kind !== 'asm') return;
  const { template, constraints } = inst.callee;
  const all = constraints.split(',').filter((constraint) => constraint !== '');
  const outputs = all.filter((constraint) => constraint.startsWith('='));
  const inputs = all.filter((constraint) => !/^[=~!]/.test(constraint));
  if (template.trim() === '') {
    if (inst.next !== null) f.code.end({ op: 'jump', to: to(inst.next) });
    if (line.name !== null && !aliasOfCall(inst)) passOn(f, line, inst, outputs, inputs);
    return;
  }
  const first = template.trim().split('\n')[0];
  const refuse = (why: string): never => f.refuse(`inline assembly ${why}: ${first}`);
  if (inst.next !== null) {
    const [exit, ...more] = inst.indirect;
    if (!MAY_GOTO.test(template) || exit === undefined || more.length > 0 || all.some((constraint) => !/^[!~]/.test(constraint)))
      refuse('that jumps to labels of C (asm goto) is supported for may_goto alone; this does not fit');
    f.code.end({ op: 'mayGoto', exit: to(exit!), next: to(inst.next) });
    return;
  }
  if (outputs.length > 1) refuse('with several results is not supported');
  if ([...outputs, ...inputs].some((constraint) => constraint.includes('m'))) refuse('with operands in memory is not supported');
  let clobbers = 0;
  for (const [, reg] of constraints.matchAll(/~\{[rw](\d)\}/g)) clobbers |= 1 << Number(reg);
  const tied = inputs.indexOf('0');
  const uses: VReg[] = [];
  // The constraint `w` names the lower half of a register.
  const half = (constraint: string): string => (constraint.includes('w') ? ':w' : '');
  const names: string[] = outputs.map((constraint, at) => `%${at}${half(constraint)}`);
  const order = tied < 0 ? inputs.map((_, at) => at) : [tied, ...inputs.map((_, at) => at).filter((at) => at !== tied)];
  const nameOf = new Map<number, string>();
  for (const at of order) {
    const { value } = inst.args[at]!;
    const text = constantText(f, inputs[at]!, value);
    if (text !== null) nameOf.set(at, text);
    else {
      uses.push(f.regOf(value));
      const place = at === tied ? 0 : outputs.length + uses.length - (tied < 0 ? 1 : 2);
      nameOf.set(at, `%${place}${half(at === tied ? outputs[0]! : inputs[at]!)}`);
    }
  }
  names.push(...inputs.map((_, at) => nameOf.get(at)!));
  const text = template
    .replace(/;/g, '\n')
    .replace(/\$\{?(\d+)(?::\w)?\}?/g, (_, at: string) => names[Number(at)] ?? '?')
    .replace(/\$\$/g, '$');
  const dst = outputs.length === 0 ? null : line.name === null ? f.code.reg() : f.regFor(line.name);
  f.code.emit({ op: 'asm', dst, text, uses, tied: tied >= 0 && dst !== null, clobbers });
}

/** Outputs tied to inputs pass them on; others hold anything. */
function passOn(
  f: FunctionLowering,
  line: Line,
  inst: Extract<Inst, { op: 'call' }>,
  outputs: readonly string[],
  inputs: readonly string[],
): void {
  const regs = outputs.length > 1 ? f.partsFor(line.name!, line.type) : [f.regFor(line.name!)];
  if (leaves(line.type).length !== outputs.length) f.refuse('inline assembly with results in memory is not supported');
  outputs.forEach((_, at) => {
    const tied = inputs.indexOf(String(at));
    if (tied >= 0) f.moveTo(regs[at]!, f.resolve(inst.args[tied]!.value));
    else f.code.emit({ op: 'mov', dst: regs[at]!, src: { imm: 0 }, width: 64 });
  });
}

/** An operand that must be a constant, as text. */
function constantText(f: FunctionLowering, constraint: string, value: Value): string | null {
  if (!/[inI]/.test(constraint)) return null;
  const loc = f.resolve(value);
  if (loc.kind !== 'const') {
    if (constraint.includes('r')) return null;
    return f.refuse('inline assembly with the address of a symbol is not supported');
  }
  const bits = value.type.kind === 'int' ? value.type.bits : 64;
  return String(BigInt.asIntN(bits, loc.value));
}
