import { lazy, Suspense, useEffect } from 'react';
import { useAsked } from '../../workbench/projects/asked.ts';
import { showPanel } from '../shell/desk-store.ts';
import { useProjectUi } from './open.ts';

const ProjectsDialog = lazy(() => import('./ProjectsDialog.tsx'));
const ShareDialog = lazy(() => import('./ShareDialog.tsx'));
const RenameDialog = lazy(() => import('./RenameDialog.tsx'));
const NeededDialog = lazy(() => import('./NeededDialog.tsx'));

/** The dialogs about projects, loaded when the first of them is asked for. */
export function ProjectDialogs() {
  const dialog = useProjectUi((state) => state.dialog);
  const { settle, asked } = useAsked();
  useEffect(() => {
    if (asked) showPanel('compare');
  }, [asked]);
  return (
    <Suspense>
      {dialog === 'list' ? <ProjectsDialog /> : null}
      {dialog === 'share' ? <ShareDialog /> : null}
      {dialog === 'rename' ? <RenameDialog /> : null}
      {settle ? <NeededDialog /> : null}
    </Suspense>
  );
}
