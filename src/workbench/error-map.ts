import { create } from 'zustand';
import { Cancelled, STOPPED } from '../base/progress.ts';
import { type ErrorGrid, type EventDifferences, farthest, gridOf, spaced } from '../replay/error-grid.ts';
import { eventErrors } from '../replay/scores.ts';
import { callOnProgram, compileWorker, hold, referenceWorker } from './clients.ts';
import { toUserError, type UserError } from './errors.ts';
import { stageKeys } from './keys.ts';
import { isOpenProgram, whenLeft } from './leaving.ts';
import { openModelSpec } from './pipeline.ts';
import { RemoteError } from './rpc.ts';
import { keepsState } from './selectors.ts';
import type { StageProgress } from './stages.ts';
import { announce, useWorkbench, type WorkbenchState } from './store.ts';
import type { ChosenErrors, ChosenValues } from './value-views.ts';

/** Which events are looked at: spread over the whole trace, or those whose answers differ most. */
export type Which = 'spaced' | 'farthest';

interface ErrorMapState {
  readonly status: 'absent' | 'running' | 'done' | 'error' | 'cancelled';
  readonly progress: StageProgress | null;
  readonly error: UserError | null;
  /** Program and trace that `grid` is of. */
  readonly key: string;
  readonly which: Which;
  readonly grid: ErrorGrid | null;
}

const NONE: ErrorMapState = { status: 'absent', progress: null, error: null, key: '', which: 'spaced', grid: null };

export const useErrorMap = create<ErrorMapState>()(() => NONE);

whenLeft(() => {
  const { key, status } = useErrorMap.getState();
  if (key !== '' && status !== 'running' && !isOpenProgram((JSON.parse(key) as string[])[0]!)) useErrorMap.setState(NONE);
});

/** Events that one message to the workers is about: few, so that other panels' questions come in between. */
const AT_ONCE = 8;

let running: AbortController | null = null;

export const stopErrorMap = (): void => running?.abort(STOPPED);

/** What a grid would be of now; null where something that it needs is missing or not whole. */
export function errorMapKey({ stages, history }: Pick<WorkbenchState, 'stages' | 'history'>): string | null {
  const { program, trace, replay, reference, verified } = stages;
  if (!program.value || !trace.value || program.value.modelKey === '' || !history.doc.trace || !history.doc.binding) return null;
  if ([program, trace, replay, reference, verified].some(({ status, stale }) => status !== 'done' || stale)) return null;
  return JSON.stringify([program.value.key, trace.value.key, stageKeys(history.doc).reference]);
}

/** Measures the tensors of at most `most` events on both sides. */
export async function measureErrors(which: Which, most: number): Promise<void> {
  const state = useWorkbench.getState();
  const key = errorMapKey(state);
  const { stages, history } = state;
  const model = openModelSpec();
  const { trace, binding } = history.doc;
  if (key === null || !model || !trace || !binding) return;
  running?.abort(STOPPED);
  const own = new AbortController();
  running = own;
  const set = (change: Partial<ErrorMapState>) => {
    if (running === own) useErrorMap.setState(change);
  };
  const { value: program } = stages.program;
  const { value: replay } = stages.replay;
  const { value: reference } = stages.reference;
  const events = chosenEvents(which, most, eventErrors(replay!, reference!, replay!.total, binding.output.kind === 'tensor'));
  const remembers = keepsState(binding);
  const known: EventDifferences[] = [];
  let tensors: readonly string[] = [];
  set({ ...NONE, status: 'running', key, which, progress: { stage: '', done: 0, total: events.length } });
  try {
    hold(compileWorker, trace);
    hold(referenceWorker, model.model, trace);
    const options = { signal: own.signal };
    for (let from = 0; from < events.length; from += AT_ONCE) {
      const some = events.slice(from, from + AT_ONCE);
      const chosen = await callOnProgram<readonly ChosenValues[]>(
        program!.key,
        'valuesOfEvents',
        { trace, events: some, remembers },
        options,
      );
      const errors = await referenceWorker.call<readonly ChosenErrors[]>(
        'errorsOfEvents',
        { model, binding, trace, chosen, remembers },
        options,
      );
      for (const { event, error, own: added } of errors) known.push({ event, error: new Map(error), own: new Map(added) });
      if (tensors.length === 0) tensors = tensorsOf(stages.model.value?.nodes ?? [], known);
      set({
        grid: gridOf(tensors, events, known),
        progress: { stage: '', done: Math.min(events.length, from + AT_ONCE), total: events.length },
      });
    }
    set({ status: 'done', progress: null });
    announce(`The tensors of ${known.length} events are measured`);
  } catch (error) {
    if (error instanceof Cancelled) set({ status: 'cancelled', progress: null });
    else
      set({
        status: 'error',
        progress: null,
        error: error instanceof RemoteError ? error.error : toUserError(error, 'Measuring the tensors'),
      });
  }
}

function chosenEvents(which: Which, most: number, errors: Float64Array): number[] {
  const all = [...errors.keys()];
  const ran = all.filter((at) => !Number.isNaN(errors[at]!));
  // Where answers are not kept for every event, any may have been seen by the model.
  const candidates = ran.length > 0 ? ran : all;
  return which === 'spaced' || ran.length === 0 ? spaced(candidates, most) : farthest(candidates, errors, most);
}

/** Values that both sides have, in the order in which the model makes them. */
function tensorsOf(nodes: readonly { readonly outputs: readonly string[] }[], known: readonly EventDifferences[]): readonly string[] {
  const [first] = known;
  return first ? nodes.flatMap(({ outputs }) => outputs.filter((name) => first.error.has(name))) : [];
}
