import type { CDPSession, Page } from '@playwright/test';

/** Memory of a page and of all its workers after a collection, in MB. */
export interface Heaps {
  /** JavaScript objects. */
  readonly heapMB: number;
  /** Array buffers and WebAssembly memories. */
  readonly buffersMB: number;
  readonly workers: number;
  /** What each of them takes, the page first; workers by the name of their script. */
  readonly parts: readonly Part[];
}

interface Part {
  readonly name: string;
  readonly heapMB: number;
  readonly buffersMB: number;
}

const inMB = (bytes: number): number => Math.round(bytes / 1e5) / 10;
const ANSWER_MS = 20_000;

interface Usage {
  readonly usedSize: number;
  readonly backingStorageSize?: number;
}

/** Speaks with the page's workers: each is a target of its own in the browser's protocol. */
export class HeapMeter {
  readonly #session: CDPSession;
  /** Names of scripts by session. */
  readonly #workers = new Map<string, string>();
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #nextId = 1;

  private constructor(session: CDPSession) {
    this.#session = session;
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') this.#workers.set(sessionId, /([^/]+?)\.worker/.exec(targetInfo.url)?.[1] ?? targetInfo.url);
    });
    session.on('Target.detachedFromTarget', ({ sessionId }) => this.#workers.delete(sessionId));
    session.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, result } = JSON.parse(message) as { id?: number; result?: unknown };
      if (id === undefined) return;
      this.#waiting.get(id)?.(result ?? null);
      this.#waiting.delete(id);
    });
  }

  static async of(page: Page): Promise<HeapMeter> {
    const meter = new HeapMeter(await page.context().newCDPSession(page));
    await meter.#session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
    return meter;
  }

  /** What a worker answers; null when it is busy or gone. */
  #ask(sessionId: string, method: string): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), ANSWER_MS);
      this.#waiting.set(id, (result) => {
        clearTimeout(timer);
        resolve(result);
      });
      this.#session
        .send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method, params: {} }) })
        .catch(() => resolve(null));
    });
  }

  /** Collects everywhere, twice: what finalizers let go falls in the second round. */
  async read(): Promise<Heaps> {
    for (let round = 0; round < 2; round++) {
      await this.#session.send('HeapProfiler.collectGarbage');
      for (const worker of this.#workers.keys()) await this.#ask(worker, 'HeapProfiler.collectGarbage');
    }
    const usages: [string, Usage][] = [['page', (await this.#session.send('Runtime.getHeapUsage')) as Usage]];
    for (const [worker, name] of this.#workers) {
      const usage = (await this.#ask(worker, 'Runtime.getHeapUsage')) as Usage | null;
      if (usage) usages.push([name, usage]);
    }
    const sum = (of: (usage: Usage) => number): number => inMB(usages.reduce((all, [, usage]) => all + of(usage), 0));
    const buffers = ({ backingStorageSize = 0 }: Usage): number => backingStorageSize;
    return {
      heapMB: sum(({ usedSize }) => usedSize),
      buffersMB: sum(buffers),
      workers: usages.length - 1,
      parts: usages.map(([name, usage]) => ({ name, heapMB: inMB(usage.usedSize), buffersMB: inMB(buffers(usage)) })),
    };
  }
}
