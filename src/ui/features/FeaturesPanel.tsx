import { useEffect, useMemo, useState } from 'react';
import { isFeatureInput } from '../../hooks/features/binding.ts';
import { eventOf } from '../../workbench/event-values.ts';
import { type FeatureState, readFeatures, stopFeatures, useFeatures } from '../../workbench/features.ts';
import { formatCount } from '../../workbench/selectors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { useWidth } from '../components/useWidth.ts';
import { VirtualList } from '../components/VirtualList.tsx';
import { features as texts } from '../texts/features.ts';
import { featuresPanel } from '../texts/features-panel.ts';
import './features.css';

const number = (value: number): string => (Number.isInteger(value) ? formatCount(value) : Number(value.toPrecision(6)).toString());

/** The features of the packet at the cursor, in the program's map and by the reference. */
export default function FeaturesPanel() {
  // A panel behind another one is there, but has no width.
  const { ref, width } = useWidth();
  const program = useWorkbench((state) => (state.stages.program.stale ? null : (state.stages.program.value?.key ?? null)));
  const trace = useWorkbench((state) => state.stages.trace.value);
  const binding = useWorkbench((state) => state.history.doc.binding);
  const event = useWorkbench(eventOf);
  const state = useFeatures();
  const takes = binding !== null && isFeatureInput(binding.input);
  const packets = trace?.kind === 'packets' ? trace.key : null;
  const wanted = width > 0 && takes && event >= 0;
  useEffect(
    () => (wanted && program !== null && packets !== null ? readFeatures(program, packets, event) : undefined),
    [wanted, program, event, packets],
  );
  const { view, progress, error } = state;
  return (
    <Panel
      id="features"
      title={featuresPanel.title}
      summary={view?.rows ? texts.summary(state.event, formatCount(view.rows.length)) : null}
    >
      <div ref={ref} />
      {error ? <ErrorNote error={error} /> : null}
      {progress ? <Progress progress={progress} label={texts.working} onCancel={stopFeatures} /> : null}
      {!takes || packets === null || program === null ? (
        <div className="empty">
          <strong>{takes ? null : texts.empty.title}</strong>
          <p>{!takes ? texts.empty.text : packets === null ? texts.empty.trace : texts.empty.program}</p>
        </div>
      ) : view?.rows ? (
        <Rows state={state} current={state.event === event && state.trace === packets && state.program === program} />
      ) : view ? (
        <p className="empty">{texts.noLayer(state.event, ('otherwise' in binding.input ? binding.input.otherwise : null) ?? 'PASS')}</p>
      ) : null}
    </Panel>
  );
}

function Rows({ state: { view }, current }: { state: FeatureState; current: boolean }) {
  const [find, setFind] = useState('');
  const rows = useMemo(() => (view?.rows ?? []).filter(({ name }) => name.includes(find.trim())), [view, find]);
  const [active, setActive] = useState(0);
  if (!view) return null;
  const [packets, numbers] = [formatCount(view.packets), formatCount(view.numbers)];
  return (
    <div
      className={current ? 'stage-body features' : 'stage-body features stale'}
      aria-busy={!current}
      data-testid="features"
      data-differ={view.differ}
    >
      <p className={view.differ === 0 ? 'features-said ok' : 'features-said bad'}>
        {view.differ === 0 ? texts.equal(packets, numbers) : texts.differ(formatCount(view.differ), packets)}
      </p>
      <input
        className="field features-find"
        type="search"
        aria-label={texts.filter}
        placeholder={texts.filter}
        value={find}
        onChange={(event) => setFind(event.target.value)}
      />
      <div className="feature-row trace-head small muted" aria-hidden="true">
        <span className="f-name">{texts.columns.name}</span>
        <span className="f-value">{texts.columns.value}</span>
        <span className="f-value">{texts.columns.program}</span>
        <span className="f-value">{texts.columns.number}</span>
        <span className="f-says">{texts.columns.says}</span>
      </div>
      <VirtualList
        label={texts.list}
        count={rows.length}
        rowHeight={20}
        active={Math.min(active, Math.max(0, rows.length - 1))}
        onActivate={setActive}
        rowClass={(i) => (i === active ? 'related' : '')}
        rowLabel={(i) => texts.row(rows[i]!.name, number(rows[i]!.value), number(rows[i]!.program))}
      >
        {(i) => {
          const { name, says, value, program, number: given } = rows[i]!;
          return (
            <div className="feature-row" data-feature={name}>
              <span className="f-name ellipsis mono" title={name}>
                {name}
              </span>
              <span className="f-value">{number(value)}</span>
              <span className={value === program ? 'f-value' : 'f-value bad'}>
                {value === program ? '' : '✕ '}
                {number(program)}
              </span>
              <span className="f-value">{number(given)}</span>
              <span className="f-says ellipsis muted" title={says}>
                {says}
              </span>
            </div>
          );
        }}
      </VirtualList>
    </div>
  );
}
