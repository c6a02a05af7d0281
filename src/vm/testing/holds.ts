import {
  MASK_HI,
  MASK_LO,
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
  VALUE_HI,
  VALUE_LO,
} from '../../verifier/reg.ts';
import { slt, ult } from '../../verifier/w64.ts';

/** Does a register's view hold a 64-bit value, given as two words? */
export function holds(r: Regs, b: number, lo: number, hi: number): boolean {
  return (
    (hi & ~r[b + MASK_HI]!) === r[b + VALUE_HI]! &&
    !ult(lo, hi, r[b + UMIN_LO]!, r[b + UMIN_HI]!) &&
    !ult(r[b + UMAX_LO]!, r[b + UMAX_HI]!, lo, hi) &&
    !slt(lo, hi, r[b + SMIN_LO]!, r[b + SMIN_HI]!) &&
    !slt(r[b + SMAX_LO]!, r[b + SMAX_HI]!, lo, hi) &&
    holdsLow(r, b, lo)
  );
}

/** The same of the low word alone. */
export function holdsLow(r: Regs, b: number, lo: number): boolean {
  return (
    (lo & ~r[b + MASK_LO]!) === r[b + VALUE_LO]! &&
    lo >>> 0 >= r[b + U32_MIN]! >>> 0 &&
    lo >>> 0 <= r[b + U32_MAX]! >>> 0 &&
    lo >= r[b + S32_MIN]! &&
    lo <= r[b + S32_MAX]!
  );
}
