import { scaleLinear, scaleSqrt } from 'd3-scale';
import { useState } from 'react';
import { said } from '../../replay/report.ts';
import { figures, paretoFront, type RunRecord } from '../../replay/run-record.ts';
import { type KeptRun, takeSettings } from '../../workbench/runs.ts';
import { runs as texts } from '../texts/runs.ts';

const [WIDE, TALL, LEFT, BOTTOM, PAD] = [440, 224, 76, 40, 14];
/** Radii of the least and of the largest point. */
const [LEAST_RADIUS, MOST_RADIUS] = [4, 10];

type Across = keyof typeof texts.acrosses;
type Up = keyof typeof texts.ups;
type Size = keyof typeof texts.sizes;

const across = (run: RunRecord, id: Across): number | null => figures(run).find((one) => one.id === id)!.value;

function up(run: RunRecord, id: Up): number | null {
  if (id === 'maxError') return figures(run).find((one) => one.id === 'maxError')!.value;
  const share = id === 'misses' ? run.detection?.program.recall : run.comparison?.agreement;
  return share === null || share === undefined ? null : 1 - share;
}

/** Runs of the open model and trace by cost and error; a line joins those that no other beats. */
export function Pareto({ runs }: { runs: readonly KeptRun[] }) {
  const [acrossId, setAcross] = useState<Across>('insns');
  const [upId, setUp] = useState<Up>('maxError');
  const [sizeId, setSize] = useState<Size>('ns');
  const known = runs.filter(({ record }) => across(record, acrossId) !== null && up(record, upId) !== null);
  const front = paretoFront(
    known,
    ({ record }) => across(record, acrossId),
    ({ record }) => up(record, upId),
  );
  const x = scaleLinear(extent(known.map(({ record }) => across(record, acrossId)!)), [LEFT + PAD, WIDE - PAD]).nice(4);
  const y = scaleLinear([0, Math.max(1e-9, ...known.map(({ record }) => up(record, upId)!))], [TALL - BOTTOM, PAD]).nice(3);
  const sizes = sizeId === 'none' ? [] : known.map(({ record }) => across(record, sizeId) ?? 0);
  // Areas, not radii, stand in proportion.
  const radius = scaleSqrt([0, Math.max(1e-9, ...sizes)], [LEAST_RADIUS, MOST_RADIUS]);
  const radiusOf = ({ record }: KeptRun) => (sizeId === 'none' ? LEAST_RADIUS + 1 : radius(across(record, sizeId) ?? 0));
  const place = ({ record }: KeptRun) => [x(across(record, acrossId)!), y(up(record, upId)!)] as const;
  return (
    <section className="pareto" aria-label={texts.pareto}>
      <div className="detection-head">
        <span className="muted">{texts.pareto}</span>
        <Choice label={texts.across} names={texts.acrosses} value={acrossId} onChange={setAcross} />
        <Choice label={texts.up} names={texts.ups} value={upId} onChange={setUp} />
        <Choice label={texts.size} names={texts.sizes} value={sizeId} onChange={setSize} />
      </div>
      {known.length < 2 ? (
        <p className="muted pareto-few">{texts.few}</p>
      ) : (
        <svg width={WIDE} height={TALL} aria-label={texts.paretoLabel(known.length, front.length)}>
          <path className="roc-box" d={`M${LEFT} ${PAD}V${TALL - BOTTOM}H${WIDE}`} />
          {x.ticks(4).map((tick) => (
            <text key={tick} className="roc-tick" x={x(tick)} y={TALL - BOTTOM + 16} textAnchor="middle">
              {tick.toLocaleString('en')}
            </text>
          ))}
          {y.ticks(3).map((tick) => (
            <text key={tick} className="roc-tick" x={LEFT - 6} y={y(tick) + 4} textAnchor="end">
              {upId === 'maxError' ? tick.toPrecision(2) : `${(tick * 100).toFixed(2)} %`}
            </text>
          ))}
          <text className="roc-tick" x={LEFT + (WIDE - LEFT) / 2} y={TALL - 6} textAnchor="middle">
            {texts.axes[acrossId]}
          </text>
          <text className="roc-tick" transform={`translate(12 ${(TALL - BOTTOM) / 2}) rotate(-90)`} textAnchor="middle">
            {texts.upAxes[upId]}
          </text>
          <path className="roc-program" d={front.map((run, at) => `${at === 0 ? 'M' : 'L'}${place(run).join(' ')}`).join('')} />
          {known.map((run) => {
            const [cx, cy] = place(run);
            const { quant, strategy, kernel } = run.record.settings;
            const label = texts.point(
              texts.of(quant, strategy, kernel),
              `${said(acrossId, across(run.record, acrossId))} ${texts.acrosses[acrossId]}`,
              upId === 'maxError' ? said('maxError', up(run.record, upId)) : said('recall', up(run.record, upId)),
              sizeId === 'none' || sizeId === acrossId ? '' : `${said(sizeId, across(run.record, sizeId))} ${texts.sizes[sizeId]}`,
            );
            return (
              // biome-ignore lint/a11y/useSemanticElements: a button cannot stand in a drawing
              <circle
                key={run.key}
                className={front.includes(run) ? 'pareto-point best' : 'pareto-point'}
                cx={cx}
                cy={cy}
                r={radiusOf(run)}
                role="button"
                tabIndex={0}
                aria-label={label}
                onClick={() => takeSettings(run)}
                onKeyDown={({ key }) => {
                  if (key === 'Enter' || key === ' ') takeSettings(run);
                }}
              >
                <title>{label}</title>
              </circle>
            );
          })}
        </svg>
      )}
    </section>
  );
}

function extent(values: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return high > low ? [low, high] : [low * 0.9, high * 1.1 + 1];
}

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly names: { readonly [Name in T]: string };
  readonly value: T;
  readonly onChange: (value: T) => void;
}

function Choice<T extends string>({ label, names, value, onChange }: ChoiceProps<T>) {
  return (
    <label>
      {label}
      <select className="field" value={value} onChange={({ target }) => onChange(target.value as T)}>
        {(Object.keys(names) as T[]).map((name) => (
          <option key={name} value={name}>
            {names[name]}
          </option>
        ))}
      </select>
    </label>
  );
}
