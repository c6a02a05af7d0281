import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { LogList } from '../log/LogList.tsx';
import { useLog } from '../log/useLog.ts';
import { log as texts } from '../texts/log.ts';

/** The verifier's log in the kernel's words: the lines of the Log panel, without its tools. */
export default function LogView() {
  const { log, status, stale, progress, error, stop } = useLog();
  return (
    <>
      {status === 'running' && !log ? <Progress progress={progress} label={texts.making} onCancel={stop} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {log ? (
        <div className={stale ? 'stage-body stale' : 'stage-body'}>
          <LogList log={log} />
        </div>
      ) : null}
    </>
  );
}
