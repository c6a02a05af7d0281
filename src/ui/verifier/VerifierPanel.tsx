import { type KeyboardEvent, useRef, useState } from 'react';
import { originsOf } from '../../workbench/relations.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView, VerifiedView } from '../../workbench/views.ts';
import { Panel } from '../components/Panel.tsx';
import { StageGate } from '../components/StageGate.tsx';
import { Budget } from './Budget.tsx';
import { LogView } from './LogView.tsx';
import { StateView } from './StateView.tsx';
import { WhyView } from './WhyView.tsx';
import './verifier.css';

const TABS = [
  { id: 'why', title: 'Why' },
  { id: 'budget', title: 'Budget by node' },
  { id: 'state', title: 'State at cursor' },
  { id: 'log', title: 'Log' },
] as const;

type TabId = (typeof TABS)[number]['id'];

/** The limit on processed instructions (kernel: BPF_COMPLEXITY_LIMIT_INSNS). */
export const PROCESSED_LIMIT = 1_000_000;

/** What the verifier says, what the program costs it, and what it knows at the cursor. */
export function VerifierPanel() {
  const verified = useWorkbench((state) => state.stages.verified.value);
  const program = useWorkbench((state) => state.stages.program.value);
  const [chosen, setTab] = useState<TabId>('budget');
  // A rejection opens on its explanation; there is none of an accepted program.
  const shown = TABS.filter(({ id }) => id !== 'why' || verified?.accepted === false);
  const [opened, setOpened] = useState<VerifiedView | null>(null);
  if (verified && opened !== verified) {
    setOpened(verified);
    if (!verified.accepted && opened?.accepted !== false) setTab('why');
  }
  const tab = shown.some(({ id }) => id === chosen) ? chosen : 'budget';
  const tabs = useRef<HTMLDivElement>(null);

  const onTabKey = (event: KeyboardEvent) => {
    const at = shown.findIndex((candidate) => candidate.id === tab);
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const next = shown[(at + step + shown.length) % shown.length]!;
    setTab(next.id);
    tabs.current?.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
    event.preventDefault();
  };

  return (
    <Panel id="verifier" title="Verifier" summary={verified ? <VerdictWord verified={verified} /> : null}>
      <StageGate
        name="verified"
        empty={
          <div className="empty">
            <strong>Nothing to verify yet.</strong>
            <p>
              Here stands whether the kernel would load the program, why not, and how much of the verifier's budget each operator takes.
            </p>
          </div>
        }
      >
        {verified ? (
          <>
            <Verdict verified={verified} program={program} />
            <Counters verified={verified} />
            <div className="tabs" role="tablist" aria-label="Verifier views" ref={tabs} onKeyDown={onTabKey}>
              {shown.map(({ id, title }) => (
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
                  {title}
                </button>
              ))}
            </div>
            <div id="verifier-view" role="tabpanel" aria-labelledby={`tab-${tab}`} className="tab-body">
              {tab === 'why' && program ? <WhyView program={program} verified={verified} /> : null}
              {tab === 'log' ? <LogView verified={verified} /> : null}
              {tab === 'budget' && program ? <Budget verified={verified} program={program} /> : null}
              {tab === 'state' && program ? <StateView program={program} /> : null}
            </div>
          </>
        ) : null}
      </StageGate>
    </Panel>
  );
}

function VerdictWord({ verified }: { verified: VerifiedView }) {
  return verified.accepted ? (
    <span className="ok" data-testid="verdict" data-accepted="true">
      ✓ accepted
    </span>
  ) : (
    <span className="bad" data-testid="verdict" data-accepted="false">
      ✕ rejected
    </span>
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
        ✕
      </span>
      <p>
        {at === null ? null : (
          <>
            <button type="button" className="link mono" onClick={() => select('insn', at)}>
              insn {at}
            </button>
            {' · '}
          </>
        )}
        {verified.message}
        {origin ? <span className="muted"> · {origin.label}</span> : null}
      </p>
    </div>
  );
}

/** Whose rules the verdict follows: those of older kernels are not modelled yet. */
const rulesOf = (kernel: string): string => (kernel === '6.18' ? 'kernel 6.18' : `built for kernel ${kernel}, judged by the rules of 6.18`);

/** The kernel prints the depth of each function, joined by plus signs. */
function largestFrame(stackDepth: string): number {
  return Math.max(0, ...stackDepth.split('+').map(Number).filter(Number.isFinite));
}

function Counters({ verified }: { verified: VerifiedView }) {
  const share = verified.processed / PROCESSED_LIMIT;
  return (
    <div className="counters">
      <p>
        <span className="big" data-testid="processed" data-processed={verified.processed}>
          {formatCount(verified.processed)}
        </span>{' '}
        of {formatCount(PROCESSED_LIMIT)} instructions processed
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: browsers draw <meter> in colours of their own */}
      <div
        className="meter"
        role="meter"
        aria-label="Share of the verifier's budget"
        aria-valuemin={0}
        aria-valuemax={PROCESSED_LIMIT}
        aria-valuenow={verified.processed}
      >
        <div className={share > 0.8 ? 'meter-bar high' : 'meter-bar'} style={{ width: `${Math.min(100, share * 100)}%` }} />
      </div>
      <p className="muted ellipsis" title={`stack depth ${verified.stackDepth}`}>
        {formatCount(verified.totalStates)} states, peak {formatCount(verified.peakStates)} · largest frame{' '}
        {largestFrame(verified.stackDepth)} B · {rulesOf(verified.kernel)}
      </p>
    </div>
  );
}
