import { Suspense, useEffect, useMemo, useState } from 'react';
import { NEAR } from '../../replay/compare-scores.ts';
import { NO_VERDICT } from '../../replay/verdicts.ts';
import type { CompareView } from '../../workbench/comparison.ts';
import { cancelStage } from '../../workbench/pipeline.ts';
import { useAsked } from '../../workbench/projects/asked.ts';
import { formatCount, liveDone } from '../../workbench/selectors.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { Panel } from '../components/Panel.tsx';
import { Progress } from '../components/Progress.tsx';
import { part } from '../components/part.tsx';
import { ShippedMark } from '../components/ShippedMark.tsx';
import { compare as texts } from '../texts/compare.ts';
import { Confusion } from './Confusion.tsx';
import { SCATTER_BOX } from './scatter-box.ts';
import { useComparison } from './use-comparison.ts';
import './compare.css';

const ScatterPlot = part(() => import('./ScatterPlot.tsx'));
const DetectionView = part(() => import('./DetectionView.tsx'));
const ErrorsView = part(() => import('./ErrorsView.tsx'));
const TensorErrors = part(() => import('./TensorErrors.tsx'));
const AbView = part(() => import('./AbView.tsx'));
const RunsView = part(() => import('./RunsView.tsx'));

type View = keyof typeof texts.views;
const VIEWS = Object.keys(texts.views) as View[];

/** How well the program agrees with ONNX Runtime on this trace. */
export function ComparePanel() {
  const trace = useWorkbench((state) => state.stages.trace.value);
  const replay = useWorkbench((state) => state.stages.replay);
  const reference = useWorkbench((state) => state.stages.reference);
  const calibration = useWorkbench((state) => state.stages.calibration.value);
  const overlay = useWorkbench((state) => state.overlay);
  const binding = useWorkbench((state) => state.history.doc.binding);
  const source = useWorkbench((state) => state.history.doc.source);
  const both = useMemo(() => {
    if (!trace || !replay.value || !reference.value || !binding) return null;
    if (trace.count !== replay.value.total || trace.count !== reference.value.total) return null;
    return { trace, replay: replay.value, reference: reference.value, overlay, binding };
  }, [trace, replay.value, reference.value, overlay, binding]);
  const view = useComparison(both, replay.status === 'running' || reference.status === 'running');
  /** A trace that is still being read says nothing about accuracy yet. */
  const pending = useWorkbench((state) => state.history.doc.trace !== null && state.stages.trace.status === 'running');
  const stale = replay.stale || reference.stale;
  // Calls at which the model does not run have no verdict.
  const decided = useMemo(
    () => (trace?.kind === 'calls' ? (replay.value?.verdict.filter((verdict) => verdict !== NO_VERDICT).length ?? 0) : (trace?.count ?? 0)),
    [trace, replay.value],
  );
  const complete =
    trace !== null && view?.result.events === decided && [replay, reference].every(({ value }) => value && liveDone(value) === value.total);
  const shipped = replay.shipped || reference.shipped;
  const swapped = reference.value?.swapped;
  const measured = view !== null && view.result.events > 0;
  const [shown, setShown] = useState<View>('agreement');
  const asked = useAsked((state) => state.asked);
  useEffect(() => {
    if (complete) void import('../../workbench/runs.ts').then(({ watchRuns }) => watchRuns());
  }, [complete]);

  useEffect(() => {
    if (asked) setShown('ab');
  }, [asked]);
  const empty =
    reference.status === 'running' || reference.error || pending ? null : (
      <div className="empty" data-testid="unmeasured">
        <strong>{source?.kind === 'model' ? texts.empty.unmeasured : texts.empty.nothing}</strong>
        <p>{!trace ? texts.empty.needs : source?.kind === 'model' ? texts.empty.waiting : texts.empty.foreign}</p>
      </div>
    );

  return (
    <Panel
      id="compare"
      title={texts.title}
      summary={
        measured ? (
          <>
            {texts.summary(view.result.events, trace?.count ?? 0)}
            {shipped ? <ShippedMark /> : null}
          </>
        ) : (
          texts.with
        )
      }
    >
      {reference.error ? <ErrorNote error={reference.error} /> : null}
      {reference.status === 'running' ? (
        <Progress progress={reference.progress} label={texts.loading} onCancel={() => cancelStage('reference')} />
      ) : null}
      {measured || trace ? (
        <div className={stale ? 'stage-body stale' : 'stage-body'} aria-busy={stale}>
          <div className="compare" data-testid="compare" data-complete={measured && complete && !stale}>
            {calibration?.source === 'generated' ? <ErrorNote tone="warning" error={texts.generated} /> : null}
            {swapped ? <ErrorNote tone="note" error={texts.swapped(swapped.name, swapped.from + 1)} /> : null}
            <div className="segments compare-views">
              {VIEWS.map((one) => (
                <button
                  key={one}
                  type="button"
                  className="segment"
                  aria-pressed={shown === one}
                  title={texts.viewsAbout[one]}
                  onClick={() => setShown(one)}
                >
                  {texts.views[one]}
                </button>
              ))}
            </div>
            {shown === 'ab' || shown === 'runs' ? (
              <Suspense>{shown === 'ab' ? <AbView /> : <RunsView />}</Suspense>
            ) : !measured ? (
              empty
            ) : shown === 'agreement' ? (
              <>
                <Headline view={view} tensors={trace?.kind === 'tensors'} kept={(replay.value?.outputWidth ?? 0) > 0} />
                <div className="compare-grid">
                  <Suspense fallback={<div className="scatter" style={SCATTER_BOX} />}>
                    <ScatterPlot
                      scatter={view.scatter}
                      threshold={binding?.output.kind === 'threshold' ? binding.output.threshold : null}
                    />
                  </Suspense>
                  <div className="compare-tables">
                    {view.scatter.left > 0 ? <p className="small muted">{texts.leftOut(formatCount(view.scatter.left))}</p> : null}
                    <Confusion result={view.result} />
                    <Labels view={view} />
                  </div>
                </div>
              </>
            ) : (
              <Suspense>{shown === 'detection' ? <DetectionView /> : shown === 'tensors' ? <TensorErrors /> : <ErrorsView />}</Suspense>
            )}
          </div>
        </div>
      ) : (
        empty
      )}
    </Panel>
  );
}

/** `kept`: whether the outputs of all events are there to be compared. */
function Headline({ view, tensors, kept }: { view: CompareView; tensors: boolean; kept: boolean }) {
  const { result } = view;
  const agreement = result.agreement ?? 0;
  const differ = result.events - result.agreed;
  return (
    <dl className="headline">
      <div>
        <dt>{texts.agreement}</dt>
        <dd className="big" data-testid="agreement" data-agreement={agreement}>
          {texts.share(agreement)}
        </dd>
        <dd className="muted">{differ === 0 ? texts.allAgree : texts.differ(differ, result.events)}</dd>
      </div>
      <div>
        <dt>{texts.maxError(tensors)}</dt>
        <dd className="big" data-testid="max-error">
          {tensors && !kept ? '–' : (view.maxScoreError ?? result.maxAbsError).toFixed(4)}
        </dd>
        <dd className="muted">
          {tensors
            ? kept
              ? texts.mean(result.meanAbsError)
              : texts.notKept
            : result.maxAbsError > 0
              ? texts.outputs(result.maxAbsError)
              : ''}
        </dd>
      </div>
      <div>
        <dt>{texts.near(tensors)}</dt>
        <dd className="big" data-testid="near">
          {formatCount(result.nearTies.events)}
        </dd>
        <dd className="muted">{texts.within(NEAR, result.nearTies.disagreed)}</dd>
      </div>
    </dl>
  );
}

function Labels({ view }: { view: CompareView }) {
  if (view.labels.length === 0) return null;
  return (
    <table className="labels" data-testid="labels">
      <caption>{texts.labels}</caption>
      <thead>
        <tr>
          <th scope="col">{texts.class}</th>
          <th scope="col" className="num">
            {texts.events}
          </th>
          <th scope="col" className="num">
            {texts.program}
          </th>
          <th scope="col" className="num">
            {texts.reference}
          </th>
        </tr>
      </thead>
      <tbody>
        {view.labels.map((row) => (
          <tr key={row.label}>
            <th scope="row">{row.label}</th>
            <td className="num">{formatCount(row.events)}</td>
            <td className="num">{texts.part(row.program, row.events)}</td>
            <td className="num">{texts.part(row.reference, row.events)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
