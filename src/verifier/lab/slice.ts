import {
  ALU,
  ALU64,
  ATOMIC,
  B,
  CALL,
  classOf,
  DW,
  END,
  EXIT,
  H,
  IMM,
  JA,
  JCOND,
  JMP32,
  LD,
  LDX,
  MEM,
  MEMSX,
  MOV,
  modeOf,
  NEG,
  opOf,
  ST,
  STX,
  sizeOf,
  X,
} from '../../bpf/insn.ts';
import type { Insn, InsnIdx } from '../../bpf/program.ts';

/** Longest line that is followed. */
export const MOST_STEPS = 64;

export type StopReason = 'call' | 'exit' | 'loop' | 'atomic' | 'packet' | 'cast' | 'long' | 'end';

/** One instruction of a straight line. */
export interface Step {
  readonly insnIdx: InsnIdx;
  readonly insn: Insn;
  /** High half of a wide constant. */
  readonly high: number;
  /**
   * `alu` computes a scalar, `branch` compares and goes on below or at its target, `source` brings in a number from memory, `pass` changes no
   * register, `pointer` deals with what is no number.
   */
  readonly kind: 'alu' | 'branch' | 'source' | 'pass' | 'pointer';
  /** A branch is followed to its target. */
  readonly taken: boolean;
}

/** A straight line of instructions, and numbers that come into it from elsewhere. */
export interface Slice {
  readonly steps: readonly Step[];
  /** Registers read before they are written, numbers all. */
  readonly inputs: readonly number[];
  readonly stop: { readonly insnIdx: InsnIdx; readonly reason: StopReason };
}

export const BYTES: Readonly<Record<number, number>> = { [B]: 1, [H]: 2, 0: 4, [DW]: 8 };

/**
 * The line that begins at `from`: forward jumps are followed, branches too, to their target where `taken` has them. `pointers` are the registers that hold
 * no number at its beginning; what is computed from them is followed in name only.
 */
export function sliceFrom(insns: readonly Insn[], from: InsnIdx, pointers: ReadonlySet<number>, taken: ReadonlySet<InsnIdx>): Slice {
  const steps: Step[] = [];
  const inputs: number[] = [];
  const other = new Set(pointers);
  const written = new Set<number>();
  const reads = (reg: number): void => {
    if (!written.has(reg) && !other.has(reg) && !inputs.includes(reg)) inputs.push(reg);
  };
  const writes = (reg: number, isPointer: boolean): void => {
    written.add(reg);
    if (isPointer) other.add(reg);
    else other.delete(reg);
  };
  let at = from;
  const stop = (reason: StopReason): Slice => ({ steps, inputs, stop: { insnIdx: at, reason } });
  other.add(10);
  for (;;) {
    const insn = insns[at];
    if (!insn) return stop('end');
    if (steps.length === MOST_STEPS) return stop('long');
    const cls = classOf(insn);
    const op = opOf(insn);
    const step = (kind: Step['kind'], high = 0): void => {
      steps.push({ insnIdx: at, insn, high, kind, taken: kind === 'branch' && taken.has(at) });
    };
    if (cls === ALU || cls === ALU64) {
      const byReg = (insn.opcode & X) !== 0 && op !== NEG && op !== END;
      if (op === MOV && cls === ALU64 && byReg && insn.imm !== 0) return stop('cast');
      const fromPointer = byReg && other.has(insn.src);
      const ontoPointer = op !== MOV && other.has(insn.dst);
      if (fromPointer || ontoPointer) {
        step('pointer');
        writes(insn.dst, true);
      } else {
        if (byReg) reads(insn.src);
        if (op !== MOV) reads(insn.dst);
        step('alu');
        writes(insn.dst, false);
      }
      at++;
    } else if (cls === LDX) {
      if (modeOf(insn) !== MEM && modeOf(insn) !== MEMSX) return stop('atomic');
      step('source');
      writes(insn.dst, false);
      at++;
    } else if (cls === ST || cls === STX) {
      if (modeOf(insn) === ATOMIC) return stop('atomic');
      step('pass');
      at++;
    } else if (cls === LD) {
      if (modeOf(insn) !== IMM || sizeOf(insn) !== DW) return stop('packet');
      step(insn.src === 0 ? 'alu' : 'pointer', insns[at + 1]?.imm ?? 0);
      writes(insn.dst, insn.src !== 0);
      at += 2;
    } else if (op === CALL) return stop('call');
    else if (op === EXIT) return stop('exit');
    else {
      const target = at + 1 + (cls === JMP32 && op === JA ? insn.imm : insn.off);
      if (op === JCOND || (target <= at && (op === JA || taken.has(at)))) return stop('loop');
      if (op === JA) {
        step('pass');
        at = target;
        continue;
      }
      const byReg = (insn.opcode & X) !== 0;
      const plain = !other.has(insn.dst) && !(byReg && other.has(insn.src));
      if (plain) {
        reads(insn.dst);
        if (byReg) reads(insn.src);
      }
      step(plain ? 'branch' : 'pointer');
      at = plain && taken.has(at) ? target : at + 1;
    }
  }
}
