/** What events of one verdict cost. */
export interface VerdictCost {
  readonly verdict: number;
  readonly events: number;
  /** Instructions that an event executed, exactly: the middle one, the one that 99 of 100 do not exceed, and the most. */
  readonly insns: { readonly p50: number; readonly p99: number; readonly most: number };
  /** Nanoseconds of the events that were timed; null where none was. */
  readonly ns: { readonly timed: number; readonly p50: number; readonly p99: number } | null;
}

export interface EventCosts {
  readonly verdicts: readonly VerdictCost[];
  /** Smallest step of the clock that timed them, and how long each event was run again and again for one time, in ms. */
  readonly clockStepMs: number;
  readonly runMs: number;
}

/** Of `sorted` numbers the one that a share of `part` does not exceed. */
export const percentile = (sorted: ArrayLike<number>, part: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * part) - 1))]!;

/** Instructions and verdict of each event of a trace, in columns. */
export class CostRecorder {
  #insns = new Uint32Array(1024);
  #verdict = new Uint8Array(1024);
  #count = 0;

  add(verdict: number, insns: number): void {
    if (this.#count === this.#insns.length) {
      const [before, verdicts] = [this.#insns, this.#verdict];
      this.#insns = new Uint32Array(before.length * 2);
      this.#verdict = new Uint8Array(before.length * 2);
      this.#insns.set(before);
      this.#verdict.set(verdicts);
    }
    this.#insns[this.#count] = insns;
    this.#verdict[this.#count++] = Math.min(255, verdict);
  }

  /** Events by verdict, cheapest first. */
  #events(verdict: number): Uint32Array {
    const found: number[] = [];
    for (let at = 0; at < this.#count; at++) if (this.#verdict[at] === verdict) found.push(at);
    return Uint32Array.from(found).sort((a, b) => this.#insns[a]! - this.#insns[b]! || a - b);
  }

  /** What each verdict's events executed, and up to `most` of them to time: evenly from the cheapest to the dearest. */
  summary(most: number): (Omit<VerdictCost, 'ns'> & { readonly chosen: readonly number[] })[] {
    const verdicts = [...new Set(this.#verdict.subarray(0, this.#count))].sort((a, b) => a - b);
    return verdicts.map((verdict) => {
      const events = this.#events(verdict);
      const insns = Uint32Array.from(events, (at) => this.#insns[at]!);
      const count = Math.min(most, events.length);
      const chosen = Array.from(
        { length: count },
        (_, at) => events[count === 1 ? 0 : Math.round((at * (events.length - 1)) / (count - 1))]!,
      );
      return {
        verdict,
        events: events.length,
        insns: { p50: percentile(insns, 0.5), p99: percentile(insns, 0.99), most: insns.at(-1) ?? 0 },
        chosen,
      };
    });
  }
}

/** Smallest step that a clock shows, in ms. */
export function clockStep(now: () => number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let seen = 0, before = now(); seen < 20; ) {
    const after = now();
    if (after === before) continue;
    least = Math.min(least, after - before);
    before = after;
    seen++;
  }
  return least;
}

/** What else goes on in the machine only ever adds to a time. */
const BEST_OF = 3;

/** Nanoseconds of one run: the best of three times, each of as many runs as fill `ms` of the clock. */
export function timeOf(run: () => void, ms: number, now: () => number): number {
  run();
  return Math.min(...Array.from({ length: BEST_OF }, () => once(run, ms, now)));
}

function once(run: () => void, ms: number, now: () => number): number {
  let runs = 0;
  const began = now();
  let spent = 0;
  for (let many = 1; spent < ms; many *= 2) {
    for (let i = 0; i < many; i++) run();
    runs += many;
    spent = now() - began;
  }
  return (spent * 1e6) / runs;
}
