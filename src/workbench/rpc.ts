import { LoadError } from '../base/errors.ts';
import { Cancelled } from '../base/progress.ts';
import { toUserError, type UserError } from './errors.ts';

/**
 * Calls into a worker with progress, events and cancel. Work that hears a cancel stops by itself; work that does not answer
 * within a moment loses its worker: workers are caches keyed by content, so ending one loses nothing.
 */
export interface CallContext {
  progress(stage: string, done: number, total: number): void;
  /** Part of a result that streams in. */
  emit(event: unknown, transfer?: Transferable[]): void;
  readonly cancelled: boolean;
}

export type Handler = (args: never, context: CallContext) => unknown;

type ToWorker = { id: number; method: string; args: unknown } | { id: number; cancel: true };
type FromWorker =
  /** The worker holds this Web Lock as long as it lives; '' where there are none. */
  | { id: 0; kind: 'alive'; lock: string }
  | { id: number; kind: 'progress'; stage: string; done: number; total: number }
  | { id: number; kind: 'event'; event: unknown }
  | { id: number; kind: 'result'; result: unknown }
  | { id: number; kind: 'cancelled' }
  /** `over`: the worker cannot go on. */
  | { id: number; kind: 'error'; error: UserError; over?: boolean };

/** A result whose buffers are handed over rather than copied. */
export class Transferred<T> {
  readonly value: T;
  readonly transfer: Transferable[];
  constructor(value: T, transfer: Transferable[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/** A handler whose code is fetched when it is first called, so that a worker starts sooner. */
export function later<Module, Name extends keyof Module>(load: () => Promise<Module>, name: Name): Handler {
  return async (args, context) => ((await load())[name] as Handler)(args, context);
}

/** Serves `handlers` in a worker. */
export function serveRpc(scope: DedicatedWorkerGlobalScope, handlers: Record<string, Handler>, doing: (method: string) => string): void {
  const cancelled = new Set<number>();
  // Work may hold up the worker for long: before it the page hears that there is somebody to end, and a cancel that came meanwhile is heard.
  const alive = showLife(scope);
  scope.onmessage = async (message: MessageEvent<ToWorker>) => {
    const data = message.data;
    if ('cancel' in data) {
      cancelled.add(data.id);
      return;
    }
    const { id, method, args } = data;
    const context: CallContext = {
      progress: (stage, done, total) => scope.postMessage({ id, kind: 'progress', stage, done, total } satisfies FromWorker),
      emit: (event, transfer = []) => scope.postMessage({ id, kind: 'event', event } satisfies FromWorker, transfer),
      get cancelled() {
        return cancelled.has(id);
      },
    };
    try {
      await alive;
      if (context.cancelled) throw new Cancelled();
      const handler = handlers[method];
      if (!handler) throw new Error(`no handler for ${method}`);
      const result = await handler(args as never, context);
      if (result instanceof Transferred)
        scope.postMessage({ id, kind: 'result', result: result.value } satisfies FromWorker, result.transfer);
      else scope.postMessage({ id, kind: 'result', result } satisfies FromWorker);
    } catch (error) {
      if (error instanceof Cancelled) scope.postMessage({ id, kind: 'cancelled' } satisfies FromWorker);
      else
        scope.postMessage({
          id,
          kind: 'error',
          error: toUserError(error, doing(method)),
          over: error instanceof LoadError,
        } satisfies FromWorker);
    } finally {
      cancelled.delete(id);
    }
  };
}

/**
 * A worker that the browser ends sends no event, and one that works hard may be silent for long: so each holds a Web Lock, which the
 * browser gives to the page when the worker is gone, for whatever reason.
 */
function showLife(scope: DedicatedWorkerGlobalScope): Promise<void> {
  if (!scope.navigator?.locks) {
    scope.postMessage({ id: 0, kind: 'alive', lock: '' } satisfies FromWorker);
    return new Promise((resolve) => setTimeout(resolve));
  }
  const lock = `bpformer worker ${Array.from(scope.crypto.getRandomValues(new Uint32Array(4))).join('-')}`;
  return new Promise((shown) => {
    void scope.navigator.locks.request(lock, () => {
      scope.postMessage({ id: 0, kind: 'alive', lock } satisfies FromWorker);
      shown();
      return new Promise(() => {});
    });
  });
}

export interface CallOptions {
  readonly onProgress?: (stage: string, done: number, total: number) => void;
  readonly onEvent?: (event: never) => void;
  readonly signal?: AbortSignal;
  /** How long the worker may take to hear a cancel before it is ended, where ending it loses what the user wants to keep. */
  readonly graceMs?: number;
}

/** What a failed call rejects with. */
export class RemoteError extends Error {
  readonly error: UserError;
  constructor(error: UserError) {
    super(error.what);
    this.name = 'RemoteError';
    this.error = error;
  }
}

interface Pending {
  readonly method: string;
  readonly args: unknown;
  readonly options: CallOptions;
  /** How often the worker died while it worked on this. */
  deaths: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A worker that ended without being asked to, and how many of its calls start again. */
export interface WorkerDeath {
  readonly worker: string;
  readonly cause: string;
  readonly restarted: number;
}

let onDeath: (death: WorkerDeath) => void = () => {};
export function onWorkerDeath(listener: (death: WorkerDeath) => void): void {
  onDeath = listener;
}

/** How long a worker may take to hear a cancel before it is ended. */
const CANCEL_GRACE_MS = 250;
/** How often one call may cost a worker its life. */
const MOST_DEATHS = 3;
/** What is asked about a blob after it went is asked soon after: of more than the last ones nobody asks. */
const MOST_LEFT = 64;

/** What a worker is there for: the open project, or something beside it that outlasts projects. */
type Serves = 'project' | 'page';

export class WorkerClient {
  static readonly all = new Set<WorkerClient>();
  readonly #create: () => Worker;
  readonly #name: string;
  readonly #serves: Serves;
  /** When something was asked of it last, by `performance.now()`. */
  #usedAt = 0;
  #worker: Worker | null = null;
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();
  /** Calls that the present worker has. */
  readonly #sent = new Set<number>();
  /** After a death its calls go one by one, so that the one that kills is told from the others. */
  #oneByOne = false;
  /** Whether the worker has shown life: one that has not is still loading. */
  #alive = false;
  /** What waits for that. */
  #whenAlive: (() => void)[] = [];
  /** The successor of a worker that died gets no call before it has shown life: its death must not go unseen. */
  #awaited: Worker | null = null;
  /** Workers that ended before they showed life, since the last one that did. */
  #stillborn = 0;
  /** Blobs that the worker has, and that its successor gets. */
  readonly #held = new Map<string, Uint8Array | Blob>();
  /** The project that its calls belong to was left while they were under way: it ends with them, with all blobs but these. */
  #endsWith: Set<string> | null = null;
  /** Blobs of projects that were left: a successor is to know that what is still asked about them is cancelled. */
  readonly #left = new Set<string>();

  constructor(name: string, create: () => Worker, serves: Serves = 'page') {
    this.#name = name;
    this.#create = create;
    this.#serves = serves;
    WorkerClient.all.add(this);
  }

  #start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = this.#create();
    worker.onmessage = (message: MessageEvent<FromWorker>) => this.#receive(worker, message.data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#died(worker, event.message || 'its script could not be loaded');
    };
    worker.onmessageerror = () => this.#died(worker, 'its answer could not be read');
    this.#worker = worker;
    for (const [hash, bytes] of this.#held) this.#postBlob(worker, hash, bytes);
    if (this.#left.size > 0) this.#postLeave(worker, [...this.#left], Number.POSITIVE_INFINITY);
    return worker;
  }

  #receive(worker: Worker, data: FromWorker): void {
    if (data.kind === 'alive') {
      if (this.#worker !== worker) return;
      this.#alive = true;
      for (const begin of this.#whenAlive.splice(0)) begin();
      this.#stillborn = 0;
      if (data.lock !== '') void navigator.locks.request(data.lock, () => this.#died(worker, 'the browser ended it'));
      if (this.#awaited === worker) {
        this.#awaited = null;
        this.#send();
      }
      return;
    }
    const call = this.#pending.get(data.id);
    if (!call) return;
    switch (data.kind) {
      case 'progress':
        call.options.onProgress?.(data.stage, data.done, data.total);
        return;
      case 'event':
        call.options.onEvent?.(data.event as never);
        return;
      case 'result':
        this.#settled(data.id);
        call.resolve(data.result);
        return;
      case 'cancelled':
        this.#settled(data.id);
        call.reject(new Cancelled());
        return;
      case 'error':
        this.#settled(data.id);
        call.reject(new RemoteError(data.error));
        // What a worker beside the project holds outlasts this.
        if (data.over && this.#serves === 'project' && this.#worker === worker) {
          this.#end();
          this.#send();
        }
        return;
    }
  }

  #settled(id: number): void {
    this.#pending.delete(id);
    this.#sent.delete(id);
    if (this.#oneByOne) this.#send();
    this.#endIfLeft();
  }

  /** Hands waiting calls to the worker: all of them, or the next one. */
  #send(): void {
    if (this.#awaited || (this.#oneByOne && this.#sent.size > 0)) return;
    for (const [id, { method, args }] of this.#pending) {
      if (this.#sent.has(id)) continue;
      this.#sent.add(id);
      this.#start().postMessage({ id, method, args } satisfies ToWorker);
      if (this.#oneByOne) return;
    }
    this.#oneByOne = false;
  }

  /** The worker is gone without having been asked. Its calls start again in a new one, but for one that kills every worker. */
  #died(worker: Worker, cause: string): void {
    if (this.#worker !== worker) return;
    const stillborn = ++this.#stillborn >= MOST_DEATHS;
    for (const [id, call] of this.#pending) {
      if (this.#sent.has(id)) call.deaths++;
      if (!stillborn && call.deaths < MOST_DEATHS) continue;
      this.#pending.delete(id);
      this.#sent.delete(id);
      call.reject(new RemoteError(this.#gaveUp(call.method, cause, stillborn)));
    }
    this.#oneByOne ||= this.#sent.size > 0;
    this.#end();
    onDeath({ worker: this.#name, cause, restarted: this.#pending.size });
    if (this.#pending.size > 0) this.#awaited = this.#start();
  }

  #gaveUp(method: string, cause: string, stillborn: boolean): UserError {
    return {
      what: stillborn
        ? `The ${this.#name} worker cannot be started (${cause})`
        : `The ${this.#name} worker stopped each of the ${MOST_DEATHS} times that it was asked for this (${cause})`,
      where: method,
      advice: stillborn ? 'The project is intact. Reload the page' : 'The project is intact. Undo the last change, or try a smaller input',
      internal: true,
    };
  }

  /** Ends the worker; calls that were cancelled end with it. */
  #end(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#alive = false;
    this.#whenAlive = [];
    this.#awaited = null;
    this.#sent.clear();
    for (const [id, call] of this.#pending) {
      if (!call.options.signal?.aborted) continue;
      this.#pending.delete(id);
      call.reject(new Cancelled());
    }
  }

  #postBlob(worker: Worker, hash: string, bytes: Uint8Array | Blob): void {
    worker.postMessage({ id: 0, method: 'hold', args: { hash, bytes } } satisfies ToWorker);
  }

  /** Lets the worker load its script before anything is asked of it. */
  warm(): void {
    this.#start();
  }

  /**
   * Sends a blob once per worker life; a file that was chosen again takes the place of the one before. It starts no worker: what is about to be asked may be cancelled by
   * then, and nobody would end it.
   */
  hold(hash: string, bytes: Uint8Array | Blob): void {
    // Whoever hands it something is about to ask: a worker that ends until then has a successor that gets it.
    this.#endsWith?.add(hash);
    if (this.#held.get(hash) === bytes) return;
    this.#held.set(hash, bytes);
    this.#left.delete(hash);
    if (this.#worker) this.#postBlob(this.#worker, hash, bytes);
  }

  /** Takes note of a blob that the worker has already: its successor gets it too. */
  adopt(hash: string, bytes: Uint8Array): void {
    this.#held.set(hash, bytes);
    this.#left.delete(hash);
  }

  /** Forgets a blob, here and in the worker. */
  release(hash: string): void {
    if (this.#held.delete(hash)) this.#worker?.postMessage({ id: 0, method: 'drop', args: { hash } } satisfies ToWorker);
  }

  /**
   * A project was left at `leftAt`, by `performance.now()`: the worker ends if nothing was asked of it since, once it has done what it is at, with all blobs that are not
   * `named`; else it forgets those that are `gone`, and what it made before. If it has none of its blobs then, what was asked of it since was asked by those who had not
   * heard yet that their project was left, and it ends too. For 0 no project was left, and only the blobs go, as from a worker that serves the page.
   */
  leave(gone: readonly string[], named: ReadonlySet<string>, leftAt: number): void {
    if (this.#serves === 'page') {
      const mine = gone.filter((hash) => this.#held.has(hash));
      for (const hash of mine) this.#forget(hash);
      if (this.#worker && mine.length > 0) this.#postLeave(this.#worker, mine, Number.POSITIVE_INFINITY);
      return;
    }
    if (this.#usedAt < leftAt) {
      this.#endsWith = new Set(named);
      if (this.#endIfLeft()) return;
    }
    const had = this.#held.size;
    for (const hash of gone) this.#forget(hash);
    if (leftAt > 0 && had > 0 && this.#held.size === 0) {
      this.#endsWith = new Set(named);
      if (this.#endIfLeft()) return;
    }
    if (this.#worker) this.#postLeave(this.#worker, gone, leftAt === 0 ? Number.POSITIVE_INFINITY : performance.now() - leftAt);
  }

  /** Ends the worker of a project that was left unless it is at work; whether it did. */
  #endIfLeft(): boolean {
    const named = this.#endsWith;
    if (!named || this.#pending.size > 0) return false;
    this.#end();
    this.#endsWith = null;
    for (const hash of this.#held.keys()) if (!named.has(hash)) this.#forget(hash);
    return true;
  }

  #forget(hash: string): void {
    if (!this.#held.delete(hash)) return;
    this.#left.add(hash);
    if (this.#left.size > MOST_LEFT) this.#left.delete(this.#left.values().next().value!);
  }

  #postLeave(worker: Worker, gone: readonly string[], unusedMs: number): void {
    worker.postMessage({ id: 0, method: 'leave', args: { gone, unusedMs } } satisfies ToWorker);
  }

  /** A call was cancelled: the worker may hear it; one that does not is ended. */
  #cancel(id: number): void {
    if (!this.#sent.has(id)) {
      const call = this.#pending.get(id);
      this.#settled(id);
      call?.reject(new Cancelled());
      return;
    }
    this.#worker?.postMessage({ id, cancel: true } satisfies ToWorker);
    const call = this.#pending.get(id);
    const endIfDeaf = (): void => {
      if (!this.#pending.has(id)) return;
      this.#end();
      this.#send();
      this.#endIfLeft();
    };
    const wait = () => setTimeout(endIfDeaf, call?.options.graceMs ?? CANCEL_GRACE_MS);
    if (this.#alive) {
      wait();
      return;
    }
    // It still loads, and hears of this before it begins: it has until then and a while, for its successor would load anew.
    call?.reject(new Cancelled());
    this.#whenAlive.push(wait);
  }

  call<T>(method: string, args: unknown, options: CallOptions = {}): Promise<T> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(new Cancelled());
    this.#usedAt = performance.now();
    this.#endsWith = null;
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => this.#cancel(id);
      const settle = () => signal?.removeEventListener('abort', onAbort);
      this.#pending.set(id, {
        method,
        args,
        options,
        deaths: 0,
        resolve: (value) => {
          settle();
          resolve(value as T);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      signal?.addEventListener('abort', onAbort);
      this.#send();
    });
  }
}
