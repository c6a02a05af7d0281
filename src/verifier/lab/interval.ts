import { classOf, DW, JMP32, LDX, MEMSX, modeOf, opOf, sizeOf, X } from '../../bpf/insn.ts';
import type { Insn, Program } from '../../bpf/program.ts';
import { checkAlu } from '../alu.ts';
import type { KernelVersion } from '../api.ts';
import { checkCondJump } from '../branches.ts';
import { type Env, Rejection } from '../env.ts';
import { boundsSync, coerceLoaded, prepareLoads } from '../range.ts';
import { setRangeRules } from '../range-rules.ts';
import { branchTaken } from '../refine.ts';
import {
  copyReg,
  MASK_HI,
  MASK_LO,
  markConst,
  markPointer,
  markUnknown,
  REG,
  type Regs,
  S32_MAX,
  S32_MIN,
  SCALAR,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  STACK,
  TYPE,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VALUE_HI,
  VALUE_LO,
} from '../reg.ts';
import { Frame, State } from '../state.ts';
import { environmentOf } from '../whatif/live.ts';
import { BYTES, type Slice } from './slice.ts';

/** What is known of a number that comes into the line; bounds are signed, both ends included. */
export interface Interval {
  readonly min: bigint;
  readonly max: bigint;
  /** Known bits, where more is known than the bounds say. */
  readonly bits?: { readonly value: bigint; readonly mask: bigint };
  /** The other views, where they are known to say more. */
  readonly views?: {
    readonly umin: bigint;
    readonly umax: bigint;
    readonly s32: readonly [number, number];
    readonly u32: readonly [number, number];
  };
}

/** What the verifier knows after a step. */
export interface After {
  /** The register that the step writes or compares, as 24 words (`reg.ts`); null where it is not followed. */
  readonly reg: Int32Array | null;
  /** Of a branch that compares two registers: the other one. */
  readonly other: Int32Array | null;
  /** Of a branch: whether the verifier knows the way (1 taken, 0 not), or goes both (-1). Null for other steps. */
  readonly way: -1 | 0 | 1 | null;
  /** What the way that is not followed knows of the compared register. */
  readonly apart: Int32Array | null;
  /** The verifier explores two paths from here although nothing branches: a sign mask, known to be 0 or -1. */
  readonly forked: boolean;
  /** The verifier refuses this step, or one before it. */
  readonly refused: 'here' | 'before' | null;
}

const NOT_FOLLOWED: After = { reg: null, other: null, way: null, apart: null, forked: false, refused: null };

const lo = (x: bigint): number => Number(BigInt.asIntN(32, x));
const hi = (x: bigint): number => Number(BigInt.asIntN(32, x >> 32n));

/** Puts an interval into a register as the verifier itself would know it. */
export function holdInterval(r: Regs, b: number, { min, max, bits, views }: Interval): void {
  markUnknown(r, b);
  r[b + SMIN_LO] = lo(min);
  r[b + SMIN_HI] = hi(min);
  r[b + SMAX_LO] = lo(max);
  r[b + SMAX_HI] = hi(max);
  if (bits) {
    r[b + VALUE_LO] = lo(bits.value);
    r[b + VALUE_HI] = hi(bits.value);
    r[b + MASK_LO] = lo(bits.mask);
    r[b + MASK_HI] = hi(bits.mask);
  }
  if (views) {
    r[b + UMIN_LO] = lo(views.umin);
    r[b + UMIN_HI] = hi(views.umin);
    r[b + UMAX_LO] = lo(views.umax);
    r[b + UMAX_HI] = hi(views.umax);
    [r[b + S32_MIN], r[b + S32_MAX]] = views.s32;
    [r[b + U32_MIN], r[b + U32_MAX]] = views.u32;
  }
  boundsSync(r, b);
  if (min === max) markConst(r, b, lo(min), hi(min));
}

/**
 * Takes intervals through a straight line with the verifier's own functions: what it would know after each step on the path that the line is. One
 * lab may run any number of times; a run allocates little.
 */
export class IntervalLab {
  readonly #env: Env;

  /** `insns` is the whole program, whose liveness decides which copies of a number a comparison teaches. */
  constructor(insns: readonly Insn[], kernel: KernelVersion) {
    const program: Program = {
      name: 'lab',
      section: 'xdp',
      progType: 6,
      expectedAttachType: 0,
      sleepable: false,
      loadFlags: 0,
      license: 'GPL',
      insns,
      subprogs: [],
      maps: [],
      lineInfo: [],
      origins: [],
      insnOrigins: [],
      kfuncCalls: new Map(),
    };
    this.#env = environmentOf(program, kernel);
  }

  /** `inputs` are intervals of the line's inputs, by register; `sources` those that memory brings in, by step. Nothing is followed from a step on that the verifier refuses. */
  run(slice: Slice, inputs: ReadonlyMap<number, Interval>, sources: ReadonlyMap<number, Interval>): After[] {
    const env = this.#env;
    setRangeRules(env.rules.ranges);
    prepareLoads();
    const state = new State();
    const frame = new Frame(-1, 0, 0);
    frame.initRegs();
    state.frames.push(frame);
    env.cur = state;
    env.pending = [];
    env.idGen = 0;
    const r = frame.regs;
    for (let i = 0; i < 10; i++) markPointer(r, i * REG, STACK);
    for (const reg of slice.inputs) {
      const interval = inputs.get(reg);
      if (interval) holdInterval(r, reg * REG, interval);
      else markUnknown(r, reg * REG);
    }
    let refused = false;
    return slice.steps.map(({ insn, insnIdx, high, kind, taken }, at): After => {
      if (refused) return { ...NOT_FOLLOWED, refused: 'before' };
      const regs = env.regs;
      const d = insn.dst * REG;
      env.insnIdx = insnIdx;
      state.insnIdx = insnIdx;
      env.cur.insnIdx = insnIdx;
      const after = (way: After['way'] = null, apart: Int32Array | null = null, forked = false): After => {
        const now = env.regs;
        const reg = (b: number): Int32Array | null => (now[b + TYPE] === SCALAR ? now.slice(b, b + REG) : null);
        const two = way !== null && (insn.opcode & X) !== 0;
        return { reg: reg(d), other: two ? reg(insn.src * REG) : null, way, apart, forked, refused: null };
      };
      if (kind === 'pass') return NOT_FOLLOWED;
      if (kind === 'pointer') {
        if (classOf(insn) !== JMP32 && (insn.opcode & 7) !== 5) markPointer(regs, d, STACK);
        return NOT_FOLLOWED;
      }
      if (kind === 'source') {
        const interval = sources.get(at);
        if (interval) holdInterval(regs, d, interval);
        else {
          markUnknown(regs, d);
          if (classOf(insn) === LDX && sizeOf(insn) !== DW) coerceLoaded(regs, d, BYTES[sizeOf(insn)]!, modeOf(insn) === MEMSX);
        }
        return after();
      }
      if (kind === 'alu') {
        if ((insn.opcode & 7) === 0) {
          markUnknown(regs, d);
          markConst(regs, d, insn.imm, high);
          return after();
        }
        try {
          checkAlu(env, insn);
        } catch (error) {
          if (!(error instanceof Rejection)) throw error;
          refused = true;
          return { ...NOT_FOLLOWED, refused: 'here' };
        }
        const forked = env.pending.length > 0;
        env.pending = [];
        return after(null, null, forked);
      }
      return this.#branch(insn, taken, after);
    });
  }

  #branch(insn: Insn, taken: boolean, after: (way: After['way'], apart?: Int32Array | null) => After): After {
    const env = this.#env;
    const regs = env.regs;
    const d = insn.dst * REG;
    const byReg = (insn.opcode & X) !== 0;
    constant.fill(0);
    markConst(constant, 0, insn.imm, insn.imm >> 31);
    const way = branchTaken(
      regs,
      d,
      byReg ? regs : constant,
      byReg ? insn.src * REG : 0,
      opOf(insn),
      classOf(insn) === JMP32,
      env.rules.knowsNotNull,
    );
    // A way that is certain teaches nothing; the other does not exist, and is followed only in the picture.
    if (way >= 0) return after(way === 1 ? 1 : 0);
    checkCondJump(env, insn);
    const jumped = env.pending.pop()!.state;
    env.pending = [];
    const apart = new Int32Array(REG);
    if (taken) {
      copyReg(apart, 0, env.regs, d);
      env.cur = jumped;
    } else copyReg(apart, 0, jumped.frame.regs, d);
    return after(-1, apart);
  }
}

const constant = new Int32Array(REG);
