import type { WeightEdit } from '../onnx/patch-weights.ts';
import type { BlobRef } from './document.ts';
import type { EventSpec } from './value-views.ts';

/** One event with weights of a file, some of them changed, in the program as it was compiled. */
export interface TouchRequest {
  readonly event: EventSpec;
  readonly file: BlobRef;
  readonly weights: readonly WeightEdit[];
  /** Values to read besides the outputs. */
  readonly values: readonly string[];
}

/** A value of the model as real numbers. */
export interface TouchValue {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface TouchView {
  /** r0 as u32. */
  readonly verdict: number;
  /** A probability; null for programs without one, and where the model did not run. */
  readonly score: number | null;
  /** Empty where the model did not run. */
  readonly outputs: readonly TouchValue[];
  readonly values: readonly TouchValue[];
  readonly insnsExecuted: number;
  /** Time that replacing the weights and running took in the worker, without reading values, in ms. */
  readonly ms: number;
}

/** A place of a run where an operator's stage, or a round of its loop, begins. */
export interface RunMarks {
  /** Executed instructions before each mark, rising. */
  readonly step: Float64Array;
  /** The instruction that comes next there. */
  readonly insn: Int32Array;
  /** Part of the run, an index into `parts`. */
  readonly part: Int32Array;
  /** Number of the round within its part, from 0; of how many: see `rounds`. */
  readonly round: Int32Array;
  readonly parts: readonly {
    /** Function or stage. */
    readonly name: string;
    /** ONNX nodes that it serves. */
    readonly nodes: readonly number[];
    readonly rounds: number;
  }[];
  /** Marks that were left out, because there are too many. */
  readonly left: number;
  readonly length: number;
}
