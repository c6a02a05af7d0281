import type { Env } from '../env.ts';
import type { Exactness } from '../equal.ts';
import type { State } from '../state.ts';
import { type Cells, PLACES } from './cells.ts';
import type { Recorder } from './recorder.ts';

/** No step: the path begins with its function. */
export const NONE = 0xffffffff;

/** How a path ends: it leaves the program (or function) or throws; an earlier state covers it; the program is refused; a limit; the user stopped. */
export const END = { exit: 0, pruned: 1, rejected: 2, limit: 3, stopped: 4 } as const;
export const END_NAMES = ['exit', 'pruned', 'rejected', 'limit', 'stopped'] as const;
export type EndName = (typeof END_NAMES)[number];

export const EXACTNESS: readonly Exactness[] = ['covered', 'within', 'exact'];
/** Bit of a comparison whose states are equal. */
export const EQUAL = 4;

/** A comparison of a new state with one that was kept. */
export interface Comparison {
  /** Number among all comparisons. */
  readonly index: number;
  /** Step that brought the new state, and the one that brought the kept state; NONE for one from before the states that were recorded. */
  readonly step: number;
  readonly oldStep: number;
  readonly exact: Exactness;
  readonly equal: boolean;
}

/**
 * An exploration as it was: step `n` is the n-th instruction that counts as processed, from 0. Steps follow each other in runs; a run goes
 * from a path's beginning (or where it was put aside) to its end, and hangs on the step of another run after which it was put aside.
 */
export class Recording {
  readonly env: Env;
  readonly accepted: boolean;
  readonly stopped: boolean;
  readonly steps: number;
  readonly runs: number;
  /** Paths that waited when the exploration ended early. */
  readonly waiting: number;
  /** States are at hand for steps in [statesFrom, statesTo). */
  readonly statesFrom: number;
  readonly statesTo: number;
  readonly cells: Cells;
  private readonly of: Recorder;
  private readonly ids = new Uint32Array(PLACES);
  private idsAt = NONE;

  constructor(env: Env, recorder: Recorder, from: number, errno: number, stopped: boolean) {
    this.env = env;
    // What only the exploration needed.
    this.waiting = env.pending.length;
    env.watcher = null;
    env.explored = new Map();
    env.pending = [];
    this.of = recorder;
    this.cells = recorder.cells;
    this.accepted = errno === 0 && !stopped;
    this.stopped = stopped;
    this.steps = recorder.insn.length;
    this.runs = recorder.runFirst.length;
    this.statesFrom = from;
    this.statesTo = from + recorder.changeStart.length;
  }

  get bytes(): number {
    const { insn, depth, runFirst, runParent, runEnd, changeStart, whole } = this.of;
    return [insn, depth, runFirst, runParent, runEnd, changeStart, whole].reduce((sum, c) => sum + c.bytes, this.of.stateBytes);
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

  /** The state before a step. */
  stateBefore(step: number): State {
    return this.cells.restore(this.idsAtStep(step), this.insnAt(step));
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

  /** Comparisons that decided at a step whether its path goes on, in the order in which they were made. */
  comparisons(step: number): readonly Comparison[] {
    const { cmpStep, cmpOld, cmpHow } = this.of;
    const found: Comparison[] = [];
    for (let i = cmpStep.lastAtMost(step); i >= 0 && cmpStep.at(i) === step; i--) {
      const how = cmpHow.at(i);
      found.push({ index: i, step, oldStep: cmpOld.at(i), exact: EXACTNESS[how & 3]!, equal: (how & EQUAL) !== 0 });
    }
    return found.reverse();
  }

  /** The kept state of a comparison as it was then: what nothing reads any more is wiped, what decided something is precise. */
  comparedState(index: number): State {
    const { cmpStep, cmpOld, cmpStart, cmpPlace, cmpId } = this.of;
    const oldStep = cmpOld.at(index);
    const ids = new Uint32Array(PLACES);
    if (oldStep !== NONE) ids.set(this.idsAtStep(oldStep));
    const end = index + 1 < cmpStart.length ? cmpStart.at(index + 1) : cmpPlace.length;
    for (let i = cmpStart.at(index); i < end; i++) ids[cmpPlace.at(i)] = cmpId.at(i);
    return this.cells.restore(ids, this.insnAt(cmpStep.at(index)));
  }
}
