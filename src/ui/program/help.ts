import { HELPERS, type Helper } from '../../bpf/helpers.ts';
import { describeInsn } from '../../bpf/opcodes.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { CALL, insnAt } from './decode.ts';

export interface InsnHelp {
  readonly mnemonic: string;
  readonly description: string;
  readonly rfc: string;
  readonly helper: Helper | null;
}

/** What hovers and the status line say about an instruction. */
export function insnHelp(program: ProgramView, idx: number): InsnHelp | null {
  const insn = insnAt(program, idx);
  const info = describeInsn(insn);
  if (!info) return null;
  const helper = insn.opcode === CALL && insn.src === 0 ? (HELPERS[insn.imm] ?? null) : null;
  return { mnemonic: info.mnemonic, description: info.description, rfc: info.rfc, helper };
}
