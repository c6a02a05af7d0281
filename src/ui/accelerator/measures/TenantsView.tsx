import { useState } from 'react';
import { setRate } from '../../../workbench/accelerator.ts';
import type { BucketRow, SumRow, Throughput } from '../../../workbench/accelerator-views.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { Chart } from '../Chart.tsx';
import { count, timeText } from '../format.ts';
import { useAsked } from '../useAsked.ts';
import { Sums } from './LayersView.tsx';

const { tenants: texts } = accelerator;
const COLOURS = ['f-linear', 'f-attention', 'f-norm', 'f-activation', 'f-arith', 'f-shape', 'f-embed', 'f-reduce'];
/** Positions of a slider from 1 to the highest rate, by doublings. */
const STEPS = 200;
const MOST_RATE = 1e6;

/** What each tenant got: buckets whose refill can be changed in flight, passes over time, and sums. */
export function TenantsView() {
  const { value: buckets } = useAsked<readonly BucketRow[]>('buckets');
  const { value: throughput } = useAsked<Throughput>('throughput');
  const { value: sums } = useAsked<readonly SumRow[]>('tenants');
  if (!sums || sums.length === 0) {
    return (
      <div className="empty">
        <strong>{texts.empty.title}</strong>
        <p>{texts.empty.text}</p>
      </div>
    );
  }
  return (
    <div className="accel-scroll" data-testid="accel-tenants">
      {buckets && buckets.length > 0 ? <Buckets buckets={buckets} /> : <p className="accel-pad muted">{texts.noBuckets}</p>}
      {throughput && throughput.tenants.length > 0 ? <Curve throughput={throughput} /> : null}
      <Sums rows={sums} first={texts.tenant} testId="accel-tenant-sums" />
    </div>
  );
}

function Buckets({ buckets }: { buckets: readonly BucketRow[] }) {
  return (
    <table className="accel-table">
      <caption>{texts.buckets}</caption>
      <thead>
        <tr>
          <th scope="col">{texts.tenant}</th>
          <th scope="col">{texts.rate}</th>
          <th scope="col" className="num">
            {texts.level}
          </th>
          <th scope="col" className="num">
            {texts.passed}
          </th>
          <th scope="col" className="num">
            {texts.deferrals}
          </th>
        </tr>
      </thead>
      <tbody>
        {buckets.map((bucket) => (
          <Bucket key={bucket.tenant} bucket={bucket} />
        ))}
      </tbody>
    </table>
  );
}

function Bucket({ bucket: { tenant, perSecond, level, burst, passed, deferrals } }: { bucket: BucketRow }) {
  const position = Math.round((Math.log(Math.max(1, perSecond)) / Math.log(MOST_RATE)) * STEPS);
  const [dragged, setDragged] = useState<number | null>(null);
  const rateAt = (at: number) => (at === 0 ? 1 : Number((MOST_RATE ** (at / STEPS)).toPrecision(2)));
  const shown = dragged === null ? perSecond : rateAt(dragged);
  return (
    <tr data-tenant={tenant}>
      <th scope="row">{tenant}</th>
      <td>
        <span className="accel-line">
          <input
            type="range"
            min={0}
            max={STEPS}
            value={dragged ?? position}
            aria-label={texts.rateOf(tenant)}
            aria-valuetext={texts.perSecond(count(shown))}
            onChange={({ target }) => {
              const at = Number(target.value);
              setDragged(at);
              void setRate(tenant, rateAt(at)).then(() => setDragged(null));
            }}
          />
          <span className="num accel-rate">{texts.perSecond(count(shown))}</span>
        </span>
      </td>
      <td className="num">{texts.ofBurst(level, burst)}</td>
      <td className="num">{count(passed)}</td>
      <td className="num">{count(deferrals)}</td>
    </tr>
  );
}

function Curve({ throughput }: { throughput: Throughput }) {
  const { stepNs, tenants, changes } = throughput;
  const perSecond = 1e9 / stepNs;
  // Of the last step that is over.
  const last = tenants.map(({ passes }) => (passes.at(-2) ?? 0) * perSecond);
  return (
    <div className="accel-pad" data-testid="accel-curve" data-last={last.join(' ')}>
      <Chart
        label={texts.curve}
        x={{ name: texts.clock, text: timeText }}
        y={{ name: texts.passes, text: (value) => count(value) }}
        marks={changes.map(({ atNs, perSecond: rate }) => ({ at: atNs, name: texts.changed(count(rate)) }))}
        series={tenants.map(({ tenant, passes }, at) => ({
          name: texts.tenantName(tenant),
          colour: COLOURS[at % COLOURS.length]!,
          draw: 'steps',
          points: [...passes, passes.at(-1) ?? 0].map((n, step) => [step * stepNs, n * perSecond]),
        }))}
      />
    </div>
  );
}
