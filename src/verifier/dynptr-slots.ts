import { EINVAL, type Env } from './env.ts';
import { releaseReference } from './refs.ts';
import {
  AUX,
  AUX2,
  baseType,
  DYN_LOCAL,
  DYN_META,
  DYN_RINGBUF,
  DYN_SKB,
  DYN_XDP,
  DYNPTR,
  FRAMENO,
  ID,
  isConst,
  MAYBE_NULL,
  MEMORY,
  markNotInit,
  markPointer,
  OFF,
  REF,
  REG,
  type Regs,
  TYPE,
  VALUE_LO,
} from './reg.ts';
import { type Frame, MAX_STACK, SLOT_DYNPTR, SLOT_INVALID, State } from './state.ts';

/**
 * A dynptr on the stack: two slots, of which the one at the higher slot number (the lower address) is the first. In both, `AUX`
 * is the kind and `AUX2` tells the first; `ID` names the dynptr, and slices of it carry the id in `AUX2`; `REF` is what it owes.
 */
export const DYNPTR_SLOTS = 2;

export const KIND_LOCAL = 1;
export const KIND_RINGBUF = 2;
export const KIND_SKB = 3;
export const KIND_XDP = 4;
export const KIND_META = 5;

/** Flag of memory behind a dynptr of each kind. */
const FLAGS = [0, DYN_LOCAL, DYN_RINGBUF, DYN_SKB, DYN_XDP, DYN_META];

export const sliceFlag = (kind: number): number => FLAGS[kind] ?? 0;
/** What such dynptrs hold must be given back. */
export const isRefcounted = (kind: number): boolean => kind === KIND_RINGBUF;

export const NO_SLOT = -1;
/** The place is fine but the frame has not grown to it yet. */
export const NOT_GROWN = -2;

/** First slot of an object of `count` slots behind a stack pointer (kernel `stack_slot_obj_get_spi`); says what is wrong. */
export function slotOf(env: Env, r: Regs, b: number, what: string, count: number): number {
  if (!isConst(r, b)) {
    env.say(`${what} has to be at a constant offset\n`);
    return NO_SLOT;
  }
  const off = r[b + OFF]! + r[b + VALUE_LO]!;
  if (off < -MAX_STACK) {
    env.say(`${what} has to lie in the first ${MAX_STACK} bytes of the stack\n`);
    return NO_SLOT;
  }
  // The kernel's division rounds towards 0: fp+0 counts as slot 0, which the write that follows refuses.
  const spi = Math.trunc((-off - 1) / 8);
  if (off % 8 !== 0 || spi + 1 < count) {
    env.say(`cannot pass in ${what} at an offset=${off}\n`);
    return NO_SLOT;
  }
  return spi < env.frameOf(r, b).slots ? spi : NOT_GROWN;
}

/** Marks two slots as a dynptr; what lay there before must be no referenced one (kernel `mark_stack_slots_dynptr`). */
export function markDynptr(env: Env, frame: Frame, spi: number, kind: number, ref: number): void {
  destroyDynptr(env, frame, spi);
  destroyDynptr(env, frame, spi - 1);
  const id = env.newId();
  for (const at of [spi, spi - 1]) {
    frame.types.fill(SLOT_DYNPTR, at * 8, at * 8 + 8);
    setDynptr(frame.spills, at * REG, kind, at === spi, id);
    frame.spills[at * REG + REF] = ref;
  }
  markBothWritten(env, frame, spi);
}

export function setDynptr(r: Regs, b: number, kind: number, isFirst: boolean, id: number): void {
  markPointer(r, b, DYNPTR);
  r[b + ID] = id;
  r[b + AUX] = kind;
  r[b + AUX2] = isFirst ? 1 : 0;
  r[b + FRAMENO] = 0;
}

function markBothWritten(env: Env, frame: Frame, spi: number): void {
  env.stackLive.markWrite(frame.frameno, spi);
  env.stackLive.markWrite(frame.frameno, spi - 1);
}

function wipe(env: Env, frame: Frame, spi: number): void {
  for (const at of [spi, spi - 1]) {
    frame.types.fill(SLOT_INVALID, at * 8, at * 8 + 8);
    markNotInit(frame.spills, at * REG);
  }
  markBothWritten(env, frame, spi);
}

/** Gives a dynptr back: its reference, its slices, its clones (kernel `unmark_stack_slots_dynptr`). */
export function releaseDynptr(env: Env, frame: Frame, spi: number): void {
  const b = spi * REG;
  if (!isRefcounted(frame.spills[b + AUX]!)) {
    wipe(env, frame, spi);
    return;
  }
  const ref = frame.spills[b + REF]!;
  releaseReference(env.cur, ref);
  env.cur.forEachReg((r, at) => {
    if (r[at + REF] === ref) State.invalidate(r, at, env.rules.leaksPointers);
  });
  for (let i = 1; i < frame.slots; i++) {
    if (frame.spills[i * REG + REF] === ref && frame.types[i * 8] === SLOT_DYNPTR && frame.spills[i * REG + AUX2]) wipe(env, frame, i);
  }
}

/** A write to a slot of a dynptr ends it, and its slices with it; one that owes something stays (kernel `destroy_if_dynptr_stack_slot`). */
export function destroyDynptr(env: Env, frame: Frame, at: number): void {
  if (frame.types[at * 8] !== SLOT_DYNPTR) return;
  const spi = frame.spills[at * REG + AUX2] ? at : at + 1;
  const b = spi * REG;
  if (isRefcounted(frame.spills[b + AUX]!)) env.fail(EINVAL, 'cannot overwrite referenced dynptr\n');
  env.scratchSlot(spi);
  env.scratchSlot(spi - 1);
  const id = frame.spills[b + ID]!;
  wipe(env, frame, spi);
  env.cur.forEachReg((r, i) => {
    const type = r[i + TYPE]!;
    if ((type === MEMORY || type === (MEMORY | MAYBE_NULL)) && r[i + AUX2] === id) State.invalidate(r, i, env.rules.leaksPointers);
  });
}

/** A slice of the packet: void once the packet changes. */
export const isPacketSlice = (type: number): boolean => baseType(type) === MEMORY && (type & (DYN_SKB | DYN_XDP | DYN_META)) !== 0;
