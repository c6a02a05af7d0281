import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CDPSession, Page } from '@playwright/test';

/** Memory of a page and of all its workers after a collection, in MB. */
export interface Heaps {
  /** All of V8's heap: objects and code. */
  readonly heapMB: number;
  /** Of that, what V8 has made of scripts: byte code, machine code and what it has learnt of types. It is by use, not by what is open, and V8 drops it when it likes. */
  readonly codeMB: number;
  /** The rest: JavaScript objects. */
  readonly objectsMB: number;
  /** Array buffers and WebAssembly memories. */
  readonly buffersMB: number;
  readonly workers: number;
  /** What each of them takes, the page first; workers by the name of their script. */
  readonly parts: readonly Part[];
}

interface Part {
  readonly name: string;
  readonly heapMB: number;
  readonly codeMB: number;
  readonly buffersMB: number;
}

const inMB = (bytes: number): number => Math.round(bytes / 1e5) / 10;
const ANSWER_MS = 20_000;
const SNAPSHOT_MS = 120_000;
/** A folder for the snapshots, to look into with the browser's own tools: READING-PART-NAME.heapsnapshot. */
const FOLDER = process.env.BPFORMER_SNAPSHOTS;

/** A heap snapshot of V8, as far as sizes by kind of node need it. */
interface Snapshot {
  readonly snapshot: { readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly [readonly string[]] } };
  readonly nodes: readonly number[];
}

/** Bytes of the nodes that V8 itself calls code. */
function codeBytes(text: string): number {
  const { snapshot, nodes } = JSON.parse(text) as Snapshot;
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [type, size] = [fields.indexOf('type'), fields.indexOf('self_size')];
  const code = types[0].indexOf('code');
  let bytes = 0;
  for (let node = 0; node < nodes.length; node += fields.length) if (nodes[node + type] === code) bytes += nodes[node + size]!;
  return bytes;
}

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
  /** The snapshot that is being taken, in the pieces that have come. */
  #pieces: string[] = [];
  #nextId = 1;
  #readings = 0;

  private constructor(session: CDPSession) {
    this.#session = session;
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') this.#workers.set(sessionId, /([^/]+?)\.worker/.exec(targetInfo.url)?.[1] ?? targetInfo.url);
    });
    session.on('Target.detachedFromTarget', ({ sessionId }) => this.#workers.delete(sessionId));
    session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => this.#pieces.push(chunk));
    session.on('Target.receivedMessageFromTarget', ({ message }) => {
      const { id, result, method, params } = JSON.parse(message) as {
        id?: number;
        result?: unknown;
        method?: string;
        params?: { chunk: string };
      };
      if (method === 'HeapProfiler.addHeapSnapshotChunk') this.#pieces.push(params!.chunk);
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
  #ask(sessionId: string, method: string, ms = ANSWER_MS): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), ms);
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
    const parts: Part[] = [];
    this.#readings++;
    const add = async (name: string, usage: Usage, snapshot: () => Promise<unknown>): Promise<void> => {
      this.#pieces = [];
      // A worker that is busy or gone by now is left out, as one that tells no size.
      if ((await snapshot()) === null) return;
      const text = this.#pieces.join('');
      if (FOLDER) writeFileSync(join(FOLDER, `${this.#readings}-${parts.length}-${name}.heapsnapshot`), text);
      const code = codeBytes(text);
      this.#pieces = [];
      parts.push({ name, heapMB: inMB(usage.usedSize), codeMB: inMB(code), buffersMB: inMB(usage.backingStorageSize ?? 0) });
    };
    // Sizes first: a snapshot leaves names of nodes behind.
    const page = (await this.#session.send('Runtime.getHeapUsage')) as Usage;
    const workers: [string, Usage | null][] = [];
    for (const worker of this.#workers.keys()) workers.push([worker, (await this.#ask(worker, 'Runtime.getHeapUsage')) as Usage | null]);
    await add('page', page, () => this.#session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false }));
    for (const [worker, usage] of workers) {
      const name = this.#workers.get(worker);
      if (usage && name) await add(name, usage, () => this.#ask(worker, 'HeapProfiler.takeHeapSnapshot', SNAPSHOT_MS));
    }
    const sum = (of: (part: Part) => number): number => Math.round(parts.reduce((all, part) => all + of(part), 0) * 10) / 10;
    const [heapMB, codeMB] = [sum((part) => part.heapMB), sum((part) => part.codeMB)];
    return {
      heapMB,
      codeMB,
      objectsMB: Math.round((heapMB - codeMB) * 10) / 10,
      buffersMB: sum((part) => part.buffersMB),
      workers: parts.length - 1,
      parts,
    };
  }
}
