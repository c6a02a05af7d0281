import { CALL, JMP, PSEUDO_KFUNC_CALL } from '../bpf/insn.ts';
import type { Insn } from '../bpf/program.ts';
import { EACCES, EFAULT, EINVAL, type Env } from './env.ts';
import { ACTIVE, DRAINED } from './iterators.ts';
import { findPrevEntry, widenImprecise } from './loops.ts';
import { checkMemAccess } from './memory.ts';
import { pushPath } from './paths.ts';
import { acquireReference, dropReference } from './refs.ts';
import {
  AUX,
  AUX2,
  FRAMENO,
  ID,
  isConst,
  MAYBE_NULL,
  MEMORY,
  markConst,
  markNotInit,
  markPointer,
  markUnknown,
  OFF,
  RDONLY,
  REF,
  REG,
  type Regs,
  SCALAR,
  STACK,
  TYPE,
  VALUE_LO,
} from './reg.ts';
import { type Frame, SLOT_INVALID, SLOT_ITER, type State } from './state.ts';

/**
 * Kernel functions. Known so far: the open-coded iterator over numbers. An iterator lives in a stack slot: `AUX` says that it
 * is one, `AUX2` its state, `FRAMENO` how often it has advanced, `REF` the reference that destroying it gives back.
 */
interface Kfunc {
  readonly params: number;
  readonly iterator?: 'new' | 'next' | 'destroy';
}

const KFUNCS: Readonly<Record<string, Kfunc>> = {
  bpf_iter_num_new: { params: 3, iterator: 'new' },
  bpf_iter_num_next: { params: 1, iterator: 'next' },
  bpf_iter_num_destroy: { params: 1, iterator: 'destroy' },
};

const NUM = 1;
/** Bytes behind the pointer that `next` returns: an int. */
const ITEM_SIZE = 4;

type Kfuncs = { readonly program: { readonly kfuncCalls: ReadonlyMap<number, string> } };

export function kfuncAt(env: Kfuncs, idx: number): Kfunc | undefined {
  const name = env.program.kfuncCalls.get(idx);
  return name === undefined ? undefined : KFUNCS[name];
}

export const isKfuncCall = (insn: Insn): boolean => insn.opcode === (JMP | CALL) && insn.src === PSEUDO_KFUNC_CALL;

/** The call that decides whether a loop over an iterator goes on. */
export function isIterNext(env: Kfuncs & { readonly insns: readonly Insn[] }, idx: number): boolean {
  return isKfuncCall(env.insns[idx]!) && kfuncAt(env, idx)?.iterator === 'next';
}

/** A call that names no function is refused at the end, unless it turns out to be dead code (kernel `check_kfunc_call`). */
export function checkKfunc(env: Env, insn: Insn): void {
  const name = env.program.kfuncCalls.get(env.insnIdx);
  if (name === undefined && insn.imm === 0) {
    env.namelessCall = true;
    return;
  }
  const kfunc = kfuncAt(env, env.insnIdx);
  if (!kfunc) env.fail(EACCES, `calling kernel function ${name ?? 'kernel-function'} is not allowed\n`);
  const at = iteratorSlot(env);
  for (let i = 2; i <= kfunc.params; i++) if (env.regs[i * REG + TYPE] !== SCALAR) env.fail(EINVAL, `R${i} is not a scalar\n`);
  let ref = 0;
  if (kfunc.iterator === 'new') create(env, at);
  else {
    ref = use(env, at);
    if (kfunc.iterator === 'destroy') destroy(env, at);
  }
  const r = env.regs;
  for (let i = 0; i < 6; i++) {
    markNotInit(r, i * REG);
    env.scratchReg(i);
  }
  if (kfunc.iterator === 'new') markUnknown(r, 0);
  else if (kfunc.iterator === 'next') {
    markPointer(r, 0, MEMORY | RDONLY | MAYBE_NULL);
    r[AUX] = ITEM_SIZE;
    r[REF] = ref;
    r[ID] = env.newId();
    advance(env, at);
  }
}

interface Place {
  readonly frameIdx: number;
  readonly spi: number;
}

const frameAt = (state: State, at: Place): Frame => state.frames[at.frameIdx]!;

function iteratorSlot(env: Env): Place {
  const r = env.regs;
  if (r[REG + TYPE] !== STACK) env.fail(EINVAL, 'arg#0 expected pointer to an iterator on stack\n');
  if (!isConst(r, REG)) {
    env.say('iter has to be at a constant offset\n');
    return { frameIdx: r[REG + FRAMENO]!, spi: -1 };
  }
  const off = r[REG + OFF]! + r[REG + VALUE_LO]!;
  if (off % 8 !== 0 || off >= 0) {
    env.say(`cannot pass in iter at an offset=${off}\n`);
    return { frameIdx: r[REG + FRAMENO]!, spi: -1 };
  }
  return { frameIdx: r[REG + FRAMENO]!, spi: -off / 8 - 1 };
}

function isIterator(frame: Frame, spi: number): boolean {
  if (spi < 0 || spi >= frame.slots) return false;
  for (let i = 0; i < 8; i++) if (frame.types[spi * 8 + i] !== SLOT_ITER) return false;
  return frame.spills[spi * REG + REF] !== 0 && frame.spills[spi * REG + AUX] === NUM;
}

function create(env: Env, at: Place): void {
  const { spi } = at;
  const frame = frameAt(env.cur, at);
  const taken = spi >= 0 && spi < frame.slots && frame.types.subarray(spi * 8, spi * 8 + 8).includes(SLOT_ITER);
  if (spi < 0 || taken) env.fail(EINVAL, 'expected uninitialized iter_num as arg #0\n');
  checkMemAccess(env, env.insnIdx, 1, 0, 8, 'write', -1, false, false);
  const b = spi * REG;
  const ref = acquireReference(env, env.insnIdx);
  markPointer(frame.spills, b, STACK);
  frame.spills[b + REF] = ref;
  frame.spills[b + AUX] = NUM;
  frame.spills[b + AUX2] = ACTIVE;
  frame.spills[b + FRAMENO] = 0;
  frame.types.fill(SLOT_ITER, spi * 8, spi * 8 + 8);
  env.stackLive.markWrite(at.frameIdx, spi);
  env.scratchSlot(spi);
}

function use(env: Env, at: Place): number {
  const frame = frameAt(env.cur, at);
  if (!isIterator(frame, at.spi)) env.fail(EINVAL, 'expected an initialized iter_num as arg #0\n');
  env.stackLive.markRead(at.frameIdx, env.insnIdx, at.spi);
  env.scratchSlot(at.spi);
  return frame.spills[at.spi * REG + REF]!;
}

function destroy(env: Env, at: Place): void {
  const frame = frameAt(env.cur, at);
  dropReference(env, frame.spills[at.spi * REG + REF]!);
  markNotInit(frame.spills, at.spi * REG);
  frame.types.fill(SLOT_INVALID, at.spi * 8, at.spi * 8 + 8);
  env.stackLive.markWrite(at.frameIdx, at.spi);
}

/** Two ways on: the iterator has another item, or it is drained (kernel `process_iter_next_call`). */
function advance(env: Env, at: Place): void {
  const { cur } = env;
  const b = at.spi * REG;
  const spills = frameAt(cur, at).spills;
  if (spills[b + AUX2] === ACTIVE) {
    if (cur.parent?.insnIdx !== env.insnIdx) env.fail(EFAULT, 'verifier bug: bad parent state for iter next call\n');
    const prev = findPrevEntry(env, cur.parent, env.insnIdx);
    const queued = pushPath(env, env.insnIdx + 1, env.insnIdx);
    frameAt(queued, at).spills[b + FRAMENO]!++;
    if (prev) widenImprecise(prev, queued);
    queued.frame.regs[TYPE]! &= ~MAYBE_NULL;
  }
  spills[b + AUX2] = DRAINED;
  markConst(env.regs, 0, 0, 0);
}

/** The iterator that the call at hand advances still has items. */
export function advancesActive(env: Env): boolean {
  const r: Regs = env.regs;
  const spi = -(r[REG + OFF]! + r[REG + VALUE_LO]!) / 8 - 1;
  const frame = env.cur.frames[r[REG + FRAMENO]!];
  return frame !== undefined && isIterator(frame, spi) && frame.spills[spi * REG + AUX2] === ACTIVE;
}
