import { Heap } from './heap.ts';

interface Due {
  readonly timeNs: number;
  /** Of two things at one time the one planned first comes first: runs are the same every time. */
  readonly order: number;
  readonly happen: () => void;
}

/** The device's modelled time and what is planned in it. */
export class Clock {
  #nowNs = 0;
  #planned = 0;
  readonly #due = new Heap<Due>((a, b) => a.timeNs < b.timeNs || (a.timeNs === b.timeNs && a.order < b.order));

  get nowNs(): number {
    return this.#nowNs;
  }

  /** Things planned. */
  get pending(): number {
    return this.#due.size;
  }

  /** Plans `happen` at a time that is not past. */
  at(timeNs: number, happen: () => void): void {
    this.#due.push({ timeNs: Math.max(timeNs, this.#nowNs), order: this.#planned++, happen });
  }

  /** Lets the next thing happen; false when nothing is planned before `untilNs`, which it includes. */
  step(untilNs = Number.POSITIVE_INFINITY): boolean {
    const next = this.#due.peek();
    if (!next || next.timeNs > untilNs) return false;
    this.#due.pop();
    this.#nowNs = next.timeNs;
    next.happen();
    return true;
  }

  /** Moves time on to where nothing is planned before. */
  advance(toNs: number): void {
    this.#nowNs = Math.max(this.#nowNs, toNs);
  }
}
