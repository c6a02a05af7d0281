import { Cancelled } from '../base/progress.ts';
import { contentOf } from './blobs.ts';
import { callOnProgram, compileWorker, hold } from './clients.ts';
import type { BlobRef } from './document.ts';
import { tellUnshared, useReplayControl } from './replay-control.ts';
import { type CallOptions, WorkerClient } from './rpc.ts';
import type { ShareColumns, SharedProgram } from './share-views.ts';
import { useWorkbench } from './store.ts';
import type { ScoreBatch } from './views.ts';

/** Packets that a worker gets at a time: some tens of milliseconds of a small filter. */
const SHARE = 16_384;

const workers: WorkerClient[] = [];

function workerAt(index: number): WorkerClient {
  workers[index] ??= new WorkerClient(
    `replay ${index + 1}`,
    () => new Worker(new URL('./workers/share.worker.ts', import.meta.url), { type: 'module', name: `replay ${index + 1}` }),
    'project',
  );
  return workers[index]!;
}

/**
 * Runs events [from, to) of a trace on several workers where the program's maps allow it, else in the compile worker, and says why. Results come
 * in the order of events.
 */
export async function runShared(program: string, trace: BlobRef, from: number, to: number, options: CallOptions): Promise<void> {
  const { signal } = options;
  hold(compileWorker, trace);
  const shared = await callOnProgram<SharedProgram>(program, 'sharedProgram', {}, { signal });
  const unshared = await whyNot(shared, trace, signal);
  tellUnshared(unshared);
  if (unshared !== '') {
    await callOnProgram(program, 'replay', { trace, from, to }, options);
    return;
  }
  const file = contentOf(trace);
  const events = useWorkbench.getState().stages.trace.value?.count ?? to;
  const failed = new AbortController();
  const both = AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]);
  const inOrder = new InOrder(from, options.onEvent as unknown as (batch: ScoreBatch) => void);
  let next = from;
  const work = async (client: WorkerClient): Promise<void> => {
    client.hold(trace.hash, file);
    if (!(await client.call<boolean>('prepare', { key: program, shared: null }, { signal: both })))
      await client.call('prepare', { key: program, shared }, { signal: both });
    while (next < to) {
      const begin = next;
      next = Math.min(to, begin + SHARE);
      const columns = await compileWorker.call<ShareColumns>('shareColumns', { trace, from: begin, to: next }, { signal: both });
      await client.call(
        'share',
        { trace, columns, events },
        { signal: both, onEvent: ((batch: ScoreBatch) => inOrder.add(batch)) as CallOptions['onEvent'] },
      );
    }
  };
  const running = Array.from({ length: useReplayControl.getState().workers }, (_, at) => work(workerAt(at)));
  try {
    await Promise.all(running);
  } catch (error) {
    failed.abort();
    await Promise.allSettled(running);
    if (signal?.aborted) throw new Cancelled();
    throw error;
  }
}

async function whyNot({ unshared }: SharedProgram, trace: BlobRef, signal: AbortSignal | undefined): Promise<string> {
  if (useWorkbench.getState().stages.trace.value?.kind !== 'packets') return 'only packets of a capture are shared';
  if (unshared !== '') return unshared;
  const { packing } = await compileWorker.call<ShareColumns>('shareColumns', { trace, from: 0, to: 0 }, signal ? { signal } : {});
  return packing === null ? '' : `the capture is packed with ${packing}, which is unpacked from its beginning`;
}

/** Hands on batches in the order of events. */
class InOrder {
  #next: number;
  readonly #give: (batch: ScoreBatch) => void;
  readonly #waiting = new Map<number, ScoreBatch>();

  constructor(from: number, give: (batch: ScoreBatch) => void) {
    this.#next = from;
    this.#give = give;
  }

  add(batch: ScoreBatch): void {
    this.#waiting.set(batch.start, batch);
    for (let one = this.#waiting.get(this.#next); one; one = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next);
      this.#next += one.score.length;
      this.#give(one);
    }
  }
}
