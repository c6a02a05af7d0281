import { Download } from 'lucide-react';
import { type KeyboardEvent, useId, useMemo, useState } from 'react';
import type { ProfileView } from '../../workbench/machine-views.ts';
import { useProfile } from '../../workbench/profile.ts';
import { runProfile, stopProfile } from '../../workbench/profile-run.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ProgramView } from '../../workbench/views.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { VirtualList } from '../components/VirtualList.tsx';
import { coverageGlyph, insnText } from '../program/decode.ts';
import { heatColour } from '../program/heat.ts';
import { useStable } from '../program/useStable.ts';
import { profile as texts } from '../texts/profile.ts';
import { profilePanel } from '../texts/profile-panel.ts';
import { branchRows, functionRows, lineRows, originRows, type ProfileRow, profileCsv, profileJson } from './rows.ts';
import './profile.css';

const TABS = ['nodes', 'functions', 'lines', 'loops', 'branches'] as const;
type TabId = (typeof TABS)[number];
const ROW_HEIGHT = 20;

/** What events execute, and where. */
export function ProfilePanel() {
  const program = useWorkbench((state) => state.stages.program.value);
  const traced = useWorkbench((state) => state.stages.trace.value !== null);
  const { value, growing, status, progress, error, inListing } = useProfile();
  const running = status === 'running';
  const runnable = program !== null && !program.fromLog && !running;
  const own = program !== null && value?.programKey === program.key;
  const count = (what: 'event' | 'trace') => () => {
    if (runnable && (what === 'event' || traced)) void runProfile(what);
  };
  useCommandHandler('profile.event', useStable(count('event')));
  useCommandHandler('profile.trace', useStable(count('trace')));
  const toggleListing = useStable(() => useProfile.setState({ inListing: !inListing }));
  useCommandHandler('profile.listing', toggleListing);
  return (
    <Panel
      id="profile"
      title={profilePanel.title}
      summary={value && own ? texts.summary(value.events, value.executed) : null}
      actions={
        <>
          <button type="button" className="button" disabled={!runnable} title={texts.eventAbout} onClick={count('event')}>
            {texts.event}
          </button>
          <button type="button" className="button" disabled={!runnable || !traced} title={texts.traceAbout} onClick={count('trace')}>
            {texts.trace}
          </button>
        </>
      }
    >
      {error ? <ErrorNote error={error} /> : null}
      {running ? <Progress progress={progress} label={texts.working} onCancel={stopProfile} /> : null}
      {value && program && own ? (
        <div
          className={running && !growing ? 'profile stale' : 'profile'}
          data-testid="profile"
          data-events={value.events}
          data-executed={value.executed}
        >
          <Facts profile={value} growing={growing} />
          <Views program={program} profile={value} inListing={inListing} onListing={toggleListing} />
        </div>
      ) : running ? null : (
        <div className="empty">
          <strong>{texts.emptyTitle}</strong>
          <p>{value ? texts.stale : texts.empty}</p>
        </div>
      )}
    </Panel>
  );
}

const timeText = (ns: number): string =>
  ns < 1000 ? `${Math.round(ns)} ns` : ns < 10_000_000 ? `${(ns / 1000).toFixed(1)} µs` : `${(ns / 1e6).toFixed(1)} ms`;

function Facts({ profile, growing }: { profile: ProfileView; growing: boolean }) {
  const { events, from, executed, faults, nsPerEvent, timedRuns, engine, divided } = profile;
  return (
    <p className="profile-facts small">
      {texts.facts(events, from, executed)} {faults > 0 ? <span className="warn">{texts.faults(faults)} </span> : null}
      <span className="muted">
        {growing ? texts.growing : nsPerEvent === null ? texts.noTime : texts.time(timeText(nsPerEvent), timedRuns, engine)}
        {divided > 0 ? ` ${texts.divided(divided / executed)}` : ''}
      </span>
    </p>
  );
}

interface ViewsProps {
  readonly program: ProgramView;
  readonly profile: ProfileView;
  readonly inListing: boolean;
  readonly onListing: () => void;
}

function Views({ program, profile, inListing, onListing }: ViewsProps) {
  const [tab, setTab] = useState<TabId>('nodes');
  const id = useId();
  const onKey = (event: KeyboardEvent<HTMLElement>) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    const next = TABS[(TABS.indexOf(tab) + by + TABS.length) % TABS.length]!;
    setTab(next);
    event.currentTarget.querySelector<HTMLElement>(`[data-tab=${next}]`)?.focus();
    event.preventDefault();
  };
  return (
    <>
      <div className="profile-tools">
        <div className="profile-tabs" role="tablist" aria-label={texts.views} onKeyDown={onKey}>
          {TABS.map((one) => (
            <button
              key={one}
              type="button"
              role="tab"
              className="button"
              data-tab={one}
              id={`${id}-${one}`}
              aria-selected={tab === one}
              aria-controls={`${id}-view`}
              tabIndex={tab === one ? 0 : -1}
              onClick={() => setTab(one)}
            >
              {texts.tabs[one]}
            </button>
          ))}
        </div>
        <button type="button" className="button small" aria-pressed={inListing} onClick={onListing}>
          {texts.listing}
        </button>
        {(['csv', 'json'] as const).map((kind) => (
          <button
            key={kind}
            type="button"
            className="button small"
            title={texts.exportAs(texts[kind])}
            aria-label={texts.exportAs(texts[kind])}
            onClick={() => save(program, profile, kind)}
          >
            <Download size={14} /> {texts[kind]}
          </button>
        ))}
      </div>
      <div className="profile-view" role="tabpanel" id={`${id}-view`} aria-labelledby={`${id}-${tab}`}>
        {tab === 'loops' ? (
          <Loops program={program} profile={profile} />
        ) : tab === 'branches' ? (
          <Branches program={program} profile={profile} />
        ) : (
          <Rows key={tab} program={program} profile={profile} by={tab} />
        )}
      </div>
    </>
  );
}

function save(program: ProgramView, profile: ProfileView, kind: 'csv' | 'json'): void {
  const text = kind === 'csv' ? profileCsv(program, profile, (insn) => insnText(program, insn)) : profileJson(program, profile);
  const url = URL.createObjectURL(new Blob([text], { type: kind === 'csv' ? 'text/csv' : 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${program.name}-profile.${kind}`;
  link.click();
  URL.revokeObjectURL(url);
}

/** Bar, share and apportioned time of a part. */
function Figures({ executed, profile, most }: { executed: number; profile: ProfileView; most: number }) {
  const share = profile.executed > 0 ? executed / profile.executed : 0;
  return (
    <>
      <span className="profile-bar" aria-hidden="true">
        <span style={{ width: `${most > 0 ? (executed / most) * 100 : 0}%`, background: heatColour(most > 0 ? executed / most : 0) }} />
      </span>
      <span className="profile-number">{texts.number(executed)}</span>
      <span className="profile-share">{texts.percent(share)}</span>
      <span className="profile-time muted">{profile.nsPerEvent === null ? '' : timeText(profile.nsPerEvent * share)}</span>
    </>
  );
}

function Head({ names }: { names: readonly string[] }) {
  return (
    <div className="profile-row profile-head small muted" aria-hidden="true">
      {names.map((name, at) => (
        <span key={at} className={at === 0 ? 'profile-name' : `profile-${['', 'bar', 'number', 'share', 'time'][at]}`}>
          {name}
        </span>
      ))}
    </div>
  );
}

function Rows({ program, profile, by }: { program: ProgramView; profile: ProfileView; by: 'nodes' | 'functions' | 'lines' }) {
  const [active, setActive] = useState(-1);
  const model = useWorkbench((state) => state.stages.model.value);
  const rows = useMemo(() => {
    if (by === 'nodes') return originRows(program, profile, texts.unclaimed);
    return by === 'functions' ? functionRows(program, profile) : lineRows(program, profile);
  }, [program, profile, by]);
  const go = (at: number) => {
    setActive(at);
    const row = rows[at];
    if (!row) return;
    if (row.node >= 0) select('node', row.node);
    else if (row.insn >= 0) select('insn', row.insn);
  };
  const opOf = (row: ProfileRow) => (row.node < 0 ? '' : `${model?.nodes.find(({ index }) => index === row.node)?.op ?? ''} `);
  if (rows.length === 0) return <p className="empty">{texts.noLines}</p>;
  return (
    <>
      <Head names={[texts.name, '', texts.executed, texts.share, texts.timeHead]} />
      <VirtualList
        label={texts.tabs[by]}
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        onActivate={go}
        rowClass={(at) => (at === active ? 'selected' : '')}
      >
        {(at) => {
          const row = rows[at]!;
          return (
            <span className="profile-row">
              <span className="profile-name ellipsis" title={row.name}>
                {opOf(row)}
                <span className={opOf(row) ? 'muted' : ''}>{row.name}</span>
                {row.calls === null ? null : <span className="muted">{`  ${texts.calls} ${texts.number(row.calls)}`}</span>}
              </span>
              <Figures executed={row.executed} profile={profile} most={rows[0]!.executed} />
            </span>
          );
        }}
      </VirtualList>
    </>
  );
}

function Loops({ program, profile }: { program: ProgramView; profile: ProfileView }) {
  const [active, setActive] = useState(-1);
  const { loops } = profile;
  if (loops.length === 0) return <p className="empty">{texts.noLoops}</p>;
  return (
    <>
      <Head names={[`${texts.name}, ${texts.entries}, ${texts.perEntry}`, '', texts.executed, texts.share, texts.timeHead]} />
      <VirtualList
        label={texts.tabs.loops}
        count={loops.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        onActivate={(at) => {
          setActive(at);
          select('insn', loops[at]!.head);
        }}
        rowClass={(at) => (at === active ? 'selected' : '')}
      >
        {(at) => {
          const { head, from, to, entries, iterations, executed } = loops[at]!;
          const name = program.subprogs.findLast(({ start }) => start <= head)?.name ?? '';
          return (
            <span className="profile-row">
              <span className="profile-name ellipsis" title={texts.loop(name, from, to)}>
                {texts.loop(name, from, to)}
                <span className="muted">{`  ${texts.number(entries)} × ${texts.number(entries > 0 ? iterations / entries : iterations)}`}</span>
              </span>
              <Figures executed={executed} profile={profile} most={loops[0]!.executed} />
            </span>
          );
        }}
      </VirtualList>
    </>
  );
}

function Branches({ program, profile }: { program: ProgramView; profile: ProfileView }) {
  const [active, setActive] = useState(-1);
  const [onlyOne, setOnlyOne] = useState(true);
  const all = useMemo(() => branchRows(program, profile), [program, profile]);
  const both = all.filter(({ taken, fell }) => taken > 0 && fell > 0).length;
  const never = all.filter(({ taken, fell }) => taken + fell === 0).length;
  const rows = onlyOne ? all.filter(({ taken, fell }) => taken > 0 !== fell > 0) : all;
  return (
    <>
      <p className="profile-facts small" data-testid="coverage" data-both={both} data-never={never}>
        {texts.coverage(both, all.length - both - never, never)}{' '}
        <label className="profile-only">
          <input type="checkbox" checked={onlyOne} onChange={() => setOnlyOne(!onlyOne)} />
          {texts.onlyOne}
        </label>
      </p>
      <Head names={[texts.name, '', texts.taken, texts.fell, '']} />
      <VirtualList
        label={texts.tabs.branches}
        className="mono"
        count={rows.length}
        rowHeight={ROW_HEIGHT}
        active={active}
        onActivate={(at) => {
          setActive(at);
          select('insn', rows[at]!.insn);
        }}
        rowClass={(at) => (at === active ? 'selected' : '')}
      >
        {(at) => {
          const { insn, taken, fell } = rows[at]!;
          return (
            <span className="profile-row">
              <span className="profile-name ellipsis">
                {insn} <span className="muted">{insnText(program, insn)}</span>
              </span>
              <span className="profile-bar profile-mark">{coverageGlyph(taken, fell)}</span>
              <span className="profile-number">{texts.number(taken)}</span>
              <span className="profile-share">{texts.number(fell)}</span>
              <span className="profile-time" />
            </span>
          );
        }}
      </VirtualList>
    </>
  );
}
