import { InputError } from '../base/errors.ts';
import { secondSlots } from '../bpf/functions.ts';
import { classOf, isFuncAddress, isJump, isPseudoCall, JA, JMP32, jumpTarget, opOf } from '../bpf/insn.ts';
import type { Insn, InsnIdx, Program, Subprog } from '../bpf/program.ts';
import type { HunkView } from './views.ts';

/** Where an instruction leads besides the next one; null for most. */
export function insnTarget(insn: Insn, idx: InsnIdx): InsnIdx | null {
  if (isJump(insn)) return jumpTarget(insn, idx);
  return isPseudoCall(insn) || isFuncAddress(insn) ? idx + 1 + insn.imm : null;
}

function aimed(insn: Insn, idx: InsnIdx, target: InsnIdx): Insn {
  const distance = target - idx - 1;
  if (!isJump(insn) || (classOf(insn) === JMP32 && opOf(insn) === JA)) return { ...insn, imm: distance };
  if (distance < -0x8000 || distance > 0x7fff) throw new InputError(`the jump at instruction ${idx} would be too long for 16 bits`);
  return { ...insn, off: distance };
}

/** The place in the fork of instruction `idx` of the base: its own where it is unchanged, else that of the change that it lies in. */
function inFork(hunks: readonly HunkView[], idx: InsnIdx): InsnIdx {
  let shift = 0;
  for (const hunk of hunks) {
    if (idx < hunk.baseFrom) break;
    if (idx < hunk.baseTo) return Math.min(hunk.from + idx - hunk.baseFrom, hunk.to);
    shift = hunk.to - hunk.baseTo;
  }
  return idx + shift;
}

/** The instruction of the base that `idx` of the fork is; -1 inside of changes. */
function inBase(hunks: readonly HunkView[], idx: InsnIdx): InsnIdx {
  let shift = 0;
  for (const hunk of hunks) {
    if (idx < hunk.from) break;
    if (idx < hunk.to) return -1;
    shift = hunk.baseTo - hunk.to;
  }
  return idx + shift;
}

/** The fork with one of its changes taken back; jumps keep leading where they led. */
export function revertHunk(base: Program, fork: Program, hunks: readonly HunkView[], at: number): Program {
  const { from, to, baseFrom, baseTo } = hunks[at]!;
  const grown = baseTo - baseFrom - (to - from);
  const moved = (idx: InsnIdx): InsnIdx => (idx >= to ? idx + grown : Math.min(idx, from));
  /** Of what comes from the base: the restored instructions themselves, or where the fork has the others. */
  const restored = (idx: InsnIdx): InsnIdx => (idx >= baseFrom && idx <= baseTo ? from + idx - baseFrom : moved(inFork(hunks, idx)));
  const insns: Insn[] = [];
  const take = (program: Program, first: InsnIdx, end: InsnIdx, place: (target: InsnIdx, idx: InsnIdx) => InsnIdx): void => {
    const second = secondSlots(program.insns);
    for (let idx = first; idx < end; idx++) {
      const insn = program.insns[idx]!;
      const target = second[idx] ? null : insnTarget(insn, idx);
      insns.push(target === null ? insn : aimed(insn, insns.length, place(target, idx)));
    }
  };
  /** What led to the edge of the change leads where the base says, if the base has that jump too. */
  const kept = (target: InsnIdx, idx: InsnIdx): InsnIdx => {
    const own = target >= from && target <= to ? inBase(hunks, idx) : -1;
    const before = own < 0 ? null : insnTarget(base.insns[own]!, own);
    return before !== null && before >= baseFrom && before <= baseTo ? restored(before) : moved(target);
  };
  take(fork, 0, from, kept);
  take(base, baseFrom, baseTo, restored);
  take(fork, to, fork.insns.length, kept);
  const byStart = new Map<InsnIdx, Subprog>();
  const inside = base.subprogs.filter(({ start }) => start >= baseFrom && start < baseTo);
  const names = new Set(inside.map(({ name }) => name));
  for (const func of inside) byStart.set(restored(func.start), { ...func, start: restored(func.start) });
  for (const func of fork.subprogs) {
    const start = moved(func.start);
    const replaced = func.start >= from && func.start <= to && (names.has(func.name) || (func.start > from && func.start < to));
    if (!replaced && !byStart.has(start) && start < insns.length) byStart.set(start, { ...func, start });
  }
  const kfuncCalls = new Map<InsnIdx, string>();
  for (const [idx, name] of base.kfuncCalls) if (idx >= baseFrom && idx < baseTo) kfuncCalls.set(restored(idx), name);
  for (const [idx, name] of fork.kfuncCalls) if (idx < from || idx >= to) kfuncCalls.set(moved(idx), name);
  return {
    ...fork,
    insns,
    subprogs: [...byStart.values()].sort((a, b) => a.start - b.start),
    kfuncCalls,
    lineInfo: [],
    insnOrigins: [],
  };
}
