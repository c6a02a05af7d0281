import { create } from 'zustand';
import { Cancelled } from '../base/progress.ts';
import { callOnProgram, compileWorker, hold, referenceWorker } from './clients.ts';
import { toUserError, type UserError } from './errors.ts';
import { frameOf, useFrames } from './frames.ts';
import { stageKeys } from './keys.ts';
import { whenLeft } from './leaving.ts';
import { editedPacket, openModelSpec } from './pipeline.ts';
import { RemoteError } from './rpc.ts';
import { keepsState } from './selectors.ts';
import type { StageProgress } from './stages.ts';
import { announce, useWorkbench, type WorkbenchState } from './store.ts';
import type { EventSpec, EventValues, NamedErrors, ProgramValuesView, ReferenceValueView } from './value-views.ts';
import { callAt } from './views.ts';

/** The values of the event at the cursor, on both sides; computed only while a panel wants them. */
export interface ValuesState {
  /** What `value` belongs to; '' without one. */
  readonly key: string;
  /** Number of the event. */
  readonly event: number;
  readonly status: 'absent' | 'running' | 'done' | 'error' | 'cancelled';
  readonly progress: StageProgress | null;
  readonly value: EventValues | null;
  /** `value` is that of an earlier event or program. */
  readonly stale: boolean;
  readonly error: UserError | null;
}

const NONE: ValuesState = { key: '', event: -1, status: 'absent', progress: null, value: null, stale: false, error: null };

export const useEventValues = create<ValuesState>()(() => NONE);

/** Results that going back to an event need not compute again. */
const recent = new Map<string, EventValues>();
const MOST_RECENT = 6;

whenLeft(() => {
  recent.clear();
  const { stale, status } = useEventValues.getState();
  if (stale && status !== 'running') useEventValues.setState(NONE);
});

let wanted = 0;
let unsubscribe: (() => void) | null = null;
let running: { readonly key: string; readonly controller: AbortController } | null = null;
/** The request that failed or was stopped: not tried again by itself. */
let given = '';

/** Which event panels show, as a number in the trace. */
export function eventOf({ cursors, stages }: Pick<WorkbenchState, 'cursors' | 'stages'>): number {
  const trace = stages.trace.value;
  return trace && trace.count > 0 ? Math.min(trace.count - 1, Number(cursors.packet ?? 0)) : -1;
}

interface Request {
  readonly key: string;
  readonly event: number;
  /** The event alone, whatever the program. */
  readonly eventKey: string;
  readonly programKey: string;
  readonly spec: EventSpec;
}

/** What can be asked for now; null while something that it needs is missing or under way. */
function request(state: WorkbenchState): Request | null {
  const { program, trace, verified } = state.stages;
  const event = eventOf(state);
  const { doc } = state.history;
  if (!program.value || program.stale || !trace.value || trace.stale || event < 0 || program.value.modelKey === '') return null;
  // The verifier goes first: it is what people wait for, and a program edited by hand may loop until it is accepted.
  if (verified.status !== 'done' || verified.stale || (doc.fork && !verified.value?.accepted)) return null;
  const view = trace.value;
  if (!doc.trace) return null;
  if (view.kind === 'calls') {
    const eventKey = JSON.stringify([trace.key, event]);
    const spec: EventSpec = { kind: 'call', call: callAt(view, event), after: { trace: doc.trace, index: event } };
    return { key: JSON.stringify([program.value.key, eventKey]), event, eventKey, programKey: program.value.key, spec };
  }
  if (view.kind === 'tensors') {
    const eventKey = JSON.stringify([trace.key, event]);
    return {
      key: JSON.stringify([program.value.key, eventKey]),
      event,
      eventKey,
      programKey: program.value.key,
      spec: { kind: 'tensors', trace: doc.trace, index: event },
    };
  }
  const frame = frameOf(view, event);
  if (!frame) return null;
  const edits = doc.edits.filter((edit) => edit.packet === event);
  const eventKey = JSON.stringify([trace.key, event, edits]);
  const bytes = editedPacket(frame, edits, event).slice();
  const key = JSON.stringify([program.value.key, eventKey]);
  const after = doc.binding && keepsState(doc.binding) ? { after: { trace: doc.trace, index: event } } : {};
  return { key, event, eventKey, programKey: program.value.key, spec: { kind: 'packet', bytes, ...after } };
}

function show(key: string, event: number, value: EventValues): void {
  recent.delete(key);
  recent.set(key, value);
  if (recent.size > MOST_RECENT) recent.delete(recent.keys().next().value!);
  useEventValues.setState({ key, event, status: 'done', progress: null, value, stale: false, error: null });
}

function consider(): void {
  if (wanted === 0) return;
  const next = request(useWorkbench.getState());
  const present = useEventValues.getState();
  if (!next) {
    if (present.value && !present.stale) useEventValues.setState({ stale: true });
    return;
  }
  if (present.key === next.key && present.status === 'done') {
    if (present.stale) useEventValues.setState({ stale: false });
    return;
  }
  // What runs is finished first: an event more is cheap, a worker that is ended is not.
  if (running || given === next.key) return;
  given = '';
  const known = recent.get(next.key);
  if (known) show(next.key, next.event, known);
  else void compute(next);
}

async function compute(next: Request): Promise<void> {
  const { history } = useWorkbench.getState();
  const model = openModelSpec();
  const { binding } = history.doc;
  if (!model || !binding) return;
  const controller = new AbortController();
  running = { key: next.key, controller };
  const { value } = useEventValues.getState();
  useEventValues.setState({ status: 'running', progress: null, stale: value !== null, error: null });
  const options = {
    signal: controller.signal,
    onProgress: (stage: string, done: number, total: number) => useEventValues.setState({ progress: { stage, done, total } }),
  };
  try {
    hold(referenceWorker, model.model, history.doc.trace);
    hold(compileWorker, history.doc.trace);
    const args = { model, binding, event: next.spec, key: JSON.stringify([stageKeys(history.doc).reference, next.eventKey]) };
    const [program, reference] = await Promise.all([
      callOnProgram<ProgramValuesView>(next.programKey, 'programValues', { event: next.spec }, options),
      referenceWorker.call<readonly ReferenceValueView[] | null>('referenceValues', args, { signal: controller.signal }),
    ]);
    const values = program.values.map(({ name, data, scale, scales, max, masks }) => ({ name, data, scale, scales, max, masks }));
    const errors = await referenceWorker.call<NamedErrors>('compareValues', { ...args, values }, options);
    const shown: EventValues = {
      program,
      reference: new Map(reference?.map((one) => [one.name, one])),
      errors: new Map(errors),
      own: null,
      byName: new Map(program.values.map((one) => [one.name, one])),
    };
    show(next.key, next.event, shown);
    const own = await referenceWorker.call<NamedErrors>('ownErrors', { ...args, values }, options);
    running = null;
    announce(`The tensors of event ${next.event + 1} are read`);
    show(next.key, next.event, { ...shown, own: new Map(own) });
  } catch (error) {
    running = null;
    given = next.key;
    if (error instanceof Cancelled) useEventValues.setState({ status: 'cancelled', progress: null });
    else {
      const said = error instanceof RemoteError ? error.error : toUserError(error, 'Reading the tensors');
      useEventValues.setState({ status: 'error', progress: null, error: said });
    }
  }
  consider();
}

/** Keeps the values of the event at the cursor computed until the returned function is called. */
export function wantEventValues(): () => void {
  wanted++;
  if (!unsubscribe) {
    const ends = [useWorkbench.subscribe(consider), useFrames.subscribe(consider)];
    unsubscribe = () => {
      for (const end of ends) end();
    };
  }
  consider();
  let done = false;
  return () => {
    if (done) return;
    done = true;
    wanted--;
    if (wanted > 0) return;
    unsubscribe?.();
    unsubscribe = null;
  };
}

export function stopEventValues(): void {
  running?.controller.abort();
}

/** Tries again what failed or was stopped. */
export function retryEventValues(): void {
  given = '';
  consider();
}
