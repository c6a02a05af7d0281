import type { FixedStrategy } from '../compiler/api.ts';
import type { LoopForm } from '../verifier/whatif/rewrite.ts';

/** What the verifier says of a program. */
export interface VerdictFigures {
  readonly insns: number;
  readonly accepted: boolean;
  readonly message: string | null;
  readonly processed: number;
  readonly totalStates: number;
  readonly peakStates: number;
  readonly stackDepth: string;
}

/** A model compiled with one loop strategy. */
export interface StrategyView {
  readonly strategy: FixedStrategy;
  /** Why it cannot be compiled so; null when it can. */
  readonly refused: string | null;
  readonly figures: VerdictFigures | null;
  /** Measured in this browser's engine. */
  readonly engineNs: number | null;
}

/** A program with one loop in another form; `form` is null for the program as it is. */
export interface FormView {
  readonly form: LoopForm | null;
  readonly refused: string | null;
  readonly figures: VerdictFigures | null;
  /** The program's text, where the verifier accepts it. */
  readonly text: string | null;
}

/** A loop around an instruction. */
export interface LoopView {
  readonly head: number;
  readonly latch: number;
  /** Null where the number of rounds is not known from the code. */
  readonly rounds: number | null;
  readonly forms: readonly LoopForm[];
}
