/** Changes to programs for the fuzzer: mutation, and shrinking to what still differs. `npm run long verifier-mutate` shows one. */
import { formatKernel } from '../src/bpf/disasm.ts';
import {
  END,
  isFuncAddress,
  isJump,
  isPseudoCall,
  isUnconditional,
  JMP,
  JMP32,
  jumpTarget,
  OP_CALL,
  OP_EXIT,
  OP_LDDW,
  PSEUDO_KFUNC_CALL,
} from '../src/bpf/insn.ts';
import type { Insn, Program } from '../src/bpf/program.ts';
import { type Dice, Dice as Seeded } from '../src/verifier/testing/dice.ts';
import { randomProgram } from '../src/verifier/testing/random-programs.ts';

const NOP: Insn = { opcode: 0x05, dst: 0, src: 0, off: 0, imm: 0 };
const IMMEDIATES = [0, 1, -1, 2, 7, 8, 16, 31, 32, 63, 64, 255, 4096, 65535, 0x7fffffff, -2147483648, -8, -16, -64];
const CONDITIONS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const OPERATIONS = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0];

export function withInsns(program: Program, insns: readonly Insn[]): Program {
  return { ...program, insns, insnOrigins: insns.map(() => []), lineInfo: [] };
}

/** Second halves of 16-byte loads: they are no instructions of their own. */
const isHalf = (insns: readonly Insn[], at: number): boolean => at > 0 && insns[at - 1].opcode === OP_LDDW;

/** One to four small changes at places drawn by the dice; most results are rejected, many are not. */
export function mutate(program: Program, dice: Dice): Program {
  const insns = [...program.insns];
  for (let left = 1 + dice.below(4); left > 0; left--) {
    const at = dice.below(insns.length);
    if (isHalf(insns, at)) continue;
    insns[at] = changed(insns, at, dice);
  }
  const kfuncCalls = new Map([...program.kfuncCalls].filter(([idx]) => isKfuncCall(insns[idx])));
  return { ...withInsns(program, insns), kfuncCalls };
}

const isKfuncCall = (insn: Insn): boolean => insn.opcode === OP_CALL && insn.src === PSEUDO_KFUNC_CALL;

function changed(insns: readonly Insn[], at: number, dice: Dice): Insn {
  const insn = insns[at];
  const cls = insn.opcode & 7;
  if (insn.opcode === OP_LDDW) return insn.src === 0 ? { ...insn, imm: dice.pick(IMMEDIATES) } : insn;
  if (insn.opcode === OP_CALL || insn.opcode === OP_EXIT) return dice.chance(15) ? NOP : insn;
  switch (dice.below(9)) {
    case 0:
      return { ...insn, dst: dice.below(11) };
    case 1:
      return insn.opcode & 8 || cls === 1 || cls === 3 ? { ...insn, src: dice.below(11) } : { ...insn, imm: dice.pick(IMMEDIATES) };
    case 2:
      return (insn.opcode & 8) === 0 || cls === 2 ? { ...insn, imm: dice.pick(IMMEDIATES) } : { ...insn, imm: insn.imm };
    case 3:
      if (isJump(insn)) return { ...insn, off: dice.below(insns.length) - at - 1 };
      return cls >= 1 && cls <= 3 ? { ...insn, off: insn.off + dice.pick([-8, -4, -1, 1, 4, 8]) } : insn;
    case 4:
      if (cls === JMP || cls === JMP32)
        return isJump(insn) && !isUnconditional(insn) ? { ...insn, opcode: (insn.opcode & 0x0f) | dice.pick(CONDITIONS) } : insn;
      if (cls === 4 || cls === 7)
        return (insn.opcode & 0xf0) === END ? insn : { ...insn, opcode: (insn.opcode & 0x0f) | dice.pick(OPERATIONS) };
      return { ...insn, opcode: (insn.opcode & ~0x18) | dice.pick([0, 8, 16, 24]) };
    case 5:
      // 64 bits and 32 bits.
      if (cls === 4 || cls === 7) return { ...insn, opcode: insn.opcode ^ 3 };
      return isJump(insn) && !isUnconditional(insn) ? { ...insn, opcode: insn.opcode ^ 3 } : insn;
    case 6:
      return NOP;
    case 7: {
      const other = dice.below(insns.length);
      const copy = insns[other];
      return isHalf(insns, other) || copy.opcode === OP_LDDW || isPseudoCall(copy) || isKfuncCall(copy) ? insn : copy;
    }
    default:
      return { ...insn, imm: insn.opcode & 8 ? insn.imm : (insn.imm ^ (1 << dice.below(32))) | 0 };
  }
}

/** The program without instruction `at`; jumps, calls and functions that cross it follow. Null when it cannot go. */
function without(program: Program, at: number): Program | null {
  const { insns } = program;
  if (isHalf(insns, at)) return null;
  const size = insns[at].opcode === OP_LDDW ? 2 : 1;
  const moved = (idx: number): number => (idx > at ? Math.max(at, idx - size) : idx);
  const out: Insn[] = [];
  for (let i = 0; i < insns.length; i++) {
    if (i >= at && i < at + size) continue;
    let insn = insns[i];
    if (isPseudoCall(insn) || isFuncAddress(insn)) insn = { ...insn, imm: moved(i + insn.imm + 1) - moved(i) - 1 };
    else if (isJump(insn)) {
      const by = moved(jumpTarget(insn, i)) - moved(i) - 1;
      insn = insn.opcode === (JMP32 | 0) ? { ...insn, imm: by } : { ...insn, off: by };
    }
    out.push(insn);
  }
  const subprogs = program.subprogs
    .map((sub) => ({ ...sub, start: moved(sub.start) }))
    .filter((sub, i, all) => i === 0 || sub.start !== all[i - 1].start);
  if (subprogs.at(-1)!.start >= out.length) subprogs.pop();
  const kfuncCalls = new Map([...program.kfuncCalls].filter(([idx]) => idx !== at).map(([idx, name]) => [moved(idx), name]));
  return { ...withInsns(program, out), subprogs, kfuncCalls };
}

/** The smallest program found, by leaving instructions out, that `differs` still holds of. */
export async function shrink(program: Program, differs: (candidate: Program) => Promise<boolean>, tries = 600): Promise<Program> {
  let best = program;
  for (let again = true; again && tries > 0; ) {
    again = false;
    for (let at = best.insns.length - 1; at >= 0 && tries > 0; at--) {
      if (at >= best.insns.length) continue;
      const smaller = without(best, at);
      if (!smaller || smaller.insns.length === 0) continue;
      tries--;
      if (await differs(smaller)) {
        best = smaller;
        again = true;
      }
    }
  }
  return best;
}

/** The program as text, one instruction a line. */
export function listingOf(program: Program): string {
  return program.insns.map((_, i) => `${i}: ${isHalf(program.insns, i) ? '' : formatKernel(program.insns, i)}`).join('\n');
}

export default async function show([seed = '1']: string[]): Promise<undefined> {
  console.log(listingOf(mutate(randomProgram(Number(seed)), new Seeded(Number(seed)))));
}
