import { CALL, EXIT, JA, JMP, JMP32, OP_LDDW } from '../../bpf/insn.ts';
import type { Insn, Program } from '../../bpf/program.ts';

const isJump = ({ opcode }: Insn): boolean => (opcode & 7) === JMP || (opcode & 7) === JMP32;
export const isCall = (insn: Insn): boolean => isJump(insn) && (insn.opcode & 0xf0) === CALL;

/** A branch that goes one way or another; `goto`, calls and exits are none. */
export function isConditional(insn: Insn): boolean {
  const operation = insn.opcode & 0xf0;
  return isJump(insn) && operation !== CALL && operation !== EXIT && operation !== JA;
}

/** Runs of instructions that only their last one leaves, by the slot of their first. */
export class Blocks {
  /** 1 at the first instruction of each block. */
  readonly leaders: Uint8Array;
  /** Of the block that begins at a slot: the slot behind it, its instructions, its last, and the conditional branch that ends it or -1. */
  readonly end: Int32Array;
  readonly length: Int32Array;
  readonly last: Int32Array;
  readonly branch: Int32Array;
  /** The block of each slot. */
  readonly of: Int32Array;
  readonly #program: Program;

  /** Functions begin at `starts` too, whether the program names them or not. */
  constructor(program: Program, starts: readonly number[] = []) {
    this.#program = program;
    const count = program.insns.length;
    this.leaders = findLeaders(program);
    for (const start of starts) this.leaders[start] = 1;
    this.end = new Int32Array(count);
    this.length = new Int32Array(count);
    this.last = new Int32Array(count);
    this.branch = new Int32Array(count).fill(-1);
    this.of = new Int32Array(count);
    let start = 0;
    for (let idx = 0; idx < count; idx = this.after(idx)) {
      if (this.leaders[idx]) start = idx;
      this.of[idx] = start;
      this.length[start]!++;
      this.last[start] = idx;
      this.end[start] = this.after(idx);
      this.branch[start] = isConditional(program.insns[idx]!) ? idx : -1;
    }
  }

  /** The slot behind the instruction at `idx`. */
  after(idx: number): number {
    return nextSlot(this.#program, idx);
  }
}

const nextSlot = ({ insns }: Program, idx: number): number => idx + (insns[idx]!.opcode === OP_LDDW ? 2 : 1);

/** Where a block begins: functions, targets of jumps, and behind jumps and calls. */
function findLeaders(program: Program): Uint8Array {
  const { insns, subprogs } = program;
  const leaders = new Uint8Array(insns.length);
  leaders[0] = 1;
  for (const { start } of subprogs) leaders[start] = 1;
  for (let idx = 0; idx < insns.length; idx = nextSlot(program, idx)) {
    const insn = insns[idx]!;
    if (!isJump(insn)) continue;
    if (idx + 1 < insns.length) leaders[idx + 1] = 1;
    const operation = insn.opcode & 0xf0;
    if (operation === EXIT || operation === CALL) continue;
    const target = idx + 1 + (operation === JA && (insn.opcode & 7) === JMP32 ? insn.imm : insn.off);
    if (target >= 0 && target < insns.length) leaders[target] = 1;
  }
  return leaders;
}
