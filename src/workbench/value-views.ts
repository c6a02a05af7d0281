import type { ValueError } from '../reference/value-error.ts';
import type { SystemCall } from '../traces/syscalls/calls.ts';
import type { BlobRef } from './document.ts';

/** What came before an event, for programs that remember: the events of `trace` before number `index`. */
export interface After {
  readonly trace: BlobRef;
  readonly index: number;
}

/** One event as workers take it: a packet's bytes with the user's edits, or one input of a tensor file. */
export type EventSpec =
  | { readonly kind: 'packet'; readonly bytes: Uint8Array; readonly after?: After }
  | { readonly kind: 'tensors'; readonly trace: BlobRef; readonly index: number }
  | { readonly kind: 'call'; readonly call: SystemCall; readonly after?: After };

/** Integers of one ONNX value as they stood in the program; see `ProgramValue`. */
export interface ProgramValueView {
  readonly name: string;
  readonly dims: readonly number[];
  readonly nodes: readonly number[];
  readonly scale: number;
  readonly scales: Float64Array | null;
  readonly max: number;
  readonly masks: boolean;
  readonly byRows: boolean;
  readonly stage: number;
  readonly data: Int32Array;
}

export interface ProgramValuesView {
  readonly ran: boolean;
  readonly unplanned: readonly string[];
  readonly insnsExecuted: number;
  readonly values: readonly ProgramValueView[];
  /** For each node that has no value of its own in memory: the values of the kernels that it was folded into. */
  readonly foldedInto: readonly { readonly node: number; readonly values: readonly string[] }[];
}

export interface ReferenceValueView {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** All values of one event on both sides. */
export interface EventValues {
  readonly program: ProgramValuesView;
  readonly reference: ReadonlyMap<string, ReferenceValueView>;
  /** By value name, where both sides have it. */
  readonly errors: ReadonlyMap<string, ValueError>;
  /** What each step adds by itself, by value name; null until it is known. */
  readonly own: ReadonlyMap<string, ValueError> | null;
  readonly byName: ReadonlyMap<string, ProgramValueView>;
}

export type NamedErrors = readonly (readonly [name: string, error: ValueError])[];

/** What a program has in memory at an event of a trace; nothing where the model does not run. */
export interface ChosenValues {
  readonly event: number;
  readonly values: readonly ProgramValueView[];
}

/** Largest differences by value name, relative to the range of each. */
export interface ChosenErrors {
  readonly event: number;
  readonly error: readonly (readonly [name: string, relative: number])[];
  readonly own: readonly (readonly [name: string, relative: number])[];
}
