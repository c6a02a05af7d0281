import { create } from 'zustand';
import { hasBlob } from './blobs.ts';
import { type BlobRef, blobsOf, type DocHistory, EMPTY_PROJECT, edited, type ProjectDoc, redone, undone } from './document.ts';
import { toUserError, type UserError } from './errors.ts';
import type { Origin } from './projects/record.ts';
import { beginProject } from './projects/state.ts';
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
  /** What was selected until a new artifact came that has nothing like it; null once something else is selected. */
  readonly dropped: Selection | null;
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
  dropped: null,
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

/** Says whether the project may be changed here and tells the user when not: another tab may hold it. */
let mayEdit: () => boolean = () => true;
export function guardEdits(guard: () => boolean): void {
  mayEdit = guard;
}

/** Fetches bytes that an earlier step names and that this tab does not hold. */
let fetchBlobs: (refs: readonly BlobRef[]) => Promise<void> = async (refs) => {
  throw new Error(`the bytes of ${refs[0]!.name} are no longer held`);
};
export function onMissingBlobs(fetch: typeof fetchBlobs): void {
  fetchBlobs = fetch;
}

/** Changes the project; every call is one step of undo. */
export function editDoc(label: string, change: (doc: ProjectDoc) => ProjectDoc): void {
  const { history } = getState();
  const doc = change(history.doc);
  if (doc === history.doc || !mayEdit()) return;
  setState({ history: edited(history, doc, label) });
  docListener(doc);
}

/** Opens another project; the one before it stays where it is kept. */
export function openDoc(doc: ProjectDoc, origin: Origin): void {
  beginProject(origin);
  showHistory({ past: [], doc: doc.name ? doc : { ...doc, name: 'untitled' }, future: [] });
}

/** Puts a project's document and its undo steps on show, as they come from storage. */
export function showHistory(history: DocHistory): void {
  setState({
    history,
    selection: null,
    cursors: {},
    dropped: null,
    selectionPast: [],
    selectionFuture: [],
    overlay: NO_OVERLAY,
  });
  docListener(history.doc);
}

/** The open project as another tab has changed it: what is selected stays as far as it can. */
export function followHistory(history: DocHistory): void {
  setState({ history });
  docListener(history.doc);
}

export function undo(): void {
  const { history } = getState();
  const label = history.past.at(-1)?.label;
  if (label) travelDoc(undone(history), `Undone: ${label}`);
}

export function redo(): void {
  const { history } = getState();
  const label = history.future[0]?.label;
  if (label) travelDoc(redone(history), `Redone: ${label}`);
}

function travelDoc(next: DocHistory, announcement: string): void {
  if (!mayEdit()) return;
  const { history } = getState();
  const go = () => {
    setState({ history: next, announcement });
    docListener(next.doc);
  };
  const missing = blobsOf(next.doc).filter(({ hash }) => !hasBlob(hash));
  if (missing.length === 0) {
    go();
    return;
  }
  fetchBlobs(missing).then(
    () => {
      // Something else may have been done while the bytes came.
      if (getState().history === history) go();
    },
    (error: unknown) => notify(announcement, toUserError(error, announcement)),
  );
}

export function setStage<Name extends StageName>(name: Name, change: Partial<Stage<StageValues[Name]>>): void {
  const before = getState();
  const stage = { ...before.stages[name], ...change } as Stage<StageValues[Name]>;
  const stages: Stages = { ...before.stages, [name]: stage };
  const replaced = change.value !== undefined && change.value !== before.stages[name].value;
  if (replaced && (name === 'model' || name === 'program' || name === 'trace')) {
    const selection = before.selection && remapped(before.selection, before.stages, stages);
    const dropped =
      before.selection && !selection ? { dropped: before.selection, announcement: `The selected ${before.selection.kind} is gone` } : {};
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
    dropped: null,
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
  const change = { selection: next, dropped: null, cursors: { ...state.cursors, ...cursorsOf(next.kind, next.id) }, [from]: rest };
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
