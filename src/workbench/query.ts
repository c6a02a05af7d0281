import { callOnProgram, hold, logWorker } from './clients.ts';
import type { BlobRef } from './document.ts';
import type { QueryBase } from './query-views.ts';
import { UNKNOWN_RECORDING } from './query-views.ts';
import { type CallOptions, RemoteError, WorkerClient } from './rpc.ts';

const queryWorker = new WorkerClient(
  'query',
  () => new Worker(new URL('./workers/query.worker.ts', import.meta.url), { type: 'module', name: 'query' }),
  'project',
);

/** Which verification is asked about: ours of a program by a kernel's rules, or the one that a log shows. */
export interface Asked {
  readonly program: string;
  readonly kernel: string;
  readonly log?: BlobRef;
}

/** Asks about the verification of a program; it is recorded when somebody first asks. */
export async function askRecording<T>(
  { program, kernel, log }: Asked,
  method: string,
  args: object = {},
  options: CallOptions = {},
): Promise<T> {
  if (log) {
    hold(logWorker, log);
    return logWorker.call<T>('askLog', { blob: log, method, ...args }, method === 'open' ? options : progressOnly(options));
  }
  const all = { key: program, kernel, ...args };
  // Other answers come at once: ending the worker for one that is no longer wanted would lose the recording.
  const own = method === 'open' ? options : progressOnly(options);
  try {
    return await queryWorker.call<T>(method, all, own);
  } catch (error) {
    if (!(error instanceof RemoteError) || error.error.what !== UNKNOWN_RECORDING) throw error;
  }
  const base = await callOnProgram<QueryBase>(program, 'queryBase', {}, own);
  return queryWorker.call<T>(method, { ...all, base }, own);
}

const progressOnly = ({ onProgress }: CallOptions): CallOptions => (onProgress ? { onProgress } : {});
