import { isFuncAddress, isPseudoCall, OP_LDDW } from './insn.ts';
import type { Insn, InsnIdx } from './program.ts';

/** 1 for slots that are the second half of an `lddw`. */
export function secondSlots(insns: readonly Insn[]): Uint8Array {
  const kinds = new Uint8Array(insns.length);
  for (let idx = 0; idx + 1 < insns.length; idx++) if (insns[idx]!.opcode === OP_LDDW) kinds[++idx] = 1;
  return kinds;
}

/** Starts of all functions that the code calls or takes the address of, ascending, targets outside left out. */
export function calledTargets(insns: readonly Insn[]): InsnIdx[] {
  const targets = new Set<InsnIdx>();
  for (let idx = 0; idx < insns.length; idx++) {
    const insn = insns[idx]!;
    if (isPseudoCall(insn) || isFuncAddress(insn)) targets.add(idx + 1 + insn.imm);
    if (insn.opcode === OP_LDDW) idx++;
  }
  return [...targets].filter((target) => target >= 0 && target < insns.length).sort((a, b) => a - b);
}

/** Where functions start in code that nothing else is known of: 0 and every called place. */
export const functionStarts = (insns: readonly Insn[]): InsnIdx[] => [...new Set([0, ...calledTargets(insns)])];
