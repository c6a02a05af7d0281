import { type KeyboardEvent, Suspense, useCallback, useRef, useState } from 'react';
import { isChecked } from '../../verifier/rules.ts';
import { type LogView, runOf } from '../../workbench/log-views.ts';
import { originsOf } from '../../workbench/relations.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView, VerifiedView } from '../../workbench/views.ts';
import { useCommandHandler } from '../commands.ts';
import { Panel } from '../components/Panel.tsx';
import { part } from '../components/part.tsx';
import { StageGate } from '../components/StageGate.tsx';
import { verifier as texts } from '../texts/verifier.ts';
import './verifier.css';

const Budget = part(() => import('./Budget.tsx').then((module) => ({ default: module.Budget })));
const StateView = part(() => import('./StateView.tsx').then((module) => ({ default: module.StateView })));
const WhyView = part(() => import('./WhyView.tsx').then((module) => ({ default: module.WhyView })));
const LogTab = part(() => import('./LogView.tsx'));
const AppliedEdit = part(() => import('./AppliedEdit.tsx'));
const OpenLog = part(() => import('./OpenLog.tsx'));

const TABS = ['why', 'budget', 'state', 'log'] as const;

type TabId = (typeof TABS)[number];

/** The limit on processed instructions (kernel: BPF_COMPLEXITY_LIMIT_INSNS). */
export const PROCESSED_LIMIT = 1_000_000;

/** What the verifier says, what the program costs it, and what it knows at the cursor; of an open log, what the log says. */
export function VerifierPanel() {
  const verified = useWorkbench((state) => state.stages.verified.value);
  const program = useWorkbench((state) => state.stages.program.value);
  const isLog = useWorkbench((state) => state.history.doc.source?.kind === 'log');
  const log = useWorkbench((state) => state.stages.log.value);
  const mended = useWorkbench((state) => state.history.doc.fork !== null && state.history.past.at(-1)?.label.startsWith('mend: '));
  const [chosen, setTab] = useState<TabId>('budget');
  // A rejection opens on its explanation; there is none of an accepted program. A log tells no budget.
  const shown = TABS.filter((id) => (id === 'why' ? isLog || verified?.accepted === false : id !== 'budget' || !isLog));
  const [opened, setOpened] = useState<VerifiedView | LogView | null>(null);
  const now = isLog ? log : verified;
  if (now && opened !== now) {
    setOpened(now);
    if (isLog || (!verified?.accepted && !(opened && 'accepted' in opened && !opened.accepted))) setTab('why');
  }
  const tab = shown.includes(chosen) ? chosen : shown[0]!;
  const tabs = useRef<HTMLDivElement>(null);
  useCommandHandler(
    'verifier.why',
    useCallback(() => setTab('why'), []),
  );
  useCommandHandler(
    'verifier.budget',
    useCallback(() => setTab('budget'), []),
  );
  useCommandHandler(
    'verifier.state',
    useCallback(() => setTab('state'), []),
  );
  useCommandHandler(
    'verifier.log',
    useCallback(() => setTab('log'), []),
  );

  const onTabKey = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const next = shown[(shown.indexOf(tab) + step + shown.length) % shown.length]!;
    setTab(next);
    tabs.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
    event.preventDefault();
  };

  const titles = isLog ? texts.logTabs : texts.tabs;
  const views = (
    <>
      <div className="tabs" role="tablist" aria-label={texts.views} ref={tabs} onKeyDown={onTabKey}>
        {shown.map((id) => (
          <button
            key={id}
            id={`tab-${id}`}
            type="button"
            role="tab"
            className="tab"
            aria-selected={tab === id}
            aria-controls="verifier-view"
            tabIndex={tab === id ? 0 : -1}
            onClick={() => setTab(id)}
          >
            {titles[id]}
          </button>
        ))}
      </div>
      <div id="verifier-view" role="tabpanel" aria-labelledby={`tab-${tab}`} className="tab-body">
        <Suspense>
          {isLog && log && (tab === 'why' || tab === 'state') ? <OpenLog log={log} tab={tab} /> : null}
          {tab === 'log' ? <LogTab /> : null}
          {!isLog && tab === 'why' && program && verified ? <WhyView program={program} verified={verified} /> : null}
          {!isLog && tab === 'state' && program ? <StateView program={program} /> : null}
          {!isLog && tab === 'budget' && program && verified ? <Budget verified={verified} program={program} /> : null}
        </Suspense>
      </div>
    </>
  );

  return (
    <Panel
      id="verifier"
      title={texts.title}
      summary={isLog ? <LogWord log={log} /> : verified ? <VerdictWord verified={verified} /> : null}
    >
      <StageGate
        name={isLog ? 'log' : 'verified'}
        empty={
          <div className="empty">
            <strong>{texts.empty.title}</strong>
            <p>{texts.empty.text}</p>
          </div>
        }
      >
        {isLog && log ? (
          <>
            {verified?.fromLog ? <Verdict verified={verified} program={program} /> : null}
            <LogCounters log={log} />
            {views}
          </>
        ) : !isLog && verified ? (
          <>
            <Verdict verified={verified} program={program} />
            {mended ? (
              <Suspense>
                <AppliedEdit />
              </Suspense>
            ) : null}
            <Counters verified={verified} />
            {views}
          </>
        ) : null}
      </StageGate>
    </Panel>
  );
}

function VerdictWord({ verified }: { verified: Pick<VerifiedView, 'accepted'> }) {
  return (
    <span className={verified.accepted ? 'ok' : 'bad'} data-testid="verdict" data-accepted={verified.accepted}>
      {verified.accepted ? texts.accepted : texts.rejected}
    </span>
  );
}

/** The verdict that a log gives, marked as its own. */
function LogWord({ log }: { log: LogView | null }) {
  if (!log) return null;
  const { verdict } = runOf(log);
  return (
    <>
      {verdict === 'unknown' ? (
        <span data-testid="verdict">{texts.unknown}</span>
      ) : (
        <VerdictWord verified={{ accepted: verdict === 'accepted' }} />
      )}
      <span title={texts.fromLogAbout}>{texts.fromLog}</span>
    </>
  );
}

/** The number and the reason in one line. */
function Verdict({ verified, program }: { verified: VerifiedView; program: ProgramView | null }) {
  if (verified.accepted) return null;
  const at = verified.insnIdx;
  const [origin] = at !== null && program ? originsOf(program, at) : [];
  return (
    <div className="verdict" role="status">
      <span className="bad" aria-hidden="true">
        {texts.mark}
      </span>
      <p>
        {at === null ? null : (
          <>
            <button type="button" className="link mono" onClick={() => select('insn', at)}>
              {texts.insn(at)}
            </button>
            {' · '}
          </>
        )}
        {verified.message}
        {origin ? <span className="muted">{texts.of(origin.label)}</span> : null}
      </p>
    </div>
  );
}

/** Whose rules the verdict follows. */
const rulesOf = (kernel: string): string => (isChecked(kernel) ? texts.kernel(kernel) : texts.uncheckedKernel(kernel));

/** The kernel prints the depth of each function, joined by plus signs. */
function largestFrame(stackDepth: string): number {
  return Math.max(0, ...stackDepth.split('+').map(Number).filter(Number.isFinite));
}

/** How much of the budget is used. */
function Meter({ processed, limit }: { processed: number; limit: number }) {
  const share = limit > 0 ? processed / limit : 0;
  return (
    <>
      <p>
        <span className="big" data-testid="processed" data-processed={processed}>
          {formatCount(processed)}
        </span>{' '}
        {texts.processed(limit)}
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: browsers draw <meter> in colours of their own */}
      <div className="meter" role="meter" aria-label={texts.budget} aria-valuemin={0} aria-valuemax={limit} aria-valuenow={processed}>
        <div className={share > 0.8 ? 'meter-bar high' : 'meter-bar'} style={{ width: `${Math.min(100, share * 100)}%` }} />
      </div>
    </>
  );
}

function Counters({ verified }: { verified: VerifiedView }) {
  return (
    <div className="counters">
      <Meter processed={verified.processed} limit={PROCESSED_LIMIT} />
      <p className="muted ellipsis" title={texts.stackDepth(verified.stackDepth)}>
        {[
          texts.states(verified.totalStates, verified.peakStates),
          texts.frame(largestFrame(verified.stackDepth)),
          rulesOf(verified.kernel),
        ].join(' · ')}
      </p>
    </div>
  );
}

/** The counters that the log gives; what it does not give is not there. */
function LogCounters({ log }: { log: LogView }) {
  const { counters, insnLines } = runOf(log);
  const parts = [
    counters.totalStates === null ? null : texts.states(counters.totalStates, counters.peakStates ?? 0),
    counters.stackDepth === null ? null : texts.frame(largestFrame(counters.stackDepth)),
    counters.verificationUsec === null ? null : texts.usec(counters.verificationUsec),
    texts.insnLines(insnLines),
  ].filter((part) => part !== null);
  return (
    <div className="counters" data-testid="log-counters">
      {counters.processed === null ? null : <Meter processed={counters.processed} limit={counters.limit ?? PROCESSED_LIMIT} />}
      <p className="muted" title={counters.stackDepth === null ? '' : texts.stackDepth(counters.stackDepth)}>
        {parts.join(' · ')}
      </p>
    </div>
  );
}
