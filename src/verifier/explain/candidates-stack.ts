import type { InsnIdx } from '../../base/units.ts';
import { ADD, ALU64, classOf, DW, K, LDX, MEM, MOV, OP_CALL, opOf, ST, STX, SUB, X } from '../../bpf/insn.ts';
import type { Insn } from '../../bpf/program.ts';
import { AUX, isConst, isPacket, NOT_INIT, OFF, REG, SCALAR, STACK, TYPE, VALUE_LO } from '../reg.ts';
import { addImm, before, type Candidate, functionAt, make, movReg } from './build.ts';
import type { Diagnosis } from './diagnose.ts';
import type { Change } from './edit.ts';
import { accessSize, addressReg, failedAccess, objectSize } from './facts.ts';

const FP = 10;
const MAX_STACK = 512;

const fpText = (off: number): string => (off < 0 ? `fp${off}` : `fp+${off}`);

/** Where the constant offset of the failed access may lie: its first and last valid place; null where the object has no known size. */
function room(found: Diagnosis, reg: number, size: number): { readonly lo: number; readonly hi: number } | null {
  const regs = found.trace.state!.frame.regs;
  const b = reg * REG;
  if (isPacket(regs[b + TYPE]!)) return regs[b + AUX]! >= size ? { lo: 0, hi: regs[b + AUX]! - size } : null;
  const object = objectSize(found.trace, reg);
  return object && object.to - object.from >= size ? { lo: object.from, hi: object.to - size } : null;
}

/**
 * Brings an access at a constant offset to the nearest place inside of its object, at a multiple of its size where that was the matter: by the
 * constant that was added to the pointer, or by the offset of all accesses to that place of the frame.
 */
export function movedAccess(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const at = trace.insnIdx!;
  const reg = found.place?.reg ?? -1;
  const regs = trace.state?.frame.regs;
  const access = failedAccess(trace, reg);
  if (!regs || !access || access.size === 0 || !isConst(regs, reg * REG)) return [];
  const place = regs[reg * REG + OFF]! + regs[reg * REG + VALUE_LO]! + access.off;
  const within = room(found, reg, access.size);
  if (!within) return [];
  const misaligned = /misaligned/.test(found.message);
  const nearest = Math.min(Math.max(place, within.lo), within.hi);
  const down = nearest - (((nearest % access.size) + access.size) % access.size);
  const targets = misaligned ? [down, down + access.size] : regs[reg * REG + TYPE] === STACK ? [nearest, down] : [nearest];
  const list: Candidate[] = [];
  for (const target of new Set(targets)) {
    if (target === place || target < within.lo || target > within.hi) continue;
    const stack = regs[reg * REG + TYPE] === STACK;
    const where = stack ? fpText(target) : `byte ${target}`;
    if (reg === FP) list.push(...sameSlot(found, at, target - place, where));
    for (const event of [...found.events].reverse()) {
      const insn = trace.program.insns[event.insnIdx]!;
      const op = opOf(insn);
      if (classOf(insn) !== ALU64 || (op !== ADD && op !== SUB) || insn.opcode & X || event.place.reg < 0) continue;
      // What counts the rounds of a loop is no place in an object.
      if (trace.path.indexOf(event.insnIdx) !== trace.path.lastIndexOf(event.insnIdx)) continue;
      const imm = insn.imm + (op === ADD ? target - place : place - target);
      if (imm !== (imm | 0)) continue;
      list.push({
        title: `${op === ADD ? 'Add' : 'Subtract'} ${imm} in place of ${insn.imm} at instruction ${event.insnIdx}, so that the access begins at ${where}.`,
        edit: { changes: [{ at: event.insnIdx, remove: 1, insert: [{ insn: { ...insn, imm } }] }] },
      });
    }
    if (stack && reg !== FP && trace.program.insns[at]!.opcode === OP_CALL)
      list.push({ title: `Pass ${where} in r${reg} to the call.`, edit: before(at, [addImm(reg, target - place)]) });
  }
  return list;
}

/** All accesses of the function to one place of its frame, moved together. */
function sameSlot(found: Diagnosis, at: InsnIdx, by: number, where: string): Candidate[] {
  const { insns } = found.trace.program;
  const { start, end } = functionAt(found, at);
  const changes: Change[] = [];
  for (let i = start; i < end; i++) {
    const insn = insns[i]!;
    if (accessSize(insn) > 0 && addressReg(insn) === FP && insn.off === insns[at]!.off)
      changes.push({ at: i, remove: 1, insert: [{ insn: { ...insn, off: insn.off + by } }] });
  }
  return [{ title: `Access ${where} in place of ${fpText(insns[at]!.off)}.`, edit: { changes } }];
}

/** The instruction uses the frame's address for something else than one access at a constant offset. */
const letsFrameEscape = (insn: Insn): boolean =>
  (insn.src === FP && (insn.opcode & X) !== 0 && (classOf(insn) === ALU64 || opOf(insn) === MOV)) ||
  (classOf(insn) === STX && insn.src === FP);

/** Frames with unused room above what they use: their accesses move up, and the frame becomes smaller. */
export function packedFrames(found: Diagnosis): Candidate[] {
  const { program, env } = found.trace;
  const all: { readonly changes: readonly Change[]; readonly gain: number; readonly flagged: InsnIdx }[] = [];
  for (const { start } of env.subprogs) {
    const { end } = functionAt(found, start);
    const used: InsnIdx[] = [];
    let top = -MAX_STACK;
    let escapes = false;
    for (let i = start; i < end; i++) {
      const insn = program.insns[i]!;
      escapes ||= letsFrameEscape(insn);
      if (accessSize(insn) === 0 || addressReg(insn) !== FP) continue;
      used.push(i);
      top = Math.max(top, insn.off + accessSize(insn));
    }
    const gain = -top & ~7;
    if (escapes || used.length === 0 || gain <= 0) continue;
    const changes = used.map((at) => {
      const insn = program.insns[at]!;
      return { at, remove: 1, insert: [{ insn: { ...insn, off: insn.off + gain } }] };
    });
    all.push({ changes, gain, flagged: used[0]! });
  }
  all.sort((a, b) => b.gain - a.gain);
  const each = all.map(({ changes, gain, flagged }) => ({
    title: `Move what the function with instruction ${flagged} keeps on the stack up by ${gain} bytes, which nothing uses.`,
    edit: { changes },
    flagged,
  }));
  if (all.length < 2) return each;
  const changes = all.flatMap((one) => one.changes).sort((a, b) => a.at - b.at);
  return [
    ...each,
    { title: 'Move up what each function keeps on the stack, where room is unused.', edit: { changes }, flagged: all[0]!.flagged },
  ];
}

/** An address that is no pointer at all: bytes of the stack, set to zero, in its place. */
export function pointedAtStack(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const at = trace.insnIdx!;
  const insn = trace.program.insns[at]!;
  const reg = addressReg(insn);
  const frame = trace.state?.frame;
  if (!frame || reg < 0 || reg === FP || reg !== found.place?.reg) return [];
  const type = frame.regs[reg * REG + TYPE];
  if (type !== NOT_INIT && type !== SCALAR) return [];
  const slot = -8 * (frame.slots + 1);
  if (slot < -MAX_STACK) return [];
  const base = slot - insn.off;
  const insert = [movReg(reg, FP), ...(base !== 0 ? [addImm(reg, base)] : []), make(ST | MEM | DW | K, FP, 0, slot, 0)];
  const title = `Let r${reg} point to zeroed bytes of the stack (${fpText(slot)}) before instruction ${at}.`;
  return [{ title, edit: before(at, insert), lastResort: true }];
}

/** A store of a register to the stack, or a load from it, as a whole slot. */
export const keepOnStack = (reg: number, off: number) => make(STX | MEM | DW, FP, reg, off);
export const takeFromStack = (reg: number, off: number) => make(LDX | MEM | DW, reg, FP, off);
