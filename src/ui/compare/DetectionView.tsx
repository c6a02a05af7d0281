import { useMemo, useRef, useState } from 'react';
import { type Costs, cheapest, costOf, countsAt, type Detection } from '../../replay/detection.ts';
import { applyBinding } from '../../workbench/actions.ts';
import { detection as detectionOf, hasLabels, labelledClasses } from '../../workbench/detection.ts';
import { openLabels } from '../../workbench/labels.ts';
import { useWorkbench } from '../../workbench/store.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { useTask } from '../components/useTask.ts';
import { detection as texts } from '../texts/detection.ts';
import { RocCurve } from './RocCurve.tsx';
import './detection.css';

/** Precision, recall and cost of thresholds against the labels of the trace. */
export default function DetectionView() {
  const trace = useWorkbench((state) => state.stages.trace.value);
  const replay = useWorkbench((state) => state.stages.replay.value);
  const reference = useWorkbench((state) => state.stages.reference.value);
  const binding = useWorkbench((state) => state.history.doc.binding);
  const [wanted, setWanted] = useState<number | null>(null);
  const classes = useMemo(() => (hasLabels(trace) ? labelledClasses(trace.labels) : []), [trace]);
  const bound = binding?.output.kind === 'threshold' ? binding.output.class : null;
  const positive = wanted !== null && classes.includes(wanted) ? wanted : (bound ?? classes.at(-1) ?? 0);
  const view = useMemo(
    () => (hasLabels(trace) && replay && reference && binding ? detectionOf(trace.labels, { binding, replay, reference }, positive) : null),
    [trace, replay, reference, binding, positive],
  );
  if (!hasLabels(trace)) return <NoLabels />;
  return (
    <div className="detection" data-testid="detection">
      <div className="detection-head">
        <label>
          {texts.class}
          <select className="field" value={positive} onChange={({ target }) => setWanted(Number(target.value))}>
            {classes.map((at) => (
              <option key={at} value={at}>
                {texts.className(at)}
              </option>
            ))}
          </select>
        </label>
        {view ? <span className="muted">{texts.events(view.program.positives, view.program.negatives)}</span> : null}
      </div>
      {view ? <Thresholds key={positive} {...view} /> : <p className="empty">{texts.noScores}</p>}
    </div>
  );
}

function NoLabels() {
  const file = useRef<HTMLInputElement>(null);
  const { error, run } = useTask();
  return (
    <div className="empty" data-testid="no-labels">
      <strong>{texts.noLabels.title}</strong>
      <p>{texts.noLabels.text}</p>
      <p>{texts.noLabels.files}</p>
      <button type="button" className="button bordered" onClick={() => file.current?.click()}>
        {texts.noLabels.open}
      </button>
      <input
        ref={file}
        type="file"
        accept=".npy,.json,.txt,.csv"
        hidden
        aria-label={texts.noLabels.open}
        onChange={({ target }) => {
          const [chosen] = target.files ?? [];
          if (chosen)
            void run(
              (options) => openLabels(chosen, options),
              () => {},
            );
          target.value = '';
        }}
      />
      {error ? <ErrorNote error={error} /> : null}
    </div>
  );
}

interface ThresholdsProps {
  readonly program: Detection;
  readonly reference: Detection;
  readonly quantity: 'score' | 'lead';
}

function Thresholds({ program, reference, quantity }: ThresholdsProps) {
  const binding = useWorkbench((state) => state.history.doc.binding)!;
  const { output } = binding;
  const bound = quantity === 'score' && output.kind === 'threshold' ? output.threshold : 0;
  const [chosen, setChosen] = useState<number | null>(null);
  const [costs, setCosts] = useState<Costs>({ alarm: 1, miss: 10 });
  const threshold = chosen ?? bound;
  const least = useMemo(() => cheapest(program, costs), [program, costs]);
  const [low, high] =
    quantity === 'score' ? [0, 1] : [Math.min(0, program.thresholds.at(-1) ?? 0), Math.max(0, program.thresholds[0] ?? 0)];
  const step = (high - low) / 1000 || 0.001;
  const at = countsAt(program, threshold);
  return (
    <div className="detection-parts">
      <RocCurve program={program} reference={reference} at={at} onThreshold={setChosen} />
      <div className="detection-side">
        <label className="detection-threshold">
          <span>{quantity === 'score' ? texts.threshold : texts.lead}</span>
          <input
            type="range"
            min={low}
            max={high}
            step={step}
            value={threshold}
            onChange={({ target }) => setChosen(Number(target.value))}
          />
          <output className="num">{texts.thresholdIs(threshold)}</output>
        </label>
        <CountsTable program={program} reference={reference} threshold={threshold} costs={costs} />
        <fieldset className="detection-costs">
          <legend className="muted">{texts.costs}</legend>
          <Cost label={texts.alarmCost} value={costs.alarm} onChange={(alarm) => setCosts({ ...costs, alarm })} />
          <Cost label={texts.missCost} value={costs.miss} onChange={(miss) => setCosts({ ...costs, miss })} />
        </fieldset>
        <CostCurve program={program} costs={costs} low={low} high={high} threshold={threshold} />
        {least ? <Cheapest {...least} onGo={setChosen} /> : null}
        {quantity === 'score' && output.kind === 'threshold' ? (
          <button
            type="button"
            className="button bordered"
            disabled={threshold === bound}
            title={threshold === bound ? texts.taken : undefined}
            onClick={() => {
              applyBinding({ ...binding, output: { ...output, threshold } });
              setChosen(null);
            }}
          >
            {texts.take}
          </button>
        ) : null}
      </div>
    </div>
  );
}

function Cheapest({ threshold, cost, onGo }: { threshold: number | null; cost: number; onGo: (threshold: number) => void }) {
  return (
    <p className="detection-least">
      <span className="muted">{threshold === null ? texts.cheapestNone(cost) : texts.cheapest(texts.thresholdIs(threshold), cost)}</span>
      {threshold === null ? null : (
        <button type="button" className="button bordered small" onClick={() => onGo(threshold)}>
          {texts.goCheapest}
        </button>
      )}
    </p>
  );
}

function CountsTable({ program, reference, threshold, costs }: Omit<ThresholdsProps, 'quantity'> & { threshold: number; costs: Costs }) {
  const sides = [program, reference].map((side) => ({ ...countsAt(side, threshold), area: side.area }));
  const row = (head: string, cell: (side: (typeof sides)[number]) => string) => (
    <tr>
      <th scope="row">{head}</th>
      <td className="num">{cell(sides[0]!)}</td>
      <td className="num">{cell(sides[1]!)}</td>
    </tr>
  );
  const { heads } = texts;
  return (
    <table data-testid="detection-counts">
      <thead>
        <tr>
          <td>{texts.counts}</td>
          <th scope="col" className="num">
            {texts.side.program}
          </th>
          <th scope="col" className="num">
            {texts.side.reference}
          </th>
        </tr>
      </thead>
      <tbody>
        {row(heads.precision, (side) => texts.percent(side.precision))}
        {row(heads.recall, (side) => texts.percent(side.recall))}
        {row(heads.f1, (side) => texts.percent(side.f1))}
        {row(heads.alarms, (side) => texts.count(side.alarms))}
        {row(heads.misses, (side) => texts.count(side.misses))}
        {row(heads.cost, (side) => texts.cost(costOf(side, costs)))}
        {row(heads.area, (side) => texts.area(side.area))}
      </tbody>
    </table>
  );
}

function Cost({ label, value, onChange }: { label: string; value: number; onChange: (value: number) => void }) {
  return (
    <label>
      {label}
      <input
        className="field num"
        type="number"
        min={0}
        step="any"
        value={value}
        onChange={({ target }) => onChange(Math.max(0, target.valueAsNumber || 0))}
      />
    </label>
  );
}

const [WIDE, TALL] = [320, 56];
const PLACES = 160;

/** What each threshold would cost, as a line. */
function CostCurve({
  program,
  costs,
  low,
  high,
  threshold,
}: {
  program: Detection;
  costs: Costs;
  low: number;
  high: number;
  threshold: number;
}) {
  const line = useMemo(
    () => Array.from({ length: PLACES + 1 }, (_, at) => costOf(countsAt(program, low + ((high - low) * at) / PLACES), costs)),
    [program, costs, low, high],
  );
  const [least, most] = [Math.min(...line), Math.max(...line)];
  const y = (cost: number) => 4 + (TALL - 8) * (1 - (most > least ? (cost - least) / (most - least) : 0.5));
  const x = (at: number) => (WIDE * at) / PLACES;
  const mark = high > low ? ((threshold - low) / (high - low)) * WIDE : 0;
  return (
    <figure className="cost-figure small muted">
      <figcaption>{texts.costCurve(least, most)}</figcaption>
      <svg className="cost-curve" viewBox={`0 0 ${WIDE} ${TALL}`} preserveAspectRatio="none" aria-hidden="true">
        <path className="roc-chance" d={`M${mark} 0V${TALL}`} />
        <path className="roc-program" d={line.map((cost, at) => `${at === 0 ? 'M' : 'L'}${x(at)} ${y(cost).toFixed(1)}`).join('')} />
      </svg>
      <p className="spread-axis" aria-hidden="true">
        <span>{texts.costAxis(low)}</span>
        <span>{texts.costAxis(high)}</span>
      </p>
    </figure>
  );
}
