import { create } from 'zustand';
import { Cancelled, STOPPED } from '../base/progress.ts';
import { hold, machineWorker, programFor } from './clients.ts';
import { toUserError, type UserError } from './errors.ts';
import type { FeatureValuesView } from './feature-views.ts';
import { isOpenProgram, whenLeft } from './leaving.ts';
import { RemoteError } from './rpc.ts';
import type { StageProgress } from './stages.ts';
import { currentDoc } from './store.ts';

export interface FeatureState {
  /** Program, trace and number of the packet that `view` is of. */
  readonly program: string;
  readonly trace: string;
  readonly event: number;
  readonly view: FeatureValuesView | null;
  readonly progress: StageProgress | null;
  readonly error: UserError | null;
}

const NONE: FeatureState = { program: '', trace: '', event: -1, view: null, progress: null, error: null };

export const useFeatures = create<FeatureState>()(() => NONE);

whenLeft(() => {
  const { view, program, progress } = useFeatures.getState();
  if (view && !progress && !isOpenProgram(program)) useFeatures.setState(NONE);
});

let running: AbortController | null = null;

export function stopFeatures(): void {
  running?.abort(STOPPED);
  useFeatures.setState({ progress: null });
}

/** Reads the features of packet `event`; the returned function stops it. What was read stays until the new values come. */
export function readFeatures(programKey: string, traceKey: string, event: number): () => void {
  const controller = new AbortController();
  running = controller;
  const { trace } = currentDoc();
  const program = programFor(machineWorker, programKey);
  if (!program || !trace) return () => {};
  hold(machineWorker, trace);
  const options = {
    signal: controller.signal,
    onProgress: (stage: string, done: number, total: number) => useFeatures.setState({ progress: { stage, done, total } }),
  };
  machineWorker.call<FeatureValuesView>('featureValues', { program, trace, index: event }, options).then(
    (view) => {
      if (!controller.signal.aborted)
        useFeatures.setState({ program: programKey, trace: traceKey, event, view, progress: null, error: null });
    },
    (error: unknown) => {
      if (controller.signal.aborted || error instanceof Cancelled) return;
      const said = error instanceof RemoteError ? error.error : toUserError(error, 'Reading the features');
      useFeatures.setState({ view: null, progress: null, error: said });
    },
  );
  return () => controller.abort(STOPPED);
}
