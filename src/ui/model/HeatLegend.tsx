import { overlays as texts } from '../texts/model.ts';
import { heatValue } from './heat.ts';
import type { Measure } from './measure.ts';

/** What the colours of the overlay mean, in numbers. */
export function HeatLegend({ measure: { overlay, values, least, most, heat } }: { measure: Measure }) {
  if (!heat) return null;
  const { title, unit, ramp, fold, missing, format } = overlay;
  const any = values.some((value) => value !== undefined);
  const middle = heatValue(0.5, least, most, ramp);
  return (
    <figure className="heat-legend small muted" aria-label={texts.legend(title)}>
      {any ? (
        <>
          <span className="ellipsis">{unit === '' ? title : `${title}`}</span>
          <span className="num">{format(least)}</span>
          <span className="heat-ramp" style={{ background: `linear-gradient(to right, ${heat.map(({ fill }) => fill).join()})` }} />
          <span className="num">{format(most)}</span>
          <span className="heat-notes ellipsis" title={overlay.about}>
            {[ramp === 'log' ? `${texts.log}, ${format(middle)}` : '', fold === 'sum' ? texts.foldSum : texts.foldMax]
              .filter(Boolean)
              .join(' · ')}
          </span>
        </>
      ) : (
        texts.absent(title, missing)
      )}
    </figure>
  );
}
