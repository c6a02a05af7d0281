import { create } from 'zustand';
import { Cancelled } from '../base/progress.ts';
import { useBreakpoints } from './breakpoints.ts';
import { hold, machineWorker, programFor } from './clients.ts';
import { toUserError, type UserError } from './errors.ts';
import { eventOf } from './event-values.ts';
import { frameOf } from './frames.ts';
import { isOpenProgram, whenLeft } from './leaving.ts';
import type {
  AbstractView,
  BreakpointSpec,
  EditSpec,
  MachineAction,
  MachineRecipe,
  MachineTensorData,
  MachineTensors,
  MachineView,
  MapPage,
  WatchSpec,
} from './machine-views.ts';
import { nodeEntries } from './node-entries.ts';
import { editedPacket } from './pipeline.ts';
import { askRecording } from './query.ts';
import { RemoteError } from './rpc.ts';
import type { StageProgress } from './stages.ts';
import { announce, select, useWorkbench, type WorkbenchState } from './store.ts';
import type { EventSpec } from './value-views.ts';
import { callAt } from './views.ts';

/** The debugger as the page shows it. */
export interface MachineState {
  /** Program and event of `view`; '' without one. */
  readonly session: string;
  /** Number of the event in the trace; -1 for a program that runs without one. */
  readonly event: number;
  readonly status: 'none' | 'running' | 'paused' | 'error';
  readonly progress: StageProgress | null;
  readonly view: MachineView | null;
  /** The place before the last move, for what changed. */
  readonly before: MachineView | null;
  readonly error: UserError | null;
  readonly edits: readonly EditSpec[];
  readonly watches: readonly WatchSpec[];
  /** Steps that were forgotten by the last edit. */
  readonly forgotten: boolean;
  /** The last run did not hear that it should stop, and its worker was ended: the machine stands where it stood before. */
  readonly lost: boolean;
  /** The listing goes to where the machine stands. */
  readonly follow: boolean;
}

const NONE: MachineState = {
  session: '',
  event: -1,
  status: 'none',
  progress: null,
  view: null,
  before: null,
  error: null,
  edits: [],
  watches: [],
  forgotten: false,
  lost: false,
  follow: true,
};

export const useMachine = create<MachineState>()(() => NONE);

const { getState, setState } = useMachine;

whenLeft(() => {
  const { session, status, follow } = getState();
  if (session !== '' && status !== 'running' && !isOpenProgram((JSON.parse(session) as string[])[0]!)) setState({ ...NONE, follow });
});

interface Place {
  readonly session: string;
  readonly event: number;
  readonly programKey: string;
  readonly spec: EventSpec;
}

/** Program and event that the workbench shows; null while there is no program that could run. */
export function machinePlace(state: WorkbenchState): Place | null {
  const { program, trace } = state.stages;
  const { doc } = state.history;
  if (!program.value || program.value.fromLog) return null;
  const view = trace.value && !trace.stale ? trace.value : null;
  const event = view ? eventOf(state) : -1;
  const programKey = program.value.key;
  let spec: EventSpec = { kind: 'packet', bytes: new Uint8Array(0) };
  if (view?.kind === 'tensors' && doc.trace && event >= 0) spec = { kind: 'tensors', trace: doc.trace, index: event };
  else if (view?.kind === 'calls' && event >= 0) spec = { kind: 'call', call: callAt(view, event) };
  else if (view?.kind === 'packets' && event >= 0) {
    const bytes = frameOf(view, event);
    if (!bytes) return null;
    spec = { kind: 'packet', bytes: editedPacket(bytes, doc.edits, event).slice() };
  }
  const edits = doc.edits.filter(({ packet }) => packet === event);
  return { session: JSON.stringify([programKey, view?.key ?? '', event, edits]), event, programKey, spec };
}

function breakpointSpecs(): BreakpointSpec[] {
  const program = useWorkbench.getState().stages.program.value;
  return useBreakpoints.getState().list.flatMap(({ id, insn, node, condition, enabled }) => {
    if (!enabled || !program) return [];
    return [{ id, condition, insns: insn !== null ? [insn] : nodeEntries(program, node!) }];
  });
}

/** Tells the listing where breakpoints at operators stop. */
function placeNodes(): void {
  const program = useWorkbench.getState().stages.program.value;
  const nodes = useBreakpoints.getState().list.flatMap(({ node, enabled }) => (enabled && node !== null ? [node] : []));
  useBreakpoints.setState({ nodePlaces: program ? nodes.flatMap((node) => nodeEntries(program, node)) : [] });
}
useBreakpoints.subscribe(({ list }, before) => {
  if (list !== before.list) placeNodes();
});
useWorkbench.subscribe(({ stages }, before) => {
  if (stages.program.value !== before.stages.program.value) placeNodes();
});

/** What the worker needs to stand where the page stands; null while no program is held. */
function recipe(): MachineRecipe | null {
  const place = machinePlace(useWorkbench.getState());
  const { session, view, edits, watches } = getState();
  const program = place && programFor(machineWorker, place.programKey);
  if (!place || !program) return null;
  if (place.spec.kind === 'tensors') hold(machineWorker, place.spec.trace);
  const same = session === place.session;
  return {
    session: place.session,
    program,
    event: place.spec,
    breakpoints: breakpointSpecs(),
    watches: same ? watches : [],
    edits: same ? edits : [],
    at: same ? (view?.step ?? 0) : 0,
  };
}

/** A machine that stands runs in slices and hears a pause between two of them, on a busy computer late; one that is ended for it loses where it was. */
const PAUSE_MS = 5000;

let running: AbortController | null = null;
/** The last place that was asked for while the machine was busy. */
let wanted: MachineAction | null = null;

/** Moves the machine; what is asked while it is under way is left out, but for the last place to go to. */
export async function act(action: MachineAction): Promise<void> {
  if (running) {
    if (action.kind === 'goTo') wanted = action;
    return;
  }
  const place = machinePlace(useWorkbench.getState());
  const from = recipe();
  if (!place || !from) return;
  const fresh = getState().session !== place.session;
  running = new AbortController();
  setState({
    status: 'running',
    progress: null,
    error: null,
    lost: false,
    ...(fresh ? { session: place.session, event: place.event, view: null, before: null, edits: [], watches: [], forgotten: false } : {}),
  });
  try {
    const view = await machineWorker.call<MachineView>(
      'act',
      { recipe: from, action },
      {
        signal: running.signal,
        ...(fresh ? {} : { graceMs: PAUSE_MS }),
        onProgress: (stage, done, total) => setState({ progress: { stage, done, total } }),
      },
    );
    const { view: before, edits } = getState();
    setState({
      status: 'paused',
      progress: null,
      view,
      before: action.kind === 'look' || action.kind === 'edit' ? before : (before ?? view),
      forgotten: action.kind === 'edit' && before?.length !== null,
      ...(action.kind === 'edit' ? { edits: [...edits.filter(({ step }) => step <= action.edit.step), action.edit] } : {}),
    });
    useBreakpoints.setState({ current: view.insn });
    if (getState().follow && view.insn >= 0 && action.kind !== 'look' && wanted === null) select('insn', view.insn);
  } catch (error) {
    if (error instanceof Cancelled) setState({ status: getState().view ? 'paused' : 'none', progress: null, lost: true });
    else {
      const said = error instanceof RemoteError ? error.error : toUserError(error, 'Running the program');
      setState({ status: 'error', progress: null, error: said });
      announce(said.what);
    }
  }
  running = null;
  const next = wanted;
  wanted = null;
  if (next) await act(next);
}

/** Stops a run where it is. */
export function pauseMachine(): void {
  wanted = null;
  running?.abort();
}

export function setFollow(follow: boolean): void {
  setState({ follow });
  const { view } = getState();
  if (follow && view && view.insn >= 0) select('insn', view.insn);
}

/** Without its edits, from the beginning. */
export async function restartMachine(): Promise<void> {
  if (running) return;
  setState({ edits: [], forgotten: false, view: null, before: null, session: '' });
  await act({ kind: 'look' });
}

let lastWatch = 0;

export async function addWatch(address: number, size: number): Promise<void> {
  if (running) return;
  setState({ watches: [...getState().watches, { id: 100_000 + ++lastWatch, address, size }] });
}

export function removeWatch(id: number): void {
  setState({ watches: getState().watches.filter((one) => one.id !== id) });
}

/** Asks about the paused machine; null while it runs or is gone. */
async function ask<T>(method: string, args: object): Promise<T | null> {
  const { view, session } = getState();
  const from = recipe();
  if (!view || !from || from.session !== session) return null;
  return machineWorker.call<T>(method, { recipe: from, ...args });
}

export const readMemory = (address: number, length: number): Promise<Uint8Array | null> => ask('memory', { address, length });
export const readMap = (map: string, from: number, count: number): Promise<MapPage | null> => ask('map', { map, from, count });
export const readTensors = (): Promise<MachineTensors | null> => ask('tensors', {});
export const readTensor = (name: string): Promise<MachineTensorData | null> => ask('tensor', { name });

/** What the verifier knew at `insn`, beside these values by its names. */
export function askAbstract(programKey: string, insn: number, values: Readonly<Record<string, string>>): Promise<AbstractView> {
  const { kernel } = useWorkbench.getState().history.doc.options;
  return askRecording<AbstractView>({ program: programKey, kernel }, 'covering', { insn, values });
}
