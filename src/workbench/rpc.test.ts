import { describe, expect, it, vi } from 'vitest';
import { Cancelled } from '../base/progress.ts';
import { onWorkerDeath, serveRpc, WorkerClient, type WorkerDeath } from './rpc.ts';

type Sent = { id: number; method?: string; args?: unknown; cancel?: true };

/** A worker whose answers the test gives. */
class FakeWorker {
  readonly sent: Sent[] = [];
  terminated = false;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onerror: ((event: { message: string; preventDefault(): void }) => void) | null = null;

  postMessage(message: Sent): void {
    this.sent.push(message);
  }

  terminate(): void {
    this.terminated = true;
  }

  answer(data: unknown): void {
    this.onmessage?.({ data });
  }

  idOf(method: string): number {
    return this.sent.find((message) => message.method === method)!.id;
  }
}

const ALIVE = { id: 0, kind: 'alive', lock: '' };

function client(serves?: 'project'): { client: WorkerClient; workers: FakeWorker[] } {
  const workers: FakeWorker[] = [];
  const create = () => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker as unknown as Worker;
  };
  return { client: new WorkerClient('test', create, serves), workers };
}

describe('WorkerClient', () => {
  it('gives results, progress and events to the call that they belong to', async () => {
    const { client: rpc, workers } = client();
    const seen: unknown[] = [];
    const result = rpc.call('work', {}, { onProgress: (...args) => seen.push(args), onEvent: (event) => seen.push(event) });
    const id = workers[0].idOf('work');
    workers[0].answer({ id, kind: 'progress', stage: 'working', done: 1, total: 2 });
    workers[0].answer({ id, kind: 'event', event: 'part' });
    workers[0].answer({ id: id + 1, kind: 'event', event: 'of another call' });
    workers[0].answer({ id, kind: 'result', result: 7 });
    expect(await result).toBe(7);
    expect(seen).toEqual([['working', 1, 2], 'part']);
  });

  it('rejects with the error that the worker met', async () => {
    const { client: rpc, workers } = client();
    const result = rpc.call('work', {});
    workers[0].answer({ id: workers[0].idOf('work'), kind: 'error', error: { what: 'no', where: 'here', advice: '' } });
    await expect(result).rejects.toMatchObject({ name: 'RemoteError', error: { what: 'no', where: 'here' } });
  });

  it('ends a worker that cannot go on, and asks a new one the rest', async () => {
    const { client: rpc, workers } = client('project');
    const failed = rpc.call('load', {});
    const other = rpc.call('other', {});
    const error = { what: 'it did not come', where: '', advice: '' };
    workers[0].answer({ id: workers[0].idOf('load'), kind: 'error', error, over: true });
    await expect(failed).rejects.toMatchObject({ error });
    expect(workers[0].terminated).toBe(true);
    workers[1].answer({ id: workers[1].idOf('other'), kind: 'result', result: 1 });
    expect(await other).toBe(1);
  });

  it('ends a worker that does not hear a cancel, and starts its other calls again in a new one that has the blobs', async () => {
    vi.useFakeTimers();
    try {
      const { client: rpc, workers } = client();
      rpc.hold('hash', Uint8Array.of(1));
      const controller = new AbortController();
      const stopped = rpc.call('deaf', {}, { signal: controller.signal });
      const other = rpc.call('other', { of: 'mine' });
      workers[0].answer(ALIVE);
      controller.abort();
      expect(workers[0].sent.at(-1)).toEqual({ id: workers[0].idOf('deaf'), cancel: true });
      vi.runAllTimers();
      await expect(stopped).rejects.toBeInstanceOf(Cancelled);
      expect(workers[0].terminated).toBe(true);
      expect(workers[1].sent.map(({ method }) => method)).toEqual(['hold', 'other']);
      workers[1].answer({ id: workers[1].idOf('other'), kind: 'result', result: 'done' });
      expect(await other).toBe('done');
    } finally {
      vi.useRealTimers();
    }
  });

  it('tells a new worker of the blobs of projects that were left: what is still asked about them is cancelled there', async () => {
    const { client: rpc, workers } = client('project');
    rpc.hold('a', Uint8Array.of(1));
    rpc.hold('b', Uint8Array.of(2));
    rpc.warm();
    rpc.leave([], new Set(['b']), performance.now() + 1);
    expect(workers[0].terminated).toBe(true);
    void rpc.call('compare', {});
    expect(workers[1].sent.map(({ method, args }) => [method, args])).toEqual([
      ['hold', { hash: 'b', bytes: Uint8Array.of(2) }],
      ['leave', { gone: ['a'], unusedMs: Number.POSITIVE_INFINITY }],
      ['compare', {}],
    ]);
    rpc.hold('a', Uint8Array.of(1));
    rpc.leave([], new Set(['a', 'b']), performance.now() + 1);
    workers[1].answer({ id: workers[1].idOf('compare'), kind: 'result', result: 1 });
    rpc.leave([], new Set(['a', 'b']), performance.now() + 1);
    rpc.warm();
    expect(workers[2].sent.map(({ method }) => method)).toEqual(['hold', 'hold']);
  });

  it('leaves a worker alone that hears the cancel in time', async () => {
    vi.useFakeTimers();
    try {
      const { client: rpc, workers } = client();
      const controller = new AbortController();
      const stopped = rpc.call('polite', {}, { signal: controller.signal });
      controller.abort();
      workers[0].answer({ id: workers[0].idOf('polite'), kind: 'cancelled' });
      await expect(stopped).rejects.toBeInstanceOf(Cancelled);
      vi.runAllTimers();
      expect(workers[0].terminated).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });

  it('stops at once what a worker that still loads was asked, and leaves it alone', async () => {
    vi.useFakeTimers();
    try {
      const { client: rpc, workers } = client();
      const controller = new AbortController();
      const stopped = rpc.call('first', {}, { signal: controller.signal });
      controller.abort();
      await expect(stopped).rejects.toBeInstanceOf(Cancelled);
      expect(workers[0].sent.at(-1)).toEqual({ id: workers[0].idOf('first'), cancel: true });
      vi.runAllTimers();
      expect(workers[0].terminated).toBe(false);
      workers[0].answer(ALIVE);
      workers[0].answer({ id: workers[0].idOf('first'), kind: 'cancelled' });
      vi.runAllTimers();
      expect(workers[0].terminated).toBe(false);
      const other = rpc.call('other', {});
      workers[0].answer({ id: workers[0].idOf('other'), kind: 'result', result: 1 });
      expect(await other).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends a worker that loaded and does not hear what it was asked to stop before', () => {
    vi.useFakeTimers();
    try {
      const { client: rpc, workers } = client();
      const controller = new AbortController();
      rpc.call('deaf', {}, { signal: controller.signal }).catch(() => {});
      controller.abort();
      workers[0].answer(ALIVE);
      vi.runAllTimers();
      expect(workers[0].terminated).toBe(true);
      // What it still sends is of nobody.
      void rpc.call('other', {});
      workers[0].answer(ALIVE);
      expect(workers).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it('gives a worker longer to hear the cancel where the call asks for it', () => {
    vi.useFakeTimers();
    try {
      const { client: rpc, workers } = client();
      const controller = new AbortController();
      rpc.call('patient', {}, { signal: controller.signal, graceMs: 5000 }).catch(() => {});
      workers[0].answer(ALIVE);
      controller.abort();
      vi.advanceTimersByTime(4999);
      expect(workers[0].terminated).toBe(false);
      vi.advanceTimersByTime(1);
      expect(workers[0].terminated).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it('starts the calls of a worker that dies again in a new one, which has the blobs, and says so', async () => {
    const deaths: WorkerDeath[] = [];
    onWorkerDeath((death) => deaths.push(death));
    const { client: rpc, workers } = client();
    rpc.hold('hash', Uint8Array.of(1));
    const first = rpc.call('first', {});
    const second = rpc.call('second', {});
    workers[0].onerror?.({ message: 'out of memory', preventDefault: () => {} });
    expect(deaths).toEqual([{ worker: 'test', cause: 'out of memory', restarted: 2 }]);
    workers[1].answer({ id: 0, kind: 'alive', lock: '' });
    // One by one, so that the call that kills its worker is told from the others.
    expect(workers[1].sent.map(({ method }) => method)).toEqual(['hold', 'first']);
    workers[1].answer({ id: workers[1].idOf('first'), kind: 'result', result: 1 });
    expect(await first).toBe(1);
    workers[1].answer({ id: workers[1].idOf('second'), kind: 'result', result: 2 });
    expect(await second).toBe(2);
    // An answer of the worker that is gone means nothing.
    workers[0].onerror?.({ message: 'again', preventDefault: () => {} });
    expect(deaths).toHaveLength(1);
  });

  it('gives up on the call that kills every worker, and on no other', async () => {
    onWorkerDeath(() => {});
    const { client: rpc, workers } = client();
    const deadly = rpc.call('deadly', {});
    const harmless = rpc.call('harmless', {});
    for (let at = 0; at < 3; at++) {
      workers[at].answer({ id: 0, kind: 'alive', lock: '' });
      workers[at].onerror?.({ message: 'out of memory', preventDefault: () => {} });
    }
    workers[3].answer({ id: 0, kind: 'alive', lock: '' });
    await expect(deadly).rejects.toMatchObject({ error: { where: 'deadly', what: expect.stringContaining('out of memory') as string } });
    workers[3].answer({ id: workers[3].idOf('harmless'), kind: 'result', result: 'done' });
    expect(await harmless).toBe('done');
    // Later calls are answered as ever, side by side.
    void rpc.call('later', {});
    void rpc.call('latest', {});
    expect(workers[3].sent.slice(-2).map(({ method }) => method)).toEqual(['later', 'latest']);
  });

  it('cancels a call that waits its turn after a death', async () => {
    onWorkerDeath(() => {});
    const { client: rpc, workers } = client();
    const controller = new AbortController();
    const first = rpc.call('first', {});
    const waiting = rpc.call('waiting', {}, { signal: controller.signal });
    workers[0].onerror?.({ message: 'gone', preventDefault: () => {} });
    controller.abort();
    await expect(waiting).rejects.toBeInstanceOf(Cancelled);
    workers[1].answer({ id: 0, kind: 'alive', lock: '' });
    workers[1].answer({ id: workers[1].idOf('first'), kind: 'result', result: 1 });
    expect(await first).toBe(1);
    expect(workers[1].sent.map(({ method }) => method)).toEqual(['first']);
  });

  it('says so when its script cannot be loaded at all', async () => {
    onWorkerDeath(() => {});
    const { client: rpc, workers } = client();
    const call = rpc.call('work', {});
    for (let at = 0; at < 3; at++) workers[at].onerror?.({ message: '', preventDefault: () => {} });
    await expect(call).rejects.toMatchObject({ error: { what: expect.stringContaining('cannot be started') as string } });
    expect(workers).toHaveLength(3);
  });
});

describe('serveRpc', () => {
  it('hears a cancel that waits beside the call before it begins', async () => {
    const posted: { id: number; kind: string }[] = [];
    const scope = { postMessage: (message: { id: number; kind: string }) => posted.push(message), onmessage: null as unknown };
    const begun: string[] = [];
    const handler = (name: string) => begun.push(name);
    serveRpc(scope as unknown as DedicatedWorkerGlobalScope, { work: handler }, () => 'Working');
    const send = scope.onmessage as (message: { data: unknown }) => Promise<void>;
    const calls = [send({ data: { id: 1, method: 'work', args: 'stopped' } }), send({ data: { id: 2, method: 'work', args: 'other' } })];
    void send({ data: { id: 1, cancel: true } });
    await Promise.all(calls);
    expect(begun).toEqual(['other']);
    expect(posted.filter(({ kind }) => kind !== 'alive').map(({ id, kind }) => [id, kind])).toEqual([
      [1, 'cancelled'],
      [2, 'result'],
    ]);
  });
});
