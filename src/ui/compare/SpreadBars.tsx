import type { Spread } from '../../replay/over-time.ts';
import { detection as texts } from '../texts/detection.ts';
import './detection.css';

/** Events by the magnitude of their difference. */
export function SpreadBars({ spread: { counts, least, perDecade, none } }: { spread: Spread }) {
  const most = Math.max(1, ...counts);
  const edge = (bin: number) => (10 ** (least + bin / perDecade)).toPrecision(2);
  const total = none + counts.reduce((a, b) => a + b, 0);
  return (
    <div className="spread">
      <ul aria-label={texts.spreadLabel(total, none)}>
        {counts.map((count, bin) => (
          <li key={edge(bin)} title={texts.spreadBin(edge(bin), edge(bin + 1), count)}>
            <span className="spread-bar" style={{ height: `${count === 0 ? 0 : Math.max(2, (100 * count) / most)}%` }} />
            <span className="visually-hidden">{texts.spreadBin(edge(bin), edge(bin + 1), count)}</span>
          </li>
        ))}
      </ul>
      <p className="spread-axis small muted" aria-hidden="true">
        {Array.from({ length: counts.length / perDecade + 1 }, (_, decade) => (
          <span key={decade}>{`1e${least + decade}`}</span>
        ))}
      </p>
      <p className="small muted">{texts.none(edge(0), none, Math.max(...counts))}</p>
    </div>
  );
}
