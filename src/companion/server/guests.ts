import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InputError } from '../../base/errors.ts';
import type { Envelope } from '../envelope.ts';
import { bootKernel } from '../guest-kernel.ts';
import type { LoadReply, LoadRequest } from '../protocol.ts';
import { type Answer, loadOnce, logBytes, replyOf } from './ask-kernel.ts';
import { decodeProgram } from './decode.ts';
import { Stopped } from './desk.ts';
import { LIMITS } from './limits.ts';

type Guest = Awaited<ReturnType<typeof bootKernel>>;

/** Debian's kernels in a folder, each booted under QEMU when somebody first asks it, and kept until the companion ends. */
export class Guests {
  readonly #packages: ReadonlyMap<string, string>;
  readonly #booted = new Map<string, Promise<Guest>>();
  #queue: Promise<unknown> = Promise.resolve();

  /** `folder` holds packages `linux-image-6.1….deb`; null for no guests. */
  constructor(folder: string | null) {
    const found = new Map<string, string>();
    for (const file of folder === null ? [] : readdirSync(folder)) {
      const version = /^linux-image-(\d+\.\d+)[.-].*\.deb$/.exec(file)?.[1];
      if (version) found.set(version, join(folder!, file));
    }
    this.#packages = found;
  }

  get versions(): readonly string[] {
    return [...this.#packages.keys()].sort(
      (a, b) => Number(a.split('.')[0]) - Number(b.split('.')[0]) || Number(a.split('.')[1]) - Number(b.split('.')[1]),
    );
  }

  load(version: string, request: LoadRequest, envelope: Envelope, signal: AbortSignal): Promise<Answer<LoadReply>> {
    const { program, btf } = decodeProgram(request.program, envelope);
    if (program.kfuncCalls.size > 0 || program.attachTo !== undefined)
      throw new InputError('guests are not asked about programs that name functions or types of their kernel', `kernel ${version}`);
    const turn = this.#queue.then(async (): Promise<Answer<LoadReply>> => {
      if (signal.aborted) throw new Stopped();
      const { kernel, release } = await this.#guest(version);
      if (signal.aborted) throw new Stopped();
      const limit = AbortSignal.timeout(LIMITS.guestMs);
      const stop = AbortSignal.any([signal, limit]);
      // No signal reaches the loader in there: the machine ends, and another boots when it is asked next.
      const end = (): void => kernel.close();
      stop.addEventListener('abort', end, { once: true });
      try {
        const { result, xlatedBytes, jitedBytes, tag } = await loadOnce(kernel, program, btf, request.logLevel, 0);
        await result.program?.closeAll();
        return { head: { ...replyOf(result, release), xlatedBytes, jitedBytes, tag, handle: null }, blobs: [logBytes(result)] };
      } catch (error) {
        if (stop.aborted) throw new Stopped(limit.aborted ? `stopped after ${LIMITS.guestMs / 1000} s` : '');
        if (error instanceof InputError) throw error;
        throw new InputError(`it has ended: ${(error as Error).message}`, `guest ${release}`, 'It boots again when it is asked again');
      } finally {
        stop.removeEventListener('abort', end);
      }
    });
    this.#queue = turn.catch(() => {});
    return turn;
  }

  #guest(version: string): Promise<Guest> {
    const file = this.#packages.get(version);
    if (!file) throw new InputError('there is no guest with this kernel', `kernel ${version}`, 'Start the companion with --guests FOLDER');
    const known = this.#booted.get(version);
    if (known) return known;
    const booting = bootKernel(file).catch((error: unknown) => {
      this.#booted.delete(version);
      throw new InputError(`it does not start: ${String((error as Error).message).split('\n')[0]}`, basename(file));
    });
    this.#booted.set(version, booting);
    void booting.then(
      async ({ kernel, end }) => {
        await kernel.loader.ended;
        if (this.#booted.get(version) === booting) this.#booted.delete(version);
        await end();
      },
      () => {},
    );
    return booting;
  }

  async close(): Promise<void> {
    for (const booting of this.#booted.values()) await booting.then(({ end }) => end()).catch(() => {});
  }
}
