import { EACCES, EINVAL, type Env } from './env.ts';
import { markPrecise } from './precision.ts';
import { copyReg, ID, markUnknown, PRECISE, REG, type Regs, SCALAR, SMAX_HI, SMIN_HI, STACK, TYPE, widthOf } from './reg.ts';
import { type Frame, MAX_STACK } from './state.ts';

/**
 * Stack below the 512 bytes that Linux has, for programs that run where there is more (profile.ts). Its bytes may always be read, and what
 * is read there is any number, but for registers that were stored as a whole: pointers, and scalars of which something is known. Such a scalar is
 * precise from its store on, so that nothing is looked for behind that store later. Few states hold any of them, and all copies of a state share them.
 */
export const isDeep = (off: number): boolean => off < -MAX_STACK;

/** Registers spilled at bytes [min, max) are gone. */
export function forgetDeep(frame: Frame, min: number, max: number): void {
  if (frame.deep.some(({ off }) => off < max && off + 8 > min)) frame.deep = frame.deep.filter(({ off }) => off >= max || off + 8 <= min);
}

/** Something is known of the bounds of a scalar: it is kept. */
function isKnown(r: Regs, b: number): boolean {
  return widthOf(r, b) < 64 || r[b + SMIN_HI]! >= 0 || r[b + SMAX_HI]! < 0;
}

/** Stores register `valueRegno` (or an immediate, -1), of which `spillable` says that it is a pointer that may be stored. */
export function writeDeep(env: Env, frame: Frame, off: number, size: number, valueRegno: number, spillable: boolean): void {
  env.scratchedDeep = true;
  forgetDeep(frame, off, off + size);
  if (valueRegno < 0) return;
  const b = valueRegno * REG;
  const r = env.regs;
  const isScalar = r[b + TYPE] === SCALAR;
  if (spillable && size !== 8) env.fail(EACCES, 'invalid size of register spill\n');
  if (spillable && frame !== env.cur.frame && r[b + TYPE] === STACK)
    env.fail(EINVAL, 'cannot spill pointers to stack into stack frame of the caller\n');
  if (!spillable && !(isScalar && size === 8 && isKnown(r, b))) return;
  if (isScalar) markPrecise(env, valueRegno);
  const reg = new Int32Array(REG);
  copyReg(reg, 0, r, b);
  if (isScalar) {
    reg[PRECISE] = 1;
    reg[ID] = 0;
  }
  frame.deep = [...frame.deep, { off, reg }].sort((a, c) => a.off - c.off);
}

/** Loads into register `dst` (-1: only checked). */
export function readDeep(env: Env, frame: Frame, off: number, size: number, dst: number): void {
  const at = off & ~7;
  const held = frame.deep.find((spill) => spill.off === at);
  if (held && held.reg[TYPE] !== SCALAR && size !== 8) env.fail(EACCES, 'invalid size of register fill\n');
  if (dst < 0) return;
  if (!held || size !== 8) {
    markUnknown(env.regs, dst * REG);
    return;
  }
  copyReg(env.regs, dst * REG, held.reg, 0);
  env.regs[dst * REG + PRECISE] = 0;
}

/** The registers of `old` hold what `cur` holds too, by `covered`; where `old` holds none, any number was read. */
export function deepCovered(old: Frame, cur: Frame, exact: boolean, covered: (o: Regs, c: Regs) => boolean): boolean {
  if (old.deep === cur.deep) return true;
  if (exact && old.deep.length !== cur.deep.length) return false;
  return old.deep.every(({ off, reg }) => {
    const held = cur.deep.find((spill) => spill.off === off);
    return held !== undefined && covered(reg, held.reg);
  });
}
