import { create } from 'zustand';
import { type DocHistory, EMPTY_PROJECT, edited, type ProjectDoc, redone, undone } from './document.ts';
import type { UserError } from './errors.ts';
import { remapped, remappedCursors } from './remap.ts';
import { ARTIFACT_OF, cursorsOf, type Selection, type SelectionKind } from './selection.ts';
import { NO_STAGES, type Stage, type StageName, type Stages, type StageValues } from './stages.ts';

/** Score and verdict of one edited packet. */
export interface Rescored {
  readonly score: number;
  readonly verdict: number;
}

/** Results of packets that the user edited, which stand in front of the replay's columns. */
export interface Overlay {
  readonly program: ReadonlyMap<number, Rescored>;
  readonly reference: ReadonlyMap<number, Rescored>;
}

/** Something to tell: an error of an action (opening a file), or a short result for assistive technology. */
export interface Notice {
  readonly id: number;
  readonly error: UserError;
  /** What the user was doing: "Opening model.onnx". */
  readonly doing: string;
}

export type Cursors = { readonly [Kind in SelectionKind]?: number | string };

export interface WorkbenchState {
  readonly history: DocHistory;
  readonly stages: Stages;
  readonly overlay: Overlay;
  readonly selection: Selection | null;
  /** The last selected thing of each kind: the packet whose bytes show while an instruction is selected. */
  readonly cursors: Cursors;
  readonly selectionPast: readonly Selection[];
  readonly selectionFuture: readonly Selection[];
  readonly notices: readonly Notice[];
  /** Read out politely by assistive technology. */
  readonly announcement: string;
}

export const NO_OVERLAY: Overlay = { program: new Map(), reference: new Map() };

export const useWorkbench = create<WorkbenchState>()(() => ({
  history: { past: [], doc: EMPTY_PROJECT, future: [] },
  stages: NO_STAGES,
  overlay: NO_OVERLAY,
  selection: null,
  cursors: {},
  selectionPast: [],
  selectionFuture: [],
  notices: [],
  announcement: '',
}));

const { getState, setState } = useWorkbench;

export const currentDoc = (): ProjectDoc => getState().history.doc;

/** Listeners of document changes: the pipeline. */
type DocListener = (doc: ProjectDoc) => void;
let docListener: DocListener = () => {};
export function onDocChange(listener: DocListener): void {
  docListener = listener;
}

/** Changes the project; every call is one step of undo. */
export function editDoc(label: string, change: (doc: ProjectDoc) => ProjectDoc): void {
  const { history } = getState();
  const doc = change(history.doc);
  if (doc === history.doc) return;
  setState({ history: edited(history, doc, label) });
  docListener(doc);
}

/** Replaces the project by another one, without a way back by undo. */
export function openDoc(doc: ProjectDoc): void {
  setState({
    history: { past: [], doc, future: [] },
    selection: null,
    cursors: {},
    selectionPast: [],
    selectionFuture: [],
    overlay: NO_OVERLAY,
  });
  docListener(doc);
}

export function undo(): void {
  const { history } = getState();
  const label = history.past.at(-1)?.label;
  if (!label) return;
  const next = undone(history);
  setState({ history: next, announcement: `Undone: ${label}` });
  docListener(next.doc);
}

export function redo(): void {
  const { history } = getState();
  const label = history.future[0]?.label;
  if (!label) return;
  const next = redone(history);
  setState({ history: next, announcement: `Redone: ${label}` });
  docListener(next.doc);
}

export function setStage<Name extends StageName>(name: Name, change: Partial<Stage<StageValues[Name]>>): void {
  const before = getState();
  const stage = { ...before.stages[name], ...change } as Stage<StageValues[Name]>;
  const stages: Stages = { ...before.stages, [name]: stage };
  const replaced = change.value !== undefined && change.value !== before.stages[name].value;
  if (replaced && (name === 'model' || name === 'program' || name === 'trace')) {
    const selection = before.selection && remapped(before.selection, before.stages, stages);
    const dropped = before.selection && !selection ? { announcement: `The selected ${before.selection.kind} is gone` } : {};
    setState({ stages, selection, cursors: remappedCursors(before.cursors, before.stages, stages), ...dropped });
  } else setState({ stages });
}

function artifactOf(kind: SelectionKind): string {
  const { stages } = getState();
  const artifact = ARTIFACT_OF[kind];
  return artifact === 'program' ? (stages.program.value?.key ?? '') : stages[artifact].key;
}

const SELECTION_DEPTH = 100;

export function select(kind: SelectionKind, id: number | string): void {
  const { selection, cursors, selectionPast } = getState();
  if (selection?.kind === kind && selection.id === id) return;
  const next: Selection = { kind, id, artifact: artifactOf(kind) };
  setState({
    selection: next,
    cursors: { ...cursors, ...cursorsOf(kind, id) },
    selectionPast: selection ? [...selectionPast.slice(-SELECTION_DEPTH), selection] : selectionPast,
    selectionFuture: [],
  });
}

export function clearSelection(): void {
  setState({ selection: null });
}

/** `[` and `]`: through the history of selections, skipping those whose artifact is gone. */
export function selectionBack(): void {
  travel('selectionPast', 'selectionFuture');
}

export function selectionForward(): void {
  travel('selectionFuture', 'selectionPast');
}

function travel(from: 'selectionPast' | 'selectionFuture', to: 'selectionPast' | 'selectionFuture'): void {
  const state = getState();
  const rest = [...state[from]];
  let next = rest.pop();
  while (next && next.artifact !== artifactOf(next.kind)) next = rest.pop();
  if (!next) return;
  const change = { selection: next, cursors: { ...state.cursors, ...cursorsOf(next.kind, next.id) }, [from]: rest };
  setState({ ...change, [to]: state.selection ? [...state[to], state.selection] : state[to] } as Partial<WorkbenchState>);
}

let noticeId = 0;

export function notify(doing: string, error: UserError): void {
  const { notices } = getState();
  setState({ notices: [...notices.filter((notice) => notice.doing !== doing), { id: ++noticeId, error, doing }] });
}

export function dismissNotice(id: number): void {
  setState({ notices: getState().notices.filter((notice) => notice.id !== id) });
}

export function announce(announcement: string): void {
  setState({ announcement });
}

export function setOverlay(overlay: Overlay): void {
  setState({ overlay });
}
