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
  | { id: number; kind: 'progress'; stage: string; done: number; total: number }
  | { id: number; kind: 'event'; event: unknown }
  | { id: number; kind: 'result'; result: unknown }
  | { id: number; kind: 'cancelled' }
  | { id: number; kind: 'error'; error: UserError };

/** A result whose buffers are handed over rather than copied. */
export class Transferred<T> {
  readonly value: T;
  readonly transfer: Transferable[];
  constructor(value: T, transfer: Transferable[]) {
    this.value = value;
    this.transfer = transfer;
  }
}

/** Serves `handlers` in a worker. */
export function serveRpc(scope: DedicatedWorkerGlobalScope, handlers: Record<string, Handler>, doing: (method: string) => string): void {
  const cancelled = new Set<number>();
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
      const handler = handlers[method];
      if (!handler) throw new Error(`no handler for ${method}`);
      const result = await handler(args as never, context);
      if (result instanceof Transferred)
        scope.postMessage({ id, kind: 'result', result: result.value } satisfies FromWorker, result.transfer);
      else scope.postMessage({ id, kind: 'result', result } satisfies FromWorker);
    } catch (error) {
      if (error instanceof Cancelled) scope.postMessage({ id, kind: 'cancelled' } satisfies FromWorker);
      else scope.postMessage({ id, kind: 'error', error: toUserError(error, doing(method)) } satisfies FromWorker);
    } finally {
      cancelled.delete(id);
    }
  };
}

export interface CallOptions {
  readonly onProgress?: (stage: string, done: number, total: number) => void;
  readonly onEvent?: (event: never) => void;
  readonly signal?: AbortSignal;
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
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** How long a worker may take to hear a cancel before it is ended. */
const CANCEL_GRACE_MS = 250;

export class WorkerClient {
  readonly #create: () => Worker;
  readonly #name: string;
  #worker: Worker | null = null;
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();
  /** Blobs that the worker has, and that its successor gets. */
  readonly #held = new Map<string, Uint8Array>();

  constructor(name: string, create: () => Worker) {
    this.#name = name;
    this.#create = create;
  }

  #start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = this.#create();
    worker.onmessage = (message: MessageEvent<FromWorker>) => this.#receive(message.data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#fail({
        what: `The ${this.#name} worker stopped: ${event.message || 'its script could not be loaded'}`,
        where: '',
        advice: 'Your project is intact; try again or reload the page',
        internal: true,
      });
    };
    this.#worker = worker;
    for (const [hash, bytes] of this.#held) this.#postBlob(worker, hash, bytes);
    return worker;
  }

  #receive(data: FromWorker): void {
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
        this.#pending.delete(data.id);
        call.resolve(data.result);
        return;
      case 'cancelled':
        this.#pending.delete(data.id);
        call.reject(new Cancelled());
        return;
      case 'error':
        this.#pending.delete(data.id);
        call.reject(new RemoteError(data.error));
        return;
    }
  }

  #fail(error: UserError): void {
    this.#worker?.terminate();
    this.#worker = null;
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of calls) call.reject(new RemoteError(error));
  }

  /** Ends a worker that does not hear a cancel. Calls that nobody cancelled start again in a new one. */
  #restart(): void {
    this.#worker?.terminate();
    this.#worker = null;
    for (const [id, call] of this.#pending) {
      if (call.options.signal?.aborted) {
        this.#pending.delete(id);
        call.reject(new Cancelled());
      } else this.#start().postMessage({ id, method: call.method, args: call.args } satisfies ToWorker);
    }
  }

  #postBlob(worker: Worker, hash: string, bytes: Uint8Array): void {
    worker.postMessage({ id: 0, method: 'hold', args: { hash, bytes } } satisfies ToWorker);
  }

  /** Lets the worker load its script before anything is asked of it. */
  warm(): void {
    this.#start();
  }

  /** Sends a blob once per worker life. */
  hold(hash: string, bytes: Uint8Array): void {
    const worker = this.#start();
    if (this.#held.has(hash)) return;
    this.#held.set(hash, bytes);
    this.#postBlob(worker, hash, bytes);
  }

  /** Forgets a blob, here and in the worker. */
  release(hash: string): void {
    if (this.#held.delete(hash)) this.#worker?.postMessage({ id: 0, method: 'drop', args: { hash } } satisfies ToWorker);
  }

  call<T>(method: string, args: unknown, options: CallOptions = {}): Promise<T> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(new Cancelled());
    const worker = this.#start();
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        this.#worker?.postMessage({ id, cancel: true } satisfies ToWorker);
        setTimeout(() => {
          if (this.#pending.has(id)) this.#restart();
        }, CANCEL_GRACE_MS);
      };
      const settle = () => signal?.removeEventListener('abort', onAbort);
      this.#pending.set(id, {
        method,
        args,
        options,
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
      worker.postMessage({ id, method, args } satisfies ToWorker);
    });
  }
}
