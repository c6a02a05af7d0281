import { KEEPS_MEANING } from '../hooks/fit.ts';

/** One event as reference and program saw it. */
export interface EventPair {
  /** Index of the class or verdict that each chose. */
  readonly reference: number;
  readonly actual: number;
  /** How clear the reference's choice was: difference of the best two logits, or distance from the threshold. */
  readonly margin: number;
  readonly referenceValues: ArrayLike<number>;
  readonly actualValues: ArrayLike<number>;
}

export interface ClassAgreement {
  readonly name: string;
  /** Events that the reference gives this class. */
  readonly events: number;
  readonly agreed: number;
}

export interface ComparisonResult {
  readonly events: number;
  readonly agreed: number;
  /** Share of events with the same class; null without events. */
  readonly agreement: number | null;
  readonly maxAbsError: number;
  readonly meanAbsError: number;
  /** √(Σ difference² / Σ reference²) over all values: what part of the model's answer the differences are. */
  readonly relativeError: number;
  /** How clear the reference's choices were: the least and the middle margin; null where no choice has one. */
  readonly margins: { readonly least: number; readonly median: number } | null;
  readonly classes: readonly ClassAgreement[];
  /** `confusion[reference][actual]` = events. */
  readonly confusion: readonly (readonly number[])[];
  /** Events whose margin is below `margin`, and how many of the disagreements are among them. */
  readonly nearTies: { readonly margin: number; readonly events: number; readonly disagreed: number };
}

/** Counts how well a program agrees with the reference, event by event. */
export class Comparison {
  readonly #names: readonly string[];
  readonly #margin: number;
  readonly #confusion: number[][];
  #maxAbsError = 0;
  #sumAbsError = 0;
  #values = 0;
  #noise = 0;
  #signal = 0;
  readonly #margins: number[] = [];
  #near = 0;
  #nearDisagreed = 0;

  /** `classNames` in index order; events with a margin below `nearMargin` count as near ties. */
  constructor(classNames: readonly string[], nearMargin: number) {
    this.#names = classNames;
    this.#margin = nearMargin;
    this.#confusion = classNames.map(() => classNames.map(() => 0));
  }

  add(pair: EventPair): void {
    this.#confusion[pair.reference][pair.actual]++;
    if (Number.isFinite(pair.margin)) this.#margins.push(pair.margin);
    if (pair.margin < this.#margin) {
      this.#near++;
      if (pair.reference !== pair.actual) this.#nearDisagreed++;
    }
    for (let i = 0; i < pair.referenceValues.length; i++) {
      // Outputs are float32 on either side, whatever column they came through.
      const error = Math.abs(Math.fround(pair.referenceValues[i]) - Math.fround(pair.actualValues[i]));
      if (!(error <= this.#maxAbsError)) this.#maxAbsError = error;
      this.#sumAbsError += error;
      this.#noise += error * error;
      this.#signal += pair.referenceValues[i] ** 2;
      this.#values++;
    }
  }

  result(): ComparisonResult {
    const classes = this.#names.map((name, i) => ({
      name,
      events: this.#confusion[i].reduce((sum, n) => sum + n, 0),
      agreed: this.#confusion[i][i],
    }));
    const events = classes.reduce((sum, c) => sum + c.events, 0);
    const agreed = classes.reduce((sum, c) => sum + c.agreed, 0);
    return {
      events,
      agreed,
      agreement: events > 0 ? agreed / events : null,
      maxAbsError: this.#maxAbsError,
      meanAbsError: this.#values > 0 ? this.#sumAbsError / this.#values : 0,
      relativeError: this.#signal > 0 ? Math.sqrt(this.#noise / this.#signal) : 0,
      margins: this.#marginSummary(),
      classes,
      confusion: this.#confusion.map((row) => [...row]),
      nearTies: { margin: this.#margin, events: this.#near, disagreed: this.#nearDisagreed },
    };
  }

  #marginSummary(): ComparisonResult['margins'] {
    const sorted = Float64Array.from(this.#margins).sort();
    return sorted.length > 0 ? { least: sorted[0], median: sorted[sorted.length >> 1] } : null;
  }
}

/** Index of the largest value (the first of equals, as ONNX ArgMax has it) and its lead over the second. */
export function argmax(values: ArrayLike<number>): { index: number; margin: number } {
  let index = 0;
  let second = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < values.length; i++) {
    if (values[i] > values[index]) {
      second = values[index];
      index = i;
    } else if (values[i] > second) second = values[i];
  }
  return { index, margin: values.length > 1 ? values[index] - second : Number.POSITIVE_INFINITY };
}

/** The class that an output names: argmax, or for a single value whether it is above `cut` ({@link cutOf}). */
export function chooseClass(values: ArrayLike<number>, cut: number): { index: number; margin: number } {
  return values.length === 1 ? { index: values[0] > cut ? 1 : 0, margin: Math.abs(values[0] - cut) } : argmax(values);
}

/** Border between the two classes of a single output: 0.5 where the model ends in Sigmoid, so that it is a probability, else 0. */
export function cutOf(nodes: readonly { readonly op: string }[]): number {
  return nodes.findLast((node) => !KEEPS_MEANING.has(node.op))?.op === 'Sigmoid' ? 0.5 : 0;
}
