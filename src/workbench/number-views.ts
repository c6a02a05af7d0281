import type { Trial } from '../compiler/precision-search.ts';
import type { ValueAccuracy } from '../replay/accuracy.ts';

/** One operator that has a value of its own in memory, and how far that is from ONNX Runtime's. */
export interface NodeAccuracyView extends ValueAccuracy {
  readonly node: number;
  readonly name: string;
  readonly op: string;
}

/** The numbers of a program over the first events of a trace. */
export interface AccuracyView {
  readonly events: number;
  readonly nodes: readonly NodeAccuracyView[];
}

/** A trial of the search, as it comes. */
export interface TrialEvent {
  readonly trial: Trial;
}

export interface SearchView {
  readonly quant: string;
  readonly met: boolean;
}
