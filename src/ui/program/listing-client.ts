import { type CallOptions, RemoteError, WorkerClient } from '../../workbench/rpc.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { UNKNOWN_PROGRAM } from './find.ts';

/** Searches and lays out what the listing shows, beside the compile worker, which may be busy for seconds. */
const listingWorker = new WorkerClient(
  'listing',
  () => new Worker(new URL('./listing.worker.ts', import.meta.url), { type: 'module', name: 'listing' }),
);

/** Asks the listing's worker about `program`, whose columns travel only when the worker does not have them. */
export async function callOnListing<T>(program: ProgramView, method: string, args: object, options: CallOptions = {}): Promise<T> {
  try {
    return await listingWorker.call<T>(method, { key: program.key, ...args }, options);
  } catch (error) {
    if (!(error instanceof RemoteError) || error.error.what !== UNKNOWN_PROGRAM) throw error;
  }
  const { key, code, subprogs, maps, lines } = program;
  return listingWorker.call<T>(method, { key, view: { code, subprogs, maps, lines }, ...args }, options);
}
