import { formatScore, verdictName } from '../../workbench/selectors.ts';
import type { TouchView } from '../../workbench/touch-views.ts';
import { real } from '../tensors/format.ts';
import { touch as texts } from '../texts/touch.ts';

/** Entries of outputs that are listed. */
const MOST_ENTRIES = 16;

/** What an event came to before and now, entry by entry, with bars around zero. */
export function Outcomes({ before, now, stale, xdp }: { before: TouchView | null; now: TouchView | null; stale: boolean; xdp: boolean }) {
  if (!before || !now) return <p className="small muted touch-note">{texts.running}</p>;
  const rows = now.outputs.flatMap(({ name, data }, output) =>
    [...data.subarray(0, MOST_ENTRIES)].map((value, at) => ({
      name: texts.output(name, at),
      was: before.outputs[output]?.data[at] ?? Number.NaN,
      value,
    })),
  );
  const most = Math.max(1e-9, ...rows.flatMap(({ was, value }) => [Math.abs(value), Number.isNaN(was) ? 0 : Math.abs(was)]));
  const said = (code: number) => (xdp ? verdictName(code) : String(code));
  return (
    <div className={stale ? 'touch-outcomes stale' : 'touch-outcomes'} aria-busy={stale} data-testid="outcomes" data-stale={stale}>
      <table className="touch-table" aria-label={texts.compare}>
        <thead>
          <tr className="small muted">
            <td />
            <th scope="col">{texts.before}</th>
            <th scope="col">{texts.now}</th>
            <td aria-hidden="true" />
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, was, value }) => (
            <tr key={name} className={was === value ? '' : 'touch-changed'}>
              <th scope="row" className="ellipsis" title={name}>
                {name}
              </th>
              <td>{Number.isNaN(was) ? '–' : real(was)}</td>
              <td>
                {was === value ? '' : <span aria-hidden="true">{value > was ? '▲ ' : '▼ '}</span>}
                {real(value)}
              </td>
              <td className="touch-bars" aria-hidden="true">
                <Bar value={was} most={most} tone="was" />
                <Bar value={value} most={most} tone="now" />
              </td>
            </tr>
          ))}
          {now.score === null && before.score === null ? null : (
            <tr className={before.score === now.score ? '' : 'touch-changed'}>
              <th scope="row">{texts.score}</th>
              <td>{formatScore(before.score ?? Number.NaN)}</td>
              <td>{formatScore(now.score ?? Number.NaN)}</td>
              <td aria-hidden="true" />
            </tr>
          )}
          <tr className={before.verdict === now.verdict ? '' : 'touch-changed'}>
            <th scope="row">{xdp ? texts.verdict : texts.returned}</th>
            <td>
              <span className={xdp ? `v-${said(before.verdict)}` : ''}>{said(before.verdict)}</span>
            </td>
            <td>
              <span className={xdp ? `v-${said(now.verdict)}` : ''}>{said(now.verdict)}</span>
            </td>
            <td aria-hidden="true" />
          </tr>
        </tbody>
      </table>
      <p className="small muted touch-note">
        {now.outputs.length === 0 ? `${texts.notSeen}. ` : ''}
        {texts.took(now.ms)}
      </p>
    </div>
  );
}

function Bar({ value, most, tone }: { value: number; most: number; tone: 'was' | 'now' }) {
  if (Number.isNaN(value)) return null;
  const share = (Math.abs(value) / most) * 50;
  return <span className={`touch-bar ${tone}`} style={{ left: `${value < 0 ? 50 - share : 50}%`, width: `${share}%` }} />;
}
