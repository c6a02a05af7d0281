import { Cancelled } from '../../base/progress.ts';
import type { CallContext } from '../rpc.ts';
import type { Batches } from './batches.ts';
import { rest, SLICE_MS } from './rest.ts';

/** A program that takes longer for one event does not end, as far as a tab is concerned. */
export const RUN_LIMIT_MS = 900;
/** Events between two looks at the clock, at the most: later ones may take longer. */
const MOST_STRIDE = 256;
/** Lets messages in now and then. The clock is dear beside a small filter: it is looked at after as many events as take about a tenth of a slice. */
export class Slices {
  readonly #context: CallContext;
  readonly #batches: Batches;
  #stride = 1;
  #look: number;
  #began: number;
  #rested = performance.now();

  constructor(context: CallContext, batches: Batches, at: number) {
    this.#context = context;
    this.#batches = batches;
    this.#began = at;
    this.#look = at + 1;
  }

  due(at: number): boolean {
    if (at < this.#look) return false;
    this.#look = at + this.#stride;
    return performance.now() - this.#rested > SLICE_MS;
  }

  /** Throws {@link Cancelled} when the user asked to stop. */
  async rest(at: number): Promise<void> {
    const spent = performance.now() - this.#rested;
    this.#stride = Math.max(1, Math.min(MOST_STRIDE, Math.floor(((at - this.#began) * SLICE_MS) / spent / 10)));
    this.#batches.spend(spent);
    this.#batches.sendWhenDue();
    await rest();
    if (this.#context.cancelled) throw new Cancelled();
    this.#rested = performance.now();
    this.#began = at;
    this.#look = at + this.#stride;
  }

  /** Sends what is there. */
  end(): void {
    this.#batches.spend(performance.now() - this.#rested);
    this.#batches.send();
  }
}
