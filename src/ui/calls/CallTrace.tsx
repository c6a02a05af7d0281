import { type CSSProperties, useMemo, useState } from 'react';
import { VERDICT_ORDER } from '../../hooks/decide.ts';
import { callName } from '../../traces/syscalls/numbers.ts';
import { formatCount, formatScore, scoreAt } from '../../workbench/selectors.ts';
import { NO_OVERLAY, select, useWorkbench } from '../../workbench/store.ts';
import type { CallTraceView, ScoreColumns } from '../../workbench/views.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { calls as texts } from '../texts/calls.ts';
import { ScoreCells } from '../trace/ScoreCells.tsx';
import { CallWindow } from './CallWindow.tsx';
import { argumentsOf } from './line.ts';
import './calls.css';

type Shows = keyof typeof texts.shows;
const SHOWS = Object.keys(texts.shows) as Shows[];
/** Processes that the menu names. */
const MOST_PROCESSES = 500;

/** System calls with the verdicts on their processes, and beside them what the model sees of the chosen one's process. */
export function CallTrace({ trace, at }: { trace: CallTraceView; at: number }) {
  const [process, setProcess] = useState<number | null>(null);
  const [shows, setShows] = useState<Shows>('all');
  const replay = useWorkbench((state) => state.stages.replay);
  const reference = useWorkbench((state) => state.stages.reference);
  const selection = useWorkbench((state) => state.selection);
  const processes = useMemo(() => processesOf(trace), [trace]);
  const shown = processes.some(([pid]) => pid === process) ? process : null;
  const columns = shows === 'all' ? null : replay.value;
  const rows = useMemo(() => rowsOf(trace, shown, columns, shows === 'tagged'), [trace, shown, columns, shows]);
  const selected = selection?.kind === 'packet' ? Number(selection.id) : -1;
  const callOf = (row: number): number => (rows ? rows[row]! : row);
  const active = rows ? rows.findLastIndex((call) => call <= at) : at;
  const mine = (call: number) => verdictAt(replay.value, call);
  return (
    <div className="trace-split">
      <div className="trace-list" style={{ '--digits': formatCount(trace.count).length } as CSSProperties}>
        <div className="calls-bar small">
          <label>
            <span className="muted">{texts.processes}</span>
            <select
              className="field"
              value={shown ?? ''}
              onChange={(event) => setProcess(event.target.value === '' ? null : Number(event.target.value))}
            >
              <option value="">{texts.all}</option>
              {processes.slice(0, MOST_PROCESSES).map(([pid, count]) => (
                <option key={pid} value={pid}>
                  {texts.process(pid, formatCount(count))}
                </option>
              ))}
            </select>
          </label>
          <label>
            <span className="muted">{texts.show}</span>
            <select className="field" value={shows} onChange={(event) => setShows(event.target.value as Shows)}>
              {SHOWS.map((one) => (
                <option key={one} value={one}>
                  {texts.shows[one]}
                </option>
              ))}
            </select>
          </label>
          <span className="muted">{texts.count(processes.length)}</span>
        </div>
        <div className="trace-row trace-head small muted" aria-hidden="true">
          <span className="t-no">{texts.columns.number}</span>
          <span className="call-time">{texts.columns.time}</span>
          <span className="call-pid">{texts.columns.process}</span>
          <span className="call-name">{texts.columns.call}</span>
          <span className="call-args">{texts.columns.arguments}</span>
          <span className="t-verdict">{texts.columns.verdict}</span>
          <span className="t-score">{texts.columns.score}</span>
          <span className="t-score">{texts.columns.reference}</span>
          {trace.labels ? <span className="t-label">{texts.columns.label}</span> : null}
        </div>
        <VirtualList
          label={texts.list}
          count={rows ? rows.length : trace.count}
          rowHeight={20}
          active={Math.max(0, active)}
          onActivate={(row) => select('packet', callOf(row))}
          rowClass={(row) => (callOf(row) === selected ? 'selected' : callOf(row) === at ? 'related' : '')}
          rowLabel={(row) => {
            const call = callOf(row);
            const result = mine(call);
            const verdict = result ? texts.verdictOf(result.verdict, formatScore(result.score)) : '';
            return `${texts.row(call, trace.pid[call]!, callName(trace.nr[call]!))}${verdict}`;
          }}
        >
          {(row) => {
            const call = callOf(row);
            const result = mine(call);
            const expected = verdictAt(reference.value, call);
            const differs = result !== null && expected !== null && result.verdict !== expected.verdict;
            const label = trace.labels?.[call] ?? -1;
            const [pid, tid] = [trace.pid[call]!, trace.tid[call]!];
            return (
              <div className="trace-row" data-packet={call}>
                <span className="t-no">{formatCount(call + 1)}</span>
                <span className="call-time">{Number.isNaN(trace.time[call]) ? '' : trace.time[call]!.toFixed(4)}</span>
                <span className="call-pid" title={tid === pid ? undefined : texts.thread(tid)}>
                  {pid}
                  {tid === pid ? '' : '·'}
                </span>
                <span className="call-name ellipsis">{callName(trace.nr[call]!)}</span>
                <span className="call-args ellipsis muted mono">{argumentsOf(trace, call)}</span>
                <ScoreCells
                  result={result}
                  expected={expected}
                  differs={differs}
                  stale={replay.stale}
                  referenceStale={reference.stale}
                  label={trace.labels ? label : null}
                />
              </div>
            );
          }}
        </VirtualList>
      </div>
      {at >= 0 ? <CallWindow trace={trace} at={at} mine={mine(at)} theirs={verdictAt(reference.value, at)} /> : null}
    </div>
  );
}

/** What was decided at a call; null where nothing was. */
function verdictAt(columns: ScoreColumns | null, call: number): { verdict: string; score: number } | null {
  const result = scoreAt(columns, NO_OVERLAY.program, call);
  const verdict = result && VERDICT_ORDER[result.verdict];
  return verdict ? { verdict, score: result.score } : null;
}

/** Processes with how many calls each made, in the order of their first. */
function processesOf({ pid }: CallTraceView): [number, number][] {
  const counts = new Map<number, number>();
  for (const one of pid) counts.set(one, (counts.get(one) ?? 0) + 1);
  return [...counts];
}

/** Calls of a process, with a verdict, or tagged; null where all are shown. */
function rowsOf({ count, pid }: CallTraceView, process: number | null, judged: ScoreColumns | null, tagged: boolean): Uint32Array | null {
  if (process === null && !judged) return null;
  const rows: number[] = [];
  for (let call = 0; call < count; call++) {
    if (process !== null && pid[call] !== process) continue;
    const said = judged && verdictAt(judged, call);
    if (!judged || (said && (!tagged || said.verdict === 'TAG'))) rows.push(call);
  }
  return Uint32Array.from(rows);
}
