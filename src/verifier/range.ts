import { rangeRules } from './range-rules.ts';
import { deduceSigns32, deduceSigns64, narrow64Into32 } from './range-signs.ts';
import {
  INT_MAX,
  INT_MIN,
  MASK_HI,
  MASK_LO,
  type Regs,
  S32_MAX,
  S32_MIN,
  SMAX_HI,
  SMAX_LO,
  SMIN_HI,
  SMIN_LO,
  setValue,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMAX_LO,
  UMIN_HI,
  UMIN_LO,
  unbound,
  unbound32,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { setTnum, tnumCast, tnumIntersect, tnumRange, tnumStep } from './tnum.ts';
import { H, slt, ult } from './w64.ts';

/**
 * Bounds of a scalar in four views (64- and 32-bit, signed and unsigned) and what each teaches the others and the tnum.
 * The order of the steps is the kernel's (`reg_bounds_sync`), because the steps lose different things in another order.
 */
function raiseSmin(r: Regs, b: number, lo: number, hi: number): void {
  if (slt(r[b + SMIN_LO]!, r[b + SMIN_HI]!, lo, hi)) {
    r[b + SMIN_LO] = lo;
    r[b + SMIN_HI] = hi;
  }
}

function lowerSmax(r: Regs, b: number, lo: number, hi: number): void {
  if (slt(lo, hi, r[b + SMAX_LO]!, r[b + SMAX_HI]!)) {
    r[b + SMAX_LO] = lo;
    r[b + SMAX_HI] = hi;
  }
}

function raiseUmin(r: Regs, b: number, lo: number, hi: number): void {
  if (ult(r[b + UMIN_LO]!, r[b + UMIN_HI]!, lo, hi)) {
    r[b + UMIN_LO] = lo;
    r[b + UMIN_HI] = hi;
  }
}

function lowerUmax(r: Regs, b: number, lo: number, hi: number): void {
  if (ult(lo, hi, r[b + UMAX_LO]!, r[b + UMAX_HI]!)) {
    r[b + UMAX_LO] = lo;
    r[b + UMAX_HI] = hi;
  }
}

function clampS32(r: Regs, b: number, min: number, max: number): void {
  if (min > r[b + S32_MIN]!) r[b + S32_MIN] = min;
  if (max < r[b + S32_MAX]!) r[b + S32_MAX] = max;
}

function clampU32(r: Regs, b: number, min: number, max: number): void {
  if (min >>> 0 > r[b + U32_MIN]! >>> 0) r[b + U32_MIN] = min;
  if (max >>> 0 < r[b + U32_MAX]! >>> 0) r[b + U32_MAX] = max;
}

export function update32FromTnum(r: Regs, b: number): void {
  const v = r[b + VALUE_LO]!;
  const m = r[b + MASK_LO]!;
  clampS32(r, b, v | (m & INT_MIN), v | (m & INT_MAX));
  clampU32(r, b, v, v | m);
}

function update64FromTnum(r: Regs, b: number): void {
  const vl = r[b + VALUE_LO]!;
  const vh = r[b + VALUE_HI]!;
  const ml = r[b + MASK_LO]!;
  const mh = r[b + MASK_HI]!;
  raiseSmin(r, b, vl, vh | (mh & INT_MIN));
  lowerSmax(r, b, vl | ml, vh | (mh & INT_MAX));
  raiseUmin(r, b, vl, vh);
  lowerUmax(r, b, vl | ml, vh | mh);
  if (rangeRules.plain) return;
  // When only one member of the tnum lies within [umin, umax], that is the value.
  const ul = r[b + UMIN_LO]!;
  const uh = r[b + UMIN_HI]!;
  const xl = r[b + UMAX_LO]!;
  const xh = r[b + UMAX_HI]!;
  const nextLo = tnumStep(r, b, ul, uh);
  const nextHi = H.hi;
  const uminIn = (ul & ~ml) === vl && (uh & ~mh) === vh;
  const nextAbove = ult(xl, xh, nextLo, nextHi);
  if (uminIn) {
    if (nextAbove) setValue(r, b, ul, uh);
  } else if (nextLo === (vl | ml) && nextHi === (vh | mh)) {
    setValue(r, b, nextLo, nextHi);
  } else if (!nextAbove) {
    const lo = tnumStep(r, b, nextLo, nextHi);
    if (ult(xl, xh, lo, H.hi)) setValue(r, b, nextLo, nextHi);
  }
}

/** Bounds from the tnum (kernel `__update_reg_bounds`). */
export function updateFromTnum(r: Regs, b: number): void {
  update32FromTnum(r, b);
  update64FromTnum(r, b);
}

function deduce32(r: Regs, b: number): void {
  const ul = r[b + UMIN_LO]!;
  const uh = r[b + UMIN_HI]!;
  const wl = r[b + UMAX_LO]!;
  const wh = r[b + UMAX_HI]!;
  const sl = r[b + SMIN_LO]!;
  const sh = r[b + SMIN_HI]!;
  const xl = r[b + SMAX_LO]!;
  const xh = r[b + SMAX_HI]!;
  if (uh === wh) {
    clampU32(r, b, ul, wl);
    if (ul <= wl) clampS32(r, b, ul, wl);
  }
  if (sh === xh) {
    if (sl >>> 0 <= xl >>> 0) clampU32(r, b, sl, xl);
    if (sl <= xl) clampS32(r, b, sl, xl);
  }
  // A range that crosses one multiple of 2^32 is a signed 32-bit range from negative to non-negative.
  if (((uh + 1) | 0) === wh && ul < 0 && wl >= 0) clampS32(r, b, ul, wl);
  if (((sh + 1) | 0) === xh && sl < 0 && xl >= 0) clampS32(r, b, sl, xl);
  if (r[b + U32_MIN]! <= r[b + U32_MAX]!) clampS32(r, b, r[b + U32_MIN]!, r[b + U32_MAX]!);
  const smin = r[b + S32_MIN]!;
  const smax = r[b + S32_MAX]!;
  if (smin >>> 0 <= smax >>> 0) {
    clampU32(r, b, smin, smax);
  } else if (r[b + U32_MAX]! >>> 0 < smin >>> 0) {
    r[b + S32_MIN] = r[b + U32_MIN]!;
    if (smax >>> 0 < r[b + U32_MAX]! >>> 0) r[b + U32_MAX] = smax;
  } else if (smax >>> 0 < r[b + U32_MIN]! >>> 0) {
    r[b + S32_MAX] = r[b + U32_MAX]!;
    if (smin >>> 0 > r[b + U32_MIN]! >>> 0) r[b + U32_MIN] = smin;
  }
}

function deduce64(r: Regs, b: number): void {
  const ul = r[b + UMIN_LO]!;
  const uh = r[b + UMIN_HI]!;
  const wl = r[b + UMAX_LO]!;
  const wh = r[b + UMAX_HI]!;
  if (!slt(wl, wh, ul, uh)) {
    raiseSmin(r, b, ul, uh);
    lowerSmax(r, b, wl, wh);
  }
  const sl = r[b + SMIN_LO]!;
  const sh = r[b + SMIN_HI]!;
  const xl = r[b + SMAX_LO]!;
  const xh = r[b + SMAX_HI]!;
  if (!ult(xl, xh, sl, sh)) {
    raiseUmin(r, b, sl, sh);
    lowerUmax(r, b, xl, xh);
  } else if (ult(wl, wh, sl, sh)) {
    r[b + SMIN_LO] = ul;
    r[b + SMIN_HI] = uh;
    lowerUmax(r, b, xl, xh);
  } else if (ult(xl, xh, ul, uh)) {
    r[b + SMAX_LO] = wl;
    r[b + SMAX_HI] = wh;
    raiseUmin(r, b, sl, sh);
  }
}

const span = new Int32Array(8);

function deduceMixed(r: Regs, b: number): void {
  raiseUmin(r, b, r[b + U32_MIN]!, r[b + UMIN_HI]!);
  lowerUmax(r, b, r[b + U32_MAX]!, r[b + UMAX_HI]!);
  raiseSmin(r, b, r[b + U32_MIN]!, r[b + SMIN_HI]!);
  lowerSmax(r, b, r[b + U32_MAX]!, r[b + SMAX_HI]!);
  const min = r[b + S32_MIN]!;
  const max = r[b + S32_MAX]!;
  if (min < 0 || slt(r[b + SMIN_LO]!, r[b + SMIN_HI]!, INT_MIN, -1) || slt(INT_MAX, 0, r[b + SMAX_LO]!, r[b + SMAX_HI]!)) return;
  // A sign-extended value that is not negative in 32 bits.
  const maxHi = max >> 31;
  r[b + SMIN_LO] = min;
  r[b + SMIN_HI] = 0;
  r[b + SMAX_LO] = max;
  r[b + SMAX_HI] = maxHi;
  r[b + UMIN_LO] = min;
  r[b + UMIN_HI] = 0;
  r[b + UMAX_LO] = max;
  r[b + UMAX_HI] = maxHi;
  tnumRange(span, 0, min, 0, max, maxHi);
  tnumIntersect(r, b, span, 0);
}

/** The tnum from the bounds (kernel `__reg_bound_offset`). */
function tnumFromBounds(r: Regs, b: number): void {
  tnumRange(span, 0, r[b + UMIN_LO]!, r[b + UMIN_HI]!, r[b + UMAX_LO]!, r[b + UMAX_HI]!);
  tnumIntersect(r, b, span, 0);
  const vh = r[b + VALUE_HI]!;
  const mh = r[b + MASK_HI]!;
  tnumRange(span, 0, r[b + U32_MIN]!, 0, r[b + U32_MAX]!, 0);
  r[b + VALUE_HI] = 0;
  r[b + MASK_HI] = 0;
  tnumIntersect(r, b, span, 0);
  r[b + VALUE_HI] = vh;
  r[b + MASK_HI] = mh;
}

function isSettled(r: Regs, b: number): boolean {
  const lo = r[b + VALUE_LO]!;
  const hi = r[b + VALUE_HI]!;
  return (
    (r[b + MASK_LO]! | r[b + MASK_HI]!) === 0 &&
    r[b + UMIN_LO] === lo &&
    r[b + UMIN_HI] === hi &&
    r[b + UMAX_LO] === lo &&
    r[b + UMAX_HI] === hi &&
    r[b + SMIN_LO] === lo &&
    r[b + SMIN_HI] === hi &&
    r[b + SMAX_LO] === lo &&
    r[b + SMAX_HI] === hi &&
    r[b + S32_MIN] === lo &&
    r[b + S32_MAX] === lo &&
    r[b + U32_MIN] === lo &&
    r[b + U32_MAX] === lo
  );
}

export function boundsSync(r: Regs, b: number): void {
  if (isSettled(r, b)) return;
  updateFromTnum(r, b);
  if (rangeRules.signs) {
    deduceSigns32(r, b);
    deduceSigns64(r, b);
  }
  for (let round = rangeRules.signs ? 3 : 0; round < 3; round++) {
    deduce32(r, b);
    deduce64(r, b);
    deduceMixed(r, b);
  }
  tnumFromBounds(r, b);
  updateFromTnum(r, b);
}

/** What contradicts itself in the bounds, or null (kernel `reg_bounds_sanity_check`). */
export function boundsViolation(r: Regs, b: number): string | null {
  if (
    ult(r[b + UMAX_LO]!, r[b + UMAX_HI]!, r[b + UMIN_LO]!, r[b + UMIN_HI]!) ||
    slt(r[b + SMAX_LO]!, r[b + SMAX_HI]!, r[b + SMIN_LO]!, r[b + SMIN_HI]!) ||
    r[b + U32_MIN]! >>> 0 > r[b + U32_MAX]! >>> 0 ||
    r[b + S32_MIN]! > r[b + S32_MAX]!
  )
    return 'range bounds violation';
  const lo = r[b + VALUE_LO]!;
  if (r[b + MASK_LO] !== 0) return null;
  if (r[b + MASK_HI] === 0) {
    const hi = r[b + VALUE_HI]!;
    if (
      r[b + UMIN_LO] !== lo ||
      r[b + UMIN_HI] !== hi ||
      r[b + UMAX_LO] !== lo ||
      r[b + UMAX_HI] !== hi ||
      r[b + SMIN_LO] !== lo ||
      r[b + SMIN_HI] !== hi ||
      r[b + SMAX_LO] !== lo ||
      r[b + SMAX_HI] !== hi
    )
      return 'const tnum out of sync with range bounds';
  }
  if (r[b + U32_MIN] !== lo || r[b + U32_MAX] !== lo || r[b + S32_MIN] !== lo || r[b + S32_MAX] !== lo)
    return 'const subreg tnum out of sync with range bounds';
  return null;
}

/** Drops contradictory bounds as the kernel does unless the load asks for an error; the violation's text otherwise. */
export function boundsRepair(r: Regs, b: number): string | null {
  if (rangeRules.signs) return null;
  const violation = boundsViolation(r, b);
  if (violation !== null) unbound(r, b);
  return violation;
}

/** The 32-bit view becomes the whole value: upper half zero (kernel `zext_32_to_64`). */
export function zeroExtend32(r: Regs, b: number): void {
  tnumCast(r, b, 4);
  r[b + UMIN_LO] = r[b + U32_MIN]!;
  r[b + UMIN_HI] = 0;
  r[b + UMAX_LO] = r[b + U32_MAX]!;
  r[b + UMAX_HI] = 0;
  const min = r[b + S32_MIN]!;
  const max = r[b + S32_MAX]!;
  const positive = min >= 0 && max >= 0;
  r[b + SMIN_LO] = positive ? min : 0;
  r[b + SMIN_HI] = 0;
  r[b + SMAX_LO] = positive ? max : -1;
  r[b + SMAX_HI] = 0;
}

/** Keeps the low `size` bytes, zero-extended (kernel `coerce_reg_to_size`). */
export function coerceToSize(r: Regs, b: number, size: number): void {
  tnumCast(r, b, size);
  const mask = size >= 4 ? -1 : (1 << (size * 8)) - 1;
  const sameTop = r[b + UMIN_HI] === r[b + UMAX_HI] && (r[b + UMIN_LO]! & ~mask) === (r[b + UMAX_LO]! & ~mask);
  r[b + UMIN_LO] = sameTop ? r[b + UMIN_LO]! & mask : 0;
  r[b + UMAX_LO] = sameTop ? r[b + UMAX_LO]! & mask : mask;
  r[b + UMIN_HI] = 0;
  r[b + UMAX_HI] = 0;
  r[b + SMIN_LO] = r[b + UMIN_LO]!;
  r[b + SMIN_HI] = 0;
  r[b + SMAX_LO] = r[b + UMAX_LO]!;
  r[b + SMAX_HI] = 0;
  if (rangeRules.signs) {
    if (size >= 4) return;
    narrow64Into32(r, b);
  } else if (size < 4) {
    unbound32(r, b);
  }
  boundsSync(r, b);
}

function signExtend(value: number, size: number): number {
  return size === 1 ? (value << 24) >> 24 : size === 2 ? (value << 16) >> 16 : value;
}

function sameAbove(al: number, ah: number, bl: number, bh: number, size: number): boolean {
  if (ah !== bh) return false;
  return size === 4 || al >> (size * 8) === bl >> (size * 8);
}

/** Keeps the low `size` bytes, sign-extended to 64 bits (kernel `coerce_reg_to_size_sx`). */
export function coerceToSizeSigned(r: Regs, b: number, size: number): void {
  if ((r[b + MASK_LO]! | r[b + MASK_HI]!) === 0) {
    const lo = signExtend(r[b + VALUE_LO]!, size);
    setValue(r, b, lo, lo >> 31);
    return;
  }
  if (sameAbove(r[b + SMAX_LO]!, r[b + SMAX_HI]!, r[b + SMIN_LO]!, r[b + SMIN_HI]!, size)) {
    const x = signExtend(r[b + SMAX_LO]!, size);
    const n = signExtend(r[b + SMIN_LO]!, size);
    const max = Math.max(x, n);
    const min = Math.min(x, n);
    if (max >= 0 === min >= 0) {
      setSigned(r, b, min, max);
      r[b + UMIN_LO] = min;
      r[b + UMIN_HI] = min >> 31;
      r[b + UMAX_LO] = max;
      r[b + UMAX_HI] = max >> 31;
      r[b + U32_MIN] = min;
      r[b + U32_MAX] = max;
      tnumRange(r, b, min, min >> 31, max, max >> 31);
      return;
    }
  }
  const min = size === 4 ? INT_MIN : -(1 << (size * 8 - 1));
  setSigned(r, b, min, ~min);
  r[b + UMIN_LO] = 0;
  r[b + UMIN_HI] = 0;
  r[b + UMAX_LO] = -1;
  r[b + UMAX_HI] = -1;
  r[b + U32_MIN] = 0;
  r[b + U32_MAX] = -1;
  setTnum(r, b, 0, 0, -1, -1);
}

function setSigned(r: Regs, b: number, min: number, max: number): void {
  r[b + SMIN_LO] = min;
  r[b + SMIN_HI] = min >> 31;
  r[b + SMAX_LO] = max;
  r[b + SMAX_HI] = max >> 31;
  r[b + S32_MIN] = min;
  r[b + S32_MAX] = max;
}

/** Keeps the low `size` bytes, sign-extended within 32 bits; the 64-bit view is left to the caller (kernel `coerce_subreg_to_size_sx`). */
export function coerceSubregToSizeSigned(r: Regs, b: number, size: number): void {
  if ((r[b + MASK_LO]! | r[b + MASK_HI]!) === 0) {
    const v = signExtend(r[b + VALUE_LO]!, size);
    setTnum(r, b, v, v >> 31, 0, 0);
    r[b + S32_MIN] = v;
    r[b + S32_MAX] = v;
    r[b + U32_MIN] = v;
    r[b + U32_MAX] = v;
    return;
  }
  const bits = size * 8;
  if (r[b + S32_MAX]! >> bits === r[b + S32_MIN]! >> bits) {
    const x = signExtend(r[b + S32_MAX]!, size);
    const n = signExtend(r[b + S32_MIN]!, size);
    const max = Math.max(x, n);
    const min = Math.min(x, n);
    if (min >= 0 === max >= 0) {
      r[b + S32_MIN] = min;
      r[b + S32_MAX] = max;
      r[b + U32_MIN] = min;
      r[b + U32_MAX] = max;
      tnumRange(r, b, min, min >> 31, max, max >> 31);
      tnumCast(r, b, 4);
      return;
    }
  }
  r[b + S32_MIN] = -(1 << (bits - 1));
  r[b + S32_MAX] = (1 << (bits - 1)) - 1;
  r[b + U32_MIN] = 0;
  r[b + U32_MAX] = -1;
  setTnum(r, b, 0, 0, -1, 0);
}
