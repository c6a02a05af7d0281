import { VmFault } from '../fault.ts';
import type { Vm, VmInput } from '../vm.ts';
import { isCall } from './blocks.ts';
import type { Counters } from './counters.ts';
import type { Profile } from './profiler.ts';

/**
 * Counts what a program executes by counters in its WebAssembly, near full speed: the same figures as {@link Profiler}'s, to the last
 * instruction. A profiler sums up all that it runs; {@link result} may be asked at any time.
 */
export class CompiledProfiler {
  readonly #vm: Vm;
  readonly #counters: Counters;
  /** What the counters do not see: blocks that the interpreter ran into a fault, and what did not run behind it. */
  readonly #entered: Float64Array;
  readonly #taken: Float64Array;
  readonly #lost: Float64Array;
  readonly #executed: number[] = [];
  #events = 0;
  #faults = 0;

  /** `vm` was made with `counters`. Null when it has no counters: the program is interpreted. */
  static of(vm: Vm): CompiledProfiler | null {
    return vm.counters && new CompiledProfiler(vm, vm.counters);
  }

  private constructor(vm: Vm, counters: Counters) {
    this.#vm = vm;
    this.#counters = counters;
    const count = vm.program.insns.length;
    this.#entered = new Float64Array(count);
    this.#taken = new Float64Array(count);
    this.#lost = new Float64Array(count);
  }

  /** Runs one event. A fault ends it and is counted. */
  run(input: VmInput): void {
    this.#events++;
    try {
      this.#vm.runUnseen(input);
    } catch (error) {
      if (!(error instanceof VmFault)) throw error;
      this.#faults++;
      this.#settle(error.insnIdx);
    }
  }

  /** Puts right what the counters have of an event that ended in a fault at `fault`. */
  #settle(fault: number): void {
    const { blocks, sets } = this.#counters;
    const { context, path } = this.#vm.faultPath();
    // Stopped at the head of a loop, before anything of it was counted.
    if (path.length === 0 && !isCall(this.#vm.program.insns[fault]!)) return;
    let block = path.length > 0 ? blocks.of[path[0]!]! : blocks.of[fault]!;
    const count = (start: number, insns: number): void => {
      const set = sets.narrow(sets.of[start]!, context);
      this.#executed[set] = (this.#executed[set] ?? 0) + insns;
    };
    for (const idx of path.slice(1)) {
      const branch = blocks.branch[block]!;
      if (branch >= 0 && idx !== branch + 1) this.#taken[branch]!++;
      this.#entered[idx]!++;
      count(idx, blocks.length[idx]!);
      block = idx;
    }
    let lost = 0;
    for (let idx = fault; idx < blocks.end[block]!; idx = blocks.after(idx), lost++) this.#lost[idx]!++;
    count(block, -lost);
  }

  result(): Profile {
    const { blocks, sets } = this.#counters;
    const entered = this.#entered.slice();
    const taken = this.#taken.slice();
    const executed = [...this.#executed];
    this.#counters.read(entered, taken, executed);
    const counts = new Float64Array(entered.length);
    let sum = 0;
    for (let start = 0; start < counts.length; start = blocks.end[start]!) {
      for (let idx = start; idx < blocks.end[start]!; idx = blocks.after(idx)) {
        counts[idx] = entered[start]! - this.#lost[idx]!;
        sum += counts[idx]!;
      }
    }
    return { events: this.#events, faults: this.#faults, executed: sum, counts, taken, ...sets.divide(executed) };
  }
}
