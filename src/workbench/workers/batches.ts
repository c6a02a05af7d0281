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
  #count = 0;
  #score = new Float64Array(1024);
  #verdict = new Uint8Array(1024);
  #executed = new Uint32Array(1024);
  /** `#width` numbers of each event, NaN where there are fewer; none when some event had too many. */
  #outputs = new Float32Array(0);
  #width = 0;
  #sent = performance.now();
  #busyMs = 0;

  readonly #engine: ScoreBatch['engine'];
  readonly #cut: number;

  /** `cut` divides the two classes of a single output. */
  constructor(start: number, context: CallContext, cut: number, engine?: ScoreBatch['engine']) {
    this.#engine = engine;
    this.#cut = cut;
    this.#start = start;
    this.#context = context;
  }

  /** `verdict` null: the class that the output names; `executed`: instructions, where a program ran. */
  add(score: number, verdict: number | null, output: ArrayLike<number> | null, executed = 0): void {
    const at = this.#count++;
    if (at === this.#score.length) this.#grow();
    this.#score[at] = score;
    this.#verdict[at] = Math.min(255, verdict ?? (output ? chooseClass(output, this.#cut).index : 0));
    this.#executed[at] = executed;
    if (!output) return;
    if (output.length > this.#width) this.#widen(output.length);
    if (this.#width <= MOST_OUTPUTS) this.#outputs.set(output, at * this.#width);
  }

  #grow(): void {
    const [score, verdict, executed] = [this.#score, this.#verdict, this.#executed];
    this.#score = new Float64Array(score.length * 2);
    this.#verdict = new Uint8Array(score.length * 2);
    this.#executed = new Uint32Array(score.length * 2);
    this.#score.set(score);
    this.#verdict.set(verdict);
    this.#executed.set(executed);
    this.#widen(this.#width);
  }

  /** Room for `width` outputs of each event. */
  #widen(width: number): void {
    const [before, old] = [this.#width, this.#outputs];
    this.#width = width;
    if (width === 0 || width > MOST_OUTPUTS) {
      this.#outputs = new Float32Array(0);
      return;
    }
    this.#outputs = new Float32Array(this.#score.length * width).fill(Number.NaN);
    for (let i = 0; before > 0 && i < this.#count - 1; i++) this.#outputs.set(old.subarray(i * before, (i + 1) * before), i * width);
  }

  /** Adds time that the program took, without pauses. */
  spend(ms: number): void {
    this.#busyMs += ms;
  }

  sendWhenDue(): void {
    if (performance.now() - this.#sent > BATCH_MS) this.send();
  }

  send(): void {
    const count = this.#count;
    if (count === 0) return;
    const outputWidth = this.#width > MOST_OUTPUTS ? 0 : this.#width;
    const batch: ScoreBatch = {
      start: this.#start,
      score: this.#score.slice(0, count),
      verdict: this.#verdict.slice(0, count),
      outputs: this.#outputs.slice(0, count * outputWidth),
      outputWidth,
      cut: this.#cut,
      ...(this.#engine ? { engine: this.#engine, busyMs: this.#busyMs, executed: this.#executed.slice(0, count) } : {}),
    };
    const { score, verdict, outputs, executed } = batch;
    this.#context.emit(
      batch,
      [score, verdict, outputs, ...(executed ? [executed] : [])].map(({ buffer }) => buffer as ArrayBuffer),
    );
    this.#start += count;
    this.#count = 0;
    this.#width = 0;
    this.#outputs = new Float32Array(0);
    this.#sent = performance.now();
    this.#busyMs = 0;
  }
}
