import type { FuncBuilder, Reg, Val } from '../ir/builder.ts';

/**
 * Saturates `y` (changed in place) to `lo … hi` without a branch: a branch for each element would multiply the
 * verifier's paths. `x s>> 63` is kept in a register because AND of it with a constant forks states on 6.18.
 */
export function clamp(b: FuncBuilder, y: Reg, lo: number, hi: number): void {
  clampHigh(b, y, hi);
  b.aluTo(y, 'sub', y, lo);
  const mask = b.arsh(y, 63);
  b.aluTo(mask, 'xor', mask, -1);
  b.aluTo(y, 'and', y, mask);
  if (lo !== 0) b.aluTo(y, 'add', y, lo);
}

/** `y = min(y, hi)`. */
export function clampHigh(b: FuncBuilder, y: Reg, hi: number): void {
  b.aluTo(y, 'sub', y, hi);
  const mask = b.arsh(y, 63);
  b.aluTo(y, 'and', y, mask);
  b.aluTo(y, 'add', y, hi);
}

/** `top = max(top, x)`; `x` is lost. */
export function maxInto(b: FuncBuilder, top: Reg, x: Reg): void {
  b.aluTo(x, 'sub', x, top);
  const mask = b.arsh(x, 63);
  b.aluTo(mask, 'xor', mask, -1);
  b.aluTo(x, 'and', x, mask);
  b.aluTo(top, 'add', top, x);
}

/** `low = min(low, x)`; `x` is lost. */
export function minInto(b: FuncBuilder, low: Reg, x: Reg): void {
  b.aluTo(x, 'sub', x, low);
  const mask = b.arsh(x, 63);
  b.aluTo(x, 'and', x, mask);
  b.aluTo(low, 'add', low, x);
}

/**
 * Saturates one or two values in the common case with a single test: adding `hi + 1` to a value of a symmetric range leaves
 * nothing above bit `bits`. Only values outside of it take the branchless path.
 */
export function saturate(b: FuncBuilder, values: readonly Reg[], hi: number): void {
  const bits = Math.log2(hi + 1);
  const test = b.add(values[0], hi + 1);
  for (const value of values.slice(1)) b.aluTo(test, 'or', test, b.add(value, hi + 1));
  b.aluTo(test, 'rsh', test, bits + 1);
  b.when('ne', test, 0, () => {
    for (const value of values) clamp(b, value, -hi, hi);
  });
}

/** `x = (x·mul + add) s>> shift`. */
export function requant(b: FuncBuilder, x: Reg, mul: Val, add: Val, shift: number): void {
  b.aluTo(x, 'mul', x, mul);
  b.aluTo(x, 'add', x, add);
  b.aluTo(x, 'arsh', x, shift);
}
