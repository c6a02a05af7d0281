import { PSEUDO_FUNC } from '../bpf/insn.ts';
import type { ArgType, Insn } from '../bpf/program.ts';
import { markNotNull } from './branches.ts';
import { structMatches } from './btf-match.ts';
import { subprogStarting } from './cfg.ts';
import { isPacketSlice, KIND_LOCAL, setDynptr } from './dynptr-slots.ts';
import { checkDynptrArg } from './dynptrs.ts';
import { E2BIG, EACCES, EFAULT, EINVAL, type Env, LIMIT_JUMPS, Rejection } from './env.ts';
import { tnumText } from './format.ts';
import { checkHelperMemory } from './helpermem.ts';
import { findPrevEntry, widenImprecise } from './loops.ts';
import { pushPath } from './paths.ts';
import { markPrecise } from './precision.ts';
import {
  ARENA,
  AUX,
  AUX2,
  BTF_ID,
  BUF,
  baseType,
  CTX,
  copyReg,
  isNull,
  isPacketAny,
  MAP_KEY,
  MAP_PTR,
  MAP_VALUE,
  MASK_HI,
  MASK_LO,
  MAYBE_NULL,
  MEMORY,
  markNotInit,
  markPointer,
  markUnknown,
  OFF,
  PACKET,
  PACKET_META,
  RCU,
  REG,
  type Regs,
  SCALAR,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  STACK,
  TRUSTED,
  TYPE,
  typeName,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { inSleepable } from './sections.ts';
import { Frame, MAX_FRAMES, State } from './state.ts';
import { checkUnmodified } from './unmodified.ts';
import { toBigSigned, toSigned } from './w64.ts';

/** Functions of the program calling each other, callbacks, and the way back. */

/** Packet pointers are void after something changed the packet. */
export function clearPacketPointers(env: Env, state: State): void {
  state.forEachReg((r, b) => {
    if (isPacketAny(r[b + TYPE]!) || isPacketSlice(r[b + TYPE]!)) State.invalidate(r, b, env.rules.leaksPointers || env.rules.early);
  });
}

/** r0 to r5 belong to the callee (kernel `clear_caller_saved_regs`). */
export function clearCallerSaved(env: Env, r: Regs): void {
  for (let i = 0; i < 6; i++) {
    markNotInit(r, i * REG);
    env.scratchReg(i);
  }
}

function enterFrame(env: Env, state: State, subprog: number, callsite: number): { caller: Frame; callee: Frame } {
  if (state.frames.length >= MAX_FRAMES) env.fail(E2BIG, `the call stack of ${state.frames.length + 1} frames is too deep\n`);
  const caller = state.frame;
  const callee = new Frame(callsite, state.frames.length, subprog);
  callee.initRegs();
  env.scratchAll();
  state.frames.push(callee);
  return { caller, callee };
}

const ANY_OFFSET = new Set([STACK, PACKET, PACKET_META, MAP_KEY, MAP_VALUE, MEMORY, BUF, ARENA, SCALAR]);

function checkMemoryArg(env: Env, i: number, regno: number, arg: ArgType & { kind: 'mem' }): void {
  const r = env.regs;
  const b = regno * REG;
  if (!ANY_OFFSET.has(baseType(r[b + TYPE]!))) checkUnmodified(env, r, b, regno, baseType(r[b + TYPE]!) === BTF_ID);
  const mayBeNull = (r[b + TYPE]! & MAYBE_NULL) !== 0;
  checkMemoryBoth(env, regno, arg.size);
  // A constant null is no pointer that may be null, and passes.
  if (mayBeNull && arg.nonNull) env.fail(EINVAL, `arg#${i} is expected to be non-NULL\n`);
}

/** Memory that a function may read and write, if it is no null pointer (kernel `check_mem_reg`). */
export function checkMemoryBoth(env: Env, regno: number, size: number): void {
  const r = env.regs;
  const b = regno * REG;
  if (isNull(r, b)) return;
  const saved = r.slice(b, b + REG);
  const mayBeNull = (r[b + TYPE]! & MAYBE_NULL) !== 0;
  if (mayBeNull) markNotNull(env, r, b);
  checkHelperMemory(env, regno, size, 'read', true, null);
  checkHelperMemory(env, regno, size, 'write', true, null);
  if (mayBeNull) r.set(saved, b);
}

/** A pointer to a kernel object whose type the callee names (kernel `check_reg_type`). */
function checkTrustedArg(env: Env, regno: number, struct: string, mayBeNull: boolean): void {
  const r = env.regs;
  const b = regno * REG;
  const type = r[b + TYPE]!;
  const seen = mayBeNull ? type & ~MAYBE_NULL : type;
  if (seen !== BTF_ID && seen !== (BTF_ID | TRUSTED) && seen !== (BTF_ID | RCU))
    env.fail(EACCES, `R${regno} type=${typeName(type)} expected=ptr_, trusted_ptr_, rcu_ptr_\n`);
  if (!structMatches(env, r[b + AUX]!, r[b + OFF]!, struct, false))
    env.fail(EACCES, `R${regno} is of type ${env.btfTypes[r[b + AUX]!] ?? ''} but ${struct} is expected\n`);
  checkUnmodified(env, r, b, regno, true);
}

/** The kernel has the structure that an argument's tag speaks of (kernel `btf_get_ptr_to_btf_id`). */
export function checkKernelStruct(env: Env, i: number, struct: string): void {
  const types = env.kernelTypes();
  if (types && types.structNamed(struct) === 0) env.fail(EINVAL, `arg#${i} reference type('STRUCT ${struct}') has no matches\n`);
}

/** The registers fit the prototype that BTF gives the callee (kernel `btf_check_func_arg_match`). */
function checkArgs(env: Env, subprog: number): void {
  const declared = env.program.subprogs[env.subprogs[subprog]!.declared];
  const r = env.regs;
  if (declared?.unfit) env.fail(EINVAL, `${declared.unfit}\n`);
  (declared?.args ?? []).forEach((arg, i) => {
    const regno = i + 1;
    const b = regno * REG;
    const type = r[b + TYPE]!;
    if (arg.kind === 'scalar') {
      if (type !== SCALAR) env.fail(EINVAL, `R${regno} is not a scalar\n`);
    } else if (arg.kind === 'ctx') {
      if (!ANY_OFFSET.has(type)) checkUnmodified(env, r, b, regno, false);
      if (type !== CTX) env.fail(EINVAL, `arg#${i} expects pointer to ctx\n`);
    } else if (arg.kind === 'dynptr') {
      if (!ANY_OFFSET.has(type)) checkUnmodified(env, r, b, regno, false);
      checkDynptrArg(env, regno, { uninit: false, readOnly: true, kind: 0, cloneRef: 0 });
    } else if (arg.kind === 'arena') {
      if (type !== ARENA && type !== SCALAR) env.fail(EINVAL, `R${regno} is not a pointer to arena or scalar.\n`);
    } else if (arg.kind === 'btf') {
      checkKernelStruct(env, i, arg.struct);
      if (!(arg.mayBeNull && isNull(r, b))) checkTrustedArg(env, regno, arg.struct, arg.mayBeNull);
    } else if (arg.kind === 'untrusted') {
      if (arg.struct !== undefined) checkKernelStruct(env, i, arg.struct);
    } else if (arg.kind === 'mem') {
      checkMemoryArg(env, i, regno, arg);
    }
  });
}

/** Arguments of a static function may contradict BTF, which then says nothing about it; those of a global one may not. */
function argsMatch(env: Env, subprog: number): Rejection | null {
  const sub = env.subprogs[subprog]!;
  if (sub.declared < 0 || sub.unreliable) return new Rejection(EINVAL);
  try {
    checkArgs(env, subprog);
    return null;
  } catch (e) {
    if (!(e instanceof Rejection)) throw e;
    sub.unreliable = true;
    return e;
  }
}

/** A call of another function of the program (kernel `check_func_call`). */
export function checkCall(env: Env, insn: Insn): void {
  const state = env.cur;
  const subprog = subprogStarting(env, env.insnIdx + insn.imm + 1);
  const sub = env.subprogs[subprog]!;
  const caller = state.frame;
  const wrong = argsMatch(env, subprog);
  if (sub.isGlobal) {
    if (state.activeLocks) env.fail(EINVAL, 'global function calls are not allowed while holding a lock,\nuse static function instead\n');
    if (sub.mightSleep && (state.activeRcu || state.activePreempt || state.activeIrq || !inSleepable(env)))
      env.fail(
        EINVAL,
        'global functions that may sleep are not allowed in non-sleepable context,\ni.e., in a RCU/IRQ/preempt-disabled section, or in\na non-sleepable BPF program context\n',
      );
    if (wrong) {
      env.say(`Caller passes invalid args into func#${subprog} ('${sub.name}')\n`);
      throw wrong;
    }
    if (env.log.paths) env.log.write(`Func#${subprog} ('${sub.name}') is global and assumed valid.\n`);
    if (sub.changesPacket) clearPacketPointers(env, state);
    sub.called = true;
    clearCallerSaved(env, caller.regs);
    markUnknown(caller.regs, 0);
    return;
  }
  const { callee } = enterFrame(env, state, subprog, env.insnIdx);
  for (let i = 1; i <= 5; i++) copyReg(callee.regs, i * REG, caller.regs, i * REG);
  clearCallerSaved(env, caller.regs);
  env.insnIdx = sub.start - 1;
  env.stackLive.reset();
  if (!env.log.paths) return;
  env.log.write('caller:\n');
  env.printState(state, caller.frameno, true);
  env.log.write('callee:\n');
  env.printState(state, state.curFrame, true);
}

/** Queues the callback as if the helper called it here; the path after the helper goes on without it (kernel `push_callback_call`). */
export function pushCallback(env: Env, subprog: number, setUp: (caller: Regs, callee: Frame) => void): void {
  env.subprogs[subprog]!.isCallback = true;
  argsMatch(env, subprog);
  const caller = env.cur.frame;
  const state = pushPath(env, env.subprogs[subprog]!.start, env.insnIdx);
  const frames = enterFrame(env, state, subprog, env.insnIdx);
  setUp(frames.caller.regs, frames.callee);
  state.callbackUnrollDepth++;
  frames.caller.callbackDepth++;
  caller.callbackDepth = 0;
}

/** What a callback that runs later may return. */
export const ZERO: readonly [number, number] = [0, 0];
export const ANY_INT: readonly [number, number] = [-(2 ** 31), 2 ** 31 - 1];

/** Queues a callback that runs later, by itself: on a fresh stack, in a state of its own (kernel `push_async_cb`). */
export function pushAsyncCallback(
  env: Env,
  subprog: number,
  maySleep: boolean,
  setUp: (callee: Regs) => void,
  [min, max]: readonly [number, number] = ZERO,
): void {
  const sub = env.subprogs[subprog]!;
  argsMatch(env, subprog);
  sub.isCallback = true;
  sub.isAsyncCallback = true;
  const caller = env.cur.frame;
  const frame = new Frame(-1, 0, subprog);
  frame.initRegs();
  env.scratchAll();
  const state = new State();
  state.branches = 1;
  state.inSleepable = maySleep;
  state.frames.push(frame);
  env.pending.push({ state, insnIdx: sub.start, prevInsnIdx: env.insnIdx, logPos: env.log.pos });
  if (env.pending.length > LIMIT_JUMPS) env.fail(E2BIG, `The sequence of ${env.pending.length} jumps is too complex for async cb.\n`);
  frame.asyncEntryCount = caller.asyncEntryCount + 1;
  setUp(frame.regs);
  frame.isAsyncCallback = true;
  frame.callbackMin = min;
  frame.callbackMax = max;
}

/** Context of a timer's or work queue's callback: map, key and value. */
export function asyncMapCallback(map: number, mapUid: number): (callee: Regs) => void {
  return (callee) => {
    [MAP_PTR, MAP_KEY, MAP_VALUE].forEach((type, i) => {
      const b = (i + 1) * REG;
      markPointer(callee, b, type);
      callee[b + AUX] = map;
      callee[b + AUX2] = mapUid;
    });
    for (let i = 4; i <= 5; i++) markNotInit(callee, i * REG);
  };
}

/** Context of a user ring buffer's callback: the sample as a dynptr, and the caller's pointer. */
export function drainCallback(newId: () => number): (caller: Regs, callee: Frame) => void {
  return (caller, callee) => {
    const r = callee.regs;
    markNotInit(r, 0);
    setDynptr(r, REG, KIND_LOCAL, true, newId());
    copyReg(r, 2 * REG, caller, 3 * REG);
    for (let i = 3; i <= 5; i++) markNotInit(r, i * REG);
    callback(callee, 0, 1);
  };
}

/** Context of a `bpf_loop` callback: the index and the caller's pointer. */
export function loopCallback(caller: Regs, callee: Frame): void {
  callee.regs[REG + TYPE] = SCALAR;
  copyReg(callee.regs, 2 * REG, caller, 3 * REG);
  for (let i = 3; i <= 5; i++) markNotInit(callee.regs, i * REG);
  callback(callee, 0, 1);
}

function callback(callee: Frame, min: number, max: number): void {
  callee.isCallback = true;
  callee.callbackMin = min;
  callee.callbackMax = max;
}

/** Context of a `bpf_for_each_map_elem` callback: map, key, value, and the caller's pointer. */
export function mapElementCallback(caller: Regs, callee: Frame): void {
  const r = callee.regs;
  const map = caller[REG + AUX]!;
  copyReg(r, REG, caller, REG);
  markPointer(r, 2 * REG, MAP_KEY);
  r[2 * REG + AUX] = map;
  markPointer(r, 3 * REG, MAP_VALUE);
  r[3 * REG + AUX] = map;
  copyReg(r, 4 * REG, caller, 3 * REG);
  markNotInit(r, 5 * REG);
  callback(callee, 0, 1);
}

/** Context of a `bpf_find_vma` callback: task, area, and the caller's pointer. */
export function vmaCallback(taskType: number, vmaType: number): (caller: Regs, callee: Frame) => void {
  return (caller, callee) => {
    const r = callee.regs;
    copyReg(r, REG, caller, REG);
    r[REG + AUX] = taskType;
    markPointer(r, 2 * REG, BTF_ID);
    r[2 * REG + AUX] = vmaType;
    copyReg(r, 3 * REG, caller, 4 * REG);
    markNotInit(r, 4 * REG);
    markNotInit(r, 5 * REG);
    callback(callee, 0, 1);
  };
}

/** Bits that some number of [min, max] has and another has not; both ends lie in 0…3 (kernel `tnum_range`). */
const maskOf = (min: number, max: number): number => (min === max ? 0 : max > 1 ? 3 : 1);

export function outOfRange(env: Env, r: Regs, b: number, min: number, max: number): boolean {
  if (env.rules.returnsByTnum) {
    const mask = maskOf(min, max);
    const outside = (r[b + MASK_LO]! & ~mask) | r[b + MASK_HI]! | r[b + VALUE_HI]!;
    return outside !== 0 || (r[b + VALUE_LO]! & ~mask) !== (min & ~mask);
  }
  return toSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!) < min || toSigned(r[b + SMAX_LO]!, r[b + SMAX_HI]!) > max;
}

/** A return value outside of what the caller accepts. */
export function failRange(env: Env, r: Regs, b: number, min: number, max: number, where: string, regno = 0): never {
  if (env.rules.returnsByTnum) {
    const value = (r[b + MASK_LO]! & r[b + MASK_HI]!) === -1 ? 'unknown scalar value' : `value ${tnumText(r, b)}`;
    const mask = maskOf(min, max);
    return env.fail(
      EINVAL,
      `${where} the register R${regno} has ${value} should have been in (0x${(min & ~mask).toString(16)}; 0x${mask.toString(16)})\n`,
    );
  }
  const smin = toBigSigned(r[b + SMIN_LO]!, r[b + SMIN_HI]!);
  const smax = toBigSigned(r[b + SMAX_LO]!, r[b + SMAX_HI]!);
  let text = `${where} the register R${regno} has`;
  if (smin > -(1n << 63n)) text += ` smin=${smin}`;
  if (smax < (1n << 63n) - 1n) text += ` smax=${smax}`;
  if (smin === -(1n << 63n) && smax === (1n << 63n) - 1n) text += ' unknown scalar value';
  return env.fail(EINVAL, `${text} should have been in [${min}, ${max}]\n`);
}

/** An exit from a function that was entered by a call: back to the caller (kernel `prepare_func_exit`). */
export function leaveFrame(env: Env): void {
  env.stackLive.update();
  const state = env.cur;
  const callee = state.frame;
  const r0 = callee.regs;
  if (r0[TYPE] === STACK) env.fail(EINVAL, 'cannot return stack pointer to the caller\n');
  const caller = state.frames[state.frames.length - 2]!;
  if (callee.isCallback) {
    if (r0[TYPE] !== SCALAR) env.fail(EACCES, 'R0 not a scalar value\n');
    markPrecise(env, 0);
    if (outOfRange(env, r0, 0, callee.callbackMin, callee.callbackMax))
      failRange(env, r0, 0, callee.callbackMin, callee.callbackMax, 'At callback return');
    if (!env.callsCallback[callee.callsite]) env.fail(EFAULT, 'verifier bug: callback returns to a call without callbacks\n');
  } else {
    copyReg(caller.regs, 0, r0, 0);
  }
  env.insnIdx = callee.isCallback ? callee.callsite : callee.callsite + 1;
  if (env.log.paths) {
    env.log.write('returning from callee:\n');
    env.printState(state, callee.frameno, true);
    env.log.write(`to caller at ${env.insnIdx}:\n`);
    env.printState(state, caller.frameno, true);
  }
  state.frames.pop();
  if (!callee.isCallback) return;
  const prev = findPrevEntry(env, state, env.insnIdx);
  if (prev) widenImprecise(env, prev, state);
}

/** Address of a function: a callback, which must be static and described by BTF. */
export function functionAddress(env: Env, insn: Insn): number {
  if (insn.src !== PSEUDO_FUNC) return -1;
  const subprog = subprogStarting(env, env.insnIdx + insn.imm + 1);
  const sub = env.subprogs[subprog]!;
  if (sub.declared < 0) env.fail(EINVAL, 'missing btf func_info\n');
  if (sub.isGlobal) env.fail(EINVAL, 'callback function not static\n');
  return subprog;
}
