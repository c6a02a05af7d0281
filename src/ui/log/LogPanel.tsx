import { useEffect, useRef } from 'react';
import { runOf } from '../../workbench/log-views.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { notedLine } from '../../workbench/text-line.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { StageStatus } from '../components/StageGate.tsx';
import type { VirtualListHandle } from '../components/VirtualList.tsx';
import { log as texts } from '../texts/log.ts';
import { logPanel } from '../texts/log-panel.ts';
import { LogList } from './LogList.tsx';
import { LogStateView } from './LogStateView.tsx';
import { LogTools } from './LogTools.tsx';
import { retryOwnLog, setCursor, setLevel, useLogs } from './log-store.ts';
import { type LogOnShow, useLog } from './useLog.ts';

const LEVELS = [0, 1, 2, 4];

/** A verifier log of any length: what was opened, or our own verifier's of the open program. */
export function LogPanel() {
  const shown = useLog();
  const { log, blob, origin, stale } = shown;
  const list = useRef<VirtualListHandle>(null);
  const search = useLogs((state) => state.search);
  const onlyMatches = useLogs((state) => state.onlyMatches);
  const showState = useLogs((state) => state.showState);
  const cursor = useLogs((state) => (state.cursor.key === log?.key ? state.cursor.line : -1));
  const failure = log ? runOf(log).messageLine : -1;
  useEffect(() => {
    if (!log || useLogs.getState().cursor.key === log.key) return;
    const linked = blob && origin === 'document' ? notedLine(blob.hash) : null;
    // A rejection is what a log is opened for, unless a link leads to another line.
    if (linked !== null && linked <= log.lines) setCursor(log.key, linked - 1);
    else if (failure >= 0) setCursor(log.key, failure);
  }, [log, failure, blob, origin]);
  const matches = search.status === 'none' || search.status === 'bad' ? null : search.found;
  return (
    <Panel
      id="log"
      title={logPanel.title}
      summary={
        log ? (
          <span data-testid="log-lines" data-lines={log.lines}>
            {`${texts.lines(log.lines, log.fileBytes)} · `}
            {origin === 'document' ? texts.source.document : <OwnSource />}
          </span>
        ) : null
      }
      actions={origin === 'own' ? <LevelChoice /> : null}
    >
      {origin === 'document' ? <StageStatus name="log" /> : <OwnStatus shown={shown} />}
      {log && blob ? (
        <div className={stale ? 'stage-body stale' : 'stage-body'} aria-busy={stale}>
          <LogTools key={log.key} log={log} blob={blob} list={list} />
          <LogNotes shown={shown} />
          <div className="log-body">
            <LogList ref={list} log={log} found={matches} only={onlyMatches && matches !== null} />
            {showState && cursor >= 0 ? (
              <aside className="log-side" aria-label={texts.state.show}>
                <LogStateView log={log} line={cursor} />
              </aside>
            ) : null}
          </div>
        </div>
      ) : shown.status === 'running' || shown.error ? null : (
        <Nothing origin={origin} />
      )}
    </Panel>
  );
}

function OwnSource() {
  const kernel = useWorkbench((state) => state.stages.verified.value?.kernel);
  return <>{texts.source.own(kernel ?? '')}</>;
}

function LevelChoice() {
  const level = useLogs((state) => state.level);
  return (
    <select className="field" aria-label={texts.level.label} value={level} onChange={(event) => setLevel(Number(event.target.value))}>
      {LEVELS.map((each) => (
        <option key={each} value={each}>
          {texts.level.names[each]}
        </option>
      ))}
    </select>
  );
}

function OwnStatus({ shown }: { shown: LogOnShow }) {
  const level = useLogs((state) => state.level);
  if (shown.status === 'running') return <Progress progress={shown.progress} label={texts.making} onCancel={shown.stop} />;
  if (shown.status === 'stopped')
    return (
      <p className="log-note-line">
        <span className="grow">{texts.stopped}</span>
        <button type="button" className="button" onClick={retryOwnLog}>
          {texts.again}
        </button>
      </p>
    );
  return level > 0 && shown.error ? <ErrorNote error={shown.error} /> : null;
}

/** What the log itself does not say: that it is cut, that several runs stand in it, that another level would show more. */
function LogNotes({ shown }: { shown: LogOnShow }) {
  const accepted = useWorkbench((state) => state.stages.verified.value?.accepted ?? false);
  const level = useLogs((state) => state.level);
  const log = shown.log!;
  const run = runOf(log);
  const own = shown.origin === 'own';
  return (
    <>
      {log.warnings.map((warning) => (
        <p key={warning} className="log-note-line warn">
          {texts.warning(warning)}
        </p>
      ))}
      {log.runs.length > 1 ? <p className="log-note-line">{texts.runs(log.runs.length, texts.runName(log.run, run.program))}</p> : null}
      {!own && !run.complete && run.insnLines > 0 ? <p className="log-note-line warn">{texts.partial}</p> : null}
      {own && accepted && level !== 2 && run.insnLines === 0 ? (
        <p className="log-note-line">
          <span className="grow">{texts.level.accepted}</span>
          <button type="button" className="button" onClick={() => setLevel(2)}>
            {texts.level.more}
          </button>
        </p>
      ) : null}
    </>
  );
}

function Nothing({ origin }: { origin: LogOnShow['origin'] }) {
  const level = useLogs((state) => state.level);
  if (origin === 'own') return level === 0 ? <p className="empty">{texts.level.none}</p> : null;
  return (
    <div className="empty">
      <strong>{texts.empty.title}</strong>
      <p>{texts.empty.text}</p>
    </div>
  );
}
