import type { Exactness } from './equal.ts';
import type { State } from './state.ts';

/** Follows an exploration from outside, by `Env.watcher`. Nobody watches unless asked, so that each call costs a look at null. */
export interface Watcher {
  /**
   * The instruction at `env.insnIdx` is processed in state `env.cur`: it is about to be checked or, where `pruned`, an earlier state
   * covers it and the path ends before it.
   */
  step(pruned: boolean): void;
  /** The current state was compared with one that was kept for this instruction, before `step` tells of the arrival. */
  compared(old: State, exact: Exactness, equal: boolean): void;
  /** A copy of the current state is kept for later comparisons, before `step` tells of the arrival. */
  kept(state: State): void;
}
