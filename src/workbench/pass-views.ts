import type { RowState } from '../compiler/passes/diff.ts';
import type { FactKey, PassId, PassKind, PassRow, Reason } from '../compiler/passes/pass.ts';
import type { ProjectOptions } from './document.ts';
import type { UserError } from './errors.ts';

/** Options of the compiler that can be tried without taking them. */
export type Change = Pick<ProjectOptions, 'quant' | 'strategy' | 'kernel' | 'specialise'>;

/** A pass: its rows with what became of those before, as columns. */
export interface PassView {
  readonly id: PassId;
  readonly kind: PassKind;
  /** What it could be compared with: nothing, things of another kind (only what became of which is known), or its like. */
  readonly compared: 'not' | 'other' | 'like';
  readonly state: Uint8Array;
  /** The node that each row stands for, -1 without one, and all that it serves. */
  readonly node: Int32Array;
  readonly nodeStart: Uint32Array;
  readonly nodes: Uint32Array;
  /** How many rows are the same, changed, added and removed. */
  readonly counts: Readonly<Record<RowState, number>>;
}

export interface PassesView {
  readonly passes: readonly PassView[];
  /** Why the compiler went no further; null where it came to an end. */
  readonly refused: UserError | null;
  /** The loop strategy that was taken. */
  readonly strategy: string | null;
  /** Products with weights: by node, the name that a precision is given to. */
  readonly products: readonly { readonly node: number; readonly name: string }[];
}

/** A row as it is shown. */
export interface PassRowView extends Pick<PassRow, 'op' | 'name' | 'dims'> {
  readonly state: RowState;
  /** `was`: the text before, where it was another; '' where the fact is new. A fact that is gone has no text. */
  readonly facts: readonly { readonly key: FactKey; readonly text: string; readonly was?: string }[];
  readonly was: string | null;
  readonly fate: { readonly kind: 'into' | 'view' | Reason; readonly op?: string; readonly name?: string } | null;
}

/** What a program costs and how it errs. */
export interface TryFigures {
  readonly refused: string | null;
  readonly strategy: string;
  readonly insns: number;
  /** Bytes of one block of weights. */
  readonly weightBytes: number;
  readonly accepted: boolean | null;
  readonly message: string | null;
  readonly processed: number | null;
  /** Against ONNX Runtime on events of the trace: mean executed instructions, differences of the first output, share of equal classes. */
  readonly events: number;
  readonly executed: number | null;
  readonly maxError: number | null;
  readonly agreement: number | null;
  /** Of one run in the engine, measured in turns with the other program. */
  readonly ns: number | null;
}

/** The program as it is and as it would be; figures come one after the other. */
export interface TryView {
  readonly now: TryFigures | null;
  readonly tried: TryFigures | null;
}

/** ONNX Runtime's first outputs by event, NaN where the model did not run. */
export interface ReferenceOutputs {
  readonly outputs: Float32Array;
  readonly width: number;
  readonly cut: number;
}
