import { InputError } from '../../base/errors.ts';
import { type Kernel, openKernel, whyNoKernel } from '../kernel.ts';
import { LIMITS } from './limits.ts';
import { capabilitiesOf, HELPER_MASK, maskOf, RUN_MASK } from './privileges.ts';

/** How often a call that should end is interrupted, and when its process is ended instead. */
const NUDGE_MS = 50;
const KILL_MS = 3000;

/** What a page asked for was stopped, by the page or because it took too long. */
export class Stopped extends Error {}

/**
 * The helper process and the order of what is asked of it: one thing at a time, each with the capabilities that it needs in effect and no others. A
 * helper that dies is followed by another; what it held is gone, and `generation` tells.
 */
export class Desk {
  #kernel: Kernel | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  generation = 0;
  /** Why there is no helper; '' while there is one. */
  absence = '';
  confined = false;
  #closed = false;

  /** Starts the helper; false where none can be had. */
  async start(): Promise<boolean> {
    const kernel = await openKernel();
    this.absence = kernel ? '' : whyNoKernel();
    if (!kernel) return false;
    const status = await kernel.loader.confine(HELPER_MASK);
    this.confined = status === 0;
    if (status < 0) {
      kernel.close();
      this.absence = `the helper cannot give its rights away (errno ${-status})`;
      return false;
    }
    await kernel.loader.capabilities(RUN_MASK);
    this.generation++;
    this.#kernel = kernel;
    const { generation } = this;
    void kernel.loader.ended.then(() => {
      if (this.generation === generation) this.#kernel = null;
    });
    return true;
  }

  get cpus(): number {
    return this.#kernel?.cpus ?? 1;
  }

  get pid(): number | undefined {
    return this.#kernel?.loader.pid;
  }

  /** Capabilities that the helper could have in effect. */
  get capabilities(): bigint {
    const { pid } = this;
    return pid === undefined ? 0n : capabilitiesOf(pid);
  }

  /**
   * Does `work` when its turn comes, with `need` in effect. `signal` stops it: the kernel's call is interrupted, and if that does not help the
   * helper is ended. Throws {@link Stopped} then.
   */
  ask<T>(need: bigint, signal: AbortSignal, work: (kernel: Kernel) => Promise<T>): Promise<T> {
    if (this.#waiting >= LIMITS.waiting) throw new InputError('too much is asked at once', 'companion', 'Wait until something has ended');
    this.#waiting++;
    const turn = this.#queue.then(() => this.#turn(need, signal, work));
    this.#queue = turn.catch(() => {}).finally(() => this.#waiting--);
    return turn;
  }

  async #turn<T>(need: bigint, signal: AbortSignal, work: (kernel: Kernel) => Promise<T>): Promise<T> {
    if (signal.aborted) throw new Stopped();
    if (this.#closed) throw new Stopped();
    if (!this.#kernel) await this.start();
    const kernel = this.#kernel;
    if (!kernel) throw new InputError(`the kernel cannot be asked: ${this.absence}`, 'companion');
    const limit = AbortSignal.timeout(LIMITS.workMs);
    const stop = AbortSignal.any([signal, limit]);
    let nudge: NodeJS.Timeout | undefined;
    let kill: NodeJS.Timeout | undefined;
    const end = (): void => {
      kernel.loader.interrupt();
      nudge = setInterval(() => kernel.loader.interrupt(), NUDGE_MS);
      kill = setTimeout(() => this.#kill(kernel), KILL_MS);
    };
    stop.addEventListener('abort', end, { once: true });
    try {
      await kernel.loader.capabilities(need & HELPER_MASK);
      const result = await work(kernel);
      if (stop.aborted) throw new Stopped(limit.aborted ? `stopped after ${LIMITS.workMs / 1000} s` : '');
      return result;
    } catch (error) {
      if (stop.aborted) throw new Stopped(limit.aborted ? `stopped after ${LIMITS.workMs / 1000} s` : '');
      throw error;
    } finally {
      stop.removeEventListener('abort', end);
      clearInterval(nudge);
      clearTimeout(kill);
      // Without CAP_BPF a machine may ask for more even to run what is loaded.
      if (this.#kernel === kernel) await kernel.loader.capabilities(RUN_MASK).catch(() => {});
    }
  }

  #kill(kernel: Kernel): void {
    kernel.close();
    if (this.#kernel === kernel) this.#kernel = null;
  }

  /** Ends the helper; the kernel frees all that it held. */
  close(): void {
    this.#closed = true;
    this.#kernel?.close();
    this.#kernel = null;
  }
}

/** Loading needs everything at once where CAP_BPF does not exist yet. */
export const withFallback = (need: bigint, has: bigint): bigint =>
  (has & maskOf('CAP_BPF')) === 0n && (has & maskOf('CAP_SYS_ADMIN')) !== 0n ? need | maskOf('CAP_SYS_ADMIN') : need;
