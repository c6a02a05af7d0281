import { NO_SLOT, slotOf } from './dynptr-slots.ts';
import { EFAULT, EINVAL, type Env } from './env.ts';
import { ACTIVE, DRAINED, iteratorKind, iteratorName } from './iterators.ts';
import type { Kfunc } from './kfunc-table.ts';
import { findPrevEntry, widenImprecise } from './loops.ts';
import { checkMemAccess } from './memory.ts';
import { pushPath } from './paths.ts';
import { acquireReference, dropReference } from './refs.ts';
import {
  AUX,
  AUX2,
  FRAMENO,
  MAYBE_NULL,
  markConst,
  markNotInit,
  markPointer,
  OFF,
  RCU,
  REF,
  REG,
  STACK,
  TYPE,
  UNTRUSTED,
  VALUE_LO,
} from './reg.ts';
import { inRcuSection } from './sections.ts';
import { type Frame, SLOT_INVALID, SLOT_ITER, type State } from './state.ts';

/** Open-coded iterators as arguments of kernel functions (kernel `process_iter_arg`, `process_iter_next_call`). */
export interface IteratorPlace {
  readonly frameIdx: number;
  readonly spi: number;
}

const frameAt = (state: State, at: IteratorPlace): Frame => state.frames[at.frameIdx]!;

/** Checks the iterator behind r1 and does to it what the call does; where it is, for those that use one. */
export function checkIteratorArg(env: Env, kfunc: Kfunc): IteratorPlace {
  const r = env.regs;
  if (r[REG + TYPE] !== STACK) env.fail(EINVAL, 'arg#0 expected pointer to an iterator on stack\n');
  const param = kfunc.params[0]!;
  const kind = iteratorKind(param.struct);
  const slots = param.size / 8;
  if (kfunc.iterator === 'new') return create(env, kfunc, kind, slots);
  const spi = slotOf(env, r, REG, 'iter', slots);
  const at = { frameIdx: r[REG + FRAMENO]!, spi };
  const frame = frameAt(env.cur, at);
  const found = spi < 0 ? 'absent' : lookAt(frame, spi, kind, slots);
  if (found === 'untrusted') env.fail(EINVAL, `expected an RCU CS when using ${kfunc.name}\n`);
  if (found === 'absent') env.fail(EINVAL, `expected an initialized iter_${iteratorName(kind)} as arg #0\n`);
  for (let i = 0; i < slots; i++) {
    env.stackLive.markRead(at.frameIdx, env.insnIdx, spi - i);
    env.scratchSlot(spi - i);
  }
  return at;
}

function lookAt(frame: Frame, spi: number, kind: number, slots: number): 'ok' | 'absent' | 'untrusted' {
  for (let i = 0; i < slots; i++) {
    const b = (spi - i) * REG;
    if (frame.spills[b + TYPE]! & UNTRUSTED) return 'untrusted';
    if ((i === 0) !== (frame.spills[b + REF] !== 0) || frame.spills[b + AUX] !== kind) return 'absent';
    for (let j = 0; j < 8; j++) if (frame.types[(spi - i) * 8 + j] !== SLOT_ITER) return 'absent';
  }
  return 'ok';
}

function create(env: Env, kfunc: Kfunc, kind: number, slots: number): IteratorPlace {
  const r = env.regs;
  let spi = slotOf(env, r, REG, 'iter', slots);
  const frame = env.frameOf(r, REG);
  let taken = spi === NO_SLOT;
  for (let i = 0; spi >= 0 && i < slots; i++) taken ||= frame.types.subarray((spi - i) * 8, (spi - i + 1) * 8).includes(SLOT_ITER);
  if (taken) env.fail(EINVAL, `expected uninitialized iter_${iteratorName(kind)} as arg #0\n`);
  for (let i = 0; i < slots * 8; i += 8) checkMemAccess(env, env.insnIdx, 1, i, 8, 'write', -1, false, false);
  spi = slotOf(env, r, REG, 'iter', slots);
  const ref = acquireReference(env, env.insnIdx);
  const type = kfunc.rcuProtected ? (inRcuSection(env) ? STACK | RCU : STACK | UNTRUSTED) : STACK;
  for (let i = 0; i < slots; i++) {
    const b = (spi - i) * REG;
    markPointer(frame.spills, b, type);
    frame.spills[b + REF] = i === 0 ? ref : 0;
    frame.spills[b + AUX] = kind;
    frame.spills[b + AUX2] = ACTIVE;
    frame.spills[b + FRAMENO] = 0;
    frame.types.fill(SLOT_ITER, (spi - i) * 8, (spi - i + 1) * 8);
    env.stackLive.markWrite(frame.frameno, spi - i);
    env.scratchSlot(spi - i);
  }
  return { frameIdx: frame.frameno, spi };
}

export const iteratorRef = (env: Env, at: IteratorPlace): number => frameAt(env.cur, at).spills[at.spi * REG + REF]!;
/** The iterator walks what RCU protects. */
export const iteratesUnderRcu = (env: Env, at: IteratorPlace): boolean => (frameAt(env.cur, at).spills[at.spi * REG + TYPE]! & RCU) !== 0;

export function destroyIterator(env: Env, at: IteratorPlace, slots: number): void {
  const frame = frameAt(env.cur, at);
  dropReference(env, frame.spills[at.spi * REG + REF]!);
  for (let i = 0; i < slots; i++) {
    markNotInit(frame.spills, (at.spi - i) * REG);
    frame.types.fill(SLOT_INVALID, (at.spi - i) * 8, (at.spi - i + 1) * 8);
    env.stackLive.markWrite(at.frameIdx, at.spi - i);
    env.scratchSlot(at.spi - i);
  }
}

/** Two ways on: the iterator has another item, or it is drained. */
export function advanceIterator(env: Env, at: IteratorPlace): void {
  const { cur } = env;
  const b = at.spi * REG;
  const spills = frameAt(cur, at).spills;
  if (spills[b + AUX2] === ACTIVE) {
    if (cur.parent?.insnIdx !== env.insnIdx) env.fail(EFAULT, 'verifier bug: bad parent state for iter next call\n');
    const prev = findPrevEntry(env, cur.parent, env.insnIdx);
    const queued = pushPath(env, env.insnIdx + 1, env.insnIdx);
    frameAt(queued, at).spills[b + FRAMENO]!++;
    if (prev) widenImprecise(env, prev, queued);
    queued.frame.regs[TYPE]! &= ~MAYBE_NULL;
  }
  spills[b + AUX2] = DRAINED;
  markConst(env.regs, 0, 0, 0);
}

/** The iterator that the call at hand advances still has items. */
export function advancesActive(env: Env): boolean {
  const r = env.regs;
  const spi = -(r[REG + OFF]! + r[REG + VALUE_LO]!) / 8 - 1;
  const frame = env.cur.frames[r[REG + FRAMENO]!];
  return (
    frame !== undefined && spi >= 0 && spi < frame.slots && frame.types[spi * 8] === SLOT_ITER && frame.spills[spi * REG + AUX2] === ACTIVE
  );
}
