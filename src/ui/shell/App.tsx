import { type DragEvent, lazy, Suspense, useEffect, useLayoutEffect, useState } from 'react';
import { openFiles } from '../../workbench/actions.ts';
import { useLessonPane } from '../../workbench/course/pane.ts';
import { useOffline } from '../../workbench/projects/offline.ts';
import { useProject } from '../../workbench/projects/state.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ProjectDialogs } from '../projects/ProjectDialogs.tsx';
import { shell as texts } from '../texts/shell.ts';
import { useTour } from '../tour/tour-store.ts';
import { Desk } from './Desk.tsx';
import { DimsDialog } from './DimsDialog.tsx';
import { followSource } from './follow.ts';
import { handleKey } from './keys.ts';
import { Notices } from './Notices.tsx';
import { StatusBar } from './StatusBar.tsx';
import { useShell } from './shell-store.ts';
import { TopBar } from './TopBar.tsx';
import './shell.css';

const LessonPane = lazy(() => import('../learn/LessonPane.tsx'));
const StorageNotice = lazy(() => import('../projects/StorageNotice.tsx'));
const Palette = lazy(() => import('./Palette.tsx'));
const Tour = lazy(() => import('../tour/Tour.tsx'));
const Shortcuts = lazy(() => import('./Shortcuts.tsx'));

export function App() {
  const announcement = useWorkbench((state) => state.announcement);
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
      <Suspense>{noted || update !== 'none' ? <StorageNotice /> : null}</Suspense>
      <Notices />
      <div className="beside">
        {lesson ? (
          <Suspense fallback={<aside className="lesson" />}>
            <LessonPane />
          </Suspense>
        ) : null}
        <Desk />
      </div>
      <StatusBar />
      {dropping ? <div className="drop-hint">{texts.drop}</div> : null}
      <DimsDialog />
      <ProjectDialogs />
      <Suspense>
        {front === 'palette' ? <Palette /> : null}
        {front === 'shortcuts' ? <Shortcuts /> : null}
        {touring ? <Tour /> : null}
      </Suspense>
      <div className="visually-hidden" role="status" aria-live="polite">
        {announcement}
      </div>
    </div>
  );
}
