import { getBlob, hasBlob } from '../blobs.ts';
import { blobsOf, type DocHistory } from '../document.ts';
import { Conflict, type Depot } from './depot.ts';
import { blobsOfHistory, metaOf, type Origin, type ProjectMeta } from './record.ts';
import { whileBlobsStay } from './tabs.ts';

/** What a session tells of its saves. */
export interface SessionEvents {
  saving(): void;
  saved(meta: ProjectMeta): void;
  failed(error: unknown): void;
}

/** Between two saves of one project. */
const PAUSE_MS = 250;

/** One open project as this tab writes it: the newest history goes to the depot, one save at a time, blobs before the record. */
export class Session {
  readonly id: string;
  readonly origin: Origin;
  readonly #depot: Depot;
  readonly #events: SessionEvents;
  readonly #createdAt: number;
  /** The revision that was read or written last. */
  revision: number;
  /** What the record of that revision names: nobody sweeps it. */
  #named: ReadonlySet<string>;
  #next: DocHistory | null = null;
  /** The newest state that was asked to be kept. */
  #offered: DocHistory | null = null;
  /** The history that lies in the depot, as far as this tab knows. */
  kept: DocHistory | null;
  #running: Promise<void> | null = null;
  #leaving = false;
  /** Another tab wrote the project: nothing is written until its state is followed. */
  #lost = false;
  #wake: () => void = () => {};

  constructor(
    depot: Depot,
    start: { id: string; origin: Origin; createdAt: number; revision: number; kept: DocHistory | null },
    events: SessionEvents,
  ) {
    this.#depot = depot;
    this.#events = events;
    this.id = start.id;
    this.origin = start.origin;
    this.#createdAt = start.createdAt;
    this.revision = start.revision;
    this.kept = start.kept;
    this.#named = new Set(start.kept ? blobsOfHistory(start.kept).keys() : []);
  }

  /** Something that is not kept yet. */
  get pending(): DocHistory | null {
    return this.#next;
  }

  /** The newest state that this tab knows. */
  get newest(): DocHistory | null {
    return this.#offered ?? this.kept;
  }

  /** Takes what another tab wrote as the last known state. */
  follow(history: DocHistory, revision: number): void {
    this.revision = revision;
    this.kept = history;
    this.#named = new Set(blobsOfHistory(history).keys());
    this.#next = null;
    this.#lost = false;
  }

  save(history: DocHistory): void {
    if (history === this.kept && !this.#next) return;
    this.#next = history;
    this.#offered = history;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Tries again what failed. */
  retry(): void {
    if (this.#next) this.save(this.#next);
  }

  async #run(): Promise<void> {
    while (this.#next) {
      if (!(await this.#write())) return;
      if (this.#next) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, PAUSE_MS);
          this.#wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  }

  async #write(): Promise<boolean> {
    let history = this.#next!;
    this.#next = null;
    this.#events.saving();
    try {
      const fresh = [...blobsOfHistory(history).values()].filter(({ hash }) => !this.#named.has(hash));
      if (fresh.length === 0) await this.#put(history);
      else {
        await whileBlobsStay(async () => {
          const lost = new Set<string>();
          for (const ref of fresh) {
            // What stays on disk is kept apart (`outside.ts`).
            if (ref.modified !== undefined) continue;
            if (await this.#depot.hasBlob(ref.hash, ref.size)) continue;
            if (hasBlob(ref.hash)) await this.#depot.putBlob(ref.hash, getBlob(ref));
            else lost.add(ref.hash);
          }
          if (lost.size > 0) history = without(history, lost);
          await this.#put(history);
        });
      }
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  /** What could not be kept waits for the next attempt, in its newest state. */
  #failed(error: unknown): void {
    if (this.kept !== this.#offered) this.#next = this.#offered;
    this.#events.failed(error);
  }

  async #put(history: DocHistory): Promise<void> {
    if (this.#lost) throw new Conflict();
    const meta = metaOf(this.id, this.origin, history, { createdAt: this.#createdAt, changedAt: Date.now() }, this.revision + 1);
    this.revision = meta.revision;
    try {
      await this.#depot.save(meta, history);
    } catch (error) {
      if (error instanceof Conflict) this.#lost = true;
      if (this.revision === meta.revision) this.revision = meta.revision - 1;
      throw error;
    }
    this.kept = history;
    this.#named = new Set(meta.blobs);
    this.#events.saved(meta);
  }

  /** Saves at once and waits until that is done or has failed. */
  async flush(): Promise<void> {
    this.#wake();
    await this.#running;
  }

  /** The page goes away: whatever needs no blob to be written first is asked of the browser before this returns. */
  flushNow(): void {
    const history = this.#next;
    // One save may be under way beside this one, and no more: a take-over reckons with two (`REACH`).
    if (!history || this.#leaving || [...blobsOfHistory(history).keys()].some((hash) => !this.#named.has(hash))) {
      this.#wake();
      return;
    }
    this.#next = null;
    this.#leaving = true;
    this.#put(history)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#leaving = false;
      });
  }
}

/** Leaves out the steps whose bytes are nowhere any more. */
function without({ past, doc, future }: DocHistory, lost: ReadonlySet<string>): DocHistory {
  const gone = blobsOf(doc).find(({ hash }) => lost.has(hash));
  if (gone) throw new Error(`the bytes of ${gone.name} are no longer held`);
  const whole = (step: DocHistory['past'][number]) => blobsOf(step.doc).every(({ hash }) => !lost.has(hash));
  const lastLost = past.findLastIndex((step) => !whole(step));
  const firstLost = future.findIndex((step) => !whole(step));
  return { past: past.slice(lastLost + 1), doc, future: firstLost < 0 ? future : future.slice(0, firstLost) };
}
