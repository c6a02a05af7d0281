import { isFuncAddress, isJump, isPseudoCall, isUnconditional, jumpTarget, OP_EXIT, OP_LDDW } from './insn.ts';
import type { Insn, InsnIdx } from './program.ts';

/** Instructions that run one after another; only the last may jump. */
export interface BasicBlock {
  readonly id: number;
  readonly start: InsnIdx;
  /** One past the last slot. */
  readonly end: InsnIdx;
  /** Blocks that may run next: the one that follows in the text first, then the jump's. */
  readonly successors: readonly number[];
  readonly predecessors: readonly number[];
}

export interface FunctionCfg {
  readonly start: InsnIdx;
  /** One past the last slot. */
  readonly end: InsnIdx;
  /** In order of place; block 0 is the entry. */
  readonly blocks: readonly BasicBlock[];
  /** Jumps that leave the function or land in the middle of an `lddw`: the kernel refuses them. */
  readonly badJumps: readonly InsnIdx[];
  /** True when the last instruction runs off the function's end. */
  readonly fallsOff: boolean;
}

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

/** Basic blocks of the function in slots `start` to `end`. */
export function functionCfg(insns: readonly Insn[], start: InsnIdx, end: InsnIdx, second = secondSlots(insns)): FunctionCfg {
  const leaders = new Set<InsnIdx>([start]);
  const badJumps: InsnIdx[] = [];
  const isInside = (target: InsnIdx): boolean => target >= start && target < end && !second[target];
  for (let idx = start; idx < end; idx++) {
    if (second[idx]) continue;
    const insn = insns[idx]!;
    if (isJump(insn)) {
      const target = jumpTarget(insn, idx);
      if (isInside(target)) leaders.add(target);
      else badJumps.push(idx);
      leaders.add(idx + 1);
    } else if (insn.opcode === OP_EXIT) leaders.add(idx + 1);
  }
  const starts = [...leaders].filter((idx) => idx < end).sort((a, b) => a - b);
  const idAt = new Map(starts.map((idx, id) => [idx, id]));
  const predecessors = starts.map((): number[] => []);
  let fallsOff = false;
  const blocks = starts.map((blockStart, id): BasicBlock => {
    const blockEnd = starts[id + 1] ?? end;
    const lastIdx = second[blockEnd - 1] ? blockEnd - 2 : blockEnd - 1;
    const last = insns[lastIdx]!;
    const successors: number[] = [];
    const goTo = (target: number | undefined): void => {
      if (target === undefined || successors.includes(target)) return;
      successors.push(target);
      predecessors[target]!.push(id);
    };
    if (last.opcode !== OP_EXIT && !isUnconditional(last)) {
      if (blockEnd === end) fallsOff = true;
      goTo(idAt.get(blockEnd));
    }
    if (isJump(last)) goTo(idAt.get(jumpTarget(last, lastIdx)));
    return { id, start: blockStart, end: blockEnd, successors, predecessors: predecessors[id]! };
  });
  return { start, end, blocks, badJumps, fallsOff };
}

/** Every function of a program with its basic blocks; `starts` ascending, the first 0. */
export function programCfg(insns: readonly Insn[], starts: readonly InsnIdx[] = functionStarts(insns)): FunctionCfg[] {
  const second = secondSlots(insns);
  return starts.map((start, at) => functionCfg(insns, start, starts[at + 1] ?? insns.length, second));
}
