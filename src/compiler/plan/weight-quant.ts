import type { CalibrationMethod } from '../api.ts';
import { percentOf } from '../calibration-method.ts';
import type { Const } from '../graph/hops.ts';

/** Integers of a matrix: of which the largest is `most`; `binary` ones are −1 or 1, never zero. */
export interface Integers {
  readonly most: number;
  readonly binary: boolean;
}

/** Clips that are tried, as parts of the largest magnitude: weights of a few values leave most of a row's tail out. */
const TRIED = Array.from({ length: 26 }, (_, i) => 1 - i * 0.02);
const TRIED_BY_TERNARY = Array.from({ length: 46 }, (_, i) => 1 - i * 0.02);

/**
 * The real value of one unit of each output row's integers. `minmax`: the largest weight is the largest integer; `percentile`: the magnitude that
 * so many per cent of the row do not exceed; `mse`: the clip with the smallest square error. Ternary and binary weights take the last one
 * whatever the method: the largest weight alone would be left of a row.
 */
export function rowSteps(weights: Const, { most, binary }: Integers, method: CalibrationMethod = 'minmax'): number[] {
  const [n, k] = weights.dims as [number, number];
  return Array.from({ length: n }, (_, row) => {
    const values = weights.data.subarray(row * k, (row + 1) * k);
    let top = 0;
    let sum = 0;
    for (const w of values) {
      const a = Math.abs(w);
      sum += a;
      if (a > top) top = a;
    }
    if (top === 0) return 1;
    if (binary) return sum / k;
    if (most === 1) return bestStep(values, top, most, TRIED_BY_TERNARY);
    const given = weights.steps?.values[row];
    // The model's own integers, as large as they may be by a power of two: what is shifted out of their sums is zero.
    if (given && top <= given * (most + 0.5)) return given / 2 ** Math.floor(Math.log2(most / Math.max(1, Math.round(top / given))));
    if (method === 'minmax') return top / most;
    if (method === 'mse') return bestStep(values, top, most, TRIED);
    const sorted = Float64Array.from(values, Math.abs).sort();
    const at = Math.min(k - 1, Math.ceil((percentOf(method) / 100) * k) - 1);
    return (sorted[Math.max(0, at)]! || top) / most;
  });
}

/** The integer of a weight. */
export function integerOf(weight: number, step: number, { most, binary }: Integers): number {
  if (binary) return weight < 0 ? -1 : 1;
  const integer = Math.round(weight / step);
  return Math.max(-most, Math.min(most, integer));
}

function bestStep(values: Float64Array, top: number, most: number, tried: readonly number[]): number {
  let [best, least] = [top / most, Number.POSITIVE_INFINITY];
  for (const part of tried) {
    const step = (top * part) / most;
    let error = 0;
    for (const w of values) error += (w - step * integerOf(w, step, { most, binary: false })) ** 2;
    if (error < least) [best, least] = [step, error];
  }
  return best;
}
