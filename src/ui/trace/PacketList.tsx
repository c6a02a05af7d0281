import { formatScore, scoreAt, verdictName } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { PacketTraceView } from '../../workbench/views.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { packetInfo } from './packet-info.ts';

/** One packet a line: when, whom, what, and the two scores side by side. */
export function PacketList({ trace, at }: { trace: PacketTraceView; at: number }) {
  const replay = useWorkbench((state) => state.stages.replay);
  const reference = useWorkbench((state) => state.stages.reference);
  const overlay = useWorkbench((state) => state.overlay);
  const selection = useWorkbench((state) => state.selection);
  const selected = selection?.kind === 'packet' ? Number(selection.id) : -1;
  const mine = (i: number) => scoreAt(replay.value, overlay.program, i);
  const theirs = (i: number) => scoreAt(reference.value, overlay.reference, i);
  return (
    <div className="trace-list">
      <div className="trace-row trace-head small muted" aria-hidden="true">
        <span className="t-no">#</span>
        <span className="t-time">time s</span>
        <span className="t-ends ellipsis">source → destination</span>
        <span className="t-info ellipsis">info</span>
        <span className="t-verdict">verdict</span>
        <span className="t-score">score</span>
        <span className="t-score">reference</span>
        {trace.labels ? <span className="t-label">label</span> : null}
      </div>
      <VirtualList
        label="Packets"
        count={trace.count}
        rowHeight={20}
        active={at}
        onActivate={(i) => select('packet', i)}
        rowClass={(i) => (i === selected ? 'selected' : i === at ? 'related' : '')}
        rowLabel={(i) => {
          const { source, destination, info } = packetInfo(trace, i);
          const result = mine(i);
          const verdict = result ? `, ${verdictName(result.verdict)}, score ${formatScore(result.score)}` : ', not yet replayed';
          return `packet ${i + 1}, ${source} to ${destination}, ${info}${verdict}`;
        }}
      >
        {(i) => {
          const { source, destination, info } = packetInfo(trace, i);
          const result = mine(i);
          const expected = theirs(i);
          const differs = result && expected && result.verdict !== expected.verdict;
          const label = trace.labels?.[i] ?? -1;
          return (
            <div className="trace-row" data-packet={i}>
              <span className="t-no">{i + 1}</span>
              <span className="t-time">{trace.time[i]!.toFixed(4)}</span>
              <span className="t-ends ellipsis">
                {source} → {destination}
              </span>
              <span className="t-info ellipsis muted">{info}</span>
              <span className={`t-verdict v-${result ? verdictName(result.verdict) : 'none'}${replay.stale ? ' stale' : ''}`} data-verdict>
                {result ? verdictName(result.verdict) : ''}
              </span>
              <span className={replay.stale ? 't-score stale' : 't-score'} data-score>
                {result ? formatScore(result.score) : ''}
              </span>
              <span className={`t-score${differs ? ' bad' : ''}${reference.stale ? ' stale' : ''}`} data-reference>
                {differs ? '✕ ' : ''}
                {expected ? formatScore(expected.score) : ''}
              </span>
              {trace.labels ? <span className="t-label">{label < 0 ? '' : label}</span> : null}
            </div>
          );
        }}
      </VirtualList>
    </div>
  );
}
