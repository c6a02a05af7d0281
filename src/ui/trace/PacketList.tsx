import type { CSSProperties } from 'react';
import { useArtifacts } from '../../workbench/current-relations.ts';
import { tokenBytes } from '../../workbench/relations.ts';
import { formatCount, formatScore, scoreAt, verdictName } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { PacketTraceView } from '../../workbench/views.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { trace as texts } from '../texts/trace.ts';
import { packetInfo } from './packet-info.ts';
import { ScoreCells } from './ScoreCells.tsx';
import { holdsByte, selectedToken } from './token-row.ts';

/** One packet a line: when, whom, what, and the two scores side by side. */
export function PacketList({ trace, at }: { trace: PacketTraceView; at: number }) {
  const replay = useWorkbench((state) => state.stages.replay);
  const reference = useWorkbench((state) => state.stages.reference);
  const overlay = useWorkbench((state) => state.overlay);
  const selection = useWorkbench((state) => state.selection);
  const model = useWorkbench((state) => state.stages.model.value);
  // Draws itself again when packets come from their file.
  const artifacts = useArtifacts();
  const selected = selection?.kind === 'packet' ? Number(selection.id) : -1;
  // While a row of an embedding is selected, the packets that look it up are its relatives.
  const { binding } = artifacts;
  const input = binding?.input.kind === 'payload' ? (binding.input.tensor ?? model?.inputs[0]?.name) : undefined;
  const token = selectedToken(selection, model, input);
  const holds = (i: number): boolean => {
    const tokens = token < 0 ? null : tokenBytes(i, artifacts);
    return tokens !== null && holdsByte(trace, i, tokens.from, tokens.to, token);
  };
  const mine = (i: number) => scoreAt(replay.value, overlay.program, i);
  const theirs = (i: number) => scoreAt(reference.value, overlay.reference, i);
  return (
    <div className="trace-list" style={{ '--digits': formatCount(trace.count).length } as CSSProperties}>
      <div className="trace-row trace-head small muted" aria-hidden="true">
        <span className="t-no">{texts.columns.number}</span>
        <span className="t-time">{texts.columns.time}</span>
        <span className="t-ends ellipsis">{texts.columns.ends}</span>
        <span className="t-info ellipsis">{texts.columns.info}</span>
        <span className="t-verdict">{texts.columns.verdict}</span>
        <span className="t-score">{texts.columns.score}</span>
        <span className="t-score">{texts.columns.reference}</span>
        {trace.labels ? <span className="t-label">{texts.columns.label}</span> : null}
      </div>
      <VirtualList
        label={texts.packets}
        count={trace.count}
        rowHeight={20}
        active={at}
        onActivate={(i) => select('packet', i)}
        rowClass={(i) => (i === selected ? 'selected' : i === at || holds(i) ? 'related' : '')}
        rowLabel={(i) => {
          const packet = packetInfo(trace, i);
          if (!packet) return texts.packetComes(i);
          const { source, destination, info } = packet;
          const result = mine(i);
          const verdict = result ? texts.verdictOf(verdictName(result.verdict), formatScore(result.score)) : texts.notReplayed;
          return `${texts.packetRow(i, source, destination, info)}${verdict}${holds(i) ? `, ${texts.bytes.holdsToken(token)}` : ''}`;
        }}
      >
        {(i) => {
          const packet = packetInfo(trace, i);
          const result = mine(i);
          const expected = theirs(i);
          const differs = result !== null && expected !== null && result.verdict !== expected.verdict;
          const label = trace.labels?.[i] ?? -1;
          return (
            <div className="trace-row" data-packet={i}>
              <span className="t-no" title={holds(i) ? texts.bytes.holdsToken(token) : undefined}>
                {holds(i) ? '• ' : ''}
                {formatCount(i + 1)}
              </span>
              <span className="t-time">{Number.isNaN(trace.time[i]!) ? '' : trace.time[i]!.toFixed(4)}</span>
              <span className="t-ends ellipsis">{packet ? texts.ends(packet.source, packet.destination) : '…'}</span>
              <span className="t-info ellipsis muted">{packet?.info}</span>
              <ScoreCells
                result={result && { verdict: verdictName(result.verdict), score: result.score }}
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
  );
}
