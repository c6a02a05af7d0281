import type { Saved } from '../saved.ts';
import { deltaBytes, type PageDelta, PageHistory } from './pages.ts';

/** A moment of a run that can be gone back to. */
export interface Checkpoint {
  /** Instructions executed before it. */
  readonly step: number;
  readonly saved: Saved;
  delta: PageDelta;
}

export interface CheckpointBudget {
  /** Bytes for all of them. The first one, with which the run began, is kept whatever it costs. */
  readonly bytes: number;
  /** Instructions between two of them, to begin with. */
  readonly spacing: number;
}

/** Enough for an even ladder; more would make restoring slow without bringing anything nearer. */
const MOST = 256;

/**
 * Checkpoints of one run in order. When they outgrow the budget every other one is dropped and the distance between new ones
 * doubles: going back costs more instructions then, never more memory.
 */
export class Checkpoints {
  readonly #history: PageHistory;
  readonly #budget: CheckpointBudget;
  readonly #all: Checkpoint[] = [];
  #spacing: number;
  #bytes = 0;
  /** The entry whose pages `#history` compares with; after going back it is not the last one of all. */
  #at = -1;

  constructor(buffer: ArrayBuffer, length: number, budget: CheckpointBudget) {
    this.#history = new PageHistory(buffer, length);
    this.#budget = budget;
    // Looking for changes reads all memory, at about sixteen bytes in the time of an instruction: so it takes at most about half as
    // long as the run itself.
    this.#spacing = Math.max(budget.spacing, Math.ceil(length / 8));
  }

  get count(): number {
    return this.#all.length;
  }

  /** Bytes that they hold. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Instructions between one and the next. */
  get spacing(): number {
    return this.#spacing;
  }

  /** Steps of all of them. */
  get steps(): number[] {
    return this.#all.map(({ step }) => step);
  }

  /** The step at which a run at `step` should be kept next. */
  get due(): number {
    const last = this.#all.at(-1);
    return last ? last.step + this.#spacing : 0;
  }

  /** Keeps the present moment, which must lie behind all others. */
  add(step: number, saved: Saved): void {
    // A run that went back has passed the later ones again.
    for (let at = this.#at + 1; at < this.#all.length; at++) this.#history.advance(this.#all[at]!.delta);
    const checkpoint = { step, saved, delta: this.#history.take() };
    this.#all.push(checkpoint);
    this.#bytes += cost(checkpoint);
    this.#at = this.#all.length - 1;
    while (this.#all.length > 2 && (this.#bytes > this.#budget.bytes || this.#all.length > MOST)) this.#thin();
  }

  /** Drops every other one between the first and the last. */
  #thin(): void {
    this.#spacing *= 2;
    for (let at = this.#all.length - 2; at > 0; at -= 2) {
      const [dropped] = this.#all.splice(at, 1);
      this.#all[at]!.delta = PageHistory.join(dropped!.delta, this.#all[at]!.delta);
    }
    this.#at = this.#all.length - 1;
    this.#bytes = this.#all.reduce((sum, one) => sum + cost(one), 0);
  }

  /** The number of the last checkpoint at or before `step`. */
  before(step: number): number {
    let at = this.#all.length - 1;
    while (at > 0 && this.#all[at]!.step > step) at--;
    return at;
  }

  stepOf(at: number): number {
    return this.#all[at]!.step;
  }

  /** Makes the machine what it was at checkpoint `at`; those behind it stay. */
  restore(at: number): void {
    this.#history.restore(this.#all.slice(0, at + 1).map(({ delta }) => delta));
    this.#all[at]!.saved.restore();
    this.#at = at;
  }

  /** Forgets those behind `step`. */
  truncate(step: number): void {
    const kept = this.#all.filter((one, at) => at === 0 || one.step <= step);
    this.#all.splice(0, this.#all.length, ...kept);
    this.#bytes = this.#all.reduce((sum, one) => sum + cost(one), 0);
  }
}

const cost = ({ saved, delta }: Checkpoint): number => saved.bytes + deltaBytes(delta);
