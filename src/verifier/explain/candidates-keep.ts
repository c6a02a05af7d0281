import type { InsnIdx } from '../../base/units.ts';
import { ATOMIC, classOf, DW, isJump, JEQ, JNE, LDX, MEM, modeOf, OP_CALL, OP_EXIT, STX, sizeOf, W } from '../../bpf/insn.ts';
import { isConst, NOT_INIT, REF, REG, SCALAR, TYPE, VALUE_LO } from '../reg.ts';
import { before, type Candidate, callHelper, ifImm, leaveUnless, type make, movReg, replace, slots, spareRegisters } from './build.ts';
import { keepOnStack, takeFromStack } from './candidates-stack.ts';
import type { Diagnosis } from './diagnose.ts';
import { type SliceEvent, slotOf } from './slice.ts';

const SK_RELEASE = 86;

/** The pointer that became a number, kept from before that happened and taken again for the access. */
export function keptPointer(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const at = trace.insnIdx!;
  const reg = found.place?.reg ?? -1;
  const loss = found.events.findLast((e) => e.lost && e.place.frameno === trace.state?.curFrame);
  if (!loss || reg < 0 || loss.insnIdx >= at) return [];
  const insn = trace.program.insns[loss.insnIdx]!;
  if (insn.opcode === OP_CALL && insn.src === 0 && insn.imm === SK_RELEASE) return releaseAfterUse(found, loss, at);
  const from = source(found, loss);
  if (!from) return [];
  const [spare] = spareRegisters(found, at);
  const slot = -8 * (trace.state!.frame.slots + 1);
  const list: Candidate[] = [];
  const keep = (how: string, save: ReturnType<typeof make>, take: ReturnType<typeof make>): void => {
    list.push({
      title: `Keep r${from.reg} ${how} before instruction ${from.at}, and take r${reg} from there before instruction ${at}.`,
      edit: {
        changes: [
          { at: from.at, remove: 0, insert: [save] },
          { at, remove: 0, insert: [take] },
        ],
      },
    });
  };
  if (spare !== undefined) keep(`in r${spare}`, movReg(spare, from.reg), movReg(reg, spare));
  if (slot >= -512) keep(`on the stack (fp${slot})`, keepOnStack(from.reg, slot), takeFromStack(reg, slot));
  return list;
}

/** Register that held the pointer last, and where: at the loss itself, or at the store that put it into the slot that lost it. */
function source(found: Diagnosis, loss: SliceEvent): { readonly reg: number; readonly at: InsnIdx } | null {
  if (loss.kind === 'moved' && loss.place.reg >= 0) return { reg: found.trace.program.insns[loss.insnIdx]!.src, at: loss.insnIdx };
  if (loss.place.reg >= 0) return { reg: loss.place.reg, at: loss.insnIdx };
  const { trace } = found;
  for (let i = loss.stepIdx - 1; i >= 0; i--) {
    const { insnIdx, frame, frameno } = trace.steps[i]!;
    const insn = trace.program.insns[insnIdx]!;
    if (frameno !== loss.place.frameno || classOf(insn) !== STX || modeOf(insn) === ATOMIC) continue;
    const slot = slotOf(frame, insn.dst, insn.off);
    if (slot?.slot !== loss.place.slot || slot.frameno !== frameno) continue;
    return frame.regs[insn.src * REG + TYPE] === SCALAR ? null : { reg: insn.src, at: insnIdx };
  }
  return null;
}

/** The socket is given back behind its last use instead of before it. */
function releaseAfterUse(found: Diagnosis, loss: SliceEvent, at: InsnIdx): Candidate[] {
  const { trace } = found;
  const insn = trace.program.insns[at]!;
  const next = at + slots(insn);
  if (isJump(insn) || insn.opcode === OP_EXIT || insn.opcode === OP_CALL || next >= trace.program.insns.length) return [];
  const { regs } = trace.steps[loss.stepIdx]!.frame;
  const holder = [6, 7, 8, 9].find((r) => regs[r * REG + TYPE] !== NOT_INIT && regs[r * REG + REF] === regs[REG + REF]);
  const spares = spareRegisters(found, at);
  const kept = holder ?? spares.shift();
  const result = spares.shift();
  if (kept === undefined) return [];
  const give = [movReg(1, kept), callHelper(SK_RELEASE)];
  // The released register's own access must still find it in place.
  const needsOwn = found.place?.reg === 1;
  const isLoad = classOf(insn) === LDX && modeOf(insn) === MEM;
  const savesResult = isLoad && insn.dst === 0 && result !== undefined;
  const behind = savesResult ? [movReg(result, 0), ...give, movReg(0, result)] : give;
  const atCall = holder === undefined ? [movReg(kept, 1)] : needsOwn ? [movReg(1, holder)] : [movReg(holder, holder)];
  const changes = [
    { at: loss.insnIdx, remove: 1, insert: atCall },
    { at, remove: 1, insert: [{ insn }, ...behind] },
  ];
  return [{ title: `Release the socket behind its use at ${at} instead of at ${loss.insnIdx}.`, edit: { changes } }];
}

/** A pointer that only a part of is filled, stored or exchanged: all eight bytes. */
export function wholeFill(found: Diagnosis): Candidate[] {
  const at = found.trace.insnIdx!;
  const insn = found.trace.program.insns[at]!;
  if (!/invalid size of register fill/.test(found.message)) return [];
  const wide = (insn.opcode & ~0x18) | DW;
  if (classOf(insn) === LDX && insn.off % 8 === 0)
    return [{ title: 'Fill all eight bytes of the pointer.', edit: replace(at, { ...insn, opcode: LDX | MEM | DW }) }];
  if (classOf(insn) === STX && modeOf(insn) === ATOMIC && sizeOf(insn) === W)
    return [{ title: 'Exchange all eight bytes of the pointer.', edit: replace(at, { ...insn, opcode: wide }) }];
  return [];
}

/** A number that stands for "no pointer" on some paths: leave when the register holds it. */
export function sentinel(found: Diagnosis): Candidate[] {
  const at = found.trace.insnIdx!;
  const reg = found.place?.reg ?? -1;
  const regs = found.trace.state?.frame.regs;
  if (!regs || reg < 0 || regs[reg * REG + TYPE] !== SCALAR || !isConst(regs, reg * REG)) return [];
  const value = regs[reg * REG + VALUE_LO]!;
  return leaveUnless(
    found,
    (off) => ifImm(JNE, reg, value, off),
    (off) => ifImm(JEQ, reg, value, off),
  ).map((way) => ({
    title: `${way.how} when r${reg} is the number ${value}, before instruction ${at}.`,
    edit: before(at, way.insns),
  }));
}
