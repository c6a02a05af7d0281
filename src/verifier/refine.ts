import { JEQ, JGE, JGT, JLE, JLT, JNE, JSET, JSGE, JSGT, JSLE, JSLT, X } from '../bpf/insn.ts';
import { boundsSync } from './range.ts';
import { rangeRules } from './range-rules.ts';
import {
  AT_PKT_END,
  AUX,
  BEYOND_PKT_END,
  BTF_ID,
  baseType,
  isConst,
  isConst32,
  isConstScalar,
  isPacketAny,
  isTrusted,
  MAP_KEY,
  MAP_PTR,
  MAP_VALUE,
  MASK_HI,
  MASK_LO,
  MAYBE_NULL,
  MEMORY,
  PACKET_END,
  REF,
  type Regs,
  S32_MAX,
  S32_MIN,
  SCALAR,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  SOCK_COMMON,
  SOCKET,
  TCP_SOCK,
  TYPE,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  UNTRUSTED,
  unbound,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { tnumCopy, tnumIntersect, tnumOverlap } from './tnum.ts';
import { slt, ult } from './w64.ts';

/** What a comparison is known to yield, and what each outcome teaches about its operands. */
const FLIP: Readonly<Record<number, number>> = {
  [JEQ]: JEQ,
  [JNE]: JNE,
  [JSET]: JSET,
  [JGE]: JLE,
  [JGT]: JLT,
  [JLE]: JGE,
  [JLT]: JGT,
  [JSGE]: JSLE,
  [JSGT]: JSLT,
  [JSLE]: JSGE,
  [JSLT]: JSGT,
};

/** The opposite condition; that of a bit test has no opcode of its own and is marked with `X`. */
const REVERSE: Readonly<Record<number, number>> = {
  [JEQ]: JNE,
  [JNE]: JEQ,
  [JSET]: JSET | X,
  [JSET | X]: JSET,
  [JGE]: JLT,
  [JGT]: JLE,
  [JLE]: JGT,
  [JLT]: JGE,
  [JSGE]: JSLT,
  [JSGT]: JSLE,
  [JSLE]: JSGT,
  [JSLT]: JSGE,
};

/** Bounds of one register in the view that a comparison uses, loaded for the current decision. */
class View {
  ul = 0;
  uh = 0;
  wl = 0;
  wh = 0;
  sl = 0;
  sh = 0;
  xl = 0;
  xh = 0;

  load(r: Regs, b: number, is32: boolean): void {
    if (is32) {
      this.ul = r[b + U32_MIN]!;
      this.wl = r[b + U32_MAX]!;
      this.uh = 0;
      this.wh = 0;
      this.sl = r[b + S32_MIN]!;
      this.xl = r[b + S32_MAX]!;
      this.sh = this.sl >> 31;
      this.xh = this.xl >> 31;
      return;
    }
    this.ul = r[b + UMIN_LO]!;
    this.uh = r[b + UMIN_HI]!;
    this.wl = r[b + UMAX_LO]!;
    this.wh = r[b + UMAX_HI]!;
    this.sl = r[b + SMIN_LO]!;
    this.sh = r[b + SMIN_HI]!;
    this.xl = r[b + SMAX_LO]!;
    this.xh = r[b + SMAX_HI]!;
  }
}

const one = new View();
const two = new View();

/** umin of a > umax of b, and so on. */
const uAbove = (a: View, b: View): boolean => ult(b.wl, b.wh, a.ul, a.uh);
const sAbove = (a: View, b: View): boolean => slt(b.xl, b.xh, a.sl, a.sh);
const uAtOrAbove = (a: View, b: View): boolean => !ult(a.ul, a.uh, b.wl, b.wh);
const sAtOrAbove = (a: View, b: View): boolean => !slt(a.sl, a.sh, b.xl, b.xh);

function apart(r1: Regs, b1: number, r2: Regs, b2: number, is32: boolean): boolean {
  if (!tnumOverlap(r1, b1, r2, b2, is32)) return true;
  if (uAbove(one, two) || uAbove(two, one) || sAbove(one, two) || sAbove(two, one)) return true;
  if (is32) return false;
  return (
    r1[b1 + U32_MIN]! >>> 0 > r2[b2 + U32_MAX]! >>> 0 ||
    r1[b1 + U32_MAX]! >>> 0 < r2[b2 + U32_MIN]! >>> 0 ||
    r1[b1 + S32_MIN]! > r2[b2 + S32_MAX]! ||
    r1[b1 + S32_MAX]! < r2[b2 + S32_MIN]!
  );
}

function sameConst(r1: Regs, b1: number, r2: Regs, b2: number, is32: boolean): number {
  if (is32) {
    if (!isConst32(r1, b1) || !isConst32(r2, b2)) return -1;
    return r1[b1 + VALUE_LO] === r2[b2 + VALUE_LO] ? 1 : 0;
  }
  if (!isConst(r1, b1) || !isConst(r2, b2)) return -1;
  return r1[b1 + VALUE_LO] === r2[b2 + VALUE_LO] && r1[b1 + VALUE_HI] === r2[b2 + VALUE_HI] ? 1 : 0;
}

function bitsTaken(r1: Regs, b1: number, r2: Regs, b2: number, is32: boolean): number {
  let r = r1;
  let b = b1;
  let c = r2;
  let cb = b2;
  if (!isConstScalar(r2, b2, is32)) {
    r = r2;
    b = b2;
    c = r1;
    cb = b1;
  }
  if (!isConstScalar(c, cb, is32)) return -1;
  const lo = c[cb + VALUE_LO]!;
  const hi = is32 ? 0 : c[cb + VALUE_HI]!;
  const vl = r[b + VALUE_LO]!;
  const vh = r[b + VALUE_HI]!;
  if (((vl & lo) | (vh & hi)) !== 0) return 1;
  if ((((vl | r[b + MASK_LO]!) & lo) | ((vh | r[b + MASK_HI]!) & hi)) === 0) return 0;
  return -1;
}

function scalarTaken(r1: Regs, b1: number, r2: Regs, b2: number, op: number, is32: boolean): number {
  one.load(r1, b1, is32);
  two.load(r2, b2, is32);
  switch (op) {
    case JEQ:
    case JNE: {
      const same = sameConst(r1, b1, r2, b2, is32);
      if (same >= 0) return op === JEQ ? same : 1 - same;
      if (rangeRules.signs) return -1;
      if (apart(r1, b1, r2, b2, is32)) return op === JEQ ? 0 : 1;
      return -1;
    }
    case JSET:
      return bitsTaken(r1, b1, r2, b2, is32);
    case JGT:
      return uAbove(one, two) ? 1 : uAtOrAbove(two, one) ? 0 : -1;
    case JSGT:
      return sAbove(one, two) ? 1 : sAtOrAbove(two, one) ? 0 : -1;
    case JLT:
      return uAbove(two, one) ? 1 : uAtOrAbove(one, two) ? 0 : -1;
    case JSLT:
      return sAbove(two, one) ? 1 : sAtOrAbove(one, two) ? 0 : -1;
    case JGE:
      return uAtOrAbove(one, two) ? 1 : uAbove(two, one) ? 0 : -1;
    case JSGE:
      return sAtOrAbove(one, two) ? 1 : sAbove(two, one) ? 0 : -1;
    case JLE:
      return uAtOrAbove(two, one) ? 1 : uAbove(one, two) ? 0 : -1;
    case JSLE:
      return sAtOrAbove(two, one) ? 1 : sAbove(one, two) ? 0 : -1;
    default:
      return -1;
  }
}

const NOT_NULL = new Set([SOCKET, TCP_SOCK, MAP_VALUE, MAP_KEY, SOCK_COMMON, MAP_PTR]);

/** A pointer that cannot be null (kernel `reg_not_null`). */
function isNotNull(r: Regs, b: number): boolean {
  const type = r[b + TYPE]!;
  if (type & MAYBE_NULL) return false;
  const base = baseType(type);
  if (base === BTF_ID) return isTrusted(type, r[b + REF]!);
  return NOT_NULL.has(base) || (base === MEMORY && (type & UNTRUSTED) === 0);
}

function packetTaken(r1: Regs, b1: number, r2: Regs, b2: number, op: number): number {
  let range: number;
  let cond = op;
  if (r2[b2 + TYPE] === PACKET_END) {
    range = r1[b1 + AUX]!;
  } else if (r1[b1 + TYPE] === PACKET_END) {
    range = r2[b2 + AUX]!;
    cond = FLIP[op] ?? op;
  } else {
    return -1;
  }
  if (range >= 0) return -1;
  if (cond === JLE || cond === JGT) return range === BEYOND_PKT_END ? (cond === JGT ? 1 : 0) : -1;
  if (cond === JLT || cond === JGE) return range === BEYOND_PKT_END || range === AT_PKT_END ? (cond === JGE ? 1 : 0) : -1;
  return -1;
}

/** Up to 6.1 fewer kinds of pointers were known not to be null. */
const NOT_NULL_EARLY = new Set([SOCKET, TCP_SOCK, MAP_VALUE, MAP_KEY, SOCK_COMMON]);

/** 1 when the branch is always taken, 0 when never, -1 when both ways are possible (kernel `is_branch_taken`). */
export function branchTaken(r1: Regs, b1: number, r2: Regs, b2: number, op: number, is32: boolean, knowsNotNull = true): number {
  const t1 = r1[b1 + TYPE]!;
  const t2 = r2[b2 + TYPE]!;
  if (rangeRules.signs && t2 === SCALAR && !isConstScalar(r2, b2, is32)) return -1;
  if (t1 === SCALAR && t2 === SCALAR) return scalarTaken(r1, b1, r2, b2, op, is32);
  if (isPacketAny(t1) && isPacketAny(t2) && !is32) return packetTaken(r1, b1, r2, b2, op);
  if (rangeRules.signs && t2 !== SCALAR) return -1;
  const constSecond = isConstScalar(r2, b2, is32);
  const cond = constSecond ? op : FLIP[op];
  const p = constSecond ? r1 : r2;
  const pb = constSecond ? b1 : b2;
  const c = constSecond ? r2 : r1;
  const cb = constSecond ? b2 : b1;
  if (!isConstScalar(c, cb, is32) || !(knowsNotNull ? isNotNull(p, pb) : NOT_NULL_EARLY.has(p[pb + TYPE]!))) return -1;
  if (c[cb + VALUE_LO] !== 0 || (!is32 && c[cb + VALUE_HI] !== 0)) return -1;
  return cond === JEQ ? 0 : cond === JNE ? 1 : -1;
}

function minU(r: Regs, at: number, lo: number, hi: number): void {
  if (ult(lo, hi, r[at]!, r[at + 1]!)) {
    r[at] = lo;
    r[at + 1] = hi;
  }
}

function maxU(r: Regs, at: number, lo: number, hi: number): void {
  if (ult(r[at]!, r[at + 1]!, lo, hi)) {
    r[at] = lo;
    r[at + 1] = hi;
  }
}

function minS(r: Regs, at: number, lo: number, hi: number): void {
  if (slt(lo, hi, r[at]!, r[at + 1]!)) {
    r[at] = lo;
    r[at + 1] = hi;
  }
}

function maxS(r: Regs, at: number, lo: number, hi: number): void {
  if (slt(r[at]!, r[at + 1]!, lo, hi)) {
    r[at] = lo;
    r[at + 1] = hi;
  }
}

function equal(a: Regs, ab: number, c: Regs, cb: number, is32: boolean): void {
  if (is32) {
    a[ab + U32_MIN] = Math.max(a[ab + U32_MIN]! >>> 0, c[cb + U32_MIN]! >>> 0);
    a[ab + U32_MAX] = Math.min(a[ab + U32_MAX]! >>> 0, c[cb + U32_MAX]! >>> 0);
    a[ab + S32_MIN] = Math.max(a[ab + S32_MIN]!, c[cb + S32_MIN]!);
    a[ab + S32_MAX] = Math.min(a[ab + S32_MAX]!, c[cb + S32_MAX]!);
    for (let i = S32_MIN; i <= U32_MAX; i++) c[cb + i] = a[ab + i]!;
    const ml = a[ab + MASK_LO]! & c[cb + MASK_LO]!;
    const vl = (a[ab + VALUE_LO]! | c[cb + VALUE_LO]!) & ~ml;
    a[ab + VALUE_LO] = vl;
    a[ab + MASK_LO] = ml;
    c[cb + VALUE_LO] = vl;
    c[cb + MASK_LO] = ml;
    return;
  }
  maxU(a, ab + UMIN_LO, c[cb + UMIN_LO]!, c[cb + UMIN_HI]!);
  minU(a, ab + UMAX_LO, c[cb + UMAX_LO]!, c[cb + UMAX_HI]!);
  maxS(a, ab + SMIN_LO, c[cb + SMIN_LO]!, c[cb + SMIN_HI]!);
  minS(a, ab + SMAX_LO, c[cb + SMAX_LO]!, c[cb + SMAX_HI]!);
  for (let i = SMIN_LO; i <= UMAX_HI; i++) c[cb + i] = a[ab + i]!;
  tnumIntersect(a, ab, c, cb);
  tnumCopy(c, cb, a, ab);
}

function step(r: Regs, at: number, lo: number, hi: number, by: number): void {
  if (r[at] !== lo || r[at + 1] !== hi) return;
  const next = (lo + by) | 0;
  r[at] = next;
  if (by > 0 && next === 0) r[at + 1] = (hi + 1) | 0;
  if (by < 0 && lo === 0) r[at + 1] = (hi - 1) | 0;
}

function notEqual(a: Regs, ab: number, c: Regs, cb: number, is32: boolean): void {
  const lo = c[cb + VALUE_LO]!;
  if (is32) {
    if (a[ab + U32_MIN] === lo) a[ab + U32_MIN] = lo + 1;
    if (a[ab + U32_MAX] === lo) a[ab + U32_MAX] = lo - 1;
    if (a[ab + S32_MIN] === lo) a[ab + S32_MIN] = lo + 1;
    if (a[ab + S32_MAX] === lo) a[ab + S32_MAX] = lo - 1;
    return;
  }
  const hi = c[cb + VALUE_HI]!;
  step(a, ab + UMIN_LO, lo, hi, 1);
  step(a, ab + UMAX_LO, lo, hi, -1);
  step(a, ab + SMIN_LO, lo, hi, 1);
  step(a, ab + SMAX_LO, lo, hi, -1);
}

function bitSet(a: Regs, ab: number, c: Regs, cb: number, is32: boolean): void {
  const lo = c[cb + VALUE_LO]!;
  const hi = is32 ? 0 : c[cb + VALUE_HI]!;
  const loPower = lo !== 0 && (lo & (lo - 1)) === 0;
  const hiPower = hi !== 0 && (hi & (hi - 1)) === 0;
  if (!(loPower && hi === 0) && !(hiPower && lo === 0)) return;
  a[ab + VALUE_LO]! |= lo;
  a[ab + MASK_LO]! &= ~lo;
  a[ab + VALUE_HI]! |= hi;
  a[ab + MASK_HI]! &= ~hi;
}

function bitsClear(a: Regs, ab: number, c: Regs, cb: number, is32: boolean): void {
  const lo = c[cb + VALUE_LO]!;
  const hi = is32 ? 0 : c[cb + VALUE_HI]!;
  unbound(a, ab);
  a[ab + VALUE_LO]! &= ~lo;
  a[ab + MASK_LO]! &= ~lo;
  a[ab + VALUE_HI]! &= ~hi;
  a[ab + MASK_HI]! &= ~hi;
}

/** a ≤ b or a < b, in one of the four views. */
function less(a: Regs, ab: number, c: Regs, cb: number, op: number, is32: boolean): void {
  const strict = op === JLT || op === JSLT;
  const by = strict ? 1 : 0;
  if (op === JLE || op === JLT) {
    if (is32) {
      a[ab + U32_MAX] = Math.min(a[ab + U32_MAX]! >>> 0, (c[cb + U32_MAX]! - by) >>> 0);
      c[cb + U32_MIN] = Math.max((a[ab + U32_MIN]! + by) >>> 0, c[cb + U32_MIN]! >>> 0);
      return;
    }
    const wl = c[cb + UMAX_LO]!;
    minU(a, ab + UMAX_LO, (wl - by) | 0, (c[cb + UMAX_HI]! - (strict && wl === 0 ? 1 : 0)) | 0);
    const ul = (a[ab + UMIN_LO]! + by) | 0;
    maxU(c, cb + UMIN_LO, ul, (a[ab + UMIN_HI]! + (strict && ul === 0 ? 1 : 0)) | 0);
    return;
  }
  if (is32) {
    a[ab + S32_MAX] = Math.min(a[ab + S32_MAX]!, (c[cb + S32_MAX]! - by) | 0);
    c[cb + S32_MIN] = Math.max((a[ab + S32_MIN]! + by) | 0, c[cb + S32_MIN]!);
    return;
  }
  const xl = c[cb + SMAX_LO]!;
  minS(a, ab + SMAX_LO, (xl - by) | 0, (c[cb + SMAX_HI]! - (strict && xl === 0 ? 1 : 0)) | 0);
  const sl = (a[ab + SMIN_LO]! + by) | 0;
  maxS(c, cb + SMIN_LO, sl, (a[ab + SMIN_HI]! + (strict && sl === 0 ? 1 : 0)) | 0);
}

function refine(r1: Regs, b1: number, r2: Regs, b2: number, opcode: number, is32: boolean): void {
  const swap = opcode === JGE || opcode === JGT || opcode === JSGE || opcode === JSGT;
  const op = swap ? FLIP[opcode]! : opcode;
  let a = swap ? r2 : r1;
  let ab = swap ? b2 : b1;
  let c = swap ? r1 : r2;
  let cb = swap ? b1 : b2;
  if (op === JNE || op === JSET || op === (JSET | X)) {
    if (!isConstScalar(c, cb, is32)) {
      [a, c] = [c, a];
      [ab, cb] = [cb, ab];
    }
    if (!isConstScalar(c, cb, is32)) return;
    if (op === JNE) notEqual(a, ab, c, cb, is32);
    else if (op === JSET) bitSet(a, ab, c, cb, is32);
    else bitsClear(a, ab, c, cb, is32);
    return;
  }
  if (op === JEQ) equal(a, ab, c, cb, is32);
  else if (op === JLE || op === JLT || op === JSLE || op === JSLT) less(a, ab, c, cb, op, is32);
}

/** Narrows two scalars by a comparison that holds. */
export function refineTaken(r1: Regs, b1: number, r2: Regs, b2: number, op: number, is32: boolean): void {
  refine(r1, b1, r2, b2, op, is32);
  boundsSync(r1, b1);
  boundsSync(r2, b2);
}

/** Narrows two scalars by a comparison that does not hold. */
export function refineNotTaken(r1: Regs, b1: number, r2: Regs, b2: number, op: number, is32: boolean): void {
  refineTaken(r1, b1, r2, b2, REVERSE[op] ?? 0, is32);
}
