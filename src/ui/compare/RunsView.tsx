import { useState } from 'react';
import { changeOf, said } from '../../replay/report.ts';
import { figures } from '../../replay/run-record.ts';
import { canTake, type KeptRun, useRuns } from '../../workbench/runs.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { runs as texts } from '../texts/runs.ts';
import { Pareto } from './Pareto.tsx';
import { RunPair } from './RunPair.tsx';
import { HistoryTools, RunTools } from './RunTools.tsx';
import { Trials } from './Trials.tsx';
import './ab.css';
import './detection.css';
import './runs.css';

const IDS = Object.keys(texts.figures) as (keyof typeof texts.figures)[];

/** Every replay of late with its settings and figures, beside the one that was pinned. */
export default function RunsView() {
  const { runs, baseline } = useRuns();
  const doc = useWorkbench((state) => state.history.doc);
  const [key, setKey] = useState('');
  const [otherKey, setOther] = useState('');
  const chosen = runs.find((run) => run.key === key) ?? runs[0];
  const pinned = runs.find(({ key }) => key === baseline) ?? null;
  if (!chosen) {
    return (
      <div className="empty" data-testid="runs">
        <strong>{texts.none.title}</strong>
        <p>{texts.none.text}</p>
        <HistoryTools any={false} />
      </div>
    );
  }
  const others = runs.filter((run) => run !== chosen);
  const other = others.find((run) => run.key === otherKey) ?? (pinned && pinned !== chosen ? pinned : others[0]);
  const takes = canTake(chosen, doc);
  return (
    <div className="runs" data-testid="runs" data-runs={runs.length}>
      <RunTools run={chosen} baseline={pinned} takes={takes} />
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
      <div className="runs-tools">
        <HistoryTools any />
      </div>
      {other ? <RunPair chosen={chosen} others={others} other={other} titleOf={titleOf} onOther={setOther} /> : null}
      <Pareto runs={runs.filter((run) => canTake(run, doc))} />
      <Trials />
    </div>
  );
}

const titleOf = ({ name, record, doc: { options } }: KeptRun): string =>
  texts.choice(name, record.model, texts.of(options.quant, options.strategy, options.kernel), record.at);

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
  const name = run.name ?? texts.of(settings.quant, settings.strategy, settings.kernel);
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
