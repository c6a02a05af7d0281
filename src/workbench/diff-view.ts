/** A change of many lines says nothing line by line; more are counted. */
export const MOST_DIFF_LINES = 400;

/** A line of the comparison: its instruction in the compiled program and in the fork, -1 where it has none there. */
export interface DiffLine {
  readonly base: number;
  readonly fork: number;
  readonly text: string;
}

/** One change, with unchanged lines before and after it. */
export interface DiffHunk {
  readonly func: string;
  /** Instruction of the fork at which it stands. */
  readonly insn: number;
  readonly head: readonly DiffLine[];
  readonly removed: readonly DiffLine[];
  readonly added: readonly DiffLine[];
  /** Lines left out of `removed` and of `added`. */
  readonly more: readonly [removed: number, added: number];
  readonly tail: readonly DiffLine[];
}
