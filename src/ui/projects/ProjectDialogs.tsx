import { lazy, Suspense } from 'react';
import { useProjectUi } from './open.ts';

const ProjectsDialog = lazy(() => import('./ProjectsDialog.tsx'));
const ShareDialog = lazy(() => import('./ShareDialog.tsx'));
const RenameDialog = lazy(() => import('./RenameDialog.tsx'));

/** The dialogs about projects, loaded when the first of them is asked for. */
export function ProjectDialogs() {
  const dialog = useProjectUi((state) => state.dialog);
  return (
    <Suspense>
      {dialog === 'list' ? <ProjectsDialog /> : null}
      {dialog === 'share' ? <ShareDialog /> : null}
      {dialog === 'rename' ? <RenameDialog /> : null}
    </Suspense>
  );
}
