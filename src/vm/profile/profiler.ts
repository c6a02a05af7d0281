import { CALL, EXIT, JA, JMP, JMP32, OP_LDDW } from '../../bpf/insn.ts';
import type { Insn, Program } from '../../bpf/program.ts';
import { VmFault } from '../fault.ts';
import type { Watcher } from '../interpreter.ts';
import type { MachineParts, Vm } from '../vm.ts';
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

const isJump = ({ opcode }: Insn): boolean => (opcode & 7) === JMP || (opcode & 7) === JMP32;

/** A branch that goes one way or another; `goto`, calls and exits are none. */
export function isConditional(insn: Insn): boolean {
  const operation = insn.opcode & 0xf0;
  return isJump(insn) && operation !== CALL && operation !== EXIT && operation !== JA;
}

/**
 * Counts what a program executes, block by block: one look at the machine for each run of instructions that only its last one
 * leaves, from which the counts of all instructions and both ways of every branch follow exactly. A profiler sums up all that it runs.
 */
export class Profiler {
  readonly #program: Program;
  readonly #parts: MachineParts;
  /** 1 at the first instruction of each block. */
  readonly #leaders: Uint8Array;
  /** Of the block that begins at a slot: the slot behind it, its instructions, and the conditional branch that ends it or -1. */
  readonly #end: Int32Array;
  readonly #length: Int32Array;
  readonly #branch: Int32Array;
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
    this.#program = program;
    const count = program.insns.length;
    this.#leaders = findLeaders(program);
    this.#end = new Int32Array(count);
    this.#length = new Int32Array(count);
    this.#branch = new Int32Array(count).fill(-1);
    let start = 0;
    for (let idx = 0; idx < count; idx = nextSlot(program, idx)) {
      if (this.#leaders[idx]) start = idx;
      this.#length[start]!++;
      this.#end[start] = nextSlot(program, idx);
      this.#branch[start] = isConditional(program.insns[idx]!) ? idx : -1;
    }
    this.#entered = new Float64Array(count);
    this.#taken = new Float64Array(count);
    this.#lost = new Float64Array(count);
    this.#sharing = new Sharing(program);
  }

  /** Runs one event, which `prepare` puts where the machine finds it. A fault ends it and is counted. */
  run(prepare: (parts: MachineParts) => void): void {
    const { interpreter } = this.#parts;
    const sharing = this.#sharing;
    let block = -1;
    const watcher: Watcher = {
      onInsn: (idx) => {
        const branch = block < 0 ? -1 : this.#branch[block]!;
        if (branch >= 0 && idx !== branch + 1) this.#taken[branch]!++;
        this.#entered[idx]!++;
        sharing.enter(idx, this.#length[idx]!, interpreter.depth);
        block = idx;
      },
    };
    prepare(this.#parts);
    sharing.begin();
    interpreter.watch(watcher, this.#leaders);
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
    for (let idx = from; idx < this.#end[block]!; idx = nextSlot(this.#program, idx), lost++) this.#lost[idx]!++;
    this.#sharing.take(lost);
  }

  result(): Profile {
    const counts = new Float64Array(this.#entered.length);
    let executed = 0;
    for (let start = 0; start < counts.length; start++) {
      if (!this.#leaders[start] || this.#entered[start] === 0) continue;
      for (let idx = start; idx < this.#end[start]!; idx = nextSlot(this.#program, idx)) {
        counts[idx] = this.#entered[start]! - this.#lost[idx]!;
        executed += counts[idx]!;
      }
    }
    return { events: this.#events, faults: this.#faults, executed, counts, taken: this.#taken.slice(), ...this.#sharing.result() };
  }
}

const nextSlot = ({ insns }: Program, idx: number): number => idx + (insns[idx]!.opcode === OP_LDDW ? 2 : 1);

/** Where a block begins: functions, targets of jumps, and behind jumps and calls. */
function findLeaders(program: Program): Uint8Array {
  const { insns, subprogs } = program;
  const leaders = new Uint8Array(insns.length);
  leaders[0] = 1;
  for (const { start } of subprogs) leaders[start] = 1;
  for (let idx = 0; idx < insns.length; idx = nextSlot(program, idx)) {
    const insn = insns[idx]!;
    if (!isJump(insn)) continue;
    if (idx + 1 < insns.length) leaders[idx + 1] = 1;
    const operation = insn.opcode & 0xf0;
    if (operation === EXIT || operation === CALL) continue;
    const target = idx + 1 + (operation === JA && (insn.opcode & 7) === JMP32 ? insn.imm : insn.off);
    if (target >= 0 && target < insns.length) leaders[target] = 1;
  }
  return leaders;
}
