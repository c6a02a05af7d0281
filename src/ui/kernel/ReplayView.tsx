import { useEffect, useMemo, useState } from 'react';
import type { CompareView } from '../../workbench/comparison.ts';
import { compareThere, replayInKernel, useKernel } from '../../workbench/kernel.ts';
import { liveDone } from '../../workbench/selectors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import type { ScoreColumns } from '../../workbench/views.ts';
import { useCommandHandler } from '../commands.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Progress } from '../components/Progress.tsx';
import { useTask } from '../components/useTask.ts';
import { useStable } from '../program/useStable.ts';
import { kernel as texts } from '../texts/kernel.ts';
import { Stale } from './Stale.tsx';
import { useAnswers } from './store.ts';

/** Events of which our engine and the kernel say something else, among those that both have done. */
function differing(a: ScoreColumns, b: ScoreColumns, done: number): number {
  let count = 0;
  for (let i = 0; i < done; i++) {
    let same = a.verdict[i] === b.verdict[i] && Object.is(a.score[i], b.score[i]);
    for (let at = 0; same && a.outputWidth === b.outputWidth && at < a.outputWidth; at++)
      same = Object.is(a.outputs[i * a.outputWidth + at], b.outputs[i * a.outputWidth + at]);
    if (!same) count++;
  }
  return count;
}

/** The whole trace in the kernel, with the figures of the Compare panel. */
export function ReplayView() {
  const words = texts.replay;
  const program = useWorkbench((state) => state.stages.program.value!);
  const trace = useWorkbench((state) => state.stages.trace.value);
  const ref = useWorkbench((state) => state.history.doc.trace);
  const binding = useWorkbench((state) => state.history.doc.binding);
  const reference = useWorkbench((state) => state.stages.reference);
  const engine = useWorkbench((state) => state.stages.replay);
  const said = useAnswers((state) => state.replay);
  const connected = useKernel(({ status, hello }) => status === 'connected' && hello?.backend === 'helper');
  const { progress, running, error, run, cancel } = useTask();
  const start = useStable(() => {
    if (!connected || !trace || !ref) return;
    const about = { of: program.key, trace: trace.key };
    useAnswers.setState({ replay: null });
    void run(
      (options) =>
        replayInKernel(program.key, ref, trace.count, options, (columns) =>
          useAnswers.setState({ replay: { ...about, columns, ns: null } }),
        ),
      ({ columns, ns }) => useAnswers.setState({ replay: { ...about, columns, ns } }),
    );
  });
  useCommandHandler('kernel.ask', start);
  const here = said !== null && said.trace === trace?.key;
  const [view, setView] = useState<CompareView | null>(null);
  const settled = !running && reference.status !== 'running';
  useEffect(() => {
    setView(null);
    if (!settled || !here || !trace || !reference.value || reference.stale || !binding || reference.value.total !== said.columns.total)
      return;
    const stop = new AbortController();
    compareThere({ trace, replay: said.columns, reference: reference.value, binding }, { signal: stop.signal }).then(
      setView,
      () => undefined,
    );
    return () => stop.abort();
  }, [settled, here, said, trace, reference.value, reference.stale, binding]);
  const own = engine.value && !engine.stale && said?.of === program.key && here ? engine.value : null;
  const together = own && said ? Math.min(liveDone(own), said.columns.done) : 0;
  const differ = useMemo(() => (own && said && !running ? differing(own, said.columns, together) : null), [own, said, running, together]);
  if (!trace) return <p className="kernel-pad muted">{words.none}</p>;
  return (
    <>
      <div className="kernel-tools">
        <button type="button" className="button primary" disabled={!connected || running} onClick={start}>
          {words.start}
        </button>
      </div>
      {running ? <Progress progress={progress} label={words.running} onCancel={cancel} /> : null}
      {error ? <ErrorNote error={error} /> : null}
      {said && here ? (
        <div
          className="kernel-scroll"
          data-testid="kernel-replay"
          data-done={said.columns.done}
          data-complete={said.columns.done === said.columns.total && !running}
          data-differing={differ ?? ''}
        >
          <Stale of={said.of} />
          <p className="kernel-pad">
            {words.done(said.columns.done, said.columns.total)}{' '}
            {said.ns !== null && said.columns.done > 0 ? words.mean(said.ns / said.columns.done) : ''}
          </p>
          {differ !== null && together > 0 ? (
            <p className={`kernel-pad ${differ === 0 ? 'ok' : 'bad'}`}>
              {differ === 0 ? '✓' : '✕'} {words.engine(differ, together)}
            </p>
          ) : null}
          {view && view.result.events > 0 ? (
            <Figures view={view} />
          ) : (
            <p className="kernel-pad muted">{reference.value ? words.waiting : words.reference}</p>
          )}
        </div>
      ) : running ? null : (
        <p className="kernel-pad muted">{texts.nothingYet}</p>
      )}
    </>
  );
}

function Figures({ view }: { view: CompareView }) {
  const words = texts.replay;
  const { result } = view;
  const agreement = result.agreement ?? 0;
  return (
    <>
      <dl className="kernel-headline">
        <div>
          <dt>{words.agreement}</dt>
          <dd className="kernel-big" data-testid="kernel-agreement" data-agreement={agreement}>
            {words.share(agreement)}
          </dd>
          <dd className="muted">{words.differ(result.events - result.agreed, result.events)}</dd>
        </div>
        <div>
          <dt>{words.error}</dt>
          <dd className="kernel-big">{(view.maxScoreError ?? result.maxAbsError).toFixed(4)}</dd>
          <dd className="muted">{result.maxAbsError > 0 ? words.outputs(result.maxAbsError) : ''}</dd>
        </div>
      </dl>
      <table className="kernel-table">
        <caption className="visually-hidden">{words.classes}</caption>
        <thead>
          <tr>
            <th scope="col">{words.verdict}</th>
            <th scope="col" className="num">
              {words.ort}
            </th>
            <th scope="col" className="num">
              {words.kernel}
            </th>
            <th scope="col" className="num">
              {words.both}
            </th>
          </tr>
        </thead>
        <tbody>
          {result.classes.map(({ name }, at) => {
            const theirs = result.confusion[at]!.reduce((sum, one) => sum + one, 0);
            const mine = result.confusion.reduce((sum, row) => sum + row[at]!, 0);
            return theirs + mine === 0 ? null : (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td className="num">{words.count(theirs)}</td>
                <td className="num">{words.count(mine)}</td>
                <td className="num">{words.count(result.confusion[at]![at]!)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}
