import {
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
} from './reg.ts';
import { slt, ult } from './w64.ts';

/** How signed and unsigned bounds of one width taught each other up to 6.6: through the sign alone (kernel `__reg64_deduce_bounds`). */
export function deduceSigns32(r: Regs, b: number): void {
  const smin = r[b + S32_MIN]!;
  const smax = r[b + S32_MAX]!;
  const umin = r[b + U32_MIN]!;
  const umax = r[b + U32_MAX]!;
  if (smin >= 0 || smax < 0) {
    r[b + S32_MIN] = r[b + U32_MIN] = Math.max(smin >>> 0, umin >>> 0) | 0;
    r[b + S32_MAX] = r[b + U32_MAX] = Math.min(smax >>> 0, umax >>> 0) | 0;
  } else if (umax >= 0) {
    r[b + S32_MIN] = umin;
    r[b + S32_MAX] = r[b + U32_MAX] = Math.min(smax >>> 0, umax >>> 0) | 0;
  } else if (umin < 0) {
    r[b + S32_MIN] = r[b + U32_MIN] = Math.max(smin >>> 0, umin >>> 0) | 0;
    r[b + S32_MAX] = umax;
  }
}

function copy(r: Regs, from: number, to: number): void {
  r[to] = r[from]!;
  r[to + 1] = r[from + 1]!;
}

/** Both become the larger of the two, as unsigned numbers. */
function bothMax(r: Regs, s: number, u: number): void {
  if (ult(r[s]!, r[s + 1]!, r[u]!, r[u + 1]!)) copy(r, u, s);
  else copy(r, s, u);
}

function bothMin(r: Regs, s: number, u: number): void {
  if (ult(r[s]!, r[s + 1]!, r[u]!, r[u + 1]!)) copy(r, s, u);
  else copy(r, u, s);
}

export function deduceSigns64(r: Regs, b: number): void {
  const smin = b + SMIN_LO;
  const smax = b + SMAX_LO;
  const umin = b + UMIN_LO;
  const umax = b + UMAX_LO;
  if (r[b + SMIN_HI]! >= 0 || r[b + SMAX_HI]! < 0) {
    bothMax(r, smin, umin);
    bothMin(r, smax, umax);
  } else if (r[b + UMAX_HI]! >= 0) {
    copy(r, umin, smin);
    bothMin(r, smax, umax);
  } else if (r[b + UMIN_HI]! < 0) {
    bothMax(r, smin, umin);
    copy(r, umax, smax);
  }
}

/** Bounds that cannot all hold, or a constant that they do not name. */
export function boundsContradict(r: Regs, b: number, is64: boolean, known: boolean): boolean {
  if (!is64) {
    if (r[b + S32_MIN]! > r[b + S32_MAX]! || r[b + U32_MIN]! >>> 0 > r[b + U32_MAX]! >>> 0) return true;
    return known && (r[b + S32_MIN] !== r[b + S32_MAX] || r[b + U32_MIN] !== r[b + U32_MAX]);
  }
  if (slt(r[b + SMAX_LO]!, r[b + SMAX_HI]!, r[b + SMIN_LO]!, r[b + SMIN_HI]!)) return true;
  if (ult(r[b + UMAX_LO]!, r[b + UMAX_HI]!, r[b + UMIN_LO]!, r[b + UMIN_HI]!)) return true;
  if (!known) return false;
  return (
    r[b + SMIN_LO] !== r[b + SMAX_LO] ||
    r[b + SMIN_HI] !== r[b + SMAX_HI] ||
    r[b + UMIN_LO] !== r[b + UMAX_LO] ||
    r[b + UMIN_HI] !== r[b + UMAX_HI]
  );
}

const fitsU32 = (hi: number): boolean => hi === 0;
const fitsS32 = (lo: number, hi: number): boolean => hi === lo >> 31;

/** The 32-bit view from the 64-bit one, where that fits (kernel `__reg_combine_64_into_32`). */
export function narrow64Into32(r: Regs, b: number): void {
  unbound32(r, b);
  if (fitsS32(r[b + SMIN_LO]!, r[b + SMIN_HI]!) && fitsS32(r[b + SMAX_LO]!, r[b + SMAX_HI]!)) {
    r[b + S32_MIN] = r[b + SMIN_LO]!;
    r[b + S32_MAX] = r[b + SMAX_LO]!;
  }
  if (fitsU32(r[b + UMIN_HI]!) && fitsU32(r[b + UMAX_HI]!)) {
    r[b + U32_MIN] = r[b + UMIN_LO]!;
    r[b + U32_MAX] = r[b + UMAX_LO]!;
  }
}
