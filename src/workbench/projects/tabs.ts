/**
 * Several tabs on one project: one Web Lock a project says who may write, messages say what happened. Both are courtesy; what
 * keeps a save from being overwritten is the depot, which gives each revision away once.
 */
export type TabMessage =
  /** Its sender wants to write the project; whoever holds it saves and lets go. */
  | { readonly kind: 'yield'; readonly id: string }
  | { readonly kind: 'saved'; readonly id: string; readonly revision: number }
  | { readonly kind: 'deleted'; readonly id: string };

const lockName = (id: string) => `bpformer project ${id}`;
/** Held shared while blobs and the record that names them are written, alone while blobs that nothing names are swept. */
const BLOBS_LOCK = 'bpformer blobs';

/** Requests of this tab, until the browser has taken their locks back. */
const own = new Map<string, number>();
const count = (id: string, by: number) => own.set(id, (own.get(id) ?? 0) + by);

export class ProjectLock {
  readonly #id: string;
  readonly #onLost: () => void;
  #letGo: (() => void) | null = null;
  #waiting: AbortController | null = null;

  /** `onLost` is called when another tab takes the lock away without asking. */
  constructor(id: string, onLost: () => void) {
    this.#id = id;
    this.#onLost = onLost;
  }

  get held(): boolean {
    return this.#letGo !== null;
  }

  #request(options: LockOptions): Promise<boolean> {
    if (typeof navigator === 'undefined' || !navigator.locks) {
      this.#letGo = () => {};
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      let mine: (() => void) | null = null;
      let counted = false;
      navigator.locks
        .request(lockName(this.#id), options, (lock) => {
          if (!lock) {
            resolve(false);
            return;
          }
          return new Promise<void>((letGo) => {
            mine = letGo;
            counted = true;
            count(this.#id, 1);
            this.#letGo = letGo;
            resolve(true);
          });
        })
        .catch(() => {
          // Stolen, or the wait for it was ended.
          resolve(false);
          if (mine === null || this.#letGo !== mine) return;
          this.#letGo = null;
          this.#onLost();
        })
        .finally(() => {
          if (counted) count(this.#id, -1);
        });
    });
  }

  tryNow(): Promise<boolean> {
    return this.#request({ ifAvailable: true });
  }

  /** Resolves with true once the lock is free and this tab's turn has come, with false when the wait is ended. */
  wait(): Promise<boolean> {
    this.#waiting?.abort();
    this.#waiting = new AbortController();
    return this.#request({ signal: this.#waiting.signal });
  }

  /** Takes the lock from a tab that does not answer. */
  steal(): Promise<boolean> {
    this.#waiting?.abort();
    return this.#request({ steal: true });
  }

  release(): void {
    this.#waiting?.abort();
    this.#waiting = null;
    const letGo = this.#letGo;
    this.#letGo = null;
    letGo?.();
  }
}

/** The projects that other tabs have open for writing. */
export async function openElsewhere(): Promise<ReadonlySet<string>> {
  if (!navigator.locks) return new Set();
  // The answer is of some moment in between.
  const before = new Map(own);
  const { held } = await navigator.locks.query();
  const prefix = lockName('');
  return new Set(
    (held ?? [])
      .filter(({ name }) => name?.startsWith(prefix))
      .map(({ name }) => name!.slice(prefix.length))
      .filter((id) => !own.get(id) && !before.get(id)),
  );
}

/** Runs `work` while no other tab sweeps blobs. */
export async function whileBlobsStay<T>(work: () => Promise<T>): Promise<T> {
  if (typeof navigator === 'undefined' || !navigator.locks) return work();
  return (await navigator.locks.request(BLOBS_LOCK, { mode: 'shared' }, work)) as T;
}

/** Runs `work` while no tab writes blobs; does nothing when one does just now. */
export async function whenNoBlobsCome(work: () => Promise<void>): Promise<void> {
  if (typeof navigator === 'undefined' || !navigator.locks) return work();
  await navigator.locks.request(BLOBS_LOCK, { ifAvailable: true }, async (lock) => {
    if (lock) await work();
  });
}

/** The line between the tabs of this site in one browser. */
export function openChannel(onMessage: (message: TabMessage) => void): (message: TabMessage) => void {
  if (typeof BroadcastChannel === 'undefined') return () => {};
  const channel = new BroadcastChannel('bpformer projects');
  channel.onmessage = ({ data }: MessageEvent<unknown>) => {
    const { kind, id } = (data ?? {}) as Partial<TabMessage>;
    if (typeof id === 'string' && (kind === 'yield' || kind === 'saved' || kind === 'deleted')) onMessage(data as TabMessage);
  };
  return (message) => channel.postMessage(message);
}
