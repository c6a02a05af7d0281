import { formatKernel } from '../../bpf/disasm.ts';
import { OP_LDDW, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE } from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import type { ProfileView } from '../../workbench/machine-views.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { lastAtMost } from './rows.ts';

const JMP = 0x05;
const JMP32 = 0x06;
export const CALL = 0x85;
const EXIT = 0x95;
const GOTOL = 0x06;

/** What decoding takes of a program: little enough to hand to a worker. */
export type CodeView = Pick<ProgramView, 'code' | 'subprogs' | 'maps'>;

/** Instruction `idx` of the code column. */
export function insnAt(program: CodeView, idx: number): Insn {
  const { code } = program;
  // A list may ask for a row of the program before for one more frame.
  if ((idx + 1) * 8 > code.byteLength) return { opcode: 0, dst: 0, src: 0, off: 0, imm: 0 };
  const view = new DataView(code.buffer, code.byteOffset + idx * 8, 8);
  const regs = view.getUint8(1);
  return { opcode: view.getUint8(0), dst: regs & 15, src: regs >> 4, off: view.getInt16(2, true), imm: view.getInt32(4, true) };
}

/** Whether two slots make one instruction at `idx`. */
export function isWide(program: CodeView, idx: number): boolean {
  return program.code[idx * 8] === OP_LDDW && idx + 1 < program.code.length / 8;
}

const namesByStart = new WeakMap<CodeView['subprogs'], Map<number, string>>();

/** Name of the function that begins at `start`. */
export function funcNameAt({ subprogs }: CodeView, start: number): string | undefined {
  let names = namesByStart.get(subprogs);
  if (!names) {
    names = new Map(subprogs.map((subprog) => [subprog.start, subprog.name]));
    namesByStart.set(subprogs, names);
  }
  return names.get(start);
}

/** The instruction in the kernel's words, with maps by name and calls by function. */
export function insnText(program: CodeView, idx: number): string {
  const insn = insnAt(program, idx);
  const slots = isWide(program, idx) ? [insn, insnAt(program, idx + 1)] : [insn];
  const text = formatKernel(slots, 0, {
    imm64: (at) => {
      const map = program.maps[at.imm];
      if (at.src === PSEUDO_MAP_FD && map) return `map[${map.name}]`;
      if (at.src === PSEUDO_MAP_VALUE && map) return `map[${map.name}][${slots[1]?.imm ?? 0}]`;
      return undefined;
    },
  });
  if (insn.opcode === CALL && insn.src === PSEUDO_CALL) {
    const callee = funcNameAt(program, idx + 1 + insn.imm);
    if (callee !== undefined) return `${text}  ; ${callee}`;
  }
  return text;
}

/** Where a jump or a call inside the program leads; -1 for everything else. */
export function targetOf(program: CodeView, idx: number): number {
  const insn = insnAt(program, idx);
  const cls = insn.opcode & 7;
  if (cls !== JMP && cls !== JMP32) return insn.opcode === 0x18 && insn.src === PSEUDO_FUNC ? idx + 1 + insn.imm : -1;
  if (insn.opcode === CALL) return insn.src === PSEUDO_CALL ? idx + 1 + insn.imm : -1;
  if (insn.opcode === EXIT) return -1;
  if (insn.opcode === GOTOL) return idx + 1 + insn.imm;
  return idx + 1 + insn.off;
}

export function isCall(program: CodeView, idx: number): boolean {
  return program.code[idx * 8] === CALL;
}

/** The fields of an instruction as encoded, for a hover. */
export function operandText(program: CodeView, idx: number): string {
  const { opcode, dst, src, off, imm } = insnAt(program, idx);
  const bytes = Array.from(program.code.subarray(idx * 8, idx * 8 + (isWide(program, idx) ? 16 : 8)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  );
  const value = imm >= 0 && imm < 10 ? `${imm}` : `${imm} (0x${(imm >>> 0).toString(16)})`;
  return `opcode 0x${opcode.toString(16).padStart(2, '0')} · dst ${dst} · src ${src} · off ${off} · imm ${value}\n${bytes.join(' ')}`;
}

/** An instruction as the listing shows it: in the words of the log that it was read from, or decoded. */
export function shownText(program: ProgramView, idx: number): string {
  const { fromLog } = program;
  if (!fromLog) return insnText(program, idx);
  const at = lastAtMost(fromLog.seen, idx);
  return fromLog.seen[at] === idx ? fromLog.texts[at]! : '';
}

/** Which ways a branch went: both, only its jump, only on, or neither; '' for what is no conditional branch. */
export function wayOf(program: ProgramView, insn: number, { counts, taken }: Pick<ProfileView, 'counts' | 'taken'>): string {
  if (targetOf(program, insn) < 0 || isCall(program, insn) || !isBranch(program.code[insn * 8]!)) return '';
  return coverageGlyph(taken[insn]!, counts[insn]! - taken[insn]!);
}

/** Conditional ones. */
const isBranch = (opcode: number): boolean => (opcode & 0xf0) !== 0;

/** How a branch that jumped so often, and went on so often, is drawn. */
export const coverageGlyph = (taken: number, fell: number): string =>
  taken + fell === 0 ? '' : taken === 0 ? '↓' : fell === 0 ? '↷' : '⇅';
