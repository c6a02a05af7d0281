import { VmFault } from '../fault.ts';
import type { Watcher } from '../interpreter.ts';
import type { MachineParts, Vm } from '../vm.ts';
import { Blocks } from './blocks.ts';
import { OriginSets } from './origin-sets.ts';
import { Sharing } from './sharing.ts';

/** What runs came to, in executed instructions. */
export interface Profile {
  readonly events: number;
  /** Events that ended in a fault. */
  readonly faults: number;
  readonly executed: number;
  /** By instruction slot. */
  readonly counts: Float64Array;
  /** Of each conditional branch, how often it jumped; by instruction slot. */
  readonly taken: Float64Array;
  /** By index into `program.origins`; what serves several, whoever called it, is divided evenly among them. */
  readonly byOrigin: Float64Array;
  /** Executed instructions that no origin claims. */
  readonly unclaimed: number;
  /** How many of them had to be divided. */
  readonly divided: number;
}

/**
 * Counts what a program executes, block by block: one look at the machine for each run of instructions that only its last one
 * leaves, from which the counts of all instructions and both ways of every branch follow exactly. A profiler sums up all that it runs.
 */
export class Profiler {
  readonly #parts: MachineParts;
  readonly #blocks: Blocks;
  readonly #sets: OriginSets;
  readonly #entered: Float64Array;
  readonly #taken: Float64Array;
  /** Instructions behind faults, which did not run although their block was entered. */
  readonly #lost: Float64Array;
  readonly #sharing: Sharing;
  #events = 0;
  #faults = 0;

  constructor(vm: Vm) {
    const { program } = vm;
    this.#parts = vm.parts;
    const count = program.insns.length;
    this.#blocks = new Blocks(program);
    this.#sets = new OriginSets(program);
    this.#entered = new Float64Array(count);
    this.#taken = new Float64Array(count);
    this.#lost = new Float64Array(count);
    this.#sharing = new Sharing(this.#sets);
  }

  /** Runs one event, which `prepare` puts where the machine finds it. A fault ends it and is counted. */
  run(prepare: (parts: MachineParts) => void): void {
    const { interpreter } = this.#parts;
    const sharing = this.#sharing;
    const { branch: branches, length, leaders } = this.#blocks;
    let block = -1;
    const watcher: Watcher = {
      onInsn: (idx) => {
        const branch = block < 0 ? -1 : branches[block]!;
        if (branch >= 0 && idx !== branch + 1) this.#taken[branch]!++;
        this.#entered[idx]!++;
        sharing.enter(idx, length[idx]!, interpreter.depth);
        block = idx;
      },
    };
    prepare(this.#parts);
    sharing.begin();
    interpreter.watch(watcher, leaders);
    this.#events++;
    for (let ended = false; !ended; ) {
      try {
        interpreter.resume();
        ended = true;
      } catch (error) {
        if (error instanceof VmFault) {
          this.#faults++;
          ended = true;
          if (block >= 0) this.#lose(block, error.insnIdx);
        } else {
          const caught = this.#parts.caught(error);
          if (caught === null) throw error;
          ended = caught === 'ended';
        }
      }
    }
  }

  /** The rest of a block, from instruction `from` on, did not run. */
  #lose(block: number, from: number): void {
    let lost = 0;
    for (let idx = from; idx < this.#blocks.end[block]!; idx = this.#blocks.after(idx), lost++) this.#lost[idx]!++;
    this.#sharing.take(lost);
  }

  result(): Profile {
    const counts = new Float64Array(this.#entered.length);
    let executed = 0;
    const { end } = this.#blocks;
    for (let start = 0; start < counts.length; start = end[start]!) {
      if (this.#entered[start] === 0) continue;
      for (let idx = start; idx < end[start]!; idx = this.#blocks.after(idx)) {
        counts[idx] = this.#entered[start]! - this.#lost[idx]!;
        executed += counts[idx]!;
      }
    }
    return {
      events: this.#events,
      faults: this.#faults,
      executed,
      counts,
      taken: this.#taken.slice(),
      ...this.#sets.divide(this.#sharing.executed),
    };
  }
}
