import { Cancelled, type Progress } from './progress.ts';

/** Work goes on this long before it lets messages in. */
const SLICE_MS = 10;

/** What long work needs from its surroundings. */
export interface Working {
  readonly progress?: Progress;
  /** Lets messages in; a worker has a way that is faster than a timer. */
  rest?(): Promise<void>;
}

/** Keeps long work from blocking: ask {@link due} every few thousand steps, and when it is, await {@link rest}. */
export class Pace {
  #rested = performance.now();
  readonly #working: Working;

  constructor(working: Working) {
    this.#working = working;
  }

  get due(): boolean {
    return performance.now() - this.#rested > SLICE_MS;
  }

  /** Tells how far the work is and listens; throws {@link Cancelled} when the user asked to stop. */
  async rest(stage: string, done: number, total: number): Promise<void> {
    const { progress, rest } = this.#working;
    progress?.report(stage, done, total);
    await (rest ? rest() : new Promise<void>((resolve) => setTimeout(resolve, 0)));
    if (progress?.cancelled) throw new Cancelled();
    this.#rested = performance.now();
  }
}
