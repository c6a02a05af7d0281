import type { GraphPass } from './note.ts';

export type PassId = 'file' | 'folded' | GraphPass | 'plan' | 'ir' | 'bytecode';

/**
 * One of a row's properties, by a key that stays the same from pass to pass: two rows differ where facts of the same key do. `reads` and
 * `serves` name values and operators, numbers are in the units that the key says.
 */
export type Fact = readonly [key: FactKey, text: string];

export type FactKey =
  // Ops of a graph.
  | 'serves'
  | 'reads'
  | 'sum'
  | 'precision'
  | 'bias'
  | 'relu'
  | 'residual'
  | 'detail'
  // Steps of the plan.
  | 'stage'
  | 'kernel'
  | 'loops'
  | 'scale'
  | 'width'
  | 'place'
  // Functions.
  | 'role'
  | 'ops'
  | 'blocks'
  | 'walked'
  | 'executed'
  | 'stack'
  | 'insns'
  | 'own'
  | 'spills';

/** A node of the file, an op, a step of the plan, or a function, as a pass leaves it. */
export interface PassRow {
  /** The same in every pass that still has it: the name of the value that it makes, or of the function. */
  readonly id: string;
  readonly op: string;
  readonly name: string;
  readonly dims: readonly number[] | null;
  readonly facts: readonly Fact[];
  /** ONNX nodes that it serves. */
  readonly nodes: readonly number[];
  /** The one of them that makes its value; -1 without any. */
  readonly node: number;
}

/** Rows of passes of one kind can be compared fact by fact. */
export type PassKind = 'nodes' | 'ops' | 'steps' | 'functions' | 'code';

/** What a pass made. */
export interface Pass {
  readonly id: PassId;
  readonly kind: PassKind;
  readonly rows: readonly PassRow[];
  /** Why something is no longer there, by the ONNX node. */
  readonly reasons?: ReadonlyMap<number, Reason>;
  /** Values that are only another view of one that is there: name → the row that makes it. */
  readonly views?: ReadonlyMap<string, string>;
}

/** Why a node is gone: what folding says of it, or that nothing reads it, or that nothing calls the function. */
export type Reason = 'constant' | 'shape' | 'identity' | 'dead' | 'function' | 'unread' | 'uncalled';
