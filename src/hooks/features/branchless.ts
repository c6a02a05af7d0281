import type { FuncBuilder, Reg, Val } from '../../compiler/ir/builder.ts';

// Of numbers below 2^62 in magnitude. No branch, so the verifier has no states to follow.

/** 1 where a < b. */
export const isLess = (b: FuncBuilder, x: Val, y: Val): Reg => b.rsh(b.sub(typeof x === 'number' ? b.copy(x) : x, y), 63);
/** 1 where x is 0. */
export const isZero = (b: FuncBuilder, x: Reg): Reg => b.xor(b.rsh(b.or(x, b.sub(b.copy(0), x)), 63), 1);
/** 1 where both are the same. */
export const isEqual = (b: FuncBuilder, x: Reg, y: Val): Reg => isZero(b, b.sub(x, y));
/** `condition` is 0 or 1. */
export const select = (b: FuncBuilder, condition: Reg, yes: Val, no: Reg): Reg =>
  b.add(no, b.mul(condition, b.sub(typeof yes === 'number' ? b.copy(yes) : yes, no)));
export const least = (b: FuncBuilder, x: Reg, y: Val): Reg => select(b, isLess(b, x, y), x, typeof y === 'number' ? b.copy(y) : y);
export const greatest = (b: FuncBuilder, x: Reg, y: Val): Reg => select(b, isLess(b, x, y), y, x);
/** x, or 0 where it is negative. */
export const notNegative = (b: FuncBuilder, x: Reg): Reg => b.mul(x, b.xor(b.rsh(x, 63), 1));
