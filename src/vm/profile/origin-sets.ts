import type { Program } from '../../bpf/program.ts';
import type { Profile } from './profiler.ts';

/** The set of what called the main program: it narrows nothing. */
export const ANYONE = -1;

/**
 * Whom executed instructions serve. A function that serves several nodes is called for one of them at a time: its instructions count
 * for those nodes that its call serves too. What is still shared then is divided evenly.
 */
export class OriginSets {
  readonly #origins: number;
  /** Sets of origins, each sorted and once; a set is its number here. */
  readonly #sets: (readonly number[])[] = [];
  readonly #numbers = new Map<string, number>();
  /** Of each instruction the set that it serves. */
  readonly of: Int32Array;
  /** By callee's set and caller's set. */
  readonly #narrowed = new Map<number, number>();

  constructor(program: Program) {
    this.#origins = program.origins.length;
    this.of = Int32Array.from({ length: program.insns.length }, (_, idx) => this.#number(program.insnOrigins[idx] ?? []));
  }

  #number(origins: readonly number[]): number {
    const sorted = [...new Set(origins)].sort((a, b) => a - b);
    const key = sorted.join();
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#sets.length;
      this.#sets.push(sorted);
      this.#numbers.set(key, number);
    }
    return number;
  }

  /** What code that serves `own` serves when it was called for `caller`. */
  narrow(own: number, caller: number): number {
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

  /** Divides what was executed, by set, among origins. */
  divide(executed: readonly number[]): Pick<Profile, 'byOrigin' | 'unclaimed' | 'divided'> {
    const byOrigin = new Float64Array(this.#origins);
    let [unclaimed, divided] = [0, 0];
    this.#sets.forEach((origins, set) => {
      const count = executed[set] ?? 0;
      if (origins.length === 0) unclaimed += count;
      if (origins.length > 1) divided += count;
      for (const origin of origins) byOrigin[origin]! += count / origins.length;
    });
    return { byOrigin, unclaimed, divided };
  }
}
