import type { FuncBuilder, Reg, Val } from '../ir/builder.ts';

/**
 * Saturates `y` (changed in place) to `lo … hi` without a branch: a branch for each element would multiply the verifier's paths. `x s>> 63` is kept in a register because AND of it with a constant forks states on 6.18.
 */
export function clamp(b: FuncBuilder, y: Reg, lo: number, hi: number): void {
  clampHigh(b, y, hi);
  b.aluTo(y, 'sub', y, lo);
  const mask = b.arsh(y, 63);
  b.aluTo(mask, 'xor', mask, -1);
  b.aluTo(y, 'and', y, mask);
  if (lo !== 0) b.aluTo(y, 'add', y, lo);
}

/** `y = max(y, 0)`. */
export function notNegative(b: FuncBuilder, y: Reg): void {
  const mask = b.arsh(y, 63);
  b.aluTo(mask, 'xor', mask, -1);
  b.aluTo(y, 'and', y, mask);
}

/** `y = min(y, hi)`. */
function clampHigh(b: FuncBuilder, y: Reg, hi: number): void {
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

/** What results saturate at: `−hi … hi`, where hi is 2ⁿ − 1, or 2ⁿ integers from a lowest one (those of a quantised tensor). */
export type Limit = number | { readonly min: number; readonly max: number };

export const limits = (limit: Limit): { readonly min: number; readonly max: number } =>
  typeof limit === 'number' ? { min: -limit, max: limit } : limit;

/** Stores a group of values saturated. */
export interface Saturator {
  /** Stores `value` as it is and remembers it. */
  put(value: Reg, store: (value: Reg) => void): void;
  /** One test for the whole group; if any value was out of range, all are clamped and stored again. */
  finish(): void;
}

/**
 * With 2ⁿ integers up to `hi`, `value − hi − 1 + 2ⁿ` has bits above bit n exactly when the value is not among them. One test for a group of up to `count` values, in
 * place of one each, keeps the common case short and the verifier's paths few: the rare path joins before the next loop
 * iteration, where its state is known already.
 */
export function saturator(b: FuncBuilder, count: number, limit: Limit, slot: () => Reg = b.stackSlot(8 * count).addr): Saturator {
  const { min, max } = limits(limit);
  const bits = Math.ceil(Math.log2(max - min + 1));
  const kept: ((value: Reg) => void)[] = [];
  let test: Reg | null = null;
  return {
    put(value, store) {
      const above = b.add(value, 2 ** bits - max - 1);
      if (test) b.aluTo(test, 'or', test, above);
      else test = above;
      b.store(slot(), 8 * kept.length, value, 8);
      store(value);
      kept.push(store);
    },
    finish() {
      if (!test) return;
      b.aluTo(test, 'rsh', test, bits);
      b.when('ne', test, 0, () => {
        for (const [i, store] of kept.entries()) {
          const value = b.load(slot(), 8 * i, 8);
          clamp(b, value, min, max);
          store(value);
        }
      });
    },
  };
}

/** `x = (x·mul + add) s>> shift`. */
export function requant(b: FuncBuilder, x: Reg, mul: Val, add: Val, shift: number): void {
  b.aluTo(x, 'mul', x, mul);
  b.aluTo(x, 'add', x, add);
  b.aluTo(x, 'arsh', x, shift);
}
