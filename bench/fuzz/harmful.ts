import { classOf, isFuncAddress, OP_CALL, OP_LDDW, PSEUDO_CALL } from '../../src/bpf/insn.ts';
import type { Program } from '../../src/bpf/program.ts';

const LD = 0;

/**
 * Linux 6.18.44 forgets that `ld_abs` and `ld_ind` may leave a function in the middle: where one stands in a static function, precision's
 * walk back may leave the outermost frame and write in front of its own memory (`__mark_chain_precision`, a page fault in the kernel).
 * Such programs must not be loaded: here, every one with such a load behind the first function's end.
 */
export function harmsKernel({ insns, subprogs }: Program): boolean {
  let end = subprogs[1]?.start ?? insns.length;
  for (const [at, insn] of insns.entries()) {
    const calls = insn.opcode === OP_CALL && insn.src === PSEUDO_CALL;
    if (calls || isFuncAddress(insn)) end = Math.min(end, Math.max(0, at + insn.imm + 1));
  }
  return insns.some((insn, at) => at >= end && classOf(insn) === LD && insn.opcode !== OP_LDDW && insns[at - 1]?.opcode !== OP_LDDW);
}
