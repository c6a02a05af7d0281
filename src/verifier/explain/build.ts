import type { InsnIdx } from '../../base/units.ts';
import { ADD, ALU64, AND, classOf, isJump, JA, JMP, jumpTarget, K, MOV, OP_CALL, OP_EXIT, OP_LDDW, opOf, X } from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import { returnRange } from '../exits.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Edit, NewInsn } from './edit.ts';

export interface Candidate {
  readonly title: string;
  readonly edit: Edit;
  /** Changes where a branch leads instead of adding what is missing: offered besides the others, not in their place. */
  readonly turnsBranch?: boolean;
  /** Makes up a value that the program never had: offered only when nothing else mends it. */
  readonly lastResort?: boolean;
  /** One load becomes a helper's call, with its arguments. */
  readonly isCall?: boolean;
  /** Where the program fails as a whole: an instruction that must stay reachable, besides those that were refused. */
  readonly flagged?: InsnIdx;
}

export const make = (opcode: number, dst = 0, src = 0, off = 0, imm = 0): NewInsn => ({ insn: { opcode, dst, src, off, imm } });
export const movImm = (dst: number, imm: number): NewInsn => make(ALU64 | MOV | K, dst, 0, 0, imm);
export const movReg = (dst: number, src: number): NewInsn => make(ALU64 | MOV | X, dst, src);
export const addImm = (dst: number, imm: number): NewInsn => make(ALU64 | ADD | K, dst, 0, 0, imm);
export const andImm = (dst: number, imm: number): NewInsn => make(ALU64 | AND | K, dst, 0, 0, imm);
export const ifImm = (op: number, dst: number, imm: number, off: number): NewInsn => make(JMP | op | K, dst, 0, off, imm);
export const ifReg = (op: number, dst: number, src: number, off: number): NewInsn => make(JMP | op | X, dst, src, off);
export const callHelper = (id: number): NewInsn => make(OP_CALL, 0, 0, 0, id);
export const aimedAt = (insn: NewInsn, target: InsnIdx): NewInsn => ({ ...insn, target });
export const before = (at: InsnIdx, insert: readonly NewInsn[]): Edit => ({ changes: [{ at, remove: 0, insert }] });
export const replace = (at: InsnIdx, insn: Insn): Edit => ({ changes: [{ at, remove: 1, insert: [{ insn }] }] });

const XDP = 6;
const XDP_PASS = 2;

/** A return value that lets the event go on as if the program were not there, within what the type may return. */
export function neutralReturn(found: Diagnosis): number {
  const { program, env, state } = found.trace;
  if (state && state.curFrame > 0) return 0;
  if (program.progType === XDP) return XDP_PASS;
  const range = returnRange(program.progType, env.attachType);
  return range ? Math.max(Math.min(1, range[1]), range[0]) : 0;
}

/** `r0 = …; exit` with the program's neutral value. */
export const leave = (found: Diagnosis): NewInsn[] => [movImm(0, neutralReturn(found)), make(OP_EXIT)];

/** Ways to leave unless a condition holds: `otherwise` jumps when it does not hold, `holds` when it does. */
export function leaveUnless(
  found: Diagnosis,
  holds: (off: number) => NewInsn,
  otherwise: (off: number) => NewInsn,
): { readonly how: string; readonly insns: readonly NewInsn[] }[] {
  const taken = exitsInUse(found);
  const ways = [{ how: 'Leave', insns: [holds(2), ...leave(found)] }];
  for (const exit of new Set([...taken, ...exits(found)])) {
    const way = { how: `Go to the exit at ${exit}`, insns: [aimedAt(otherwise(0), exit)] };
    // Where the program's own checks lead is what its author does with such an event.
    if (taken.includes(exit)) ways.splice(taken.indexOf(exit), 0, way);
    else ways.push(way);
  }
  return ways;
}

/** Slots that an instruction takes. */
export const slots = (insn: Insn): number => (insn.opcode === OP_LDDW ? 2 : 1);

/** First instruction of the function that holds `idx`, and the end of it. */
export function functionAt(found: Diagnosis, idx: InsnIdx): { readonly start: InsnIdx; readonly end: InsnIdx } {
  let start = 0;
  let end = found.trace.program.insns.length;
  for (const sub of found.trace.env.subprogs) {
    if (sub.start <= idx) start = sub.start;
    else {
      end = Math.min(end, sub.start);
    }
  }
  return { start, end };
}

/** Registers of r6 to r9 that the function never names: they survive calls. */
export function spareRegisters(found: Diagnosis, idx: InsnIdx): number[] {
  const { start, end } = functionAt(found, idx);
  const used = new Set<number>();
  for (let i = start; i < end; i++) {
    const insn = found.trace.program.insns[i]!;
    used.add(insn.dst).add(insn.src);
  }
  return [9, 8, 7, 6].filter((r) => !used.has(r));
}

/** One of them, or -1. */
export const spareRegister = (found: Diagnosis, idx: InsnIdx): number => spareRegisters(found, idx)[0] ?? -1;

/** Exits (with the assignment to r0 before them) to which branches on the failing path would have led, the last one first. */
function exitsInUse(found: Diagnosis): InsnIdx[] {
  const { trace } = found;
  const ends = new Set(exits(found));
  const list: InsnIdx[] = [];
  for (let i = trace.steps.length - 1; i >= 0 && list.length < 2; i--) {
    const { insnIdx, frameno } = trace.steps[i]!;
    const insn = trace.program.insns[insnIdx]!;
    if (frameno !== trace.state?.curFrame || !isJump(insn) || opOf(insn) === JA) continue;
    const taken = trace.steps[i + 1]?.insnIdx === jumpTarget(insn, insnIdx);
    const other = taken ? insnIdx + 1 : jumpTarget(insn, insnIdx);
    if (ends.has(other) && !list.includes(other)) list.push(other);
  }
  return list;
}

/** Ways out that the function has already: `exit` and the assignment to r0 before it. At most four. */
export function exits(found: Diagnosis): InsnIdx[] {
  const { insns } = found.trace.program;
  const { start, end } = functionAt(found, found.trace.insnIdx!);
  const list: InsnIdx[] = [];
  for (let i = end - 1; i >= start && list.length < 4; i--) {
    if (insns[i]!.opcode !== OP_EXIT) continue;
    const prev = insns[i - 1];
    if (i > start && prev && classOf(prev) === ALU64 && opOf(prev) === MOV && prev.dst === 0 && insns[i - 2]?.opcode !== OP_LDDW)
      list.push(i - 1);
    list.push(i);
  }
  return list;
}
