import type { Buf, View } from './hops.ts';

/** Everything at least this negative is an attention mask: its softmax weight is zero in float32 too. */
export const MASK = -1000;
/** Masks are stored no lower than this. */
export const MASK_FLOOR = -30000;
const TABLE_CEILING = 1e6;
/** Arithmetic on the smallest float, as masks are made, leaves all bounds for whole numbers that are no flags. */
export const storable = (v: number): number => Math.max(MASK_FLOOR, Math.min(TABLE_CEILING, v));

export const isMaskValue = (v: number): boolean => v <= MASK;

/** Largest magnitude among the values that are no masks. */
export function moderate(data: Float64Array): number {
  let bound = 0;
  for (const v of data) if (v > MASK && Math.abs(v) > bound) bound = Math.abs(v);
  return bound;
}

/** Whether a view reads masked elements. */
export const readsMasks = ({ buf, gain }: View): boolean => gain > 0 && (buf.masked !== undefined || buf.unmasked !== undefined);

/** How far masked elements must fall below the others: e⁻¹⁴ is less than a unit of a probability. */
const BELOW = 14;

/** What is known of a sum of views and constants: `masked` when any of them holds masks. */
export function maskedSum(views: readonly View[], constant: Float64Array | null): Partial<Buf> {
  if (!views.some(readsMasks) && !constant?.some(isMaskValue)) return {};
  const tables = views.filter((v) => v.buf.unmasked !== undefined);
  const extra = tables.reduce((sum, v) => sum + v.buf.unmasked! * v.gain, constant ? moderate(constant) : 0);
  return { masked: { of: views.filter((v) => !tables.includes(v)), extra, below: BELOW } };
}
