import { type CSSProperties, useMemo } from 'react';
import { chooseClass } from '../../reference/compare.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import type { ScoreColumns, TensorTraceView } from '../../workbench/views.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { trace as texts } from '../texts/trace.ts';

/** More outputs than that fit no line. */
const MOST_SHOWN = 64;

/** One input a line: the class that program and reference give it, and how clearly. */
export function TensorList({ trace, at }: { trace: TensorTraceView; at: number }) {
  const replay = useWorkbench((state) => state.stages.replay);
  const reference = useWorkbench((state) => state.stages.reference);
  const selection = useWorkbench((state) => state.selection);
  const selected = selection?.kind === 'packet' ? Number(selection.id) : -1;
  const outputs = useMemo(
    () => (columns: ScoreColumns | null, i: number) => {
      if (!columns || i >= columns.done) return null;
      // Of many events with many outputs each only the class is kept.
      if (columns.outputWidth === 0) return { index: columns.verdict[i]!, margin: Number.NaN, values: columns.outputs };
      const values = columns.outputs.subarray(i * columns.outputWidth, (i + 1) * columns.outputWidth);
      return { ...chooseClass(values, columns.cut), values };
    },
    [],
  );
  return (
    <div className="trace-list" style={{ '--digits': formatCount(trace.count).length } as CSSProperties}>
      <div className="trace-row trace-head small muted" aria-hidden="true">
        <span className="t-no">{texts.columns.number}</span>
        <span className="t-score">{texts.columns.class}</span>
        <span className="t-score">{texts.columns.reference}</span>
        {trace.labels ? <span className="t-label">{texts.columns.label}</span> : null}
        <span className="t-score">{texts.columns.margin}</span>
        <span className="t-outputs">{texts.columns.outputs}</span>
      </div>
      <VirtualList
        label={texts.inputs}
        count={trace.count}
        rowHeight={20}
        active={at}
        onActivate={(i) => select('packet', i)}
        rowClass={(i) => (i === selected ? 'selected' : i === at ? 'related' : '')}
        rowLabel={(i) => {
          const mine = outputs(replay.value, i);
          const theirs = outputs(reference.value, i);
          return texts.inputRow(i, mine?.index ?? null, theirs?.index ?? null);
        }}
      >
        {(i) => {
          const mine = outputs(replay.value, i);
          const theirs = outputs(reference.value, i);
          const differs = mine && theirs && mine.index !== theirs.index;
          const label = trace.labels?.[i] ?? -1;
          return (
            <div className="trace-row" data-packet={i}>
              <span className="t-no">{formatCount(i + 1)}</span>
              <span className={replay.stale ? 't-score stale' : 't-score'} data-verdict>
                {mine ? mine.index : ''}
              </span>
              <span className={`t-score${differs ? ' bad' : ''}${reference.stale ? ' stale' : ''}`} data-reference>
                {theirs ? `${differs ? '✕ ' : ''}${theirs.index}` : ''}
              </span>
              {trace.labels ? <span className="t-label">{label < 0 ? '' : label}</span> : null}
              <span className="t-score">{mine && !Number.isNaN(mine.margin) ? mine.margin.toFixed(3) : ''}</span>
              <span className="t-outputs ellipsis muted">
                {mine ? Array.from(mine.values.subarray(0, MOST_SHOWN), (value) => value.toFixed(3)).join('  ') : ''}
              </span>
            </div>
          );
        }}
      </VirtualList>
    </div>
  );
}
