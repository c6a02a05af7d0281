import { JMP32 } from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import type { IrFunc } from '../ir/ir.ts';
import { colour } from './colour.ts';
import { relax } from './emit.ts';
import { type EncodeContext, encodeFunc, type FuncCode } from './encode.ts';
import { type Cpu, legalize } from './legalize.ts';
import { allocate } from './regalloc.ts';
import { withoutTrampolines } from './trampolines.ts';

export interface SeparateOptions {
  readonly cpu: Cpu;
  readonly helperId: (name: string) => number;
  readonly assemble: (text: string) => readonly Insn[];
  /** Most bytes of a frame; 512 where Linux runs it. */
  readonly stackLimit?: number;
}

/** Code of one function with its jumps in place; calls and addresses of symbols stay open, for an object's relocations. */
export function emitSeparate(
  func: IrFunc,
  { cpu, helperId, assemble, stackLimit }: SeparateOptions,
): FuncCode & { readonly stackBytes: number } {
  const context: EncodeContext = {
    helperId,
    assemble,
    noLess: cpu === 'v1',
    mapIdx: (name) => {
      throw new Error(`map ${name} has no number before it is linked`);
    },
  };
  const allocation = withoutTrampolines(allocate(legalize(func, cpu), colour, stackLimit));
  const code = relax(encodeFunc(allocation, context), cpu);
  for (const { at, block } of code.fixups) {
    if (block === undefined) continue;
    const distance = code.blockStart.get(block)! - at - 1;
    const old = code.insns[at];
    code.insns[at] = old.opcode === JMP32 ? { ...old, imm: distance } : { ...old, off: distance };
  }
  return { ...code, fixups: code.fixups.filter(({ block }) => block === undefined), stackBytes: allocation.stackBytes };
}
