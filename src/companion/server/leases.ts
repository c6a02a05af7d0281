import { InputError } from '../../base/errors.ts';
import type { KernelProgram } from '../kernel.ts';
import { LIMITS } from './limits.ts';
import { secret } from './session.ts';

/** A program that a page has loaded. */
export interface Held {
  readonly program: KernelProgram;
  readonly progType: number;
  /** Helper functions that its code calls. */
  readonly helpers: ReadonlySet<number>;
  /** Which helper process holds it. */
  readonly generation: number;
  readonly name: string;
}

/** What one page holds, as long as its connection lasts. */
export class Lease {
  readonly id = secret();
  readonly session: string;
  readonly programs = new Map<number, Held>();
  readonly ended = new AbortController();

  constructor(session: string) {
    this.session = session;
  }
}

export class Leases {
  readonly #all = new Map<string, Lease>();
  #handles = 0;

  open(session: string): Lease {
    if (this.#all.size >= LIMITS.leases) throw new InputError('too many pages are connected', 'companion', 'Close some of their tabs');
    const lease = new Lease(session);
    this.#all.set(lease.id, lease);
    return lease;
  }

  /** Takes the lease away; gives what it held. */
  close(lease: Lease): Held[] {
    this.#all.delete(lease.id);
    lease.ended.abort();
    const held = [...lease.programs.values()];
    lease.programs.clear();
    return held;
  }

  /** The lease of that name, if it is the session's. */
  of(id: string, session: string): Lease {
    const lease = this.#all.get(id);
    if (!lease || lease.session !== session) throw new Gone('the page’s connection has ended');
    return lease;
  }

  keep(lease: Lease, held: Held): number {
    const handle = ++this.#handles;
    lease.programs.set(handle, held);
    return handle;
  }

  get programs(): number {
    return [...this.#all.values()].reduce((sum, { programs }) => sum + programs.size, 0);
  }
}

/** What was held is no more; the page loads it again. */
export class Gone extends InputError {
  constructor(what: string) {
    super(what, 'companion', 'Load the program again');
  }
}
