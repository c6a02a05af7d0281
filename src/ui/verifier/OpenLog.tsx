import type { LogView } from '../../workbench/log-views.ts';
import { LogStateView } from '../log/LogStateView.tsx';
import { useLogs } from '../log/log-store.ts';
import { LogWhy } from './LogWhy.tsx';

/** What an open log says, and the registers at its chosen line. */
export default function OpenLog({ log, tab }: { log: LogView; tab: 'why' | 'state' }) {
  const line = useLogs((state) => (state.cursor.key === log.key ? state.cursor.line : -1));
  return tab === 'why' ? <LogWhy log={log} /> : <LogStateView log={log} line={line} />;
}
