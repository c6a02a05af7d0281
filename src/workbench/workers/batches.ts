import { chooseClass } from '../../reference/compare.ts';
import type { CallContext } from '../rpc.ts';
import type { ScoreBatch } from '../views.ts';

export function firstOutput(outputs: Readonly<Record<string, ArrayLike<number>>> | null): ArrayLike<number> | null {
  return outputs ? (Object.values(outputs)[0] ?? null) : null;
}

const BATCH_MS = 60;
/** Numbers that the outputs of all events of a trace may take on one side: 64 MiB. */
const MOST_NUMBERS = 2 ** 24;
/** Numbers that outputs have room for at first. */
const FIRST_NUMBERS = 2 ** 14;
/** So many outputs of an event are kept however long the trace is. */
const LEAST_KEPT = 32;
/** Room of a column of verdicts; the class of an output may be any below it. */
const MOST_VERDICT = 0xffff;

/** Collects results and sends them a few times a second. */
export class Batches {
  readonly #context: CallContext;
  #start: number;
  #count = 0;
  #score = new Float64Array(1024);
  #verdict = new Uint16Array(1024);
  #executed = new Uint32Array(1024);
  /** `#width` numbers of each event, NaN where there are fewer; none when some event had too many. */
  #outputs = new Float32Array(0);
  #width = 0;
  /** Events that `#outputs` has room for. */
  #rows = 0;
  #sent = performance.now();
  #busyMs = 0;

  readonly #engine: ScoreBatch['engine'];
  readonly #cut: number;
  /** Wider outputs are not kept. */
  readonly #widest: number;

  /** `cut` divides the two classes of a single output; `events`: how many the whole trace has. */
  constructor(start: number, context: CallContext, cut: number, events: number, engine?: ScoreBatch['engine']) {
    this.#engine = engine;
    this.#cut = cut;
    this.#widest = Math.max(LEAST_KEPT, Math.floor(MOST_NUMBERS / Math.max(1, events)));
    this.#start = start;
    this.#context = context;
  }

  /** `verdict` null: the class that the output names; `executed`: instructions, where a program ran. */
  add(score: number, verdict: number | null, output: ArrayLike<number> | null, executed = 0): void {
    const at = this.#count++;
    if (at === this.#score.length) this.#grow();
    this.#score[at] = score;
    this.#verdict[at] = Math.min(MOST_VERDICT, verdict ?? (output ? chooseClass(output, this.#cut).index : 0));
    this.#executed[at] = executed;
    if (!output) return;
    if (output.length > this.#width || at >= this.#rows) this.#makeRoom(Math.max(output.length, this.#width));
    if (this.#width <= this.#widest) this.#outputs.set(output, at * this.#width);
  }

  #grow(): void {
    const [score, verdict, executed] = [this.#score, this.#verdict, this.#executed];
    this.#score = new Float64Array(score.length * 2);
    this.#verdict = new Uint16Array(score.length * 2);
    this.#executed = new Uint32Array(score.length * 2);
    this.#score.set(score);
    this.#verdict.set(verdict);
    this.#executed.set(executed);
  }

  /** Room for `width` outputs of each event so far, and of some more. */
  #makeRoom(width: number): void {
    const [before, old] = [this.#width, this.#outputs];
    this.#width = width;
    if (width === 0 || width > this.#widest) {
      this.#outputs = new Float32Array(0);
      this.#rows = Number.POSITIVE_INFINITY;
      return;
    }
    this.#rows = Math.max(2 * this.#count, Math.ceil(FIRST_NUMBERS / width));
    this.#outputs = new Float32Array(this.#rows * width).fill(Number.NaN);
    if (before === width) this.#outputs.set(old);
    else
      for (let at = 0; before > 0 && at * before < old.length; at++)
        this.#outputs.set(old.subarray(at * before, (at + 1) * before), at * width);
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
    const outputWidth = this.#width > this.#widest ? 0 : this.#width;
    if (outputWidth > 0 && count > this.#rows) this.#makeRoom(outputWidth);
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
    this.#rows = 0;
    this.#outputs = new Float32Array(0);
    this.#sent = performance.now();
    this.#busyMs = 0;
  }
}
