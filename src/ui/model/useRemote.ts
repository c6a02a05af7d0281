import { useEffect, useState } from 'react';
import { Cancelled } from '../../base/progress.ts';
import { toUserError, type UserError } from '../../workbench/errors.ts';
import { type CallOptions, RemoteError } from '../../workbench/rpc.ts';

export interface Remote<T> {
  /** Of the present question; null while it is under way. */
  readonly value: T | null;
  readonly progress: { readonly stage: string; readonly done: number; readonly total: number } | null;
  readonly error: UserError | null;
}

const NOTHING: Remote<never> = { value: null, progress: null, error: null };

/** Asks a worker whenever `key` changes, and stops the question before. `ask` must be stable for a key; a null key asks nothing. */
export function useRemote<T>(key: string | null, ask: (options: CallOptions) => Promise<T>): Remote<T> {
  const [state, setState] = useState<{ readonly key: string | null; readonly remote: Remote<T> }>({ key: null, remote: NOTHING });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says what is asked
  useEffect(() => {
    if (key === null) return;
    const controller = new AbortController();
    const put = (remote: Remote<T>) => {
      if (!controller.signal.aborted) setState({ key, remote });
    };
    ask({
      signal: controller.signal,
      onProgress: (stage, done, total) => put({ ...NOTHING, progress: { stage, done, total } }),
    }).then(
      (value) => put({ ...NOTHING, value }),
      (error: unknown) => {
        if (!(error instanceof Cancelled)) put({ ...NOTHING, error: error instanceof RemoteError ? error.error : toUserError(error, '') });
      },
    );
    return () => controller.abort();
  }, [key]);
  return state.key === key ? state.remote : NOTHING;
}
