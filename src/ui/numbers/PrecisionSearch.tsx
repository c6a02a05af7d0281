import { useState } from 'react';
import type { Quant } from '../../compiler/api.ts';
import type { SearchCost, Trial } from '../../compiler/precision-search.ts';
import type { SearchView } from '../../workbench/number-views.ts';
import { searchPrecisions, setQuant } from '../../workbench/numbers.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { numbers } from '../texts/numbers.ts';

const texts = numbers.search;
const COSTS = Object.keys(texts.costs) as SearchCost[];

/** Looks for the cheapest precisions that agree with ONNX Runtime often enough, and shows what it tries. */
export function PrecisionSearch({ programKey }: { programKey: string }) {
  const trace = useWorkbench((state) => state.history.doc.trace);
  const quant = useWorkbench((state) => state.history.doc.options.quant);
  const [least, setLeast] = useState('99.9');
  const [cost, setCost] = useState<SearchCost>('insns');
  const [trials, setTrials] = useState<readonly Trial[]>([]);
  const [found, setFound] = useState<SearchView | null>(null);
  const { progress, running, error, run, cancel } = useTask();
  const share = Number(least) / 100;
  const valid = least.trim() !== '' && share >= 0 && share <= 1;
  const start = () => {
    if (!trace || !valid) return;
    setTrials([]);
    setFound(null);
    void run(
      (options) =>
        searchPrecisions(
          programKey,
          { trace, minAgreement: share, cost },
          ({ trial }) => setTrials((before) => [...before, trial]),
          options,
        ),
      setFound,
    );
  };
  return (
    <section aria-label={texts.title} data-testid="search">
      <div className="numbers-head">
        <h2>{texts.title}</h2>
        <button type="button" className="button bordered small" disabled={running || !trace || !valid} onClick={start}>
          {texts.start}
        </button>
      </div>
      <div className="numbers-form">
        <label>
          <span>{texts.least}</span>
          <input
            className="field num"
            inputMode="decimal"
            value={least}
            aria-invalid={!valid}
            title={valid ? undefined : texts.bad}
            onChange={({ target }) => setLeast(target.value)}
          />
          <span>{texts.unit}</span>
        </label>
        <label>
          <span>{texts.cost}</span>
          <select className="field" value={cost} onChange={({ target }) => setCost(target.value as SearchCost)}>
            {COSTS.map((name) => (
              <option key={name} value={name}>
                {texts.costs[name]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {running ? <Progress progress={progress} label={texts.searching} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {found ? (
        <p className="numbers-note numbers-found">
          <span className="ellipsis" title={found.quant}>
            {found.met ? texts.found(found.quant) : texts.unmet}
          </span>
          {found.quant === quant ? null : (
            <button type="button" className="button bordered small" onClick={() => setQuant(found.quant as Quant)}>
              {texts.apply}
            </button>
          )}
        </p>
      ) : null}
      {trials.length > 0 ? (
        <div className="numbers-scroll">
          <table className="numbers-table" aria-label={texts.title}>
            <thead>
              <tr className="small muted">
                <th scope="col">{texts.columns.quant}</th>
                <th scope="col">{texts.columns.agreement}</th>
                <th scope="col">{texts.columns.insns}</th>
                <th scope="col" className="numbers-rest">
                  {texts.columns.bytes}
                </th>
                <td />
              </tr>
            </thead>
            <tbody>
              {trials.map(({ quant: tried, agreement, insns, bytes, kept }) => (
                <tr key={tried}>
                  <th scope="row">
                    <span className="ellipsis" title={tried}>
                      {tried}
                    </span>
                  </th>
                  <td>{texts.agreement(agreement)}</td>
                  <td>{texts.count(insns)}</td>
                  <td className="numbers-rest">{texts.bytes(bytes)}</td>
                  <td className="small muted">{kept ? texts.kept : texts.dropped}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}
