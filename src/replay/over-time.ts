/** Events in a stretch of a trace and how many of them agree. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly agreed: number;
  readonly differing: number;
  readonly maxError: number;
}

/**
 * Agreement along a trace in at most `most` stretches of equal length. `agrees` is null for what is no event, such as a call at which no model
 * runs; `error` may be NaN where there is none.
 */
export function overTime(
  count: number,
  most: number,
  agrees: (event: number) => boolean | null,
  error: (event: number) => number,
): readonly Stretch[] {
  const length = Math.max(1, Math.ceil(count / most));
  const stretches: Stretch[] = [];
  for (let from = 0; from < count; from += length) {
    const to = Math.min(count, from + length);
    let [agreed, differing, maxError] = [0, 0, 0];
    for (let event = from; event < to; event++) {
      const alike = agrees(event);
      if (alike) agreed++;
      else if (alike === false) differing++;
      if (error(event) > maxError) maxError = error(event);
    }
    stretches.push({ from, to, agreed, differing, maxError });
  }
  return stretches;
}

/** How many differences are of each magnitude: bins between powers of ten, `perDecade` to each, from the least power to the greatest. */
export interface Spread {
  /** Power of ten at which the first bin begins. */
  readonly least: number;
  readonly perDecade: number;
  readonly counts: readonly number[];
  /** Differences of exactly zero, or below the first bin. */
  readonly none: number;
}

/** Distribution of the magnitudes in `errors`, from 10^`least` to 10^`greatest`; larger ones count in the last bin. NaN is left out. */
export function spread(errors: Iterable<number>, least: number, greatest: number, perDecade: number): Spread {
  const counts = new Array<number>((greatest - least) * perDecade).fill(0);
  let none = 0;
  for (const error of errors) {
    if (Number.isNaN(error)) continue;
    const bin = Math.floor((Math.log10(Math.abs(error)) - least) * perDecade);
    if (bin < 0) none++;
    else counts[Math.min(counts.length - 1, bin)]!++;
  }
  return { least, perDecade, counts, none };
}

/** Events of the `most` largest errors above 0, the largest first, of equal ones the earlier; NaN is left out. One pass: a trace may be long. */
export function largestErrors(errors: ArrayLike<number>, most: number): number[] {
  const found: number[] = [];
  for (let event = 0; event < errors.length; event++) {
    const error = errors[event]!;
    if (!(error > 0) || (found.length === most && error <= errors[found[most - 1]!]!)) continue;
    let at = found.length;
    while (at > 0 && errors[found[at - 1]!]! < error) at--;
    found.splice(at, 0, event);
    if (found.length > most) found.pop();
  }
  return found;
}
