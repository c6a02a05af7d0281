/** How long work tells its caller how far it is, and learns that it should stop. Both are optional for callers. */
export interface Progress {
  /** `done` of `total` units; `stage` is a short verb phrase such as "calibrating". */
  report(stage: string, done: number, total: number): void;
  /** True once the user asked to stop; the worker then throws {@link Cancelled}. */
  readonly cancelled: boolean;
}

/** Thrown by long work after `Progress.cancelled` turned true. */
export class Cancelled extends Error {
  constructor() {
    super('cancelled');
    this.name = 'Cancelled';
  }
}

/**
 * Why work is aborted, for an AbortController that outlives it: the error that `abort()` makes by itself holds what was on the stack, down to the event and the element that
 * it came from, as long as its signal lives.
 */
export const STOPPED = new Cancelled();
