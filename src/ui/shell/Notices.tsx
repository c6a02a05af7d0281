import { dismissNotice, useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';

/** What an action of the user ran into: below the bar, above the work, until dismissed. */
export function Notices() {
  const notices = useWorkbench((state) => state.notices);
  if (notices.length === 0) return null;
  return (
    <div className="notices" data-testid="notices">
      {notices.map((notice) => (
        <ErrorNote key={notice.id} error={notice.error} doing={notice.doing} onDismiss={() => dismissNotice(notice.id)} />
      ))}
    </div>
  );
}
