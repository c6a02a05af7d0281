import type { Program } from '../../bpf/program.ts';
import { MAX_FRAMES } from '../engine.ts';
import type { Profile } from './profiler.ts';

/** The set of what called the main program: it narrows nothing. */
const ANYONE = -1;

/**
 * Whom executed instructions serve. A function that serves several nodes is called for one of them at a time: its instructions count
 * for those nodes that its call serves too. What is still shared then is divided evenly.
 */
export class Sharing {
  readonly #origins: number;
  /** Sets of origins, each sorted and once; a set is its number here. */
  readonly #sets: (readonly number[])[] = [];
  readonly #numbers = new Map<string, number>();
  /** Of each instruction the set that it serves. */
  readonly #setOf: Int32Array;
  /** By callee's set and caller's set. */
  readonly #narrowed = new Map<number, number>();
  readonly #executed: number[] = [];
  /** The set that the call of each frame serves. */
  readonly #callers = new Int32Array(MAX_FRAMES + 1);
  #depth = 0;
  #last = ANYONE;

  constructor(program: Program) {
    this.#origins = program.origins.length;
    this.#setOf = Int32Array.from({ length: program.insns.length }, (_, idx) => this.#number(program.insnOrigins[idx] ?? []));
  }

  #number(origins: readonly number[]): number {
    const sorted = [...new Set(origins)].sort((a, b) => a - b);
    const key = sorted.join();
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#sets.length;
      this.#sets.push(sorted);
      this.#executed.push(0);
      this.#numbers.set(key, number);
    }
    return number;
  }

  #narrow(own: number, caller: number): number {
    if (caller === ANYONE || own === caller) return own;
    const key = own * 0x10_0000 + caller;
    let set = this.#narrowed.get(key);
    if (set === undefined) {
      const common = this.#sets[own]!.filter((origin) => this.#sets[caller]!.includes(origin));
      set = common.length > 0 ? this.#number(common) : own;
      this.#narrowed.set(key, set);
    }
    return set;
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
    this.#last = this.#narrow(this.#setOf[idx]!, this.#callers[depth]!);
    this.#executed[this.#last]! += length;
  }

  /** The last `count` instructions did not run after all. */
  take(count: number): void {
    if (this.#last !== ANYONE) this.#executed[this.#last]! -= count;
  }

  result(): Pick<Profile, 'byOrigin' | 'unclaimed' | 'divided'> {
    const byOrigin = new Float64Array(this.#origins);
    let [unclaimed, divided] = [0, 0];
    this.#sets.forEach((origins, set) => {
      const executed = this.#executed[set]!;
      if (origins.length === 0) unclaimed += executed;
      if (origins.length > 1) divided += executed;
      for (const origin of origins) byOrigin[origin]! += executed / origins.length;
    });
    return { byOrigin, unclaimed, divided };
  }
}
