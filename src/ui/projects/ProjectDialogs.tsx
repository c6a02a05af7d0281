import { Suspense, useEffect } from 'react';
import { useAsked } from '../../workbench/projects/asked.ts';
import { Boundary } from '../components/Boundary.tsx';
import { part } from '../components/part.tsx';
import { showPanel } from '../shell/desk-store.ts';
import { boundary as texts } from '../texts/boundary.ts';
import { closeDialog, useProjectUi } from './open.ts';

const ProjectsDialog = part(() => import('./ProjectsDialog.tsx'));
const ShareDialog = part(() => import('./ShareDialog.tsx'));
const RenameDialog = part(() => import('./RenameDialog.tsx'));
const NeededDialog = part(() => import('./NeededDialog.tsx'));

/** The dialogs about projects, loaded when the first of them is asked for. */
export function ProjectDialogs() {
  const dialog = useProjectUi((state) => state.dialog);
  const { settle, asked } = useAsked();
  useEffect(() => {
    if (asked) showPanel('compare');
  }, [asked]);
  return (
    <>
      <Boundary key={dialog} title={texts.parts.dialog} onDismiss={closeDialog}>
        <Suspense>
          {dialog === 'list' ? <ProjectsDialog /> : null}
          {dialog === 'share' ? <ShareDialog /> : null}
          {dialog === 'rename' ? <RenameDialog /> : null}
        </Suspense>
      </Boundary>
      {settle ? (
        <Boundary title={texts.parts.dialog} onDismiss={() => settle(false)}>
          <Suspense>
            <NeededDialog />
          </Suspense>
        </Boundary>
      ) : null}
    </>
  );
}
