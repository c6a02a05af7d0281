import {
  ABS,
  ALU,
  ALU64,
  CALL,
  classOf,
  END,
  EXIT,
  IND,
  JA,
  JMP,
  JMP32,
  LD,
  LDX,
  LOAD_ACQ,
  MOV,
  modeOf,
  NEG,
  opOf,
  PSEUDO_CALL,
  PSEUDO_KFUNC_CALL,
  ST,
  STX,
  X,
} from '../bpf/insn.ts';
import { subprogStarting } from './cfg.ts';
import { EFAULT, type Env } from './env.ts';
import { regMaskText, slotMaskText } from './format.ts';
import { PRECISE, REG, SCALAR, TYPE } from './reg.ts';
import {
  FP,
  type History,
  isSpilled,
  isSpilledScalar,
  linkFrame,
  linkIndex,
  linkIsReg,
  MAX_FRAMES,
  STEP_DST_STACK,
  STEP_SRC_STACK,
  STEP_STACK,
  type State,
  stepFrame,
  stepSpi,
} from './state.ts';

/**
 * A decision that needed a register's exact range makes that register *precise* in all earlier states that led here, and
 * with it whatever its value was computed from. We walk the path backwards through the code, guided by each state's
 * history (kernel `mark_chain_precision` and `backtrack_insn`).
 */
const ARGS = 0x3e;

/** What still has to be precise: registers and stack slots by frame. */
export class Backtrack {
  frame = 0;
  readonly regs = new Uint32Array(MAX_FRAMES);
  readonly slotsLo = new Int32Array(MAX_FRAMES);
  readonly slotsHi = new Int32Array(MAX_FRAMES);

  init(frame: number): void {
    this.frame = frame;
  }

  reset(): void {
    for (let i = 0; i < MAX_FRAMES; i++) {
      this.regs[i] = 0;
      this.slotsLo[i] = 0;
      this.slotsHi[i] = 0;
    }
  }

  empty(): boolean {
    for (let i = 0; i <= this.frame; i++) if (this.regs[i] || this.slotsLo[i] || this.slotsHi[i]) return false;
    return true;
  }

  setReg(frame: number, reg: number): void {
    this.regs[frame]! |= 1 << reg;
  }

  clearReg(frame: number, reg: number): void {
    this.regs[frame]! &= ~(1 << reg);
  }

  hasReg(frame: number, reg: number): boolean {
    return (this.regs[frame]! & (1 << reg)) !== 0;
  }

  setSlot(frame: number, spi: number): void {
    if (spi < 32) this.slotsLo[frame]! |= 1 << spi;
    else this.slotsHi[frame]! |= 1 << (spi - 32);
  }

  clearSlot(frame: number, spi: number): void {
    if (spi < 32) this.slotsLo[frame]! &= ~(1 << spi);
    else this.slotsHi[frame]! &= ~(1 << (spi - 32));
  }

  hasSlot(frame: number, spi: number): boolean {
    return ((spi < 32 ? this.slotsLo[frame]! >>> spi : this.slotsHi[frame]! >>> (spi - 32)) & 1) !== 0;
  }

  hasSlots(): boolean {
    return (this.slotsLo[this.frame]! | this.slotsHi[this.frame]!) !== 0;
  }

  /** The slots of the current frame as the kernel prints them: 64 bits in hexadecimal. */
  slotsText(): string {
    const [hi, lo] = [this.slotsHi[this.frame]! >>> 0, this.slotsLo[this.frame]! >>> 0];
    return hi ? hi.toString(16) + lo.toString(16).padStart(8, '0') : lo.toString(16);
  }
}

/** The walk cannot follow; everything is made precise instead. */
const GIVE_UP = 1;

/** The step of an instruction where it is the last of the history that remains, else -1. */
function stepAt(history: History, end: number, idx: number): number {
  return end > 0 && history.idxAt(end - 1) === idx ? end - 1 : -1;
}

function syncLinks(bt: Backtrack, links: readonly number[] | null): void {
  if (!links) return;
  const some = links.some((l) => (linkIsReg(l) ? bt.hasReg(linkFrame(l), linkIndex(l)) : bt.hasSlot(linkFrame(l), linkIndex(l))));
  if (!some) return;
  for (const l of links) {
    if (linkIsReg(l)) bt.setReg(linkFrame(l), linkIndex(l));
    else bt.setSlot(linkFrame(l), linkIndex(l));
  }
}

function bug(env: Env, text: string): never {
  return env.fail(EFAULT, `verifier bug: ${text}\n`);
}

/** Undoes one instruction: what must be precise after it becomes what must be precise before it. */
function backtrackInsn(env: Env, bt: Backtrack, idx: number, subseq: number, history: History, step: number): number {
  const flags = history.flagsAt(step);
  const links = history.linksAt(step);
  const insn = env.insns[idx]!;
  if (insn.opcode === 0) return 0;
  const f = bt.frame;
  if (env.log.detail) {
    env.log.write(
      `mark_precise: frame${f}: regs=${regMaskText(bt.regs[f]!)} stack=${slotMaskText(bt.slotsLo[f]!, bt.slotsHi[f]!)} before ${idx}: ${env.insnText(idx)}`,
    );
  }
  syncLinks(bt, links);
  const cls = classOf(insn);
  const op = opOf(insn);
  const byReg = (insn.opcode & X) !== 0;
  const { dst, src } = insn;
  if (cls === ALU || cls === ALU64) {
    if (!bt.hasReg(f, dst)) return 0;
    if (op === END || op === NEG) return 0;
    if (op === MOV) {
      bt.clearReg(f, dst);
      if (byReg && src !== FP) bt.setReg(f, src);
    } else if (byReg && src !== FP) {
      bt.setReg(f, src);
    }
  } else if (cls === LDX || (cls === STX && modeOf(insn) === 0xc0 && insn.imm === LOAD_ACQ)) {
    if (!bt.hasReg(f, dst)) return 0;
    bt.clearReg(f, dst);
    if (!(flags & STEP_STACK)) return 0;
    bt.setSlot(stepFrame(flags), stepSpi(flags));
  } else if (cls === STX || cls === ST) {
    if (bt.hasReg(f, dst)) return GIVE_UP;
    if (!(flags & STEP_STACK)) return 0;
    const fr = stepFrame(flags);
    const spi = stepSpi(flags);
    if (!bt.hasSlot(fr, spi)) return 0;
    bt.clearSlot(fr, spi);
    if (cls === STX) bt.setReg(f, src);
  } else if (cls === JMP || cls === JMP32) {
    if (op === CALL) return backtrackCall(env, bt, idx, subseq, links);
    if (op === EXIT) {
      backtrackExit(env, bt, subseq);
      return 0;
    }
    if (byReg && op !== JA) {
      if (!bt.hasReg(f, dst) && !bt.hasReg(f, src)) return 0;
      if (!(flags & STEP_SRC_STACK)) bt.setReg(f, src);
      if (!(flags & STEP_DST_STACK)) bt.setReg(f, dst);
    }
  } else if (cls === LD) {
    const mode = modeOf(insn);
    if (mode === IND || mode === ABS) {
      // Where the load failed and ended its function, 6.18 does not notice that the way back leads into that function.
      return bt.hasReg(f, dst) ? GIVE_UP : 0;
    }
    bt.clearReg(f, dst);
    return 0;
  }
  syncLinks(bt, links);
  return 0;
}

function leaveSubprog(env: Env, bt: Backtrack): void {
  if (bt.frame === 0) bug(env, 'subprog exit from frame 0');
  bt.frame--;
}

function enterSubprog(env: Env, bt: Backtrack): void {
  if (bt.frame === MAX_FRAMES - 1) bug(env, 'subprog enter from last frame');
  bt.frame++;
}

function backtrackCall(env: Env, bt: Backtrack, idx: number, subseq: number, links: readonly number[] | null): number {
  const insn = env.insns[idx]!;
  const f = bt.frame;
  if (insn.src === PSEUDO_CALL) {
    const subprog = subprogStarting(env, idx + insn.imm + 1);
    if (env.subprogs[subprog]!.isGlobal) {
      if (bt.regs[f]! & ARGS) bug(env, `global subprog unexpected regs ${bt.regs[f]!.toString(16)}`);
      bt.clearReg(f, 0);
      return 0;
    }
    // Arguments of the callee are registers of the caller.
    if (bt.regs[f]! & ~ARGS) bug(env, `static subprog unexpected regs ${bt.regs[f]!.toString(16)}`);
    if (bt.hasSlots()) bug(env, `static subprog leftover stack slots ${bt.slotsText()}`);
    const args = bt.regs[f]! & ARGS;
    bt.regs[f]! &= ~ARGS;
    leaveSubprog(env, bt);
    bt.regs[bt.frame]! |= args;
    return 0;
  }
  if (env.callsCallback[idx] && idx !== subseq - 1) {
    // The first instruction of a callback: the helper, not the caller, provided its arguments.
    if (bt.regs[f]! & ~ARGS) bug(env, `callback unexpected regs ${bt.regs[f]!.toString(16)}`);
    if (bt.hasSlots()) bug(env, `callback leftover stack slots ${bt.slotsText()}`);
    bt.regs[f]! &= ~ARGS;
    leaveSubprog(env, bt);
    return 0;
  }
  if (insn.src === PSEUDO_KFUNC_CALL && insn.imm === 0 && !env.program.kfuncCalls.has(idx)) return GIVE_UP;
  bt.clearReg(f, 0);
  if (bt.regs[f]! & ARGS) bug(env, `backtracking call unexpected regs ${bt.regs[f]!.toString(16)}`);
  if (insn.src === 0 && insn.imm === 12 && subseq - idx !== 1) enterSubprog(env, bt);
  syncLinks(bt, links);
  return 0;
}

function backtrackExit(env: Env, bt: Backtrack, subseq: number): void {
  const f = bt.frame;
  if (subseq >= 0 && env.callsCallback[subseq]) bt.regs[f]! &= ~ARGS;
  if (bt.regs[f]! & ARGS) bug(env, `backtracking exit unexpected regs ${bt.regs[f]!.toString(16)}`);
  const before = env.insns[subseq - 1];
  const r0 = before !== undefined && before.opcode === (JMP | CALL) && before.src === PSEUDO_CALL && bt.hasReg(f, 0);
  bt.clearReg(f, 0);
  enterSubprog(env, bt);
  if (r0) bt.setReg(bt.frame, 0);
}

function allPrecise(env: Env, from: State): void {
  if (env.log.detail) env.log.write(`mark_precise: frame${from.curFrame}: falling back to forcing all scalars precise\n`);
  for (let st = from.parent; st; st = st.parent) {
    st.frames.forEach((frame, i) => {
      for (let j = 0; j < FP; j++) {
        if (frame.regs[j * REG + TYPE] !== SCALAR || frame.regs[j * REG + PRECISE]) continue;
        frame.regs[j * REG + PRECISE] = 1;
        if (env.log.detail) env.log.write(`force_precise: frame${i}: forcing r${j} to be precise\n`);
      }
      for (let j = 0; j < frame.slots; j++) {
        if (!isSpilledScalar(frame, j) || frame.spills[j * REG + PRECISE]) continue;
        frame.spills[j * REG + PRECISE] = 1;
        if (env.log.detail) env.log.write(`force_precise: frame${i}: forcing fp${-(j + 1) * 8} to be precise\n`);
      }
    });
  }
}

export function markAllPrecise(env: Env, from: State): void {
  allPrecise(env, from);
}

/** A new state starts without precision marks: nothing has depended on it yet. */
export function markAllImprecise(state: State): void {
  for (const frame of state.frames) {
    for (let j = 0; j < FP; j++) if (frame.regs[j * REG + TYPE] === SCALAR) frame.regs[j * REG + PRECISE] = 0;
    for (let j = 0; j < frame.slots; j++)
      if (isSpilled(frame, j) && frame.spills[j * REG + TYPE] === SCALAR) frame.spills[j * REG + PRECISE] = 0;
  }
}

/** Marks in one parent state; registers that are precise already, or no scalars, are done. True when a mark was new. */
function markInState(env: Env, bt: Backtrack, st: State): boolean {
  let changed = false;
  for (let fr = bt.frame; fr >= 0; fr--) {
    const frame = st.frames[fr]!;
    for (let i = 0; bt.regs[fr]! >>> i !== 0; i++) {
      if (!bt.hasReg(fr, i)) continue;
      const b = i * REG;
      if (frame.regs[b + TYPE] !== SCALAR || frame.regs[b + PRECISE]) bt.clearReg(fr, i);
      else {
        frame.regs[b + PRECISE] = 1;
        changed = true;
      }
    }
    const anySlot = bt.slotsLo[fr] !== 0 || bt.slotsHi[fr] !== 0;
    for (let i = 0; anySlot && i < 64; i++) {
      if (!bt.hasSlot(fr, i)) continue;
      if (i >= frame.slots) bug(env, `stack slot ${i}, total slots ${frame.slots}`);
      if (!isSpilledScalar(frame, i) || frame.spills[i * REG + PRECISE]) bt.clearSlot(fr, i);
      else {
        frame.spills[i * REG + PRECISE] = 1;
        changed = true;
      }
    }
    if (env.log.detail) {
      env.log.write(
        `mark_precise: frame${fr}: parent state regs=${regMaskText(bt.regs[fr]!)} stack=${slotMaskText(bt.slotsLo[fr]!, bt.slotsHi[fr]!)}: `,
      );
      env.printState(st, fr, true);
    }
  }
  return changed;
}

/** Walks back from `start` for whatever `bt` holds. True when some register became precise. */
function walk(env: Env, bt: Backtrack, start: State): boolean {
  if (bt.empty()) return false;
  let st = start;
  let firstIdx = st.firstInsnIdx;
  let lastIdx = start.insnIdx;
  let subseq = -1;
  let skipFirst = true;
  let changed = false;
  const { detail } = env.log;
  const { writtenReg } = env;
  for (;;) {
    const { history } = st;
    let end = history.length;
    if (env.log.detail) env.log.write(`mark_precise: frame${bt.frame}: last_idx ${lastIdx} first_idx ${firstIdx} subseq_idx ${subseq} \n`);
    if (lastIdx < 0) return markArguments(env, bt, st) || changed;
    let wanted = bt.regs[bt.frame]!;
    for (let i = lastIdx; ; ) {
      const step = stepAt(history, end, i);
      const written = writtenReg[i]!;
      if (skipFirst) {
        skipFirst = false;
      } else if (written < 0 || (wanted & (1 << written)) !== 0 || detail || !history.isPlain(step)) {
        // Most instructions on the way do not come here: they compute something else.
        if (backtrackInsn(env, bt, i, subseq, history, step) === GIVE_UP) {
          allPrecise(env, start);
          bt.reset();
          return changed;
        }
        if (bt.empty()) return changed;
        wanted = bt.regs[bt.frame]!;
      }
      subseq = i;
      if (i === st.firstInsnIdx && (end === 0 || (end === 1 && step === 0))) break;
      i = step < 0 ? i - 1 : history.prevAt(step);
      if (i < 0) break;
      if (step >= 0) end--;
    }
    if (!st.parent) break;
    st = st.parent;
    if (markInState(env, bt, st)) changed = true;
    if (bt.empty()) return changed;
    subseq = firstIdx;
    lastIdx = st.lastInsnIdx;
    firstIdx = st.firstInsnIdx;
  }
  allPrecise(env, start);
  bt.reset();
  return changed;
}

/** The walk reached the start of a function verified apart: its arguments may be precise. */
function markArguments(env: Env, bt: Backtrack, st: State): boolean {
  const frame = st.frames[0]!;
  if (st.frames.length !== 1 || frame.subprogno === 0 || frame.callsite !== -1 || bt.hasSlots() || bt.regs[bt.frame]! & ~ARGS)
    bug(env, `backtracking func entry subprog ${frame.subprogno} reg_mask ${bt.regs[bt.frame]!.toString(16)}`);
  let changed = false;
  for (let i = 1; i <= 5; i++) {
    if (!bt.hasReg(bt.frame, i)) continue;
    bt.clearReg(bt.frame, i);
    if (frame.regs[i * REG + TYPE] !== SCALAR) continue;
    frame.regs[i * REG + PRECISE] = 1;
    changed = true;
  }
  return changed;
}

const bt = new Backtrack();

/** The range of a scalar register of the current frame decided something. */
export function markPrecise(env: Env, regno: number): void {
  if (regno < 0) return;
  bt.reset();
  bt.init(env.cur.curFrame);
  // `bpf_loop` takes any number of rounds, a pointer too, and only then finds that it has no value to be precise about.
  if (env.cur.frame.regs[regno * REG + TYPE] !== SCALAR) bug(env, 'backtracking misuse');
  bt.setReg(bt.frame, regno);
  walk(env, bt, env.cur);
}

/** The same for one spilled scalar. */
export function markSlotPrecise(env: Env, frame: number, spi: number): void {
  bt.reset();
  bt.init(env.cur.curFrame);
  bt.setSlot(frame, spi);
  walk(env, bt, env.cur);
}

/** `cur` was pruned by `old`: what had to be precise in `old` must be so on the way to `cur`. True when a mark was new. */
export function propagatePrecision(env: Env, old: State, cur: State): boolean {
  bt.reset();
  for (let fr = old.curFrame; fr >= 0; fr--) {
    const frame = old.frames[fr]!;
    let text = '';
    for (let i = 0; i < FP; i++) {
      if (frame.regs[i * REG + TYPE] !== SCALAR || !frame.regs[i * REG + PRECISE]) continue;
      if (env.log.detail) text += `${text ? ',' : `frame ${fr}: propagating `}r${i}`;
      bt.setReg(fr, i);
    }
    for (let i = 0; i < frame.slots; i++) {
      if (!isSpilledScalar(frame, i) || !frame.spills[i * REG + PRECISE]) continue;
      if (env.log.detail) text += `${text ? ',' : `frame ${fr}: propagating `}fp${-(i + 1) * 8}`;
      bt.setSlot(fr, i);
    }
    if (text) env.log.write(`${text}\n`);
  }
  bt.init(cur.curFrame);
  return walk(env, bt, cur);
}
