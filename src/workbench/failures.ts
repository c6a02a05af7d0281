import { Cancelled } from '../base/progress.ts';
import { toUserError } from './errors.ts';
import { RemoteError } from './rpc.ts';
import { notify } from './store.ts';

/** Says that what the user asked for failed; not where it was stopped, or its project was left meanwhile: nobody waits for it. */
export function notifyFailure(doing: string, error: unknown): void {
  if (error instanceof Cancelled) return;
  notify(doing, error instanceof RemoteError ? error.error : toUserError(error, doing));
}
