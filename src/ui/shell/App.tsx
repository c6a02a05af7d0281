import { type DragEvent, lazy, Suspense, useEffect, useLayoutEffect, useState } from 'react';
import { openFiles } from '../../workbench/actions.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ProjectDialogs } from '../projects/ProjectDialogs.tsx';
import { StorageNotice } from '../projects/StorageNotice.tsx';
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

const Palette = lazy(() => import('./Palette.tsx'));
const Tour = lazy(() => import('../tour/Tour.tsx'));
const Shortcuts = lazy(() => import('./Shortcuts.tsx'));

export function App() {
  const announcement = useWorkbench((state) => state.announcement);
  const front = useShell((state) => state.front);
  const touring = useTour((state) => state.step !== null);
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
      <StorageNotice />
      <Notices />
      <Desk />
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
