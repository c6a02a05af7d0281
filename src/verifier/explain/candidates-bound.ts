import type { InsnIdx } from '../../base/units.ts';
import { ADD, ALU, ALU64, classOf, JGT, JLE, JNE, JSGE, JSGT, JSLT, OP_CALL, OP_EXIT, opOf, SUB, X } from '../../bpf/insn.ts';
import { AUX, baseType, isConst, isPacket, MAP_VALUE, MASK_HI, MASK_LO, MEMORY, OFF, REG, SCALAR, STACK, TYPE, VALUE_LO } from '../reg.ts';
import { aimedAt, andImm, before, type Candidate, exits, ifImm, leave, leaveUnless, movImm, slots } from './build.ts';
import type { Diagnosis } from './diagnose.ts';
import { failedAccess, objectSize, smax } from './facts.ts';

/** Largest number of the form 2^k - 1 that is at most `max`. */
function maskWithin(max: number): number {
  let mask = 0;
  while (mask * 2 + 1 <= max) mask = mask * 2 + 1;
  return mask;
}

/** Ways to keep register `reg` within [0, max] at instruction `at`. */
function bound(found: Diagnosis, at: InsnIdx, reg: number, max: number): Candidate[] {
  if (max < 0) return signedBound(found, at, reg, max);
  if (max > 0x7fffffff) return [];
  const { insns } = found.trace.program;
  const ways = leaveUnless(
    found,
    (off) => ifImm(JLE, reg, max, off),
    (off) => ifImm(JGT, reg, max, off),
  );
  const list: Candidate[] = ways.map((way) => ({
    title: `${way.how} when r${reg} is above ${max} (as unsigned), before instruction ${at}.`,
    edit: before(at, way.insns),
  }));
  const mask = maskWithin(max);
  if (mask > 0) list.splice(1, 0, { title: `Mask r${reg} with ${mask} before instruction ${at}.`, edit: before(at, [andImm(reg, mask)]) });
  list.splice(2, 0, {
    title: `Limit r${reg} to ${max} before instruction ${at}.`,
    edit: before(at, [ifImm(JLE, reg, max, 1), movImm(reg, max)]),
  });
  const flagged = found.trace.insnIdx!;
  const next = flagged + slots(insns[flagged]!);
  if (insns[flagged]!.opcode !== OP_EXIT && next < insns.length)
    list.push({
      title: `Skip to instruction ${next} when r${reg} is above ${max}.`,
      edit: before(at, [aimedAt(ifImm(JGT, reg, max, 0), next)]),
    });
  return list;
}

/** Offsets that lie below zero throughout, as those of the stack do: both ends, as signed numbers. */
function signedBound(found: Diagnosis, at: InsnIdx, reg: number, max: number): Candidate[] {
  if (max < -512 || found.class === 'pointer-arithmetic') return [];
  const far = -512 - max;
  return exits(found).map((exit) => ({
    title: `Go to the exit at ${exit} unless r${reg} lies in [${far}, ${max}], before instruction ${at}.`,
    edit: before(at, [aimedAt(ifImm(JSGT, reg, max, 0), exit), aimedAt(ifImm(JSLT, reg, far, 0), exit)]),
  }));
}

interface IndexUse {
  readonly at: InsnIdx;
  readonly reg: number;
  readonly subtracts: boolean;
  /** What other additions can have put into the pointer before. */
  readonly others: number;
}

/** The additions on the path that put a register into the pointer, the last one first. */
function indexUses(found: Diagnosis): IndexUse[] {
  const { trace } = found;
  const uses: IndexUse[] = [];
  for (const event of found.events) {
    const insn = trace.program.insns[event.insnIdx]!;
    const op = opOf(insn);
    if (classOf(insn) !== ALU64 || (op !== ADD && op !== SUB) || !(insn.opcode & X)) continue;
    const regs = trace.steps[event.stepIdx]!.frame.regs;
    const isNumber = (r: number): boolean => regs[r * REG + TYPE] === SCALAR;
    if (isNumber(insn.src) === isNumber(insn.dst)) continue;
    const reg = isNumber(insn.src) ? insn.src : insn.dst;
    const pointer = reg === insn.src ? insn.dst : insn.src;
    const most = regs[pointer * REG + TYPE] === STACK ? 0n : smax(regs, pointer * REG);
    uses.push({ at: event.insnIdx, reg, subtracts: op === SUB, others: most < 65536n ? Number(most) : 0 });
  }
  return uses.reverse();
}

/** Size argument of a helper: the memory behind the pointer before it limits it. */
function sizeCandidates(found: Diagnosis, reg: number): Candidate[] {
  const at = found.trace.insnIdx!;
  const list: Candidate[] = [];
  const regs = found.trace.state!.frame.regs;
  const limit = memoryBehind(found, reg - 1);
  if (/zero-sized/.test(found.message)) {
    list.push({ title: `Leave when r${reg} is 0, before the call.`, edit: before(at, [ifImm(JNE, reg, 0, 2), ...leave(found)]) });
    list.push({ title: `Make r${reg} at least 1 before the call.`, edit: before(at, [ifImm(JNE, reg, 0, 1), movImm(reg, 1)]) });
  }
  if (regs[reg * REG + TYPE] !== SCALAR || limit <= 0) return list;
  list.push(...bound(found, at, reg, limit));
  return list;
}

/** Bytes from where a pointer argument points, its variable part at its largest, to the end of its memory; 0 when unknown. */
function memoryBehind(found: Diagnosis, reg: number): number {
  if (reg < 1) return 0;
  const regs = found.trace.state!.frame.regs;
  const object = objectSize(found.trace, reg);
  if (!object) return 0;
  const variable =
    baseType(regs[reg * REG + TYPE]!) === STACK || (regs[reg * REG + MASK_LO]! | regs[reg * REG + MASK_HI]!) === 0
      ? regs[reg * REG + VALUE_LO]!
      : 0;
  return object.to - regs[reg * REG + OFF]! - variable;
}

/** A constant that was added through a register has become part of the pointer's fixed offset. */
function constOf(found: Diagnosis, use: IndexUse): number {
  const step = found.trace.steps.findLast((s) => s.insnIdx === use.at);
  return step && isConst(step.frame.regs, use.reg * REG) ? step.frame.regs[use.reg * REG + VALUE_LO]! : 0;
}

/** Bounds for an index or a size; also the lower end of a value that was only compared as signed. */
export function boundCandidates(found: Diagnosis): Candidate[] {
  const { trace } = found;
  const at = trace.insnIdx!;
  const reg = found.place?.reg ?? -1;
  const regs = trace.state?.frame.regs;
  if (!regs || reg < 0) return [];
  const insn = trace.program.insns[at]!;
  const cls = classOf(insn);
  if (cls === ALU || cls === ALU64) {
    // Refused at the addition: the size of the access that follows is not known yet.
    if (regs[reg * REG + TYPE] !== SCALAR || !(insn.opcode & X)) return [];
    const pointer = reg === insn.src ? insn.dst : insn.src;
    const object = objectSize(trace, pointer);
    if (!object) return [];
    const room = object.to - regs[pointer * REG + OFF]!;
    return [1, 2, 4, 8].flatMap((size) => bound(found, at, reg, room - size).slice(0, 2));
  }
  if (insn.opcode === OP_CALL && regs[reg * REG + TYPE] === SCALAR) return sizeCandidates(found, reg);
  const access = failedAccess(trace, reg);
  const list: Candidate[] = [];
  if (access) {
    const type = baseType(regs[reg * REG + TYPE]!);
    const fixed = regs[reg * REG + OFF]! + access.off;
    for (const use of indexUses(found)) {
      const stack = type === STACK ? -512 : 0;
      if (use.subtracts) {
        const before = isConst(regs, reg * REG) && type !== STACK ? fixed + constOf(found, use) : fixed;
        list.push(...bound(found, use.at, use.reg, before + use.others - stack));
        continue;
      }
      const end = isPacket(regs[reg * REG + TYPE]!) ? 0x7fff : (objectSize(trace, reg)?.to ?? 0);
      const known = isConst(regs, reg * REG) && type !== STACK ? fixed - constOf(found, use) : fixed;
      list.push(...bound(found, use.at, use.reg, end - known - access.size - use.others));
      // A constant index, such as the counter of a loop in one of its rounds, has become part of the place in the frame.
      if (type === STACK && isConst(regs, reg * REG) && constOf(found, use) > 0)
        list.push(...bound(found, use.at, use.reg, end - (fixed - constOf(found, use)) - access.size));
      if (fixed < 0 && type !== STACK) {
        // The fixed part lies before the object: the index must make up for it.
        list.push({
          title: `Leave when r${use.reg} is below ${-fixed}, before instruction ${use.at}.`,
          edit: before(use.at, [ifImm(JSGE, use.reg, -fixed, 2), ...leave(found)]),
        });
      }
    }
  }
  // A helper's size can be what makes the access too long.
  if (insn.opcode === OP_CALL) {
    const size = reg + 1;
    const type = regs[reg * REG + TYPE]!;
    const known = baseType(type) === MAP_VALUE || baseType(type) === MEMORY || type === STACK;
    if (size <= 5 && known && regs[size * REG + TYPE] === SCALAR) list.push(...bound(found, at, size, memoryBehind(found, reg)));
    if (isPacket(type) && regs[reg * REG + AUX]! > 0) list.push(...bound(found, at, size, regs[reg * REG + AUX]! - regs[reg * REG + OFF]!));
  }
  return list;
}
