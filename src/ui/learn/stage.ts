import { STOPPED } from '../../base/progress.ts';
import type { Condition, Exercise, Scene } from '../../course/lesson.ts';
import { PAGE_NAMES } from '../../course/page-names.ts';
import type { Stage } from '../../course/scene.ts';
import { openSample } from '../../workbench/actions.ts';
import { putBlob } from '../../workbench/blobs.ts';
import { EMPTY_PROJECT } from '../../workbench/document.ts';
import { useProject } from '../../workbench/projects/state.ts';
import { SAMPLES } from '../../workbench/samples.ts';
import { partId } from '../../workbench/selection.ts';
import { currentDoc, editDoc, openDoc, select, useWorkbench, type WorkbenchState } from '../../workbench/store.ts';
import { showDesk, showPanel, useDesk } from '../shell/desk-store.ts';
import { DESKS, isDeskId } from '../shell/desks.ts';
import { PANELS } from '../shell/panels.ts';

/** What lessons may name. */
export const STAGE: Stage = {
  samples: new Set(SAMPLES.map(({ id }) => id)),
  desks: new Set(DESKS.map(({ id }) => id)),
  panels: new Set(PANELS.keys()),
  widgets: PAGE_NAMES.widgets,
};

/** Longest wait for a program or a model that a selection counts in. */
const MOST_WAIT_MS = 60_000;

/** Resolves once the workbench is so, or after a while. */
function until(holds: (state: WorkbenchState) => boolean, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (found: boolean) => {
      stop();
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      resolve(found);
    };
    const abort = () => end(false);
    let stop = () => {};
    const timer = setTimeout(abort, MOST_WAIT_MS);
    signal.addEventListener('abort', abort);
    if (signal.aborted || holds(useWorkbench.getState())) {
      end(!signal.aborted);
      return;
    }
    stop = useWorkbench.subscribe((state) => {
      if (holds(state)) end(true);
    });
  });
}

/** Whether the stage that a selection counts in shows what the document is. */
const settled = (name: 'model' | 'program' | 'trace') => (state: WorkbenchState) => {
  const { status, stale, value } = state.stages[name];
  return value !== null && !stale && status === 'done';
};

const frames = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));

let playing: AbortController | null = null;

/** Brings about in the tool what a scene says. A scene that begins ends the one before it. */
export async function play(scene: Scene, programOf: (exercise: string) => Promise<void>): Promise<void> {
  playing?.abort(STOPPED);
  const own = new AbortController();
  playing = own;
  if (scene.open) {
    const sample = SAMPLES.find(({ id }) => id === scene.open);
    const open = useProject.getState().origin.sample?.id;
    if (sample && open !== scene.open) {
      // What opens when the page does must not come after it.
      await until(({ history }) => history.doc.source !== null, own.signal);
      await openSample(sample);
    }
  }
  if (scene.program) await programOf(scene.program);
  if (own.signal.aborted) return;
  if (scene.desk && isDeskId(scene.desk) && useDesk.getState().desk !== scene.desk) {
    showDesk(scene.desk);
    await frames();
  }
  if (scene.panel) {
    // The reader stays where they read: the panel has the focus for no moment in which a key could come.
    const reading = document.activeElement;
    showPanel(scene.panel);
    if (reading instanceof HTMLElement && reading.closest('.lesson')) reading.focus({ preventScroll: true });
    await frames();
  }
  if (scene.select) await choose(scene.select, own.signal);
}

async function choose(text: string, signal: AbortSignal): Promise<void> {
  const at = text.indexOf(':');
  const [kind, name] = [text.slice(0, at), text.slice(at + 1)];
  if (kind === 'insn') {
    if (await until(settled('program'), signal)) select('insn', Number(name));
  } else if (kind === 'packet') {
    if (await until(settled('trace'), signal)) select('packet', Number(name));
  } else if (kind === 'byte') {
    if (await until(settled('trace'), signal)) select('byte', partId(Number(useWorkbench.getState().cursors.packet ?? 0), Number(name)));
  } else if (await until(settled('model'), signal)) {
    const { nodes } = useWorkbench.getState().stages.model.value!;
    if (kind === 'tensor') select('tensor', name);
    else {
      const found = nodes.findIndex((node) => (kind === 'op' ? node.op : node.name) === name);
      if (found >= 0) select('node', nodes[found]!.index);
    }
  }
}

/** The answer to an exercise as the tool's program: a project of its own, changed where it is open already. */
export async function openAnswer(lesson: string, exercise: Exercise, text: string): Promise<void> {
  const kind = exercise.kind === 'c' ? 'c' : 'assembly';
  const name = `${lesson}-${exercise.id}.${kind === 'c' ? 'c' : 's'}`;
  const blob = await putBlob(name, new TextEncoder().encode(text));
  const { source, options } = currentDoc();
  if (source?.kind === kind && source.blob.name === name)
    editDoc(`answer to ${exercise.title}`, (doc) => ({ ...doc, source: { kind, blob }, fork: null }));
  else
    openDoc(
      {
        ...EMPTY_PROJECT,
        name: `${lesson}: ${exercise.title}`.slice(0, 200),
        source: { kind, blob },
        options: { ...EMPTY_PROJECT.options, kernel: (exercise.kernel as typeof options.kernel) ?? options.kernel },
      },
      { how: 'file', sample: null },
    );
}

/** Whether the tool shows what a task asks for. */
export function holds({ select: wanted, panel, verdict }: Condition, { selection, stages, cursors }: WorkbenchState): boolean {
  if (wanted) {
    if (!selection) return false;
    const at = wanted.indexOf(':');
    const [kind, name] = [wanted.slice(0, at), wanted.slice(at + 1)];
    if (kind === 'op' || kind === 'node') {
      const node = selection.kind === 'node' ? stages.model.value?.nodes.find(({ index }) => index === Number(selection.id)) : undefined;
      return node !== undefined && (kind === 'op' ? node.op : node.name) === name;
    }
    if (kind === 'byte') return selection.kind === 'byte' && String(selection.id).endsWith(`#${name}`);
    if (kind === 'insn') return String(cursors.insn) === name && (selection.kind === 'insn' || selection.kind === 'state');
    return selection.kind === kind && String(selection.id) === name;
  }
  if (panel) return document.querySelector(`[data-panel="${CSS.escape(panel)}"]`)?.checkVisibility() ?? false;
  const { value, stale } = stages.verified;
  return value !== null && !stale && value.accepted === (verdict === 'accepted');
}
