import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { getBlob, hasBlob, pinBlob, putBlob } from './blobs.ts';
import { type BlobRef, EMPTY_PROJECT } from './document.ts';
import { whenLeft } from './leaving.ts';
import { alsoNamed, forgetFiles, leaveProject } from './release.ts';
import { WorkerClient } from './rpc.ts';
import { useWorkbench } from './store.ts';

const QUIET_MS = 5000;
const parked: string[] = [];
alsoNamed(() => parked);

const open = (blob: BlobRef | null) =>
  useWorkbench.setState({
    history: { past: [], doc: { ...EMPTY_PROJECT, source: blob && { kind: 'assembly', blob } }, future: [] },
  });
/** Whether bytes are held, without looking for them as somebody who means to use them. */
const isHeld = (ref: BlobRef): boolean => {
  try {
    return getBlob(ref).length > 0;
  } catch {
    return false;
  }
};

let made = 0;
const blob = (name: string) => putBlob(name, new TextEncoder().encode(`${name} ${++made}`));

beforeEach(() => {
  vi.useFakeTimers();
  parked.length = 0;
});
afterEach(() => {
  vi.advanceTimersByTime(10 * QUIET_MS);
  vi.useRealTimers();
});

describe('files of a project that was left', () => {
  it('go after a while, apart from those that the open project or one without room names', async () => {
    const [own, shared, unsaved] = [await blob('own'), await blob('shared'), await blob('unsaved')];
    open(shared);
    parked.push(unsaved.hash);
    leaveProject([own, shared, unsaved], performance.now());
    vi.advanceTimersByTime(QUIET_MS - 1);
    expect(hasBlob(own.hash)).toBe(true);
    leaveProject([own], performance.now());
    vi.advanceTimersByTime(QUIET_MS);
    expect([own, shared, unsaved].map(isHeld)).toEqual([false, true, true]);
    expect(() => getBlob(own)).toThrow('the bytes of own are no longer held');
  });

  it('stay while they are asked for, and go once nobody does', async () => {
    const own = await blob('own');
    open(null);
    leaveProject([own], performance.now());
    for (let asked = 0; asked < 4; asked++) {
      vi.advanceTimersByTime(QUIET_MS / 2);
      expect(isHeld(own)).toBe(true);
    }
    vi.advanceTimersByTime(3 * QUIET_MS);
    expect(isHeld(own)).toBe(false);
  });

  it('stay for whoever brings or looks for them again, before a project names them', async () => {
    const [opened, sought] = [await blob('opened'), await blob('sought')];
    open(null);
    leaveProject([opened, sought], performance.now());
    await putBlob('opened', getBlob(opened));
    expect(hasBlob(sought.hash)).toBe(true);
    vi.advanceTimersByTime(10 * QUIET_MS);
    expect([opened, sought].map(isHeld)).toEqual([true, true]);
  });

  it('stay where something names them that is no project', async () => {
    const other = await blob('compared with');
    pinBlob(other);
    open(null);
    forgetFiles([other]);
    vi.advanceTimersByTime(10 * QUIET_MS);
    expect(isHeld(other)).toBe(true);
  });
});

it('what is kept beside a project is told once it was left, and not for a file that could not be opened', async () => {
  const own = await blob('own');
  const forget = vi.fn();
  whenLeft(forget);
  open(null);
  forgetFiles([own]);
  vi.advanceTimersByTime(10 * QUIET_MS);
  expect(forget).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  leaveProject([own], performance.now());
  vi.advanceTimersByTime(10 * QUIET_MS);
  expect(forget).toHaveBeenCalledTimes(1);
});

describe('workers of a project that was left', () => {
  function worker() {
    const sent: { id?: number; method?: string; args?: unknown }[] = [];
    const fake = {
      sent,
      ended: false,
      onmessage: null as ((message: { data: unknown }) => void) | null,
      postMessage: (message: (typeof sent)[number]) => sent.push(message),
      terminate: () => {
        fake.ended = true;
      },
      answer: (data: unknown) => fake.onmessage!({ data }),
    };
    return fake;
  }

  function client(serves?: 'project') {
    const workers: ReturnType<typeof worker>[] = [];
    const create = () => {
      const fake = worker();
      workers.push(fake);
      return fake as unknown as Worker;
    };
    return { client: new WorkerClient('test', create, serves), workers };
  }

  it('end if nothing was asked of them since; a next one gets what is still named', async () => {
    const [own, shared] = [await blob('own'), await blob('shared')];
    const { client: rpc, workers } = client('project');
    for (const ref of [own, shared]) rpc.hold(ref.hash, getBlob(ref));
    rpc.warm();
    open(shared);
    vi.advanceTimersByTime(1);
    leaveProject([own, shared], performance.now());
    vi.advanceTimersByTime(QUIET_MS);
    expect(workers[0]!.ended).toBe(true);
    rpc.warm();
    expect(workers[1]!.sent.map(({ method, args }) => [method, args])).toMatchObject([
      ['hold', { hash: shared.hash }],
      ['leave', { gone: [own.hash] }],
    ]);
  });

  it('end once what they were asked before is done, unless the next project uses them meanwhile', async () => {
    const [own, shared] = [await blob('own'), await blob('shared')];
    const [{ client: ended, workers }, used] = [client('project'), client('project')];
    const asked = [ended, used.client].map((rpc) => {
      for (const ref of [own, shared]) rpc.hold(ref.hash, getBlob(ref));
      return rpc.call('work', {});
    });
    open(shared);
    vi.advanceTimersByTime(1);
    leaveProject([own, shared], performance.now());
    vi.advanceTimersByTime(QUIET_MS);
    ended.hold(shared.hash, getBlob(shared));
    void used.client.call('more work', {});
    for (const [worker] of [workers, used.workers]) {
      expect(worker!.ended).toBe(false);
      worker!.answer({ id: worker!.sent.find(({ method }) => method === 'work')!.id, kind: 'result', result: 1 });
    }
    expect(await Promise.all(asked)).toEqual([1, 1]);
    expect([workers[0]!.ended, used.workers[0]!.ended]).toEqual([true, false]);
    ended.warm();
    expect(workers[1]!.sent.map(({ method, args }) => [method, args])).toMatchObject([
      ['hold', { hash: shared.hash }],
      ['leave', { gone: [own.hash] }],
    ]);
  });

  it('forget its files and what they made of them if the next project uses them too', async () => {
    const [own, next] = [await blob('own'), await blob('next')];
    const { client: rpc, workers } = client('project');
    rpc.hold(own.hash, getBlob(own));
    open(next);
    vi.advanceTimersByTime(1);
    leaveProject([own], performance.now());
    vi.advanceTimersByTime(100);
    rpc.hold(next.hash, getBlob(next));
    void rpc.call('work', {});
    vi.advanceTimersByTime(QUIET_MS);
    expect(workers[0]!.ended).toBe(false);
    expect(workers[0]!.sent.at(-1)).toMatchObject({ method: 'leave', args: { gone: [own.hash], unusedMs: QUIET_MS } });
  });

  it('end where those who had not heard of it asked once more, with what they were asked', async () => {
    const own = await blob('own');
    const { client: rpc, workers } = client('project');
    open(null);
    vi.advanceTimersByTime(1);
    leaveProject([own], performance.now());
    vi.advanceTimersByTime(100);
    rpc.hold(own.hash, getBlob(own));
    const asked = rpc.call('work', {});
    vi.advanceTimersByTime(2 * QUIET_MS);
    expect(workers[0]!.ended).toBe(false);
    workers[0]!.answer({ id: workers[0]!.sent.find(({ method }) => method === 'work')!.id, kind: 'result', result: 1 });
    expect(await asked).toBe(1);
    expect(workers[0]!.ended).toBe(true);
  });

  it('are not begun for what is cancelled before it is asked', async () => {
    const own = await blob('own');
    const { client: rpc, workers } = client('project');
    rpc.hold(own.hash, getBlob(own));
    await expect(rpc.call('work', {}, { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(workers).toEqual([]);
  });

  it('end though the project before reaches the storage after the one that used them', async () => {
    const own = await blob('own');
    const { client: rpc, workers } = client('project');
    open(null);
    const first = performance.now();
    vi.advanceTimersByTime(100);
    rpc.hold(own.hash, getBlob(own));
    rpc.warm();
    void rpc.call('work', {});
    workers[0]!.answer({ id: workers[0]!.sent.find(({ method }) => method === 'work')!.id, kind: 'result', result: 1 });
    vi.advanceTimersByTime(1);
    leaveProject([], performance.now());
    leaveProject([], first);
    vi.advanceTimersByTime(QUIET_MS);
    expect(workers[0]!.ended).toBe(true);
  });

  it('go on where they serve the page, and forget its files; those that have none are not told', async () => {
    const [own, shared] = [await blob('own'), await blob('shared')];
    const [{ client: rpc, workers }, other] = [client(), client()];
    for (const ref of [own, shared]) rpc.hold(ref.hash, getBlob(ref));
    for (const one of [rpc, other.client]) one.warm();
    open(shared);
    vi.advanceTimersByTime(1);
    leaveProject([own, shared], performance.now());
    vi.advanceTimersByTime(QUIET_MS);
    expect(workers[0]!.ended).toBe(false);
    expect(workers[0]!.sent.slice(2)).toMatchObject([{ method: 'leave', args: { gone: [own.hash], unusedMs: Infinity } }]);
    expect(other.workers[0]!.sent).toEqual([]);
    // Whoever brings it again hands it to the worker again.
    rpc.hold(own.hash, new TextEncoder().encode('own'));
    expect(workers[0]!.sent.at(-1)).toMatchObject({ method: 'hold', args: { hash: own.hash } });
  });

  it('go on where a file only could not be opened', async () => {
    const bad = await blob('damaged');
    const { client: rpc, workers } = client('project');
    rpc.hold(bad.hash, getBlob(bad));
    rpc.warm();
    open(null);
    vi.advanceTimersByTime(1);
    forgetFiles([bad]);
    vi.advanceTimersByTime(QUIET_MS);
    expect(isHeld(bad)).toBe(false);
    expect(workers[0]!.ended).toBe(false);
    expect(workers[0]!.sent.at(-1)).toMatchObject({ method: 'leave', args: { gone: [bad.hash], unusedMs: Infinity } });
  });
});
