import { chooseClass } from '../../reference/compare.ts';
import type { CallContext } from '../rpc.ts';
import type { ScoreBatch } from '../views.ts';

export function firstOutput(outputs: Readonly<Record<string, ArrayLike<number>>> | null): ArrayLike<number> | null {
  return outputs ? (Object.values(outputs)[0] ?? null) : null;
}

const BATCH_MS = 60;
/** Outputs wider than this are not kept for every event. */
const MOST_OUTPUTS = 256;

/** Collects results and sends them a few times a second. */
export class Batches {
  readonly #context: CallContext;
  #start: number;
  #score: number[] = [];
  #verdict: number[] = [];
  #outputs: (ArrayLike<number> | null)[] = [];
  #sent = performance.now();

  readonly #engine: ScoreBatch['engine'];
  readonly #cut: number;

  /** `cut` divides the two classes of a single output. */
  constructor(start: number, context: CallContext, cut: number, engine?: ScoreBatch['engine']) {
    this.#engine = engine;
    this.#cut = cut;
    this.#start = start;
    this.#context = context;
  }

  /** `verdict` null: the class that the output names. */
  add(score: number, verdict: number | null, output: ArrayLike<number> | null): void {
    this.#score.push(score);
    this.#verdict.push(verdict ?? (output ? chooseClass(output, this.#cut).index : 0));
    this.#outputs.push(output);
  }

  sendWhenDue(): void {
    if (performance.now() - this.#sent > BATCH_MS) this.send();
  }

  send(): void {
    if (this.#score.length === 0) return;
    const width = Math.max(0, ...this.#outputs.map((output) => output?.length ?? 0));
    const outputWidth = width > MOST_OUTPUTS ? 0 : width;
    const outputs = new Float32Array(this.#score.length * outputWidth).fill(Number.NaN);
    if (outputWidth > 0) {
      this.#outputs.forEach((output, at) => {
        if (output) outputs.set(output, at * outputWidth);
      });
    }
    const batch: ScoreBatch = {
      start: this.#start,
      score: Float64Array.from(this.#score),
      verdict: Uint8Array.from(this.#verdict, (verdict) => Math.min(255, verdict)),
      outputs,
      outputWidth,
      cut: this.#cut,
      ...(this.#engine ? { engine: this.#engine } : {}),
    };
    this.#context.emit(batch, [batch.score.buffer, batch.verdict.buffer, batch.outputs.buffer]);
    this.#start += this.#score.length;
    this.#score = [];
    this.#verdict = [];
    this.#outputs = [];
    this.#sent = performance.now();
  }
}
