import { type KeyboardEvent, useCallback, useRef, useState } from 'react';
import { type Asked, askRecording } from '../../workbench/query.ts';
import type { RecordingView } from '../../workbench/query-views.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { useRemote } from '../model/useRemote.ts';
import { paths as texts } from '../texts/paths.ts';
import { pathsPanel } from '../texts/paths-panel.ts';
import { PathTree } from './PathTree.tsx';
import { goToStep, stepAlong, useAsked } from './query-store.ts';
import { RangeView } from './RangeView.tsx';
import { Rounds } from './Rounds.tsx';
import { useInsnAtCursor, useStep } from './useStep.ts';
import './paths.css';

const TABS = ['tree', 'rounds', 'range'] as const;
type TabId = (typeof TABS)[number];

/** The exploration of the program: its paths as a tree, loops round by round, registers along a path. */
export function PathsPanel() {
  const program = useWorkbench((state) => state.stages.program.value);
  const isLog = useWorkbench((state) => state.history.doc.source?.kind === 'log');
  const { status, stale } = useWorkbench((state) => (isLog ? state.stages.log : state.stages.verified));
  if (!program || status === 'absent' || (isLog && program.code.length === 0)) {
    const empty = isLog ? texts.ofLog : texts.empty;
    return (
      <Panel id="paths" title={pathsPanel.title}>
        <div className="empty">
          <strong>{empty.title}</strong>
          <p>{empty.text}</p>
        </div>
      </Panel>
    );
  }
  return <Exploration program={program} ready={status === 'done' && !stale} />;
}

function Exploration({ program, ready }: { program: ProgramView; ready: boolean }) {
  const asked = useAsked(program);
  const of = `${asked.program} ${asked.kernel}`;
  const [stoppedOf, setStopped] = useState<string | null>(null);
  const isStopped = stoppedOf === of;
  const remote = useRemote<RecordingView>(ready && !isStopped ? of : null, (options) => askRecording(asked, 'open', {}, options));
  const recording = remote.value;
  const { refusedAt } = recording ?? { refusedAt: null };
  const toRefusal = useCallback(() => {
    if (refusedAt === null) return;
    void askRecording<{ insnIdx: number }>(asked, 'position', { step: refusedAt, pos: null, place: null }).then(({ insnIdx }) =>
      goToStep(asked, refusedAt, insnIdx),
    );
  }, [asked, refusedAt]);
  useCommandHandler('paths.failing', toRefusal);
  return (
    <Panel
      id="paths"
      title={pathsPanel.title}
      summary={
        recording ? <span data-testid="paths-summary">{texts.summary(recording.ends, recording.steps, recording.waiting)}</span> : null
      }
      actions={
        refusedAt === null ? null : (
          <button type="button" className="button small" title={texts.failingAbout} onClick={toRefusal}>
            {texts.failing}
          </button>
        )
      }
    >
      {remote.error ? <ErrorNote error={remote.error} /> : null}
      {isStopped ? (
        <div className="empty">
          <strong>{texts.stopped}</strong>
          <button type="button" className="button bordered" onClick={() => setStopped(null)}>
            {texts.again}
          </button>
        </div>
      ) : !recording && !remote.error ? (
        <Progress progress={remote.progress} label={asked.log ? texts.following : texts.recording} onCancel={() => setStopped(of)} />
      ) : null}
      {recording && recording.steps === 0 ? <p className="empty">{texts.refused}</p> : null}
      {recording && recording.steps > 0 ? <Views asked={asked} program={program} recording={recording} /> : null}
    </Panel>
  );
}

function Views({ asked, program, recording }: { asked: Asked; program: ProgramView; recording: RecordingView }) {
  const [tab, setTab] = useState<TabId>('tree');
  const tabs = useRef<HTMLDivElement>(null);
  const { insn, visit } = useInsnAtCursor(program);
  const { step, error } = useStep(asked, insn, visit, true);
  useCommandHandler(
    'paths.tree',
    useCallback(() => setTab('tree'), []),
  );
  useCommandHandler(
    'paths.rounds',
    useCallback(() => setTab('rounds'), []),
  );
  useCommandHandler(
    'paths.range',
    useCallback(() => setTab('range'), []),
  );
  useCommandHandler(
    'paths.forward',
    useCallback(() => void stepAlong(asked, 1), [asked]),
  );
  useCommandHandler(
    'paths.back',
    useCallback(() => void stepAlong(asked, -1), [asked]),
  );
  const onTabKey = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    const next = TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length]!;
    setTab(next);
    tabs.current?.querySelector<HTMLElement>(`#paths-tab-${next}`)?.focus();
    event.preventDefault();
  };
  return (
    <>
      <div className="tabs" role="tablist" aria-label={texts.views} ref={tabs} onKeyDown={onTabKey}>
        {TABS.map((id) => (
          <button
            key={id}
            id={`paths-tab-${id}`}
            type="button"
            role="tab"
            className="tab"
            aria-selected={tab === id}
            aria-controls="paths-view"
            tabIndex={tab === id ? 0 : -1}
            onClick={() => setTab(id)}
          >
            {texts.tabs[id]}
          </button>
        ))}
      </div>
      {error ? <ErrorNote error={error} /> : null}
      <div id="paths-view" role="tabpanel" aria-labelledby={`paths-tab-${tab}`} className="tab-body">
        {tab === 'tree' ? (
          <PathTree asked={asked} program={program} count={recording.rows} step={step} refusedAt={recording.refusedAt} />
        ) : null}
        {/* Where the cursor's instruction was never reached the views start at the beginning. */}
        {tab === 'rounds' ? <Rounds asked={asked} step={step ?? 0} program={program} /> : null}
        {tab === 'range' ? <RangeView asked={asked} step={step ?? 0} /> : null}
      </div>
    </>
  );
}
