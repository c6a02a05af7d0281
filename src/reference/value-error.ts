/** Integers with their scale, beside what they should be. */
export interface Compared {
  readonly data: ArrayLike<number>;
  readonly scale: number;
  /** A scale for each element in place of `scale`, where rows have scales of their own. */
  readonly scales?: Float64Array | null;
  /** Integers are saturated at this magnitude. */
  readonly max: number;
  /** Elements may stand for minus infinity. */
  readonly masks: boolean;
}

/** What one step of an element's integer is worth. */
export const scaleAt = ({ scale, scales }: Pick<Compared, 'scale' | 'scales'>, at: number): number => scales?.[at] ?? scale;

/** How far a value of the program is from that of ONNX Runtime. */
export interface ValueError {
  readonly count: number;
  readonly maxAbs: number;
  readonly meanAbs: number;
  /** Element of the largest difference; -1 when nothing could be compared. */
  readonly at: number;
  /** Largest difference relative to the reference's range. */
  readonly relative: number;
  /** Smallest and largest element of the reference, masks left out. */
  readonly min: number;
  readonly max: number;
  /** Elements at the limit of their integers. */
  readonly saturated: number;
  /** Elements that mask: both sides are low enough, and they are compared no further. */
  readonly masked: number;
}

/** A difference of this share of a tensor's range counts as parting from the reference. */
export const DIVERGES = 0.01;

/** Everything at least this negative masks: its softmax weight is zero in float32 too. */
export const MASK = -1000;

/** Whether element `reference` of a value that may hold masks is one. */
export const isMask = (masks: boolean, reference: number): boolean =>
  reference === Number.NEGATIVE_INFINITY || (masks && reference <= MASK);

export function valueError(program: Compared, reference: ArrayLike<number>): ValueError {
  const { data, masks } = program;
  const count = Math.min(data.length, reference.length);
  let [maxAbs, sum, at, saturated, masked] = [0, 0, -1, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < count; i++) {
    const expected = reference[i]!;
    if (isMask(masks, expected)) {
      masked++;
      continue;
    }
    if (Math.abs(data[i]!) >= program.max) saturated++;
    if (expected < min) min = expected;
    if (expected > max) max = expected;
    const error = Math.abs(data[i]! * scaleAt(program, i) - expected);
    sum += error;
    if (error > maxAbs || at < 0) {
      maxAbs = error;
      at = i;
    }
  }
  const compared = count - masked;
  const range = Math.max(Math.abs(min), Math.abs(max));
  return {
    count,
    maxAbs,
    meanAbs: compared > 0 ? sum / compared : 0,
    at,
    relative: compared === 0 || maxAbs === 0 ? 0 : maxAbs / range,
    min: compared > 0 ? min : 0,
    max: compared > 0 ? max : 0,
    saturated,
    masked,
  };
}
