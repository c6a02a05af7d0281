import type { Clock } from './clock.ts';
import { Fifo } from './fifo.ts';

/** Work that keeps one core of the engine until it is done. */
export interface Job {
  /** Does the next part and says how many ns it takes; null when nothing is left. */
  next(core: number): number | null;
  /** The core is free again. */
  done(): void;
}

/** The engine's cores: jobs start in the order in which they came, on the free core with the lowest number. */
export class EngineCores {
  readonly #clock: Clock;
  readonly #idle: number[];
  readonly #waiting = new Fifo<Job>();
  /** Core-nanoseconds of work, and the longest queue before the cores. */
  busyNs = 0;
  mostWaiting = 0;

  constructor(clock: Clock, cores: number) {
    this.#clock = clock;
    this.#idle = Array.from({ length: cores }, (_, i) => cores - 1 - i);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  add(job: Job): void {
    const core = this.#idle.pop();
    if (core === undefined) {
      this.#waiting.push(job);
      this.mostWaiting = Math.max(this.mostWaiting, this.waiting);
    } else this.#go(job, core);
  }

  #go(job: Job, core: number): void {
    let current = job;
    for (;;) {
      const ns = current.next(core);
      if (ns !== null) {
        this.busyNs += ns;
        const started = current;
        this.#clock.at(this.#clock.nowNs + ns, () => this.#go(started, core));
        return;
      }
      const next = this.#waiting.shift();
      if (!next) this.#free(core);
      current.done();
      if (!next) return;
      current = next;
    }
  }

  #free(core: number): void {
    let at = this.#idle.length;
    while (at > 0 && this.#idle[at - 1]! < core) at--;
    this.#idle.splice(at, 0, core);
  }
}
