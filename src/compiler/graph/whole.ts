import { type Buf, type Const, isView, type View } from './hops.ts';
import { MASK } from './masks.ts';

/**
 * Whole numbers that follow from tokens: counts, positions, lengths, flags. They keep exact integers through sums and products, for which
 * their bounds must be known.
 */

interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Bounds of a view of whole numbers; null for anything else. */
function wholeBounds({ buf, gain }: View): Bounds | null {
  if (!buf.whole || !buf.known || buf.unmasked !== undefined || !Number.isInteger(gain)) return null;
  return gain >= 0 ? { min: buf.known.min * gain, max: buf.known.max * gain } : { min: buf.known.max * gain, max: buf.known.min * gain };
}

function bounds(x: View | Const): Bounds | null {
  if (isView(x)) return wholeBounds(x);
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of x.data) {
    if (!Number.isInteger(v)) return null;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  return { min, max };
}

/** Beyond this an int16 could not hold them. */
const LARGEST = 32767;

/** Zero is always within the bounds, as everywhere. */
const whole = (values: readonly number[]): Partial<Buf> => {
  const known = { min: Math.min(0, ...values), max: Math.max(0, ...values) };
  return Math.max(-known.min, known.max) <= LARGEST ? { whole: true, known } : {};
};

export const isWhole = (x: View): boolean => wholeBounds(x) !== null;

/** What is known of `x·mul + add`. */
export function wholeSum(x: View, mul: Const | null, add: View | Const | null): Partial<Buf> {
  const [a, f, b] = [bounds(x), mul ? bounds(mul) : { min: 1, max: 1 }, add ? bounds(add) : { min: 0, max: 0 }];
  if (!a || !f || !b) return {};
  const products = [a.min * f.min, a.min * f.max, a.max * f.min, a.max * f.max];
  return whole([Math.min(...products) + b.min, Math.max(...products) + b.max]);
}

/** What is known of `a·b`. */
export function wholeProduct(a: View, b: View | Const): Partial<Buf> {
  const [p, q] = [bounds(a), bounds(b)];
  return p && q ? whole([p.min * q.min, p.min * q.max, p.max * q.min, p.max * q.max]) : {};
}

/** What is known of a sum of `count` elements of `x`, or of all its prefixes. */
export function wholeTotal(x: View, count: number): Partial<Buf> {
  const known = wholeBounds(x);
  return known ? whole([known.min * count, known.max * count, known.min, known.max]) : {};
}

/** What is known of values side by side. */
export function wholeParts(parts: readonly (View | Const)[]): Partial<Buf> {
  const all = parts.map(bounds);
  return all.every((b) => b !== null) ? whole(all.flatMap(({ min, max }) => [min, max])) : {};
}

/** Functions of more whole numbers than this are not tried one by one. */
const MOST = 8192;

/** What is known of a function of a view of whole numbers. */
export function wholeFunction(x: View, fn: (v: number) => number): Partial<Buf> {
  const known = wholeBounds(x);
  if (!known || known.max - known.min > MOST) return {};
  const values: number[] = [];
  for (let v = known.min; v <= known.max; v++) values.push(fn(v));
  const others = values.filter((v) => v > MASK).map(Math.abs);
  const masks = others.length < values.length ? { unmasked: Math.max(0, ...others) } : {};
  if (values.every(Number.isInteger)) return { ...whole(values), ...masks };
  return values.every(Number.isFinite) ? { known: { min: Math.min(0, ...values), max: Math.max(0, ...values) }, ...masks } : {};
}
