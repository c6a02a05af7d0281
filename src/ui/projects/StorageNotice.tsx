import { exportProject } from '../../workbench/actions.ts';
import type { UserError } from '../../workbench/errors.ts';
import { useOffline } from '../../workbench/projects/offline.ts';
import { putOffUpdate, takeUpdate } from '../../workbench/projects/offline-worker.ts';
import { dismissWarning, type ProjectState, setProject, useProject } from '../../workbench/projects/state.ts';
import { projectTexts } from '../../workbench/projects/texts.ts';
import { ErrorNote, type NoteAction } from '../components/ErrorNote.tsx';
import { projects as texts } from '../texts/projects.ts';
import { showProjects, withKeeper } from './open.ts';

const EXPORT: NoteAction = { title: texts.notice.exportFile, run: () => void exportProject() };
const COPY: NoteAction = { title: texts.notice.copy, run: () => withKeeper((module) => module.openAsCopy()) };
const TAKE: NoteAction = { title: texts.notice.takeOver, run: () => withKeeper((module) => module.takeOver()) };
const TAKE_BACK: NoteAction = { ...TAKE, title: texts.notice.takeBack };

interface Shown {
  readonly id: string;
  readonly tone: 'error' | 'warning' | 'note';
  readonly error: UserError;
  readonly actions: readonly NoteAction[];
  readonly dismiss?: () => void;
}

/** What is to be said about where the open project stands, the most pressing first. */
function notesOf({ access, unsaved, save, forbidden, warnings }: ProjectState): Shown[] {
  const notes: Shown[] = [];
  const say = (id: string, tone: Shown['tone'], error: UserError, actions: readonly NoteAction[], dismiss?: () => void) =>
    notes.push({ id, tone, error, actions, ...(dismiss ? { dismiss } : {}) });
  if (access === 'elsewhere') {
    say('elsewhere', 'note', { what: texts.notice.elsewhere, where: '', advice: texts.notice.elsewhereAbout }, [
      TAKE,
      COPY,
      { title: texts.notice.viewOnly, run: () => setProject({ access: 'view' }) },
    ]);
  }
  if (access === 'taken') {
    if (unsaved) say('taken', 'warning', projectTexts.takenUnsaved, [COPY, EXPORT]);
    else
      say('taken', 'note', projectTexts.taken, [
        TAKE_BACK,
        COPY,
        { title: texts.notice.viewOnly, run: () => setProject({ access: 'view' }) },
      ]);
  }
  if (access === 'deleted') {
    say('deleted', 'warning', { what: texts.notice.deleted, where: '', advice: texts.notice.deletedAbout }, [COPY, EXPORT]);
  }
  if (save.problem) {
    const again: NoteAction = { title: texts.notice.again, run: () => withKeeper((module) => module.retrySaves()) };
    const list: NoteAction = { title: texts.notice.list, run: showProjects };
    say('save', 'warning', save.problem, save.status === 'full' ? [list, EXPORT, again] : [again, EXPORT]);
  }
  if (forbidden && save.status !== 'none') say('forbidden', 'warning', forbidden, [EXPORT]);
  for (const { id, error, tone, doing } of warnings) say(doing, tone, error, [], () => dismissWarning(id));
  return notes;
}

/** A newer version never comes by itself: the user reloads when it suits. */
function updateNotes(update: 'none' | 'ready' | 'put off' | 'needed'): Shown[] {
  if (update !== 'ready' && update !== 'needed') return [];
  const what = update === 'ready' ? texts.notice.update : texts.notice.updateNeeded;
  const reload: NoteAction = { title: texts.notice.reload, run: takeUpdate };
  return [
    {
      id: 'update',
      tone: update === 'ready' ? 'note' : 'warning',
      error: { what, where: '', advice: texts.notice.updateAbout },
      actions: update === 'ready' ? [reload, { title: texts.notice.later, run: putOffUpdate }] : [reload],
    },
  ];
}

/** Notices about where projects are kept and who may change them: below the bar, above the work. */
export default function StorageNotice() {
  const state = useProject();
  const update = useOffline((offline) => offline.update);
  const notes = [...notesOf(state), ...updateNotes(update)];
  if (notes.length === 0) return null;
  return (
    <div className="notices" data-testid="storage-notice">
      {notes.map(({ id, tone, error, actions, dismiss }) => (
        <ErrorNote key={id} tone={tone} error={error} actions={actions} {...(dismiss ? { onDismiss: dismiss } : {})} />
      ))}
    </div>
  );
}
