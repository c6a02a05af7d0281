/** What one side says of the events of a trace, a column for each answer. */
export interface Scores {
  readonly total: number;
  /** Events [0, done) stand in the columns. */
  readonly done: number;
  /** Probability that a binding's threshold or choice looks at; NaN where no model ran or the binding names none. */
  readonly score: Float64Array;
  /** Return value of a packet program, class of tensors. */
  readonly verdict: ArrayLike<number>;
  /** `outputWidth` numbers of each event, NaN where there are fewer; none where they are not kept. */
  readonly outputs: Float32Array;
  readonly outputWidth: number;
  /** Border between the two classes of a single output. */
  readonly cut: number;
}

/** Collects what one side says, event by event. */
export class ScoreSink {
  readonly #score: number[] = [];
  readonly #verdict: number[] = [];
  readonly #values: ArrayLike<number>[] = [];
  readonly #cut: number;
  #width = 0;

  constructor(cut: number) {
    this.#cut = cut;
  }

  add(verdict: number, score: number, values: ArrayLike<number>): void {
    this.#score.push(score);
    this.#verdict.push(verdict);
    this.#values.push(values);
    if (values.length > this.#width) this.#width = values.length;
  }

  result(): Scores {
    const total = this.#score.length;
    const outputs = new Float32Array(total * this.#width).fill(Number.NaN);
    for (const [at, values] of this.#values.entries()) outputs.set(values, at * this.#width);
    return {
      total,
      done: total,
      score: Float64Array.from(this.#score),
      verdict: Uint32Array.from(this.#verdict),
      outputs,
      outputWidth: this.#width,
      cut: this.#cut,
    };
  }
}

/** The outputs of event `at`; empty where the model did not run or they are not kept. */
export function valuesAt({ outputs, outputWidth: width }: Pick<Scores, 'outputs' | 'outputWidth'>, at: number): Float32Array {
  const values = outputs.subarray(at * width, (at + 1) * width);
  return Number.isNaN(values[0]) ? outputs.subarray(0, 0) : values;
}

/** What of an event stands in lists: its score, or the output of its class where the binding names no score. NaN where no model ran. */
export function sayingOf(scores: Scores, at: number): number {
  const score = scores.score[at]!;
  return Number.isNaN(score) ? (valuesAt(scores, at)[scores.outputWidth === 1 ? 0 : scores.verdict[at]!] ?? Number.NaN) : score;
}

/**
 * Largest difference of each event: of the score, or over the outputs where `byOutputs` (the binding names no score). NaN where one side did
 * not run the model.
 */
export function eventErrors(a: Scores, b: Scores, count: number, byOutputs: boolean): Float64Array {
  const width = byOutputs ? Math.min(a.outputWidth, b.outputWidth) : 0;
  return Float64Array.from({ length: count }, (_, at) => {
    if (width === 0) return Math.abs(a.score[at]! - b.score[at]!);
    let most = 0;
    for (let i = 0; i < width; i++) {
      const apart = Math.abs(a.outputs[at * a.outputWidth + i]! - b.outputs[at * b.outputWidth + i]!);
      if (!(apart <= most)) most = apart;
    }
    return most;
  });
}
