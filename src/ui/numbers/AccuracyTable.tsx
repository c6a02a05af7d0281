import { useState } from 'react';
import type { AccuracyView } from '../../workbench/number-views.ts';
import { measureAccuracy } from '../../workbench/numbers.ts';
import { select, useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { numbers } from '../texts/numbers.ts';

const texts = numbers.accuracy;

/** Every node's error against ONNX Runtime, over the first events of the trace. */
export function AccuracyTable({ programKey }: { programKey: string }) {
  const trace = useWorkbench((state) => state.history.doc.trace);
  const selection = useWorkbench((state) => state.selection);
  const [held, setHeld] = useState<{ readonly of: string; readonly view: AccuracyView } | null>(null);
  const { progress, running, error, run, cancel } = useTask();
  const of = `${programKey} ${trace?.hash}`;
  const view = held?.view;
  return (
    <section aria-label={texts.title} data-testid="accuracy">
      <div className="numbers-head">
        <h2>{texts.title}</h2>
        <button
          type="button"
          className="button bordered small"
          disabled={running || !trace}
          onClick={() =>
            trace &&
            void run(
              (options) => measureAccuracy(programKey, trace, options),
              (made) => setHeld({ of, view: made }),
            )
          }
        >
          {held?.of === of ? texts.again : texts.measure}
        </button>
      </div>
      <p className="small muted numbers-note">{trace ? (view ? texts.about(view.events) : '') : texts.needs}</p>
      {running ? <Progress progress={progress} label={texts.measuring} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {view ? (
        <div className={`numbers-scroll${held.of === of ? '' : ' stale'}`}>
          <table className="numbers-table" aria-label={texts.title}>
            <thead>
              <tr className="small muted">
                <th scope="col">{texts.columns.node}</th>
                <th scope="col">{texts.columns.max}</th>
                <th scope="col" className="numbers-wide">
                  {texts.columns.mean}
                </th>
                <th scope="col" title={texts.sqnrAbout}>
                  {texts.columns.sqnr}
                </th>
                <th scope="col">{texts.columns.saturated}</th>
                <th scope="col" className="numbers-wide">
                  {texts.columns.used}
                </th>
              </tr>
            </thead>
            <tbody>
              {view.nodes.map((row) => (
                <tr key={row.node} className={selection?.kind === 'node' && selection.id === row.node ? 'selected' : ''}>
                  <th scope="row">
                    <button type="button" className="numbers-link ellipsis" title={row.name} onClick={() => select('node', row.node)}>
                      {row.name}
                    </button>
                  </th>
                  <td>{texts.real(row.maxAbs)}</td>
                  <td className="numbers-wide">{texts.real(row.meanAbs)}</td>
                  <td>{texts.db(row.sqnr)}</td>
                  <td>{texts.saturated(row.saturated, row.elements)}</td>
                  <td className="numbers-wide">{texts.percent(row.rangeUsed)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}
