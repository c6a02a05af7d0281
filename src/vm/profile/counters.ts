import { OP_LDDW, PSEUDO_CALL, PSEUDO_FUNC } from '../../bpf/insn.ts';
import type { Program } from '../../bpf/program.ts';
import { Blocks, isCall } from './blocks.ts';
import { ANYONE, OriginSets } from './origin-sets.ts';

/** Pairs of a function and whom it is called for; programs with more are counted by the interpreter. */
const MOST_RECORDS = 20_000;
/** The helper that leaves for another program. */
const TAIL_CALL = 12;

/** Where a function's code finds its counters: offsets into its record by instruction slot. */
export interface FunctionCounters {
  /** Address of its row of record addresses, one for each context. */
  readonly row: number;
  /** Of blocks by their first instruction, and of the taken ways of conditional branches. */
  readonly entered: ReadonlyMap<number, number>;
  readonly taken: ReadonlyMap<number, number>;
  /** Of calls: the context that they pass on, as an offset into a row. */
  readonly passes: ReadonlyMap<number, number>;
}

interface Shape extends FunctionCounters {
  readonly size: number;
  readonly start: number;
}

interface Place {
  readonly shape: Shape;
  readonly context: number;
  readonly address: number;
}

/**
 * Counters of a translated program, in memory that it cannot reach: for each function and each set of origins that it is called for (its
 * context) a record with one counter for each block and each taken branch, and the contexts that its calls pass on. `engine.ts` keeps
 * the context of the next call in memory; the code of a function finds its record by it.
 */
export class Counters {
  readonly blocks: Blocks;
  readonly sets: OriginSets;
  /** Bytes that all of it takes. */
  readonly bytes: number;
  readonly #shapes = new Map<number, Shape>();
  readonly #places: Place[] = [];
  readonly #contexts: number[] = [ANYONE];
  #view: DataView | null = null;
  #base = 0;

  /** For the functions at `starts`; null for programs with too many pairs. */
  static of(program: Program, starts: readonly number[]): Counters | null {
    const counters = new Counters(program, starts);
    return counters.#places.length > MOST_RECORDS ? null : counters;
  }

  private constructor(program: Program, starts: readonly number[]) {
    const sorted = [...starts].sort((a, b) => a - b);
    this.blocks = new Blocks(program, sorted);
    this.sets = new OriginSets(program);
    const { insns } = program;
    const callbacks = sorted.filter((start) => takesAddress(program, start));
    const pairs = new Map<number, Set<number>>(sorted.map((start) => [start, new Set()]));
    const open: [start: number, context: number][] = [];
    let count = 0;
    const reach = (start: number, context: number): void => {
      const known = pairs.get(start);
      if (!known || known.has(context) || count > MOST_RECORDS) return;
      known.add(context);
      count++;
      if (!this.#contexts.includes(context)) this.#contexts.push(context);
      open.push([start, context]);
    };
    for (const start of sorted) reach(start, ANYONE);
    while (open.length > 0) {
      const [start, context] = open.pop()!;
      this.#calls(insns, sorted, start, (block, call) => {
        const passed = this.sets.narrow(this.sets.of[block]!, context);
        const insn = insns[call]!;
        if (insn.src === PSEUDO_CALL) reach(call + 1 + insn.imm, passed);
        else for (const callback of callbacks) reach(callback, passed);
      });
    }
    let next = sorted.length * this.#contexts.length * 4;
    for (const [i, start] of sorted.entries()) this.#shapes.set(start, this.#shape(insns, sorted, start, i));
    for (const [start, contexts] of pairs) {
      const shape = this.#shapes.get(start)!;
      for (const context of contexts) {
        next = (next + 7) & ~7;
        this.#places.push({ shape, context, address: next });
        next += shape.size;
      }
    }
    this.bytes = next;
  }

  #calls(insns: Program['insns'], starts: readonly number[], start: number, visit: (block: number, call: number) => void): void {
    const end = starts[starts.indexOf(start) + 1] ?? insns.length;
    for (let block = start; block < end; block = this.blocks.end[block]!) {
      const last = this.blocks.last[block]!;
      if (isCall(insns[last]!)) visit(block, last);
    }
  }

  #shape(insns: Program['insns'], starts: readonly number[], start: number, index: number): Shape {
    const entered = new Map<number, number>();
    const taken = new Map<number, number>();
    const passes = new Map<number, number>();
    // The function's own context comes first: what a tail call passes on.
    let at = 8;
    const end = starts[index + 1] ?? insns.length;
    for (let block = start; block < end; block = this.blocks.end[block]!, at += 8) {
      entered.set(block, at);
      if (this.blocks.branch[block]! < 0) continue;
      at += 8;
      taken.set(this.blocks.branch[block]!, at);
    }
    this.#calls(insns, starts, start, (_, call) => {
      const insn = insns[call]!;
      if (insn.src === 0 && insn.imm === TAIL_CALL) passes.set(call, 0);
      else {
        passes.set(call, at);
        at += 4;
      }
    });
    return { row: index * this.#contexts.length * 4, entered, taken, passes, size: at, start };
  }

  /** Writes the tables at `base` of the memory. */
  place(view: DataView, base: number): void {
    this.#view = view;
    this.#base = base;
    const rowOffset = (context: number): number => this.#contexts.indexOf(context) * 4;
    // A context that was not foreseen counts as anyone's.
    for (const { shape, address, context } of [...this.#places].sort((a, b) => a.context - b.context)) {
      const row = base + shape.row;
      if (context === ANYONE) for (let i = 0; i < this.#contexts.length; i++) view.setUint32(row + i * 4, base + address, true);
      view.setUint32(row + rowOffset(context), base + address, true);
      view.setUint32(base + address, rowOffset(context), true);
      for (const [call, offset] of shape.passes) {
        if (offset === 0) continue;
        const passed = this.sets.narrow(this.sets.of[this.blocks.of[call]!]!, context);
        view.setUint32(base + address + offset, Math.max(0, rowOffset(passed)), true);
      }
    }
  }

  /** Of the function that begins at slot `start`. */
  of(start: number): FunctionCounters {
    const shape = this.#shapes.get(start)!;
    return { ...shape, row: this.#base + shape.row };
  }

  /** The context of the record at an address. */
  contextOf(address: number): number {
    const offset = this.#view!.getUint32(address, true);
    return this.#contexts[offset / 4] ?? ANYONE;
  }

  /** Adds up what was counted so far: entries of blocks and taken branches by slot, and executed instructions by set. */
  read(entered: Float64Array, taken: Float64Array, executed: number[]): void {
    const view = this.#view!;
    const counterAt = (address: number): number => view.getUint32(address, true) + view.getUint32(address + 4, true) * 4294967296;
    for (const { shape, address, context } of this.#places) {
      for (const [block, offset] of shape.entered) {
        const count = counterAt(this.#base + address + offset);
        if (count === 0) continue;
        entered[block]! += count;
        const set = this.sets.narrow(this.sets.of[block]!, context);
        executed[set] = (executed[set] ?? 0) + count * this.blocks.length[block]!;
      }
      for (const [branch, offset] of shape.taken) taken[branch]! += counterAt(this.#base + address + offset);
    }
  }
}

/** True when some instruction loads the address of the function at `start`, which a helper may call then. */
function takesAddress({ insns }: Program, start: number): boolean {
  return insns.some((insn, idx) => insn.opcode === OP_LDDW && insn.src === PSEUDO_FUNC && idx + 1 + insn.imm === start);
}
