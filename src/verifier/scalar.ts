import { update32FromTnum, updateFromTnum } from './range.ts';
import { rangeRules } from './range-rules.ts';
import {
  copyReg,
  INT_MAX,
  INT_MIN,
  isConst,
  isConst32,
  MASK_LO,
  markKnown,
  markKnown32,
  REG,
  type Regs,
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  unbound32,
  unbound64,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { setTnum, tnumAdd, tnumAnd, tnumCast, tnumLsh, tnumMul, tnumOr, tnumRsh, tnumSub, tnumXor } from './tnum.ts';
import { H, sar64, shl64, shr64, slt, smulOverflows, ult, umulOverflows } from './w64.ts';

/**
 * Arithmetic on abstract scalars: each function changes register `d` by register `s`, in the 32-bit view, the 64-bit view
 * and the tnum. The caller joins the views afterwards (`boundsSync`).
 */
const UMAX32 = 4294967295;

function add32(d: Regs, db: number, s: Regs, sb: number): void {
  const min = d[db + S32_MIN]! + s[sb + S32_MIN]!;
  const max = d[db + S32_MAX]! + s[sb + S32_MAX]!;
  const fits = min >= INT_MIN && max <= INT_MAX && min <= INT_MAX && max >= INT_MIN;
  d[db + S32_MIN] = fits ? min : INT_MIN;
  d[db + S32_MAX] = fits ? max : INT_MAX;
  const umin = (d[db + U32_MIN]! >>> 0) + (s[sb + U32_MIN]! >>> 0);
  const umax = (d[db + U32_MAX]! >>> 0) + (s[sb + U32_MAX]! >>> 0);
  // When both ends wrap, or neither does, the range stays in order.
  const torn = umax > UMAX32 && (umin <= UMAX32 || rangeRules.plain);
  d[db + U32_MIN] = torn ? 0 : umin | 0;
  d[db + U32_MAX] = torn ? -1 : umax | 0;
}

/** a + b into `H.hi` and the result; signed overflow in `overflow.value`. */
const overflow = { value: false };

function sadd(al: number, ah: number, bl: number, bh: number): number {
  const lo = (al + bl) | 0;
  const hi = (ah + bh + (lo >>> 0 < al >>> 0 ? 1 : 0)) | 0;
  overflow.value = ((ah ^ hi) & (bh ^ hi)) < 0;
  H.hi = hi;
  return lo;
}

function ssub(al: number, ah: number, bl: number, bh: number): number {
  const lo = (al - bl) | 0;
  const hi = (ah - bh - (al >>> 0 < bl >>> 0 ? 1 : 0)) | 0;
  overflow.value = ((ah ^ bh) & (ah ^ hi)) < 0;
  H.hi = hi;
  return lo;
}

function setSigned64(d: Regs, db: number, minLo: number, minHi: number, maxLo: number, maxHi: number): void {
  d[db + SMIN_LO] = minLo;
  d[db + SMIN_HI] = minHi;
  d[db + SMAX_LO] = maxLo;
  d[db + SMAX_HI] = maxHi;
}

function setUnsigned64(d: Regs, db: number, minLo: number, minHi: number, maxLo: number, maxHi: number): void {
  d[db + UMIN_LO] = minLo;
  d[db + UMIN_HI] = minHi;
  d[db + UMAX_LO] = maxLo;
  d[db + UMAX_HI] = maxHi;
}

function add64(d: Regs, db: number, s: Regs, sb: number): void {
  const minLo = sadd(d[db + SMIN_LO]!, d[db + SMIN_HI]!, s[sb + SMIN_LO]!, s[sb + SMIN_HI]!);
  const minHi = H.hi;
  const minBad = overflow.value;
  const maxLo = sadd(d[db + SMAX_LO]!, d[db + SMAX_HI]!, s[sb + SMAX_LO]!, s[sb + SMAX_HI]!);
  if (minBad || overflow.value) setSigned64(d, db, 0, INT_MIN, -1, INT_MAX);
  else setSigned64(d, db, minLo, minHi, maxLo, H.hi);
  const ul = sadd(d[db + UMIN_LO]!, d[db + UMIN_HI]!, s[sb + UMIN_LO]!, s[sb + UMIN_HI]!);
  const uh = H.hi;
  const minWraps = ult(ul, uh, d[db + UMIN_LO]!, d[db + UMIN_HI]!);
  const wl = sadd(d[db + UMAX_LO]!, d[db + UMAX_HI]!, s[sb + UMAX_LO]!, s[sb + UMAX_HI]!);
  const wh = H.hi;
  const maxWraps = ult(wl, wh, d[db + UMAX_LO]!, d[db + UMAX_HI]!);
  if (maxWraps && (!minWraps || rangeRules.plain)) setUnsigned64(d, db, 0, 0, -1, -1);
  else setUnsigned64(d, db, ul, uh, wl, wh);
}

function sub32(d: Regs, db: number, s: Regs, sb: number): void {
  const min = d[db + S32_MIN]! - s[sb + S32_MAX]!;
  const max = d[db + S32_MAX]! - s[sb + S32_MIN]!;
  const fits = min >= INT_MIN && max <= INT_MAX && min <= INT_MAX && max >= INT_MIN;
  d[db + S32_MIN] = fits ? min : INT_MIN;
  d[db + S32_MAX] = fits ? max : INT_MAX;
  const umin = (d[db + U32_MIN]! >>> 0) - (s[sb + U32_MAX]! >>> 0);
  const umax = (d[db + U32_MAX]! >>> 0) - (s[sb + U32_MIN]! >>> 0);
  const torn = umin < 0 && (umax >= 0 || rangeRules.plain);
  d[db + U32_MIN] = torn ? 0 : umin | 0;
  d[db + U32_MAX] = torn ? -1 : umax | 0;
}

function sub64(d: Regs, db: number, s: Regs, sb: number): void {
  const minLo = ssub(d[db + SMIN_LO]!, d[db + SMIN_HI]!, s[sb + SMAX_LO]!, s[sb + SMAX_HI]!);
  const minHi = H.hi;
  const minBad = overflow.value;
  const maxLo = ssub(d[db + SMAX_LO]!, d[db + SMAX_HI]!, s[sb + SMIN_LO]!, s[sb + SMIN_HI]!);
  if (minBad || overflow.value) setSigned64(d, db, 0, INT_MIN, -1, INT_MAX);
  else setSigned64(d, db, minLo, minHi, maxLo, H.hi);
  const minWraps = ult(d[db + UMIN_LO]!, d[db + UMIN_HI]!, s[sb + UMAX_LO]!, s[sb + UMAX_HI]!);
  const ul = ssub(d[db + UMIN_LO]!, d[db + UMIN_HI]!, s[sb + UMAX_LO]!, s[sb + UMAX_HI]!);
  const uh = H.hi;
  const maxWraps = ult(d[db + UMAX_LO]!, d[db + UMAX_HI]!, s[sb + UMIN_LO]!, s[sb + UMIN_HI]!);
  const wl = ssub(d[db + UMAX_LO]!, d[db + UMAX_HI]!, s[sb + UMIN_LO]!, s[sb + UMIN_HI]!);
  if (minWraps && (!maxWraps || rangeRules.plain)) setUnsigned64(d, db, 0, 0, -1, -1);
  else setUnsigned64(d, db, ul, uh, wl, H.hi);
}

export function scalarAdd(d: Regs, db: number, s: Regs, sb: number): void {
  add32(d, db, s, sb);
  add64(d, db, s, sb);
  tnumAdd(d, db, s, sb);
}

export function scalarSub(d: Regs, db: number, s: Regs, sb: number): void {
  sub32(d, db, s, sb);
  sub64(d, db, s, sb);
  tnumSub(d, db, s, sb);
}

const negated = new Int32Array(REG);

export function scalarNeg(d: Regs, db: number): void {
  copyReg(negated, 0, d, db);
  markKnown(d, db, 0, 0);
  scalarSub(d, db, negated, 0);
}

function mul32(d: Regs, db: number, s: Regs, sb: number): void {
  const umin = (d[db + U32_MIN]! >>> 0) * (s[sb + U32_MIN]! >>> 0);
  const umax = (d[db + U32_MAX]! >>> 0) * (s[sb + U32_MAX]! >>> 0);
  const uFits = umax <= UMAX32 && umin <= UMAX32;
  d[db + U32_MIN] = uFits ? umin | 0 : 0;
  d[db + U32_MAX] = uFits ? umax | 0 : -1;
  const a = d[db + S32_MIN]!;
  const b = d[db + S32_MAX]!;
  const c = s[sb + S32_MIN]!;
  const e = s[sb + S32_MAX]!;
  const min = Math.min(a * c, a * e, b * c, b * e);
  const max = Math.max(a * c, a * e, b * c, b * e);
  const fits = min >= INT_MIN && max <= INT_MAX;
  d[db + S32_MIN] = fits ? min : INT_MIN;
  d[db + S32_MAX] = fits ? max : INT_MAX;
}

const product = new Int32Array(8);

function mulSigned64(d: Regs, db: number, s: Regs, sb: number): boolean {
  for (let i = 0; i < 4; i++) {
    const a = db + (i < 2 ? SMIN_LO : SMAX_LO);
    const b = sb + (i & 1 ? SMAX_LO : SMIN_LO);
    if (smulOverflows(d[a]!, d[a + 1]!, s[b]!, s[b + 1]!)) return false;
    product[i * 2] = H.lo;
    product[i * 2 + 1] = H.hi;
  }
  let min = 0;
  let max = 0;
  for (let i = 2; i < 8; i += 2) {
    if (slt(product[i]!, product[i + 1]!, product[min]!, product[min + 1]!)) min = i;
    if (slt(product[max]!, product[max + 1]!, product[i]!, product[i + 1]!)) max = i;
  }
  setSigned64(d, db, product[min]!, product[min + 1]!, product[max]!, product[max + 1]!);
  return true;
}

/** Up to 6.12: only small numbers that are not negative (kernel `scalar_min_max_mul`). */
function mulPlain(d: Regs, db: number, s: Regs, sb: number): void {
  const small32 = d[db + U32_MAX]! >>> 0 <= 0xffff && s[sb + U32_MAX]! >>> 0 <= 0xffff;
  if (small32 && s[sb + S32_MIN]! >= 0 && d[db + S32_MIN]! >= 0) {
    d[db + U32_MIN] = Math.imul(d[db + U32_MIN]!, s[sb + U32_MIN]!);
    d[db + U32_MAX] = Math.imul(d[db + U32_MAX]!, s[sb + U32_MAX]!);
    const fits = d[db + U32_MAX]! >= 0;
    d[db + S32_MIN] = fits ? d[db + U32_MIN]! : INT_MIN;
    d[db + S32_MAX] = fits ? d[db + U32_MAX]! : INT_MAX;
  } else {
    unbound32(d, db);
  }
  const small64 = d[db + UMAX_HI] === 0 && s[sb + UMAX_HI] === 0;
  if (!small64 || s[sb + SMIN_HI]! < 0 || d[db + SMIN_HI]! < 0) {
    unbound64(d, db);
    return;
  }
  umulOverflows(d[db + UMIN_LO]!, 0, s[sb + UMIN_LO]!, 0);
  const lo = H.lo;
  const hi = H.hi;
  umulOverflows(d[db + UMAX_LO]!, 0, s[sb + UMAX_LO]!, 0);
  setUnsigned64(d, db, lo, hi, H.lo, H.hi);
  if (H.hi < 0) setSigned64(d, db, 0, INT_MIN, -1, INT_MAX);
  else setSigned64(d, db, lo, hi, H.lo, H.hi);
}

export function scalarMul(d: Regs, db: number, s: Regs, sb: number): void {
  tnumMul(d, db, s, sb);
  if (rangeRules.plain) {
    mulPlain(d, db, s, sb);
    return;
  }
  mul32(d, db, s, sb);
  let fits = !umulOverflows(d[db + UMAX_LO]!, d[db + UMAX_HI]!, s[sb + UMAX_LO]!, s[sb + UMAX_HI]!);
  if (fits) {
    const wl = H.lo;
    const wh = H.hi;
    fits = !umulOverflows(d[db + UMIN_LO]!, d[db + UMIN_HI]!, s[sb + UMIN_LO]!, s[sb + UMIN_HI]!);
    if (fits) setUnsigned64(d, db, H.lo, H.hi, wl, wh);
  }
  if (!fits) setUnsigned64(d, db, 0, 0, -1, -1);
  if (!mulSigned64(d, db, s, sb)) setSigned64(d, db, 0, INT_MIN, -1, INT_MAX);
}

/** Both numbers cannot be negative: up to 6.6 that alone let bitwise operations keep signed bounds. */
const positive32 = (d: Regs, db: number, s: Regs, sb: number): boolean => d[db + S32_MIN]! >= 0 && s[sb + S32_MIN]! >= 0;
const positive64 = (d: Regs, db: number, s: Regs, sb: number): boolean => d[db + SMIN_HI]! >= 0 && s[sb + SMIN_HI]! >= 0;

/** Signed bounds from unsigned ones where the order agrees, else none. */
function signedFromUnsigned32(d: Regs, db: number, positive: boolean): void {
  const inOrder = rangeRules.signs ? positive : d[db + U32_MIN]! <= d[db + U32_MAX]!;
  d[db + S32_MIN] = inOrder ? d[db + U32_MIN]! : INT_MIN;
  d[db + S32_MAX] = inOrder ? d[db + U32_MAX]! : INT_MAX;
}

function signedFromUnsigned64(d: Regs, db: number, positive: boolean): void {
  if (rangeRules.signs ? !positive : slt(d[db + UMAX_LO]!, d[db + UMAX_HI]!, d[db + UMIN_LO]!, d[db + UMIN_HI]!))
    setSigned64(d, db, 0, INT_MIN, -1, INT_MAX);
  else setSigned64(d, db, d[db + UMIN_LO]!, d[db + UMIN_HI]!, d[db + UMAX_LO]!, d[db + UMAX_HI]!);
}

export function scalarAnd(d: Regs, db: number, s: Regs, sb: number): void {
  tnumAnd(d, db, s, sb);
  if (isConst32(s, sb) && isConst32(d, db)) {
    markKnown32(d, db, d[db + VALUE_LO]!);
  } else {
    d[db + U32_MIN] = d[db + VALUE_LO]!;
    if (s[sb + U32_MAX]! >>> 0 < d[db + U32_MAX]! >>> 0) d[db + U32_MAX] = s[sb + U32_MAX]!;
    signedFromUnsigned32(d, db, positive32(d, db, s, sb));
  }
  if (isConst(s, sb) && isConst(d, db)) {
    markKnown(d, db, d[db + VALUE_LO]!, d[db + VALUE_HI]!);
    return;
  }
  d[db + UMIN_LO] = d[db + VALUE_LO]!;
  d[db + UMIN_HI] = d[db + VALUE_HI]!;
  if (ult(s[sb + UMAX_LO]!, s[sb + UMAX_HI]!, d[db + UMAX_LO]!, d[db + UMAX_HI]!)) {
    d[db + UMAX_LO] = s[sb + UMAX_LO]!;
    d[db + UMAX_HI] = s[sb + UMAX_HI]!;
  }
  signedFromUnsigned64(d, db, positive64(d, db, s, sb));
  updateFromTnum(d, db);
}

export function scalarOr(d: Regs, db: number, s: Regs, sb: number): void {
  tnumOr(d, db, s, sb);
  if (isConst32(s, sb) && isConst32(d, db)) {
    markKnown32(d, db, d[db + VALUE_LO]!);
  } else {
    if (s[sb + U32_MIN]! >>> 0 > d[db + U32_MIN]! >>> 0) d[db + U32_MIN] = s[sb + U32_MIN]!;
    d[db + U32_MAX] = d[db + VALUE_LO]! | d[db + MASK_LO]!;
    signedFromUnsigned32(d, db, positive32(d, db, s, sb));
  }
  if (isConst(s, sb) && isConst(d, db)) {
    markKnown(d, db, d[db + VALUE_LO]!, d[db + VALUE_HI]!);
    return;
  }
  if (ult(d[db + UMIN_LO]!, d[db + UMIN_HI]!, s[sb + UMIN_LO]!, s[sb + UMIN_HI]!)) {
    d[db + UMIN_LO] = s[sb + UMIN_LO]!;
    d[db + UMIN_HI] = s[sb + UMIN_HI]!;
  }
  umaxFromTnum(d, db);
  signedFromUnsigned64(d, db, positive64(d, db, s, sb));
  updateFromTnum(d, db);
}

function umaxFromTnum(d: Regs, db: number): void {
  d[db + UMAX_LO] = d[db + VALUE_LO]! | d[db + MASK_LO]!;
  d[db + UMAX_HI] = d[db + VALUE_HI]! | d[db + MASK_LO + 1]!;
}

export function scalarXor(d: Regs, db: number, s: Regs, sb: number): void {
  tnumXor(d, db, s, sb);
  if (isConst32(s, sb) && isConst32(d, db)) {
    markKnown32(d, db, d[db + VALUE_LO]!);
  } else {
    d[db + U32_MIN] = d[db + VALUE_LO]!;
    d[db + U32_MAX] = d[db + VALUE_LO]! | d[db + MASK_LO]!;
    signedFromUnsigned32(d, db, positive32(d, db, s, sb));
  }
  if (isConst(s, sb) && isConst(d, db)) {
    markKnown(d, db, d[db + VALUE_LO]!, d[db + VALUE_HI]!);
    return;
  }
  d[db + UMIN_LO] = d[db + VALUE_LO]!;
  d[db + UMIN_HI] = d[db + VALUE_HI]!;
  umaxFromTnum(d, db);
  signedFromUnsigned64(d, db, positive64(d, db, s, sb));
  updateFromTnum(d, db);
}

function lsh32Bounds(d: Regs, db: number, n: number): void {
  d[db + S32_MIN] = INT_MIN;
  d[db + S32_MAX] = INT_MAX;
  if (n > 31 || d[db + U32_MAX]! >>> 0 > 2 ** (31 - n)) {
    d[db + U32_MIN] = 0;
    d[db + U32_MAX] = -1;
  } else {
    d[db + U32_MIN]! <<= n;
    d[db + U32_MAX]! <<= n;
  }
}

/** Shifts have constant, checked distances: others lose all knowledge before this point. */
export function scalarLsh32(d: Regs, db: number, n: number): void {
  lsh32Bounds(d, db, n);
  tnumCast(d, db, 4);
  tnumLsh(d, db, n);
  tnumCast(d, db, 4);
  unbound64(d, db);
  update32FromTnum(d, db);
}

export function scalarLsh64(d: Regs, db: number, n: number): void {
  if (n === 32) setSigned64(d, db, 0, d[db + S32_MIN]!, 0, d[db + S32_MAX]!);
  else setSigned64(d, db, 0, INT_MIN, -1, INT_MAX);
  const limitLo = shl64(1, 0, 63 - n);
  if (ult(limitLo, H.hi, d[db + UMAX_LO]!, d[db + UMAX_HI]!)) {
    setUnsigned64(d, db, 0, 0, -1, -1);
  } else {
    const ul = shl64(d[db + UMIN_LO]!, d[db + UMIN_HI]!, n);
    const uh = H.hi;
    const wl = shl64(d[db + UMAX_LO]!, d[db + UMAX_HI]!, n);
    setUnsigned64(d, db, ul, uh, wl, H.hi);
  }
  lsh32Bounds(d, db, n);
  tnumLsh(d, db, n);
  updateFromTnum(d, db);
}

export function scalarRsh32(d: Regs, db: number, n: number): void {
  d[db + S32_MIN] = INT_MIN;
  d[db + S32_MAX] = INT_MAX;
  tnumCast(d, db, 4);
  tnumRsh(d, db, n);
  d[db + U32_MIN] = d[db + U32_MIN]! >>> n;
  d[db + U32_MAX] = d[db + U32_MAX]! >>> n;
  unbound64(d, db);
  update32FromTnum(d, db);
}

export function scalarRsh64(d: Regs, db: number, n: number): void {
  setSigned64(d, db, 0, INT_MIN, -1, INT_MAX);
  tnumRsh(d, db, n);
  const ul = shr64(d[db + UMIN_LO]!, d[db + UMIN_HI]!, n);
  const uh = H.hi;
  const wl = shr64(d[db + UMAX_LO]!, d[db + UMAX_HI]!, n);
  setUnsigned64(d, db, ul, uh, wl, H.hi);
  unbound32(d, db);
  updateFromTnum(d, db);
}

export function scalarArsh32(d: Regs, db: number, n: number): void {
  d[db + S32_MIN]! >>= n;
  d[db + S32_MAX]! >>= n;
  setTnum(d, db, d[db + VALUE_LO]! >> n, 0, d[db + MASK_LO]! >> n, 0);
  d[db + U32_MIN] = 0;
  d[db + U32_MAX] = -1;
  unbound64(d, db);
  update32FromTnum(d, db);
}

export function scalarArsh64(d: Regs, db: number, n: number): void {
  const minLo = sar64(d[db + SMIN_LO]!, d[db + SMIN_HI]!, n);
  const minHi = H.hi;
  const maxLo = sar64(d[db + SMAX_LO]!, d[db + SMAX_HI]!, n);
  setSigned64(d, db, minLo, minHi, maxLo, H.hi);
  const vl = sar64(d[db + VALUE_LO]!, d[db + VALUE_HI]!, n);
  const vh = H.hi;
  const ml = sar64(d[db + MASK_LO]!, d[db + MASK_LO + 1]!, n);
  setTnum(d, db, vl, vh, ml, H.hi);
  setUnsigned64(d, db, 0, 0, -1, -1);
  unbound32(d, db);
  updateFromTnum(d, db);
}
