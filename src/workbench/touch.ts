import { Cancelled } from '../base/progress.ts';
import { hold, programFor } from './clients.ts';
import { eventOf } from './event-values.ts';
import { frameOf } from './frames.ts';
import { machinePlace } from './machine.ts';
import { editedPacket } from './pipeline.ts';
import { type CallOptions, WorkerClient } from './rpc.ts';
import { keepsState } from './selectors.ts';
import { useWorkbench, type WorkbenchState } from './store.ts';
import type { RunMarks, TouchRequest, TouchView } from './touch-views.ts';
import type { EventSpec } from './value-views.ts';
import { callAt } from './views.ts';
import { fileOf, weightsOf } from './weight-edits.ts';

const touchWorker = new WorkerClient(
  'live values',
  () => new Worker(new URL('./workers/touch.worker.ts', import.meta.url), { type: 'module', name: 'touch' }),
  'project',
);

/** The event at the cursor with the project's edits, or without; null while there is none. */
export function eventSpec(state: WorkbenchState, edited = true): EventSpec | null {
  const { doc } = state.history;
  const view = state.stages.trace.value;
  const event = eventOf(state);
  if (!view || event < 0 || !doc.trace) return null;
  const after = doc.binding && keepsState(doc.binding) ? { after: { trace: doc.trace, index: event } } : {};
  if (view.kind === 'tensors') return { kind: 'tensors', trace: doc.trace, index: event };
  if (view.kind === 'calls') return { kind: 'call', call: callAt(view, event), ...after };
  const frame = frameOf(view, event);
  return frame && { kind: 'packet', bytes: edited ? editedPacket(frame, doc.edits, event).slice() : frame.slice(), ...after };
}

/** The weights of the project, to be run or changed further; null without a model. */
export function presentWeights({ history: { doc } }: WorkbenchState): Pick<TouchRequest, 'file' | 'weights'> | null {
  const file = fileOf(doc);
  return file && { file, weights: weightsOf(doc) };
}

/** Runs one event in the program `key`; where values are asked for, `onOutcome` hears what it comes to before they are read. */
export function touchEvent(key: string, request: TouchRequest, onOutcome: (view: TouchView) => void): Promise<TouchView> {
  const program = programFor(touchWorker, key);
  if (!program) return Promise.reject(new Cancelled());
  hold(touchWorker, request.file, request.event.kind === 'tensors' ? request.event.trace : null);
  return touchWorker.call<TouchView>('touch', { program, ...request }, { onEvent: onOutcome as CallOptions['onEvent'] });
}

/** Where the run of the event at the cursor comes to operators and to rounds of their loops; null while there is no program to run. */
export async function readMarks(): Promise<RunMarks | null> {
  const place = machinePlace(useWorkbench.getState());
  const program = place && programFor(touchWorker, place.programKey);
  if (!place || !program) return null;
  if (place.spec.kind === 'tensors') hold(touchWorker, place.spec.trace);
  return touchWorker.call<RunMarks>('marks', { program, event: place.spec });
}
