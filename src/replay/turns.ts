/** How long two sides take for the same events. */
export interface TurnTimes {
  /** Stretches of the trace that both ran, one right after the other. */
  readonly stretches: number;
  /** Nanoseconds an event, the middle one of the later half of the stretches: by then engines have compiled both well. */
  readonly a: number;
  readonly b: number;
  /** Middle one of those stretches' b / a: what else the machine does meets both alike. */
  readonly ratio: number;
}

/** Shares a trace into stretches that two sides run in turns, the first one changing, and gathers their times. */
export class Turns {
  readonly #least: number;
  readonly #a: number[] = [];
  readonly #b: number[] = [];
  #length: number;
  #swapped = false;

  /** A stretch takes each side at least `leastMs`, and `first` events to begin with. */
  constructor(leastMs: number, first: number) {
    this.#least = leastMs;
    this.#length = first;
  }

  /** Events of the next stretch. */
  get length(): number {
    return this.#length;
  }

  /** Which side begins the next stretch. */
  get order(): readonly ['a', 'b'] | readonly ['b', 'a'] {
    return this.#swapped ? ['b', 'a'] : ['a', 'b'];
  }

  /** Both sides have run a stretch of `events`. */
  add(events: number, msA: number, msB: number): void {
    if (events === 0) return;
    this.#swapped = !this.#swapped;
    this.#a.push((msA * 1e6) / events);
    this.#b.push((msB * 1e6) / events);
    const slower = Math.min(msA, msB);
    // Twice as long at the most: one stretch that a busy machine cut short says little.
    if (slower < this.#least) this.#length *= 2;
    else if (slower > 4 * this.#least) this.#length = Math.max(1, this.#length >> 1);
  }

  /** Null where nothing was measured. */
  result(): TurnTimes | null {
    const from = this.#a.length >> 1;
    const [a, b] = [this.#a.slice(from), this.#b.slice(from)];
    const pairs = a.flatMap((one, at) => (one > 0 ? [b[at]! / one] : []));
    if (pairs.length === 0) return null;
    return { stretches: this.#a.length, a: middle(a), b: middle(b), ratio: middle(pairs) };
  }
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
