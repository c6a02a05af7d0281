import { useEffect, useRef, useState } from 'react';
import { STOPPED } from '../../base/progress.ts';
import type { UserError } from '../../workbench/errors.ts';
import { type CallOptions, RemoteError } from '../../workbench/rpc.ts';
import type { StageProgress } from '../../workbench/stages.ts';

/** One piece of work at a time, that tells how far it is and can be stopped. */
export function useTask() {
  const [progress, setProgress] = useState<StageProgress | null>(null);
  const [running, setRunning] = useState(false);
  const [error, setError] = useState<UserError | null>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(STOPPED), []);
  const run = async <T>(work: (options: CallOptions) => Promise<T>, done: (result: T) => void): Promise<void> => {
    stop.current?.abort(STOPPED);
    const own = new AbortController();
    stop.current = own;
    setError(null);
    setRunning(true);
    try {
      const result = await work({ signal: own.signal, onProgress: (stage, at, total) => setProgress({ stage, done: at, total }) });
      if (!own.signal.aborted) done(result);
    } catch (failure) {
      if (!own.signal.aborted && failure instanceof RemoteError) setError(failure.error);
    } finally {
      if (stop.current === own) {
        setRunning(false);
        setProgress(null);
      }
    }
  };
  const cancel = () => {
    stop.current?.abort(STOPPED);
    setRunning(false);
    setProgress(null);
  };
  return { progress, running, error, run, cancel };
}
