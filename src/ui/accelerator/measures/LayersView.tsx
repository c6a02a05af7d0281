import type { SumRow } from '../../../workbench/accelerator-views.ts';
import { accelerator } from '../../texts/accelerator.ts';
import { bytesText, count, threeDigits, timeText } from '../format.ts';
import { useAsked } from '../useAsked.ts';

const { layers: texts } = accelerator;

/** Sums over the commands of each layer: what the units did, and what programs cost beside it. */
export function LayersView() {
  const { value } = useAsked<readonly SumRow[]>('layers');
  if (!value || value.length === 0) {
    return (
      <div className="empty">
        <strong>{texts.empty.title}</strong>
        <p>{texts.empty.text}</p>
      </div>
    );
  }
  return <Sums rows={value} first={texts.layer} testId="accel-layers" />;
}

export function Sums({ rows, first, testId }: { rows: readonly SumRow[]; first: string; testId: string }) {
  const most = Math.max(...rows.map(({ computeNs, hookNs }) => computeNs + hookNs));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, with the keyboard too
    <section className="accel-scroll" aria-label={first} tabIndex={0}>
      <table className="accel-table" data-testid={testId}>
        <thead>
          <tr>
            <th scope="col">{first}</th>
            {texts.columns.map((name) => (
              <th key={name} scope="col" className="num">
                {name}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key}>
              <th scope="row" className="ellipsis accel-name" title={row.label}>
                {row.label}
              </th>
              <td className="num">{count(row.completed)}</td>
              <td className={row.aborted > 0 ? 'num bad' : 'num'}>{count(row.aborted)}</td>
              <td className="num">{bytesText(row.bytes)}</td>
              <td className="num">{threeDigits(row.flops / 1e3)}</td>
              <td className="num">{timeText(row.computeNs)}</td>
              <td className="num">{timeText(row.hookNs)}</td>
              <td className="num">{count(row.insns)}</td>
              <td>
                <span className="accel-pair" aria-hidden="true">
                  <span className="compute" style={{ width: `${most > 0 ? (row.computeNs / most) * 100 : 0}%` }} />
                  <span className="hook" style={{ width: `${most > 0 ? (row.hookNs / most) * 100 : 0}%` }} />
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
