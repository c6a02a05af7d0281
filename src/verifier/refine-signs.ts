import { JEQ, JGE, JGT, JLE, JLT, JNE, JSET, JSGE, JSGT, JSLE, JSLT } from '../bpf/insn.ts';
import { boundsSync, zeroExtend32 } from './range.ts';
import { narrow64Into32 } from './range-signs.ts';
import {
  isConst,
  isConst32,
  MASK_HI,
  MASK_LO,
  markKnown32,
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
  unbound64,
  VALUE_HI,
  VALUE_LO,
} from './reg.ts';
import { tnumCopy, tnumIntersect } from './tnum.ts';
import { slt, ult } from './w64.ts';

/** What comparisons taught up to 6.6: about one register beside a constant, or that two are equal (kernel `reg_set_min_max`). */
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

function lower(r: Regs, at: number, lo: number, hi: number, signed: boolean): void {
  if (signed ? slt(lo, hi, r[at]!, r[at + 1]!) : ult(lo, hi, r[at]!, r[at + 1]!)) {
    r[at] = lo;
    r[at + 1] = hi;
  }
}

function raise(r: Regs, at: number, lo: number, hi: number, signed: boolean): void {
  if (signed ? slt(r[at]!, r[at + 1]!, lo, hi) : ult(r[at]!, r[at + 1]!, lo, hi)) {
    r[at] = lo;
    r[at + 1] = hi;
  }
}

const lower32 = (r: Regs, at: number, v: number, signed: boolean): void => {
  if (signed ? v < r[at]! : v >>> 0 < r[at]! >>> 0) r[at] = v;
};
const raise32 = (r: Regs, at: number, v: number, signed: boolean): void => {
  if (signed ? v > r[at]! : v >>> 0 > r[at]! >>> 0) r[at] = v;
};

/** `below` learns that it is at most the value (less one), `above` that it is at least the value (and one). */
function split(
  below: Regs,
  bb: number,
  above: Regs,
  ab: number,
  lo: number,
  hi: number,
  step: [number, number],
  signed: boolean,
  is32: boolean,
): void {
  const [down, up] = step;
  if (is32) {
    lower32(below, bb + (signed ? S32_MAX : U32_MAX), (lo - down) | 0, signed);
    raise32(above, ab + (signed ? S32_MIN : U32_MIN), (lo + up) | 0, signed);
    return;
  }
  lower(below, bb + (signed ? SMAX_LO : UMAX_LO), (lo - down) | 0, (hi - (down && lo === 0 ? 1 : 0)) | 0, signed);
  raise(above, ab + (signed ? SMIN_LO : UMIN_LO), (lo + up) | 0, (hi + (up && lo === -1 ? 1 : 0)) | 0, signed);
}

function known(r: Regs, b: number, lo: number, hi: number, is32: boolean): void {
  if (is32) markKnown32(r, b, lo);
  else setValue(r, b, lo, hi);
}

const isPower = (x: number): boolean => x !== 0 && (x & (x - 1)) === 0;

function bitTest(t: Regs, tb: number, f: Regs, fb: number, lo: number, hi: number, is32: boolean): void {
  unbound(f, fb);
  f[fb + VALUE_LO]! &= ~lo;
  f[fb + MASK_LO]! &= ~lo;
  if (!is32) {
    f[fb + VALUE_HI]! &= ~hi;
    f[fb + MASK_HI]! &= ~hi;
  }
  const top = is32 ? 0 : hi;
  if (!(isPower(lo) && top === 0) && !(isPower(top) && lo === 0)) return;
  t[tb + VALUE_LO]! |= lo;
  t[tb + MASK_LO]! &= ~lo;
  t[tb + VALUE_HI]! |= top;
  t[tb + MASK_HI]! &= ~top;
}

/** The other view after one of them was narrowed. */
function join(r: Regs, b: number, is32: boolean): void {
  if (!is32) {
    narrow64Into32(r, b);
  } else if ((r[b + VALUE_HI]! | r[b + MASK_HI]!) === 0) {
    zeroExtend32(r, b);
  } else {
    unbound64(r, b);
  }
  boundsSync(r, b);
}

/** Register `t` where `reg op value` holds, `f` where it does not. */
function refineByConst(t: Regs, tb: number, f: Regs, fb: number, lo: number, hi: number, op: number, is32: boolean): void {
  switch (op) {
    case JEQ:
      known(t, tb, lo, hi, is32);
      break;
    case JNE:
      known(f, fb, lo, hi, is32);
      break;
    case JSET:
      bitTest(t, tb, f, fb, lo, hi, is32);
      break;
    case JGE:
    case JSGE:
      split(f, fb, t, tb, lo, hi, [1, 0], op === JSGE, is32);
      break;
    case JGT:
    case JSGT:
      split(f, fb, t, tb, lo, hi, [0, 1], op === JSGT, is32);
      break;
    case JLE:
    case JSLE:
      split(t, tb, f, fb, lo, hi, [0, 1], op === JSLE, is32);
      break;
    case JLT:
    case JSLT:
      split(t, tb, f, fb, lo, hi, [1, 0], op === JSLT, is32);
      break;
    default:
      return;
  }
  join(f, fb, is32);
  join(t, tb, is32);
}

function combine(a: Regs, ab: number, c: Regs, cb: number): void {
  raise(a, ab + UMIN_LO, c[cb + UMIN_LO]!, c[cb + UMIN_HI]!, false);
  lower(a, ab + UMAX_LO, c[cb + UMAX_LO]!, c[cb + UMAX_HI]!, false);
  raise(a, ab + SMIN_LO, c[cb + SMIN_LO]!, c[cb + SMIN_HI]!, true);
  lower(a, ab + SMAX_LO, c[cb + SMAX_LO]!, c[cb + SMAX_HI]!, true);
  for (let i = SMIN_LO; i <= UMAX_HI; i++) c[cb + i] = a[ab + i]!;
  tnumIntersect(a, ab, c, cb);
  tnumCopy(c, cb, a, ab);
  boundsSync(a, ab);
  boundsSync(c, cb);
}

/** Both outcomes of a comparison of two scalars: `t…` where it holds, `f…` where it does not. */
export function refineSigns(
  t1: Regs,
  tb1: number,
  t2: Regs,
  tb2: number,
  f1: Regs,
  fb1: number,
  f2: Regs,
  fb2: number,
  op: number,
  is32: boolean,
): void {
  if (isConst(f2, fb2) || (is32 && isConst32(f2, fb2))) {
    refineByConst(t1, tb1, f1, fb1, f2[fb2 + VALUE_LO]!, is32 ? 0 : f2[fb2 + VALUE_HI]!, op, is32);
  } else if (isConst(f1, fb1) || (is32 && isConst32(f1, fb1))) {
    refineByConst(t2, tb2, f2, fb2, f1[fb1 + VALUE_LO]!, is32 ? 0 : f1[fb1 + VALUE_HI]!, FLIP[op] ?? op, is32);
  } else if (!is32 && op === JEQ) {
    combine(t2, tb2, t1, tb1);
  } else if (!is32 && op === JNE) {
    combine(f2, fb2, f1, fb1);
  }
}
