import type { Column } from './columns.ts';
import type { ComparedStates } from './compare.ts';
import type { StateTold } from './told.ts';

/** No step: the path begins with its function. */
export const NONE = 0xffffffff;

/** How a path ends: it leaves the program (or function) or throws; an earlier state covers it; the program is refused; a limit; it was stopped, or is not told further. */
export const END = { exit: 0, pruned: 1, rejected: 2, limit: 3, stopped: 4 } as const;
export const END_NAMES = ['exit', 'pruned', 'rejected', 'limit', 'stopped'] as const;
export type EndName = (typeof END_NAMES)[number];

/** What a register or slot holds. */
export const HOLDS = { nothing: 0, number: 1, pointer: 2, mixed: 3, unrecorded: 4 } as const;

/** What is written down of an exploration, step by step. */
export interface Columns {
  /** Of each step: its instruction, and how many functions are on the call stack. */
  readonly insn: Column<Uint32Array>;
  readonly depth: Column<Uint8Array>;
  /** Runs: steps that were explored one after the other, from a path's beginning to its end. */
  readonly runFirst: Column<Uint32Array>;
  readonly runParent: Column<Uint32Array>;
  readonly runEnd: Column<Uint8Array>;
  /** Cells that changed with each step, for steps whose states are held; all of them for the steps in `whole`. */
  readonly changeStart: Column<Uint32Array>;
  readonly changePlace: Column<Uint16Array>;
  readonly changeId: Column<Uint32Array>;
  readonly whole: Column<Uint32Array>;
  /** The last step's instruction was not checked any more. */
  readonly refusedOnArrival: boolean;
}

/**
 * An exploration as it was: step `n` is the n-th instruction that counts as processed, from 0. Steps follow each other in runs; a run goes
 * from a path's beginning (or where it was put aside) to its end, and hangs on the step of another run after which it was put aside. A state is an array of numbers by
 * place (`cells.ts`), of which a step changes a few; what the numbers stand for is the recording's own: records of our verifier, or the words of a log.
 */
export abstract class Exploration {
  abstract readonly accepted: boolean;
  /** Paths that waited when the exploration ended early. */
  abstract readonly waiting: number;
  readonly steps: number;
  readonly runs: number;
  /** States are at hand for steps in [statesFrom, statesTo). */
  readonly statesFrom: number;
  readonly statesTo: number;
  protected readonly of: Columns;
  private readonly ids: Uint32Array;
  private idsAt = NONE;

  constructor(columns: Columns, statesFrom: number, places: number) {
    this.of = columns;
    this.steps = columns.insn.length;
    this.runs = columns.runFirst.length;
    this.statesFrom = statesFrom;
    this.statesTo = statesFrom + columns.changeStart.length;
    this.ids = new Uint32Array(places);
  }

  abstract get bytes(): number;
  /** Instructions of the program, or as many as are known of it. */
  abstract get insns(): number;
  abstract isBranch(insn: number): boolean;
  /** A call that runs a function of the program, perhaps several times. */
  abstract callsBack(insn: number): boolean;
  /** What a place holds by a record's number. */
  abstract holds(place: number, id: number): number;
  /** Signed bounds of a number as plain ones, exact up to 2^53. */
  abstract bounds(place: number, id: number): readonly [min: number, max: number];
  /** Do two records of a place show the same value? Their ids and whether they are precise aside; true for what is neither register nor slot. */
  abstract alike(place: number, a: number, b: number): boolean;
  /** The state before a step, in words. */
  abstract told(step: number): StateTold;
  /** What decided at a step whether its path goes on: comparisons with kept states, the last of which decided. */
  abstract why(step: number): ComparedStates[];

  protected get columnBytes(): number {
    const { insn, depth, runFirst, runParent, runEnd, changeStart, changePlace, changeId, whole } = this.of;
    return [insn, depth, runFirst, runParent, runEnd, changeStart, changePlace, changeId, whole].reduce((sum, c) => sum + c.bytes, 0);
  }

  insnAt(step: number): number {
    return this.of.insn.at(step);
  }

  /** Functions on the call stack, 1 in the function that verification began with. */
  depthAt(step: number): number {
    return this.of.depth.at(step);
  }

  runOf(step: number): number {
    return this.of.runFirst.lastAtMost(step);
  }

  runFirst(run: number): number {
    return this.of.runFirst.at(run);
  }

  /** Last step of a run. */
  runLast(run: number): number {
    return run + 1 < this.runs ? this.of.runFirst.at(run + 1) - 1 : this.steps - 1;
  }

  /** Step after which a run was put aside; NONE for the first of a function. */
  runParent(run: number): number {
    return this.of.runParent.at(run);
  }

  runEnd(run: number): EndName {
    return END_NAMES[this.of.runEnd.at(run)]!;
  }

  hasState(step: number): boolean {
    return step >= this.statesFrom && step < this.statesTo;
  }

  /** Cells of the state before a step, valid until the next call. */
  idsAtStep(step: number): Uint32Array {
    const { whole } = this.of;
    const { ids } = this;
    const from = whole.at(whole.lastAtMost(step));
    // Going on from the last answer is cheaper than from a whole state.
    let at = this.idsAt !== NONE && this.idsAt <= step && this.idsAt >= from ? this.idsAt + 1 : from;
    if (at === from) ids.fill(0);
    for (; at <= step; at++) this.eachChange(at, (place, id) => (ids[place] = id));
    this.idsAt = step;
    return ids;
  }

  /** All cells of a step were written down, not only what changed. */
  isWhole(step: number): boolean {
    const { whole } = this.of;
    const at = whole.lastAtMost(step);
    return at >= 0 && whole.at(at) === step;
  }

  /** Calls `visit` for each cell that changed between the step before on this run and this one, or for all cells of a whole state. */
  eachChange(step: number, visit: (place: number, id: number) => void): void {
    const { changeStart, changePlace, changeId } = this.of;
    const at = step - this.statesFrom;
    const end = at + 1 < changeStart.length ? changeStart.at(at + 1) : changePlace.length;
    for (let i = changeStart.at(at); i < end; i++) visit(changePlace.at(i), changeId.at(i));
  }

  /** The step's instruction was checked; else its path ended on arrival. */
  isChecked(step: number): boolean {
    const run = this.runOf(step);
    if (this.runLast(run) !== step) return true;
    return this.runEnd(run) !== 'pruned' && !(step === this.steps - 1 && this.of.refusedOnArrival);
  }

  /** Step that follows on the same path without a branch having been put aside for it; NONE at its end. */
  next(step: number): number {
    const run = this.runOf(step);
    return step < this.runLast(run) ? step + 1 : NONE;
  }
}
