import {
  ABS,
  ALU,
  ALU64,
  CALL,
  classOf,
  DW,
  EXIT,
  IMM,
  IND,
  JA,
  JMP,
  JMP32,
  LDX,
  modeOf,
  opOf,
  PSEUDO_BTF_ID,
  PSEUDO_CALL,
  PSEUDO_FUNC,
  PSEUDO_KFUNC_CALL,
  PSEUDO_MAP_VALUE,
  ST,
  STX,
  sizeOf,
  X,
} from '../bpf/insn.ts';
import { MAP_TYPE_ARENA } from '../bpf/maps.ts';
import type { Insn } from '../bpf/program.ts';
import { checkAlu } from './alu.ts';
import { clobberReg, pushHistory, readReg } from './args.ts';
import { checkCondJump } from './branches.ts';
import { checkCall, functionAddress, leaveFrame } from './calls.ts';
import { KIND_LOCAL, setDynptr } from './dynptr-slots.ts';
import { E2BIG, EINVAL, type Env, LIMIT_INSNS } from './env.ts';
import { checkExit, checkResourceLeak, checkThrow } from './exits.ts';
import { checkHelperCall } from './helpers.ts';
import { loadKernelSymbol } from './kernel-symbols.ts';
import { allowedUnderLock } from './kfunc-table.ts';
import { checkKfunc } from './kfuncs.ts';
import { checkLoad, checkStore, checkStoreImm } from './memory.ts';
import { pushPath } from './paths.ts';
import { FUNC as HELPER } from './protos.ts';
import { isVisited, Loops, maybeFree } from './prune.ts';
import {
  AUX,
  BTF_ID,
  CTX,
  FUNC,
  ID,
  MAP_PTR,
  MAP_VALUE,
  MAYBE_NULL,
  MEMORY,
  markConst,
  markNotInit,
  markPointer,
  markUnknown,
  OFF,
  RDONLY,
  REG,
  TRUSTED,
  TYPE,
  UNTRUSTED,
} from './reg.ts';
import { endsAtFence } from './spectre.ts';
import { StackLiveness } from './stacklive.ts';
import { Frame, State } from './state.ts';
import { checkUnmodified } from './unmodified.ts';

/** Walks every path of one function (kernel `do_check_common` and `do_check`); pauses now and then where `Env.pauses`. */
export function* exploreFunction(env: Env, subprog: number): Generator<void, void> {
  const sub = env.subprogs[subprog]!;
  const state = new State();
  const frame = new Frame(-1, 0, subprog);
  frame.initRegs();
  env.scratchAll();
  state.frames.push(frame);
  state.branches = 1;
  state.inSleepable = env.program.sleepable;
  state.firstInsnIdx = sub.start;
  env.cur = state;
  env.pending = [];
  env.explored = new Map();
  env.loops = new Loops(env);
  env.stackLive ??= new StackLiveness(env);
  env.insnIdx = sub.start;
  env.prevLine = -1;
  const objection = env.program.subprogs[sub.declared]?.unfit;
  if (subprog === 0) markPointer(frame.regs, REG, CTX);
  // The kernel complains about a main function too, but takes it.
  if (subprog === 0 && objection) env.log.write(`${objection}\n`);
  if (subprog !== 0) setArguments(env, subprog, frame);
  const path: Place = { prevInsnIdx: -1, printState: false };
  while (walk(env, path)) yield;
  for (const list of env.explored.values()) for (const { state: kept } of list) env.release(kept);
  env.explored = new Map();
  if (!env.log.detail) env.log.cut(0);
}

/** A global function is checked for any arguments of its prototype. */
function setArguments(env: Env, subprog: number, frame: Frame): void {
  const sub = env.subprogs[subprog]!;
  if (env.log.paths) env.log.write(`Validating ${sub.name}() func#${subprog}...\n`);
  const declared = env.program.subprogs[sub.declared];
  const args = declared?.args ?? [];
  if (declared?.unfit) env.fail(EINVAL, `${declared.unfit}\n`);
  if (subprog === env.exceptionCallback && (args.length !== 1 || args[0]!.kind !== 'scalar'))
    env.fail(EINVAL, 'exception cb only supports single integer argument\n');
  args.forEach((arg, i) => {
    const b = (i + 1) * REG;
    if (arg.kind === 'ctx') {
      markPointer(frame.regs, b, CTX);
    } else if (arg.kind === 'scalar' || arg.kind === 'arena' || arg.kind === 'pointer') {
      markUnknown(frame.regs, b);
    } else if (arg.kind === 'dynptr') {
      setDynptr(frame.regs, b, KIND_LOCAL, true, env.newId());
    } else if (arg.kind === 'untrusted') {
      markPointer(frame.regs, b, arg.struct === undefined ? MEMORY | RDONLY | UNTRUSTED : BTF_ID | UNTRUSTED);
      if (arg.struct === undefined) return;
      frame.regs[b + AUX] = env.btfTypeIndex(arg.struct);
      frame.regs[b + ID] = env.newId();
    } else if (arg.kind === 'btf') {
      markPointer(frame.regs, b, BTF_ID | TRUSTED | (arg.mayBeNull ? MAYBE_NULL : 0));
      frame.regs[b + AUX] = env.btfTypeIndex(arg.struct);
      frame.regs[b + ID] = env.newId();
    } else {
      markPointer(frame.regs, b, arg.nonNull ? MEMORY : MEMORY | MAYBE_NULL);
      frame.regs[b + AUX] = arg.size;
      if (!arg.nonNull) frame.regs[b + ID] = env.newId();
    }
  });
}

const PROGRESS_EVERY = 4096;

/** The caller asked to stop. */
export class Stopped extends Error {}

/** Where the walk stands, kept while it pauses. */
interface Place {
  prevInsnIdx: number;
  printState: boolean;
}

const PAUSE_EVERY = 4096;

/** Walks on from `path`; true where it pauses, false when every path is done. */
function walk(env: Env, path: Place): boolean {
  let { prevInsnIdx, printState } = path;
  const pauseAt = env.pauses ? env.processed + PAUSE_EVERY : Number.POSITIVE_INFINITY;
  const { log } = env;
  const count = env.insns.length;
  for (;;) {
    if (env.processed >= pauseAt) {
      path.prevInsnIdx = prevInsnIdx;
      path.printState = printState;
      return true;
    }
    const cur = env.cur;
    const idx = env.insnIdx;
    env.step = -1;
    env.prevInsnIdx = prevInsnIdx;
    if (idx >= count) env.fail(14, `invalid insn idx ${idx} insn_cnt ${count}\n`);
    if (++env.processed > LIMIT_INSNS) {
      // The one that is too many is not looked at: the last that the log shows is the one before.
      if (prevInsnIdx >= 0) env.insnIdx = prevInsnIdx;
      env.fail(E2BIG, `BPF program is too large. Processed ${env.processed} insn\n`);
    }
    if (env.processed % PROGRESS_EVERY === 0 && env.options.onProgress && env.tick()) throw new Stopped();
    cur.lastInsnIdx = prevInsnIdx;
    cur.insnIdx = idx;
    let done = false;
    if (env.prunePoint[idx] && isVisited(env)) {
      env.watcher?.step(true);
      if (log.paths) log.write(printState ? `\nfrom ${prevInsnIdx} to ${idx}: safe\n` : `${idx}: safe\n`);
      done = true;
    } else {
      if (env.jmpPoint[idx]) pushHistory(env, cur, 0, null);
      if (log.level !== 0) printBefore(env, cur, printState);
      if (log.detail) printState = false;
      if (!cur.speculative) env.visits[idx]!++;
      if (env.onVisit) env.onVisit(idx);
      env.watcher?.step(false);
      prevInsnIdx = idx;
      env.stackLive.beginInsn(idx);
      const outcome = cur.speculative ? checkSpeculative(env, idx) : checkInsn(env, env.insns[idx]!);
      env.stackLive.commitInsn();
      if (outcome === LEFT) printState = true;
      done = outcome === DONE;
    }
    if (!done) continue;
    env.scratchAll();
    finishPath(env);
    env.stackLive.update();
    const next = env.pending.pop();
    if (!next) return false;
    env.release(cur);
    if (!log.detail) log.cut(next.logPos);
    env.cur = next.state;
    env.insnIdx = next.insnIdx;
    prevInsnIdx = next.prevInsnIdx;
    printState = true;
  }
}

function printBefore(env: Env, cur: State, printState: boolean): void {
  const { log } = env;
  if (log.detail && printState) {
    log.write(`\nfrom ${env.prevInsnIdx} to ${env.insnIdx}:`);
    env.printState(cur, cur.curFrame, true);
  }
  if (!log.paths) return;
  if (env.anyScratched) env.printInsnState(cur, cur.curFrame);
  env.printLine(env.insnIdx, '; ');
  env.prevLogPos = log.pos;
  log.write(`${env.insnIdx}: ${env.insnText(env.insnIdx)}`);
  env.prevInsnPrintPos = log.pos - env.prevLogPos;
  env.prevLogPos = log.pos;
}

/** The path is done; so are the states for which it was the last open one (kernel `update_branch_counts`). */
function finishPath(env: Env): void {
  let st: State | null = env.cur;
  while (st) {
    if (--st.branches > 0) return;
    if (st.listed) {
      env.loops.exit(st);
      maybeFree(env, st.listed);
    }
    st = st.parent;
  }
}

/** As {@link checkInsn}, where only speculation leads: barriers end the path (kernel 6.16 `do_check`). */
function checkSpeculative(env: Env, idx: number): number {
  if (env.fences.has(idx)) return DONE;
  let outcome: number;
  try {
    outcome = checkInsn(env, env.insns[idx]!);
  } catch (e) {
    if (!endsAtFence(env, e)) throw e;
    return DONE;
  }
  return env.rules.speculationFences && env.writeFences.has(idx) ? DONE : outcome;
}

const NEXT = 0;
const DONE = 1;
/** Back in the caller: its state is printed in full. */
const LEFT = 2;

function checkInsn(env: Env, insn: Insn): number {
  const cls = classOf(insn);
  switch (cls) {
    case ALU:
    case ALU64:
      checkAlu(env, insn);
      break;
    case LDX:
      checkLoad(env, insn);
      break;
    case STX:
      checkStore(env, insn);
      break;
    case ST:
      checkStoreImm(env, insn);
      break;
    case JMP:
    case JMP32: {
      env.jumps++;
      const op = opOf(insn);
      if (op === CALL) {
        if (checkAnyCall(env, insn, cls)) {
          checkThrow(env);
          return DONE;
        }
      } else if (op === JA) {
        if (insn.opcode & X || insn.src !== 0 || insn.dst !== 0 || (cls === JMP ? insn.imm : insn.off) !== 0)
          env.fail(EINVAL, 'BPF_JA uses reserved fields\n');
        env.insnIdx += (cls === JMP ? insn.off : insn.imm) + 1;
        return NEXT;
      } else if (op === EXIT) {
        if (insn.opcode & X || insn.imm !== 0 || insn.src !== 0 || insn.dst !== 0 || cls === JMP32)
          env.fail(EINVAL, 'BPF_EXIT uses reserved fields\n');
        return checkExit(env) ? DONE : LEFT;
      } else {
        checkCondJump(env, insn);
      }
      break;
    }
    default:
      checkLoadImm(env, insn);
  }
  env.insnIdx++;
  return NEXT;
}

/** True when the call throws. */
function checkAnyCall(env: Env, insn: Insn, cls: number): boolean {
  const { src } = insn;
  const badSrc = src !== 0 && src !== PSEUDO_CALL && src !== PSEUDO_KFUNC_CALL;
  if (insn.opcode & X || (src !== PSEUDO_KFUNC_CALL && insn.off !== 0) || badSrc || insn.dst !== 0 || cls === JMP32)
    env.fail(EINVAL, 'BPF_CALL uses reserved fields\n');
  const isForbidden =
    src === PSEUDO_KFUNC_CALL
      ? !allowedUnderLock(env.program.kfuncCalls.get(env.insnIdx) ?? '')
      : src === 0 && insn.imm !== HELPER.spinUnlock;
  if (env.cur.activeLocks && isForbidden) env.fail(EINVAL, 'function calls are not allowed while holding a lock\n');
  if (src === PSEUDO_CALL) checkCall(env, insn);
  else if (src === PSEUDO_KFUNC_CALL) {
    if (checkKfunc(env, insn)) return true;
  } else checkHelperCall(env, insn);
  env.scratchReg(0);
  return false;
}

const SKB_TYPES = new Set([1, 3, 4]);

function checkLoadImm(env: Env, insn: Insn): void {
  const mode = modeOf(insn);
  if (mode === ABS || mode === IND) {
    checkLoadPacket(env, insn, mode);
    return;
  }
  if (mode !== IMM) env.fail(EINVAL, 'invalid BPF_LD mode\n');
  if (sizeOf(insn) !== DW) env.fail(EINVAL, 'invalid BPF_LD_IMM insn\n');
  if (insn.off !== 0) env.fail(EINVAL, 'BPF_LD_IMM64 uses reserved fields\n');
  clobberReg(env, insn.dst);
  const r = env.regs;
  const d = insn.dst * REG;
  const high = env.insns[env.insnIdx + 1]!.imm;
  if (insn.src === 0) {
    markConst(r, d, insn.imm, high);
  } else if (insn.src === PSEUDO_FUNC) {
    const subprog = functionAddress(env, insn);
    markPointer(r, d, FUNC);
    r[d + AUX] = subprog;
  } else if (insn.src === PSEUDO_BTF_ID) {
    loadKernelSymbol(env, insn.imm, r, d);
  } else {
    loadMap(env, insn, d, high);
  }
  env.insnIdx++;
}

function loadMap(env: Env, insn: Insn, d: number, off: number): void {
  const r = env.regs;
  const map = env.maps[insn.imm]!;
  const isValue = insn.src === PSEUDO_MAP_VALUE || insn.src === 6;
  if (isValue && map.type === MAP_TYPE_ARENA) {
    markUnknown(r, d);
    return;
  }
  markPointer(r, d, isValue ? MAP_VALUE : MAP_PTR);
  r[d + AUX] = insn.imm;
  if (isValue) r[d + OFF] = off;
}

/** `ld_abs` and `ld_ind`: packet bytes into r0, with the context in r6 (kernel `check_ld_abs`). */
function checkLoadPacket(env: Env, insn: Insn, mode: number): void {
  if (!SKB_TYPES.has(env.program.progType)) env.fail(EINVAL, 'BPF_LD_[ABS|IND] instructions not allowed for this program type\n');
  if (insn.dst !== 0 || insn.off !== 0 || sizeOf(insn) === DW || (mode === ABS && insn.src !== 0))
    env.fail(EINVAL, 'BPF_LD_[ABS|IND] uses reserved fields\n');
  readReg(env, 6);
  checkResourceLeak(env, true, 'BPF_LD_[ABS|IND]');
  const r = env.regs;
  if (r[6 * REG + TYPE] !== CTX) env.fail(EINVAL, 'at the time of BPF_LD_ABS|IND R6 != pointer to skb\n');
  if (mode === IND) readReg(env, insn.src);
  checkUnmodified(env, r, 6 * REG, 6, false);
  for (let i = 0; i < 6; i++) {
    markNotInit(r, i * REG);
    env.scratchReg(i);
  }
  markUnknown(r, 0);
  if (env.cur.curFrame === 0) return;
  // The load may fail, which ends this function with 0 (the exit that `bpf_gen_ld_abs` hides in the code).
  env.scratchReg(0);
  pushPath(env, env.insnIdx + 1, env.insnIdx);
  markConst(r, 0, 0, 0);
  leaveFrame(env);
  env.insnIdx--;
}
