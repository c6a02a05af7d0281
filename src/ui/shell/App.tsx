import { type DragEvent, Suspense, useEffect, useLayoutEffect, useState } from 'react';
import { openFiles } from '../../workbench/actions.ts';
import { showLessons, useLessonPane } from '../../workbench/course/pane.ts';
import { useOffline } from '../../workbench/projects/offline.ts';
import { useProject } from '../../workbench/projects/state.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { Boundary } from '../components/Boundary.tsx';
import { part } from '../components/part.tsx';
import { ProjectDialogs } from '../projects/ProjectDialogs.tsx';
import { boundary } from '../texts/boundary.ts';
import { shell as texts } from '../texts/shell.ts';
import { leaveTour, useTour } from '../tour/tour-store.ts';
import { Desk } from './Desk.tsx';
import { DimsDialog } from './DimsDialog.tsx';
import { followSource } from './follow.ts';
import { handleKey } from './keys.ts';
import { Notices } from './Notices.tsx';
import { StatusBar } from './StatusBar.tsx';
import { showFront, useShell } from './shell-store.ts';
import { TopBar } from './TopBar.tsx';
import './shell.css';

const LessonPane = part(() => import('../learn/LessonPane.tsx'));
const StorageNotice = part(() => import('../projects/StorageNotice.tsx'));
const Palette = part(() => import('./Palette.tsx'));
const Tour = part(() => import('../tour/Tour.tsx'));
const Shortcuts = part(() => import('./Shortcuts.tsx'));

const { parts } = boundary;

export function App() {
  const front = useShell((state) => state.front);
  const touring = useTour((state) => state.step !== null);
  const noted = useProject(
    ({ access, save, forbidden, warnings }) =>
      !/edit|opening|view/.test(access) || save.problem !== null || forbidden !== null || warnings.length > 0,
  );
  const update = useOffline((state) => state.update);
  const lesson = useLessonPane((state) => state.shown);
  const [dropping, setDropping] = useState(false);

  // Before the first paint: a key pressed as soon as something shows is not lost.
  useLayoutEffect(() => {
    window.addEventListener('keydown', handleKey);
    return () => window.removeEventListener('keydown', handleKey);
  }, []);

  useEffect(followSource, []);

  const carriesFiles = (event: DragEvent) => event.dataTransfer.types.includes('Files');
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: files may be dropped anywhere; the Open button does the same
    <div
      className="app"
      onDragOver={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        setDropping(true);
      }}
      onDragLeave={(event) => {
        if (event.relatedTarget === null) setDropping(false);
      }}
      onDrop={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        setDropping(false);
        void openFiles([...event.dataTransfer.files]);
      }}
    >
      <TopBar />
      <Boundary title={parts.storage}>
        <Suspense>{noted || update !== 'none' ? <StorageNotice /> : null}</Suspense>
      </Boundary>
      <Notices />
      <DimsDialog />
      <ProjectDialogs />
      {front ? (
        <Boundary key={front} title={parts[front]} onDismiss={() => showFront(null)}>
          <Suspense>{front === 'palette' ? <Palette /> : <Shortcuts />}</Suspense>
        </Boundary>
      ) : null}
      {touring ? (
        <Boundary title={parts.tour} onDismiss={leaveTour}>
          <Suspense>
            <Tour />
          </Suspense>
        </Boundary>
      ) : null}
      <div className="beside">
        {lesson ? (
          <Boundary title={parts.lesson} onDismiss={() => showLessons(false)}>
            <Suspense fallback={<aside className="lesson" />}>
              <LessonPane />
            </Suspense>
          </Boundary>
        ) : null}
        <Desk />
      </div>
      <StatusBar />
      {dropping ? <div className="drop-hint">{texts.drop}</div> : null}
      <Announcement />
    </div>
  );
}

/** What screen readers are told; by itself, since much is announced and nothing else changes with it. */
function Announcement() {
  const announcement = useWorkbench((state) => state.announcement);
  return (
    <div className="visually-hidden" role="status" aria-live="polite">
      {announcement}
    </div>
  );
}
