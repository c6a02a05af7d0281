import { InputError } from '../base/errors.ts';
import type { CalibrationMethod } from './api.ts';

const PREFIX = 'percentile:';
/** Percentile where none is stated. */
const DEFAULT_PERCENT = 99.9;

/** The percentile that a method states; meaningless for others. */
export const percentOf = (method: CalibrationMethod): number => Number(method.slice(PREFIX.length));

/** Reads `minmax`, `percentile[:P]` or `mse`. Throws {@link InputError}. */
export function parseMethod(text: string): CalibrationMethod {
  if (text === 'minmax' || text === 'mse') return text;
  const match = /^percentile(?::(\d+(?:\.\d+)?))?$/.exec(text);
  const percent = Number(match?.[1] ?? DEFAULT_PERCENT);
  if (!match || !(percent > 50 && percent <= 100))
    throw new InputError(`calibration is minmax, percentile:P with P above 50 and at most 100, or mse, not ${text}`, 'arguments');
  return `percentile:${percent}`;
}
