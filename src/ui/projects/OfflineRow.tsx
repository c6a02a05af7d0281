import { useEffect } from 'react';
import { useOffline } from '../../workbench/projects/offline.ts';
import { keepWhole, measureOffline } from '../../workbench/projects/offline-worker.ts';
import { projectDialogs as texts } from '../texts/project-dialogs.ts';

/** Whether the page works without a network, and the way to have all of it. */
export function OfflineRow() {
  const { kept, progress, failed } = useOffline();
  useEffect(() => void measureOffline(), []);
  const { offline } = texts;
  return (
    <div className="projects-foot small muted" data-testid="offline" data-kept={kept}>
      <span className="grow" role="status">
        {progress ? offline.progress(progress.done, progress.total) : failed ? offline.failed(failed) : offline.kept[kept]}
      </span>
      {kept === 'core' ? (
        <button type="button" className="button bordered" disabled={progress !== null} onClick={keepWhole}>
          {offline.keep}
        </button>
      ) : null}
    </div>
  );
}
