import { deepCovered } from './deep-stack.ts';
import type { Env } from './env.ts';
import {
  ADD_CONST,
  ARENA,
  AUX,
  AUX2,
  BUF,
  baseType,
  FRAMENO,
  ID,
  MAP_KEY,
  MAP_VALUE,
  MEMORY,
  markUnknown,
  NOT_INIT,
  OFF,
  PACKET,
  PACKET_META,
  PRECISE,
  REF,
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
  TP_BUFFER,
  TYPE,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  VALUE_LO,
} from './reg.ts';
import {
  type Frame,
  isLock,
  MAX_FRAMES,
  MAX_REG,
  MAX_STACK,
  SLOT_DYNPTR,
  SLOT_INVALID,
  SLOT_IRQ,
  SLOT_ITER,
  SLOT_MISC,
  SLOT_SPILL,
  SLOT_ZERO,
  type State,
} from './state.ts';
import { tnumIn } from './tnum.ts';
import { slt, ult } from './w64.ts';

/**
 * Is a new state covered by an old one? `covered`: whatever the new one does, the old one did (imprecise scalars do not
 * matter); `exact`: the same state; `within`: covered with all ranges counted, for loops whose precision is not yet known.
 */
export type Exactness = 'covered' | 'exact' | 'within';

/** Pairs of ids that stand for each other in the two states: as many as the two have registers and slots (kernel BPF_ID_MAP_SIZE). */
const MOST_IDS = (MAX_REG + MAX_STACK / 8) * MAX_FRAMES * 2 + 2;
const oldIds = new Int32Array(MOST_IDS);
const curIds = new Int32Array(MOST_IDS);
let idPairs = 0;
let fresh = 0;
/** Without CAP_BPF every scalar counts; where speculation is masked, exactly. */
let allPrecise = false;
let exactScalars = false;
/** Stack that was never written may not be read, so that written bytes do not stand for it. */
let secretStack = false;

function sameId(oldId: number, curId: number): boolean {
  if ((oldId !== 0) !== (curId !== 0)) return false;
  if (oldId === 0) return true;
  for (let i = 0; i < idPairs; i++) {
    if (oldIds[i] === oldId) return curIds[i] === curId;
    if (curIds[i] === curId) return false;
  }
  // Only a stack deeper than Linux has may hold more.
  if (idPairs === MOST_IDS) return false;
  oldIds[idPairs] = oldId;
  curIds[idPairs] = curId;
  idPairs++;
  return true;
}

/** A scalar without an id is as good as one with an id of its own. */
function sameScalarId(oldId: number, curId: number): boolean {
  return oldId === 0 || sameId(oldId, curId !== 0 ? curId : ++fresh);
}

/** Every bound of the register at `ob` leaves room for the one at `cb` (kernel `range_within`). */
export function within(o: Regs, ob: number, c: Regs, cb: number): boolean {
  return (
    !ult(c[cb + UMIN_LO]!, c[cb + UMIN_HI]!, o[ob + UMIN_LO]!, o[ob + UMIN_HI]!) &&
    !ult(o[ob + UMAX_LO]!, o[ob + UMAX_HI]!, c[cb + UMAX_LO]!, c[cb + UMAX_HI]!) &&
    !slt(c[cb + SMIN_LO]!, c[cb + SMIN_HI]!, o[ob + SMIN_LO]!, o[ob + SMIN_HI]!) &&
    !slt(o[ob + SMAX_LO]!, o[ob + SMAX_HI]!, c[cb + SMAX_LO]!, c[cb + SMAX_HI]!) &&
    o[ob + U32_MIN]! >>> 0 <= c[cb + U32_MIN]! >>> 0 &&
    o[ob + U32_MAX]! >>> 0 >= c[cb + U32_MAX]! >>> 0 &&
    o[ob + S32_MIN]! <= c[cb + S32_MIN]! &&
    o[ob + S32_MAX]! >= c[cb + S32_MAX]!
  );
}

function sameFields(o: Regs, ob: number, c: Regs, cb: number, end: number): boolean {
  for (let i = 0; i < end; i++) if (o[ob + i] !== c[cb + i]) return false;
  return true;
}

/** Forgets which ids stand for each other (kernel `reset_idmap_scratch`). */
export function forgetIds(env: Env): void {
  idPairs = 0;
  fresh = env.idGen;
}

/** The same type, offset and values, with ids that stand for each other (kernel `regs_exact`). */
export function exactRegs(o: Regs, ob: number, c: Regs, cb: number): boolean {
  return sameFields(o, ob, c, cb, ID) && sameId(o[ob + ID]!, c[cb + ID]!) && sameId(o[ob + REF]!, c[cb + REF]!);
}

function regCovered(o: Regs, ob: number, c: Regs, cb: number, exact: Exactness): boolean {
  if (exact === 'exact') return exactRegs(o, ob, c, cb);
  const type = o[ob + TYPE]!;
  // Within a loop what the kept state never held must not be held now either: what its rounds read is not settled yet.
  if (type === NOT_INIT && (exact === 'covered' || c[cb + TYPE] === NOT_INIT)) return true;
  if (type !== c[cb + TYPE]) return false;
  switch (baseType(type)) {
    case SCALAR: {
      if (exactScalars) return sameFields(o, ob, c, cb, ID) && sameScalarId(o[ob + ID]!, c[cb + ID]!);
      if (!o[ob + PRECISE] && !allPrecise && exact === 'covered') return true;
      const oid = o[ob + ID]!;
      const cid = c[cb + ID]!;
      if (oid & ADD_CONST && !(cid & ADD_CONST)) return false;
      if (oid !== 0 && !(oid & ADD_CONST) && cid & ADD_CONST) return false;
      if (oid & ADD_CONST && o[ob + OFF] !== c[cb + OFF]) return false;
      if (!sameScalarId(oid, cid)) return false;
      // Links by a distance and links without one are of one family: the family must be the same in both states.
      if (oid & ADD_CONST && !sameId(oid & ~ADD_CONST, cid & ~ADD_CONST)) return false;
      return within(o, ob, c, cb) && tnumIn(o, ob, c, cb);
    }
    case MAP_KEY:
    case MAP_VALUE:
    case MEMORY:
    case BUF:
    case TP_BUFFER:
      return (
        sameFields(o, ob, c, cb, VALUE_LO) &&
        within(o, ob, c, cb) &&
        tnumIn(o, ob, c, cb) &&
        sameId(o[ob + ID]!, c[cb + ID]!) &&
        sameId(o[ob + REF]!, c[cb + REF]!)
      );
    case PACKET:
    case PACKET_META:
      if (!rangeCovered(o[ob + AUX]!, c[cb + AUX]!) || o[ob + OFF] !== c[cb + OFF]) return false;
      return sameId(o[ob + ID]!, c[cb + ID]!) && within(o, ob, c, cb) && tnumIn(o, ob, c, cb);
    case STACK:
      return exactRegs(o, ob, c, cb) && o[ob + FRAMENO] === c[cb + FRAMENO];
    case ARENA:
      return true;
    default:
      return exactRegs(o, ob, c, cb);
  }
}

/** Bytes known to be there; a negative range says that the pointer stands at or beyond the packet's end. */
function rangeCovered(old: number, cur: number): boolean {
  return old < 0 || cur < 0 ? old === cur : old <= cur;
}

const unknown = new Int32Array(REG);
markUnknown(unknown, 0);

/** Base of the slot as a scalar: its spilled register, -1 for eight bytes of anything, -2 for neither. */
function slotScalar(frame: Frame, spi: number): number {
  const { types } = frame;
  const at = spi * 8;
  if (types[at] === SLOT_SPILL && frame.spills[spi * REG + TYPE] === SCALAR) return spi * REG;
  for (let i = 0; i < 8; i++) if (types[at + i] !== SLOT_MISC && (types[at + i] !== SLOT_INVALID || secretStack)) return -2;
  return -1;
}

function stackCovered(old: Frame, cur: Frame, exact: Exactness): boolean {
  for (let i = 0; i < old.slots * 8; i++) {
    const spi = i >> 3;
    const ot = old.types[i]!;
    const ct = i < cur.slots * 8 ? cur.types[i]! : -1;
    // In a loop whose reads are not all known the stack must be the same byte for byte.
    if (exact !== 'covered' && ot !== ct) return false;
    if (ot === SLOT_INVALID || (ot === SLOT_MISC && !secretStack)) continue;
    if (ct < 0) return false;
    const os = slotScalar(old, spi);
    const cs = os > -2 ? slotScalar(cur, spi) : -2;
    if (os > -2 && cs > -2) {
      if (!regCovered(os < 0 ? unknown : old.spills, Math.max(os, 0), cs < 0 ? unknown : cur.spills, Math.max(cs, 0), exact)) return false;
      i += 7;
      continue;
    }
    if (ot === SLOT_MISC && ct === SLOT_ZERO) continue;
    if (ot !== ct) return false;
    if ((i & 7) !== 7) continue;
    if (!slotCovered(old, cur, spi, exact)) return false;
  }
  return true;
}

function slotCovered(old: Frame, cur: Frame, spi: number, exact: Exactness): boolean {
  const b = spi * REG;
  switch (old.types[spi * 8 + 7]) {
    case SLOT_SPILL:
      return regCovered(old.spills, b, cur.spills, b, exact);
    case SLOT_DYNPTR:
    case SLOT_ITER:
    case SLOT_IRQ:
      // Kind and state; how often an iterator has advanced does not matter.
      return (
        old.spills[b + AUX] === cur.spills[b + AUX] &&
        old.spills[b + AUX2] === cur.spills[b + AUX2] &&
        sameId(old.spills[b + REF]!, cur.spills[b + REF]!)
      );
    case SLOT_MISC:
    case SLOT_ZERO:
    case SLOT_INVALID:
      return true;
    default:
      return false;
  }
}

function refsCovered(old: State, cur: State): boolean {
  if (old.refs.length !== cur.refs.length || old.activeLocks !== cur.activeLocks) return false;
  if (old.activePreempt !== cur.activePreempt || old.activeRcu !== cur.activeRcu || old.inSleepable !== cur.inSleepable) return false;
  if (!sameId(old.activeIrq, cur.activeIrq)) return false;
  if (!sameId(old.activeLockId, cur.activeLockId) || old.activeLockPtr !== cur.activeLockPtr) return false;
  for (let i = 0; i < old.refs.length; i++) {
    const r = old.refs[i]!;
    const c = cur.refs[i]!;
    if (!sameId(r.id, c.id) || r.kind !== c.kind || (isLock(r) && r.ptr !== c.ptr)) return false;
  }
  return true;
}

/** Kernel `states_equal`. */
export function statesEqual(env: Env, old: State, cur: State, exact: Exactness): boolean {
  if (old.frames.length !== cur.frames.length) return false;
  // A path that only speculation takes covers no real one.
  if (old.speculative && !cur.speculative) return false;
  allPrecise = !env.rules.bpfCapable;
  exactScalars = env.exploresLimits;
  secretStack = !env.rules.readsUninitStack;
  forgetIds(env);
  if (!refsCovered(old, cur)) return false;
  const first = old.differs;
  const top = old.frames.length - 1;
  const isLive = (env.liveRegs[old.insnIdx]! & (1 << first)) !== 0;
  if (isLive && !regCovered(old.frames[top]!.regs, first * REG, cur.frames[top]!.regs, first * REG, exact)) return false;
  idPairs = 0;
  fresh = env.idGen;
  if (!refsCovered(old, cur)) return false;
  for (let i = 0; i < old.frames.length; i++) {
    const of = old.frames[i]!;
    const cf = cur.frames[i]!;
    if (of.callsite !== cf.callsite || of.callbackDepth > cf.callbackDepth) return false;
    const live = env.liveRegs[old.insnIdxOf(i)]!;
    for (let r = 0; r < MAX_REG; r++) {
      if (!(live & (1 << r)) || regCovered(of.regs, r * REG, cf.regs, r * REG, exact)) continue;
      if (i === top) old.differs = r;
      return false;
    }
    if (!stackCovered(of, cf, exact)) return false;
    if (!deepCovered(of, cf, exact !== 'covered', (o, c) => regCovered(o, 0, c, 0, exact))) return false;
  }
  return true;
}

/** A quick look before the exact comparison: the registers of the current function are the same, ids included. */
export function maybeLooping(old: State, cur: State): boolean {
  if (old.frames.length !== cur.frames.length) return false;
  const o = old.frame.regs;
  const c = cur.frame.regs;
  if (!sameFields(o, old.differs * REG, c, old.differs * REG, FRAMENO)) return false;
  for (let r = 0; r < MAX_REG; r++) {
    if (sameFields(o, r * REG, c, r * REG, FRAMENO)) continue;
    old.differs = r;
    return false;
  }
  return true;
}
