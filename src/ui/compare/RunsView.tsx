import { useState } from 'react';
import { changeOf, reportHtml, said } from '../../replay/report.ts';
import { figures } from '../../replay/run-record.ts';
import { download } from '../../workbench/actions.ts';
import { canTake, forgetRun, type KeptRun, setBaseline, takeSettings, useRuns } from '../../workbench/runs.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { runs as texts } from '../texts/runs.ts';
import { Pareto } from './Pareto.tsx';
import './runs.css';

const IDS = Object.keys(texts.figures) as (keyof typeof texts.figures)[];

/** Every replay of late with its settings and figures, beside the one that was pinned. */
export default function RunsView() {
  const { runs, baseline } = useRuns();
  const doc = useWorkbench((state) => state.history.doc);
  const [key, setKey] = useState('');
  const chosen = runs.find((run) => run.key === key) ?? runs[0];
  const pinned = runs.find(({ key }) => key === baseline) ?? null;
  if (!chosen) {
    return (
      <div className="empty" data-testid="runs">
        <strong>{texts.none.title}</strong>
        <p>{texts.none.text}</p>
      </div>
    );
  }
  return (
    <div className="runs" data-testid="runs" data-runs={runs.length}>
      <Tools run={chosen} baseline={pinned} takes={canTake(chosen, doc)} />
      <div className="runs-table">
        <table>
          <caption>{texts.caption}</caption>
          <thead>
            <tr>
              <th scope="col">{texts.settings}</th>
              {IDS.map((id) => (
                <th key={id} scope="col" className="num" title={texts.figuresAbout[id]}>
                  {texts.figures[id]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <Row key={run.key} run={run} baseline={pinned} chosen={run === chosen} onChoose={() => setKey(run.key)} />
            ))}
          </tbody>
        </table>
      </div>
      <Pareto runs={runs.filter((run) => canTake(run, doc))} />
    </div>
  );
}

/** What can be done with the chosen run. */
function Tools({ run, baseline, takes }: { run: KeptRun; baseline: KeptRun | null; takes: boolean }) {
  const { record, key } = run;
  const isBaseline = baseline?.key === key;
  const save = (kind: 'html' | 'json') => {
    const text =
      kind === 'html' ? reportHtml(record, isBaseline ? null : (baseline?.record ?? null)) : `${JSON.stringify(record, null, 1)}\n`;
    download(texts.fileName(record.model, record.at, kind), new TextEncoder().encode(text));
  };
  return (
    <div className="runs-tools">
      <button
        type="button"
        className="button bordered small"
        aria-pressed={isBaseline}
        title={texts.pinAbout}
        onClick={() => setBaseline(key)}
      >
        {isBaseline ? texts.unpin : texts.pin}
      </button>
      <button
        type="button"
        className="button bordered small"
        disabled={!takes}
        title={takes ? texts.takeAbout : texts.otherFile}
        onClick={() => takeSettings(run)}
      >
        {texts.take}
      </button>
      {(['html', 'json'] as const).map((kind) => (
        <button key={kind} type="button" className="button bordered small" title={texts[`${kind}About`]} onClick={() => save(kind)}>
          {texts[kind]}
        </button>
      ))}
      <button type="button" className="button bordered small" onClick={() => forgetRun(key)}>
        {texts.forget}
      </button>
    </div>
  );
}

interface RowProps {
  readonly run: KeptRun;
  readonly baseline: KeptRun | null;
  readonly chosen: boolean;
  readonly onChoose: () => void;
}

function Row({ run, baseline, chosen, onChoose }: RowProps) {
  const { settings, model, trace, at } = run.record;
  const isBaseline = baseline?.key === run.key;
  const before = baseline && !isBaseline ? figures(baseline.record) : null;
  const name = texts.of(settings.quant, settings.strategy, settings.kernel);
  return (
    <tr className={chosen ? 'selected' : ''} onClick={onChoose}>
      <th scope="row" title={texts.title(model, trace.name, trace.events, settings.quant)}>
        <button type="button" className="link runs-settings ellipsis" aria-pressed={chosen} onClick={onChoose}>
          {name}
        </button>
        <span className="small muted">
          {new Date(at).toLocaleTimeString('en', { hour12: false })} {isBaseline ? texts.baseline : model}
        </span>
      </th>
      {figures(run.record).map(({ id, value, better }, i) => {
        const old = before?.[i]?.value ?? null;
        const worse = value !== null && old !== null && (better === 'more' ? value < old : value > old);
        return (
          <td key={id} className="num">
            {said(id, value)}
            {before ? (
              <span className={`small ${worse ? 'bad' : 'muted'}`}>{(worse ? texts.worse : '') + changeOf(id, value, old)}</span>
            ) : null}
          </td>
        );
      })}
    </tr>
  );
}
