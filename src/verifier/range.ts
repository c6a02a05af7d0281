import { rangeRules } from './range-rules.ts';
import { deduceSigns32, deduceSigns64, narrow64Into32 } from './range-signs.ts';
import {
  INT_MAX,
  INT_MIN,
  MASK_HI,
  MASK_LO,
  REG,
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
import { setTnum, tnumCast, tnumRange, tnumStep } from './tnum.ts';
import { fls64, H, slt, ult } from './w64.ts';

/**
 * Bounds of a scalar in four views (64- and 32-bit, signed and unsigned) and what each teaches the others and the tnum.
 * The order of the steps is the kernel's (`reg_bounds_sync`), because the steps lose different things in another order.
 */
const maxU32 = (x: number, y: number): number => (x >>> 0 < y >>> 0 ? y : x);
const minU32 = (x: number, y: number): number => (x >>> 0 < y >>> 0 ? x : y);

export function update32FromTnum(r: Regs, b: number): void {
  const v = r[b + VALUE_LO]!;
  const m = r[b + MASK_LO]!;
  const min = v | (m & INT_MIN);
  const max = v | (m & INT_MAX);
  if (min > r[b + S32_MIN]!) r[b + S32_MIN] = min;
  if (max < r[b + S32_MAX]!) r[b + S32_MAX] = max;
  if (v >>> 0 > r[b + U32_MIN]! >>> 0) r[b + U32_MIN] = v;
  if ((v | m) >>> 0 < r[b + U32_MAX]! >>> 0) r[b + U32_MAX] = v | m;
}

function update64FromTnum(r: Regs, b: number): void {
  const vl = r[b + VALUE_LO]!;
  const vh = r[b + VALUE_HI]!;
  const ml = r[b + MASK_LO]!;
  const mh = r[b + MASK_HI]!;
  const tl = vl | ml;
  const th = vh | mh;
  const nh = vh | (mh & INT_MIN);
  if (slt(r[b + SMIN_LO]!, r[b + SMIN_HI]!, vl, nh)) {
    r[b + SMIN_LO] = vl;
    r[b + SMIN_HI] = nh;
  }
  const ph = vh | (mh & INT_MAX);
  if (slt(tl, ph, r[b + SMAX_LO]!, r[b + SMAX_HI]!)) {
    r[b + SMAX_LO] = tl;
    r[b + SMAX_HI] = ph;
  }
  let ul = r[b + UMIN_LO]!;
  let uh = r[b + UMIN_HI]!;
  if (ult(ul, uh, vl, vh)) {
    ul = r[b + UMIN_LO] = vl;
    uh = r[b + UMIN_HI] = vh;
  }
  let xl = r[b + UMAX_LO]!;
  let xh = r[b + UMAX_HI]!;
  if (ult(tl, th, xl, xh)) {
    xl = r[b + UMAX_LO] = tl;
    xh = r[b + UMAX_HI] = th;
  }
  if (rangeRules.plain) return;
  // When only one member of the tnum lies within [umin, umax], that is the value.
  const uminIn = (ul & ~ml) === vl && (uh & ~mh) === vh;
  if (uminIn && ult(ul, uh, tl, th)) {
    // The usual case: the member after umin lies within, too. The carry of + 1 runs through the known bits.
    const wl = ul | ~ml;
    const nl = ((wl + 1) & ml) | vl;
    const carried = wl === -1 ? (((uh | ~mh) + 1) & mh) | vh : uh;
    if (ult(xl, xh, nl, carried)) setValue(r, b, ul, uh);
    return;
  }
  const nextLo = tnumStep(r, b, ul, uh);
  const nextHi = H.hi;
  const nextAbove = ult(xl, xh, nextLo, nextHi);
  if (uminIn) {
    if (nextAbove) setValue(r, b, ul, uh);
  } else if (nextLo === tl && nextHi === th) {
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

const ROUNDS = 3;

/**
 * What the bounds teach each other: 32 from 64 bits, signed from unsigned and back, 64 from 32 bits (kernel `reg_bounds_sync`, in its
 * order). A round that changes nothing ends it, as the next one could not either. True when something changed.
 */
function deduce(r: Regs, b: number): boolean {
  let ul = r[b + UMIN_LO]!;
  let uh = r[b + UMIN_HI]!;
  let wl = r[b + UMAX_LO]!;
  let wh = r[b + UMAX_HI]!;
  let sl = r[b + SMIN_LO]!;
  let sh = r[b + SMIN_HI]!;
  let xl = r[b + SMAX_LO]!;
  let xh = r[b + SMAX_HI]!;
  let un = r[b + U32_MIN]!;
  let ux = r[b + U32_MAX]!;
  let sn = r[b + S32_MIN]!;
  let sx = r[b + S32_MAX]!;
  // Most numbers fit in 32 bits with their sign and are known as such in all views: a round would find nothing.
  if (sn === sl && sx === xl && sh === sl >> 31 && xh === xl >> 31) {
    if (sl >= 0 && sl <= xl && ul === sl && uh === 0 && wl === xl && wh === 0 && un === sl && ux === xl) return false;
    if (sl < 0 && xl >= 0 && (ul | uh | un) === 0 && (wl & wh & ux) === -1) return false;
  }
  for (let round = 0; round < ROUNDS; round++) {
    if (uh === wh) {
      un = maxU32(un, ul);
      ux = minU32(ux, wl);
      if (ul <= wl) {
        if (ul > sn) sn = ul;
        if (wl < sx) sx = wl;
      }
    }
    if (sh === xh) {
      if (sl >>> 0 <= xl >>> 0) {
        un = maxU32(un, sl);
        ux = minU32(ux, xl);
      }
      if (sl <= xl) {
        if (sl > sn) sn = sl;
        if (xl < sx) sx = xl;
      }
    }
    // A range that crosses one multiple of 2^32 is a signed 32-bit range from negative to non-negative.
    if (((uh + 1) | 0) === wh && ul < 0 && wl >= 0) {
      if (ul > sn) sn = ul;
      if (wl < sx) sx = wl;
    }
    if (((sh + 1) | 0) === xh && sl < 0 && xl >= 0) {
      if (sl > sn) sn = sl;
      if (xl < sx) sx = xl;
    }
    if (un <= ux) {
      if (un > sn) sn = un;
      if (ux < sx) sx = ux;
    }
    if (sn >>> 0 <= sx >>> 0) {
      un = maxU32(un, sn);
      ux = minU32(ux, sx);
    } else if (ux >>> 0 < sn >>> 0) {
      sn = un;
      ux = minU32(ux, sx);
    } else if (sx >>> 0 < un >>> 0) {
      sx = ux;
      un = maxU32(un, sn);
    }
    if (!slt(wl, wh, ul, uh)) {
      if (slt(sl, sh, ul, uh)) {
        sl = ul;
        sh = uh;
      }
      if (slt(wl, wh, xl, xh)) {
        xl = wl;
        xh = wh;
      }
    }
    if (!ult(xl, xh, sl, sh)) {
      if (ult(ul, uh, sl, sh)) {
        ul = sl;
        uh = sh;
      }
      if (ult(xl, xh, wl, wh)) {
        wl = xl;
        wh = xh;
      }
    } else if (ult(wl, wh, sl, sh)) {
      sl = ul;
      sh = uh;
      if (ult(xl, xh, wl, wh)) {
        wl = xl;
        wh = xh;
      }
    } else if (ult(xl, xh, ul, uh)) {
      xl = wl;
      xh = wh;
      if (ult(ul, uh, sl, sh)) {
        ul = sl;
        uh = sh;
      }
    }
    // The halves of 64 bits from the 32-bit view.
    ul = maxU32(ul, un);
    wl = minU32(wl, ux);
    sl = maxU32(sl, un);
    xl = minU32(xl, ux);
    let narrowed = false;
    if (sn >= 0 && !slt(sl, sh, INT_MIN, -1) && !slt(INT_MAX, 0, xl, xh)) {
      // A sign-extended value that is not negative in 32 bits.
      sl = ul = sn;
      sh = uh = 0;
      xl = wl = sx;
      xh = wh = sx >> 31;
      narrowed = narrowTnum(r, b, sl, sh, xl, xh);
    }
    const same =
      ul === r[b + UMIN_LO] &&
      uh === r[b + UMIN_HI] &&
      wl === r[b + UMAX_LO] &&
      wh === r[b + UMAX_HI] &&
      sl === r[b + SMIN_LO] &&
      sh === r[b + SMIN_HI] &&
      xl === r[b + SMAX_LO] &&
      xh === r[b + SMAX_HI] &&
      un === r[b + U32_MIN] &&
      ux === r[b + U32_MAX] &&
      sn === r[b + S32_MIN] &&
      sx === r[b + S32_MAX];
    if (same && !narrowed) return round > 0;
    r[b + UMIN_LO] = ul;
    r[b + UMIN_HI] = uh;
    r[b + UMAX_LO] = wl;
    r[b + UMAX_HI] = wh;
    r[b + SMIN_LO] = sl;
    r[b + SMIN_HI] = sh;
    r[b + SMAX_LO] = xl;
    r[b + SMAX_HI] = xh;
    r[b + U32_MIN] = un;
    r[b + U32_MAX] = ux;
    r[b + S32_MIN] = sn;
    r[b + S32_MAX] = sx;
  }
  return true;
}

/** The tnum keeps what lies in [min, max], too. True when it changed. */
function narrowTnum(r: Regs, b: number, minLo: number, minHi: number, maxLo: number, maxHi: number): boolean {
  const vl = r[b + VALUE_LO]!;
  const vh = r[b + VALUE_HI]!;
  const ml = r[b + MASK_LO]!;
  const mh = r[b + MASK_HI]!;
  const bits = fls64(minLo ^ maxLo, minHi ^ maxHi);
  // Unknown bits of the smallest tnum around the range, which knows nothing when its ends differ in the top bit.
  const rl = bits >= 32 ? -1 : (1 << bits) - 1;
  const rh = bits <= 32 ? 0 : bits > 63 ? -1 : (1 << (bits - 32)) - 1;
  const nml = ml & rl;
  const nmh = mh & rh;
  const nvl = (vl | (minLo & ~rl)) & ~nml;
  const nvh = (vh | (minHi & ~rh)) & ~nmh;
  if (nml === ml && nmh === mh && nvl === vl && nvh === vh) return false;
  setTnum(r, b, nvl, nvh, nml, nmh);
  return true;
}

/** The tnum from the bounds (kernel `__reg_bound_offset`). True when it changed. */
function tnumFromBounds(r: Regs, b: number): boolean {
  const all = narrowTnum(r, b, r[b + UMIN_LO]!, r[b + UMIN_HI]!, r[b + UMAX_LO]!, r[b + UMAX_HI]!);
  const vl = r[b + VALUE_LO]!;
  const ml = r[b + MASK_LO]!;
  const min = r[b + U32_MIN]!;
  const bits = 32 - Math.clz32(min ^ r[b + U32_MAX]!);
  const unknown = bits === 32 ? -1 : (1 << bits) - 1;
  const nml = ml & unknown;
  const nvl = (vl | (min & ~unknown)) & ~nml;
  if (nml === ml && nvl === vl) return all;
  r[b + VALUE_LO] = nvl;
  r[b + MASK_LO] = nml;
  return true;
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
  let changed = true;
  if (rangeRules.signs) {
    deduceSigns32(r, b);
    deduceSigns64(r, b);
  } else {
    changed = deduce(r, b);
  }
  // What the tnum has taught the bounds it would teach them again only after one of them changed.
  if (tnumFromBounds(r, b) || changed) updateFromTnum(r, b);
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

/** Every number that a load of 1, 2 or 4 bytes may yield, by size and sign: what most loads do yield. */
const loaded = new Int32Array(REG * 10);
const loadedAt = (size: number, signed: boolean): number => (size + (signed ? 5 : 0)) * REG;

/** Prepares {@link coerceLoaded} for the rules that hold now. */
export function prepareLoads(): void {
  for (const size of [1, 2, 4]) {
    unboundedScalar(loaded, loadedAt(size, false));
    coerceToSize(loaded, loadedAt(size, false), size);
    unboundedScalar(loaded, loadedAt(size, true));
    coerceToSizeSigned(loaded, loadedAt(size, true), size);
  }
}

function unboundedScalar(r: Regs, b: number): void {
  setTnum(r, b, 0, 0, -1, -1);
  unbound(r, b);
}

function isUnbounded(r: Regs, b: number): boolean {
  return (
    (r[b + MASK_LO]! & r[b + MASK_HI]!) === -1 &&
    (r[b + SMIN_LO]! | r[b + UMIN_LO]! | r[b + UMIN_HI]! | r[b + U32_MIN]!) === 0 &&
    (r[b + SMAX_LO]! & r[b + UMAX_LO]! & r[b + UMAX_HI]! & r[b + U32_MAX]!) === -1 &&
    r[b + SMIN_HI] === INT_MIN &&
    r[b + SMAX_HI] === INT_MAX &&
    r[b + S32_MIN] === INT_MIN &&
    r[b + S32_MAX] === INT_MAX
  );
}

/** What a load of `size` < 8 bytes keeps of a number. */
export function coerceLoaded(r: Regs, b: number, size: number, signed: boolean): void {
  if (isUnbounded(r, b)) {
    const from = loadedAt(size, signed);
    for (let i = VALUE_LO; i <= U32_MAX; i++) r[b + i] = loaded[from + i]!;
  } else if (signed) {
    coerceToSizeSigned(r, b, size);
  } else {
    coerceToSize(r, b, size);
  }
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
