import { formatKernel } from '../../bpf/disasm.ts';
import { HELPERS, type Helper } from '../../bpf/helpers.ts';
import { PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE } from '../../bpf/insn.ts';
import { describeInsn } from '../../bpf/opcodes.ts';
import type { Insn } from '../../bpf/program.ts';
import type { ProgramView } from '../../workbench/views.ts';

const JMP = 0x05;
const JMP32 = 0x06;
const CALL = 0x85;
const EXIT = 0x95;
const GOTOL = 0x06;

/** Instruction `idx` of the code column. */
export function insnAt(program: ProgramView, idx: number): Insn {
  const { code } = program;
  const view = new DataView(code.buffer, code.byteOffset + idx * 8, 8);
  const regs = view.getUint8(1);
  return { opcode: view.getUint8(0), dst: regs & 15, src: regs >> 4, off: view.getInt16(2, true), imm: view.getInt32(4, true) };
}

/** The instruction in the kernel's words, with maps by name and calls by function. */
export function insnText(program: ProgramView, idx: number): string {
  const insn = insnAt(program, idx);
  const wide = insn.opcode === 0x18 && idx + 1 < program.code.length / 8;
  const slots = wide ? [insn, insnAt(program, idx + 1)] : [insn];
  const text = formatKernel(slots, 0, {
    imm64: (at) => {
      const map = program.maps[at.imm];
      if (at.src === PSEUDO_MAP_FD && map) return `map[${map.name}]`;
      if (at.src === PSEUDO_MAP_VALUE && map) return `map[${map.name}][${slots[1]?.imm ?? 0}]`;
      return undefined;
    },
  });
  if (insn.opcode === CALL && insn.src === PSEUDO_CALL) {
    const callee = program.subprogs.find((subprog) => subprog.start === idx + 1 + insn.imm);
    if (callee) return `${text}  ; ${callee.name}`;
  }
  return text;
}

/** Where a jump or a call inside the program leads; -1 for everything else. */
export function targetOf(program: ProgramView, idx: number): number {
  const insn = insnAt(program, idx);
  const cls = insn.opcode & 7;
  if (cls !== JMP && cls !== JMP32) return insn.opcode === 0x18 && insn.src === PSEUDO_FUNC ? idx + 1 + insn.imm : -1;
  if (insn.opcode === CALL) return insn.src === PSEUDO_CALL ? idx + 1 + insn.imm : -1;
  if (insn.opcode === EXIT) return -1;
  if (insn.opcode === GOTOL) return idx + 1 + insn.imm;
  return idx + 1 + insn.off;
}

export function isCall(program: ProgramView, idx: number): boolean {
  return program.code[idx * 8] === CALL;
}

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
