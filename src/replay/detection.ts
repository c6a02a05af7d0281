/**
 * How well scores separate the events of one class from the others: the curve that thresholds draw (receiver operating characteristic,
 * T. Fawcett, "An introduction to ROC analysis", 2006) and what each threshold costs.
 */
export interface Detection {
  /** Labelled events of the class and of the others. */
  readonly positives: number;
  readonly negatives: number;
  /** Distinct scores, falling: an event is flagged whose score is at least that. */
  readonly thresholds: Float64Array;
  /** Flagged events of the class, and of the others, at each threshold. */
  readonly hits: Uint32Array;
  readonly alarms: Uint32Array;
  /** Area under the curve; null when one side has no event. */
  readonly area: number | null;
}

/** Counts at one threshold. */
export interface Counts {
  readonly hits: number;
  readonly alarms: number;
  readonly misses: number;
  readonly passes: number;
  /** Null where it would divide by zero. */
  readonly precision: number | null;
  readonly recall: number | null;
  readonly alarmRate: number | null;
  readonly f1: number | null;
}

/** What a wrong verdict costs, in any unit. */
export interface Costs {
  readonly alarm: number;
  readonly miss: number;
}

/**
 * Scores and labels of the same events; those with a negative label are left out. A score that is NaN (the model did not run) is below every
 * threshold. O(n log n).
 */
export function detect(scores: ArrayLike<number>, labels: ArrayLike<number>, positive: number): Detection {
  const scored: number[] = [];
  let [positives, negatives] = [0, 0];
  const count = Math.min(scores.length, labels.length);
  for (let i = 0; i < count; i++) {
    if (labels[i]! < 0) continue;
    if (labels[i] === positive) positives++;
    else negatives++;
    if (!Number.isNaN(scores[i])) scored.push(i);
  }
  scored.sort((a, b) => scores[b]! - scores[a]!);
  const [thresholds, hits, alarms]: [number[], number[], number[]] = [[], [], []];
  let [hit, alarm, area] = [0, 0, 0];
  for (let at = 0; at < scored.length; ) {
    const threshold = scores[scored[at]!]!;
    const [hitBefore, alarmBefore] = [hit, alarm];
    for (; at < scored.length && scores[scored[at]!] === threshold; at++) {
      if (labels[scored[at]!] === positive) hit++;
      else alarm++;
    }
    thresholds.push(threshold);
    hits.push(hit);
    alarms.push(alarm);
    area += ((alarm - alarmBefore) * (hit + hitBefore)) / 2;
  }
  // Events without a score are flagged by no threshold, and last by one that flags everything.
  area += ((negatives - alarm) * (hit + positives)) / 2;
  return {
    positives,
    negatives,
    thresholds: Float64Array.from(thresholds),
    hits: Uint32Array.from(hits),
    alarms: Uint32Array.from(alarms),
    area: positives > 0 && negatives > 0 ? area / (positives * negatives) : null,
  };
}

/** Counts where events with a score of `threshold` or more are flagged. */
export function countsAt(detection: Detection, threshold: number): Counts {
  const { thresholds, positives, negatives } = detection;
  // The last threshold that is not below this one.
  let [low, high] = [0, thresholds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (thresholds[middle]! >= threshold) low = middle + 1;
    else high = middle;
  }
  const hits = low > 0 ? detection.hits[low - 1]! : 0;
  const alarms = low > 0 ? detection.alarms[low - 1]! : 0;
  const share = (part: number, of: number): number | null => (of > 0 ? part / of : null);
  return {
    hits,
    alarms,
    misses: positives - hits,
    passes: negatives - alarms,
    precision: share(hits, hits + alarms),
    recall: share(hits, positives),
    alarmRate: share(alarms, negatives),
    f1: share(2 * hits, hits + alarms + positives),
  };
}

export const costOf = ({ alarms, misses }: Pick<Counts, 'alarms' | 'misses'>, costs: Costs): number =>
  alarms * costs.alarm + misses * costs.miss;

/**
 * The threshold of least cost, the highest of equals; its threshold is null where nothing costs less than to flag no event. Null without scores.
 */
export function cheapest(detection: Detection, costs: Costs): { readonly threshold: number | null; readonly cost: number } | null {
  const { thresholds, hits, alarms, positives } = detection;
  if (thresholds.length === 0) return null;
  let best: { threshold: number | null; cost: number } = { threshold: null, cost: costOf({ alarms: 0, misses: positives }, costs) };
  thresholds.forEach((threshold, at) => {
    const cost = costOf({ alarms: alarms[at]!, misses: positives - hits[at]! }, costs);
    if (cost < best.cost) best = { threshold, cost };
  });
  return best;
}

/** How far class `at` is ahead of the best other one among `values`; of a single value, how far it is on the side of the class. NaN without values. */
export function leadOf(values: ArrayLike<number>, at: number, cut: number): number {
  if (values.length === 1) return at === 1 ? values[0]! - cut : cut - values[0]!;
  let best = Number.NEGATIVE_INFINITY;
  for (let other = 0; other < values.length; other++) if (other !== at && values[other]! > best) best = values[other]!;
  return at < values.length ? values[at]! - best : Number.NaN;
}
