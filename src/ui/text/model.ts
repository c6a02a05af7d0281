import { useEffect, useState } from 'react';
import { toUserError, type UserError } from '../../workbench/errors.ts';
import { RemoteError, WorkerClient } from '../../workbench/rpc.ts';
import type { StageProgress } from '../../workbench/stages.ts';
import { text as texts } from '../texts/text.ts';
import type { TextFacts } from './views.ts';

/** Of its own: a text is written while other panels work. */
export const textWorker = new WorkerClient(
  'text',
  () => new Worker(new URL('./text.worker.ts', import.meta.url), { type: 'module', name: 'text' }),
);

export const textError = (error: unknown): UserError => (error instanceof RemoteError ? error.error : toUserError(error, texts.building));

/** The sample's program, compiled when it is first wanted. */
export function useTextModel() {
  const [facts, setFacts] = useState<TextFacts | null>(null);
  const [progress, setProgress] = useState<StageProgress | null>(null);
  const [error, setError] = useState<UserError | null>(null);
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another call
  useEffect(() => {
    let wanted = true;
    setError(null);
    textWorker
      .call<TextFacts>(
        'open',
        { base: new URL('samples/stories/', document.baseURI).href },
        {
          onProgress: (stage, done, total) => {
            if (wanted) setProgress({ stage: texts.stages[stage] ?? stage, done, total });
          },
        },
      )
      .then(
        (made) => {
          if (wanted) setFacts(made);
        },
        (caught: unknown) => {
          if (wanted) setError(textError(caught));
        },
      );
    return () => {
      wanted = false;
    };
  }, [attempt]);
  return { facts, progress, error, retry: () => setAttempt(attempt + 1) };
}
