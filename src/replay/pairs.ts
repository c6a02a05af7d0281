/**
 * Two sides judged on the same events (Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
 * percentages", 1947): what counts is where only one of them is right.
 */
export interface Pairs {
  readonly events: number;
  readonly both: number;
  readonly onlyA: number;
  readonly onlyB: number;
  readonly neither: number;
  /**
   * Exact two-sided probability that sides of equal quality differ at least as unevenly: binomial with ½ over the events where only one is
   * right. 1 where there is none.
   */
  readonly p: number;
}

/** `rightA`, `rightB`: whether a side is right about an event; null where that is not known, which leaves the event out. */
export function pairs(
  events: Iterable<number>,
  rightA: (event: number) => boolean | null,
  rightB: (event: number) => boolean | null,
): Pairs {
  let [both, onlyA, onlyB, neither] = [0, 0, 0, 0];
  for (const event of events) {
    const [a, b] = [rightA(event), rightB(event)];
    if (a === null || b === null) continue;
    if (a && b) both++;
    else if (a) onlyA++;
    else if (b) onlyB++;
    else neither++;
  }
  return { events: both + onlyA + onlyB + neither, both, onlyA, onlyB, neither, p: exactP(onlyA, onlyB) };
}

/** Two-sided probability of a split at least as uneven as `one` to `other`, when each event falls either way alike. */
export function exactP(one: number, other: number): number {
  const n = one + other;
  const k = Math.min(one, other);
  let log = -n * Math.LN2;
  for (let i = 1; i <= k; i++) log += Math.log((n - k + i) / i);
  let term = Math.exp(log);
  let sum = term;
  // Terms fall by i / (n − i + 1) ≤ 1 on the way down.
  for (let i = k; i > 0 && term > sum * 1e-17; i--) {
    term *= i / (n - i + 1);
    sum += term;
  }
  return Math.min(1, 2 * sum);
}
