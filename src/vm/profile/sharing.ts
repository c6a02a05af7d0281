import { MAX_FRAMES } from '../engine.ts';
import { ANYONE, type OriginSets } from './origin-sets.ts';

/** Follows the calls of a run, to tell whom each block serves. */
export class Sharing {
  readonly #sets: OriginSets;
  /** By set. */
  readonly executed: number[] = [];
  /** The set that the call of each frame serves. */
  readonly #callers = new Int32Array(MAX_FRAMES + 1);
  #depth = 0;
  #last = ANYONE;

  constructor(sets: OriginSets) {
    this.#sets = sets;
  }

  begin(): void {
    this.#depth = 0;
    this.#callers[0] = ANYONE;
    this.#last = ANYONE;
  }

  /** A block of `length` instructions begins at `idx` in frame `depth`. */
  enter(idx: number, length: number, depth: number): void {
    // The block before ended in the call of this frame; a callback's helper calls it again and again from the same block.
    if (depth > this.#depth) this.#callers[depth] = this.#last;
    this.#depth = depth;
    this.#last = this.#sets.narrow(this.#sets.of[idx]!, this.#callers[depth]!);
    this.executed[this.#last] = (this.executed[this.#last] ?? 0) + length;
  }

  /** The last `count` instructions did not run after all. */
  take(count: number): void {
    if (this.#last !== ANYONE) this.executed[this.#last]! -= count;
  }
}
