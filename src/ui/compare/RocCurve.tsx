import { scaleLinear } from 'd3-scale';
import type { PointerEvent } from 'react';
import type { Counts, Detection } from '../../replay/detection.ts';
import { detection as texts } from '../texts/detection.ts';

const SIZE = 184;
const LEFT = 36;
const TOP = 8;
const BOTTOM = 32;
/** Both lines, as they are named below the curve, where no good one comes. */
const SIDES = ['program', 'reference'] as const;
/** More points than that are not seen. */
const MOST_POINTS = 600;

interface RocCurveProps {
  readonly program: Detection;
  readonly reference: Detection;
  readonly at: Counts;
  readonly onThreshold: (threshold: number) => void;
}

const x = scaleLinear([0, 1], [LEFT, LEFT + SIZE]);
const y = scaleLinear([0, 1], [TOP + SIZE, TOP]);

/** Share of the class that each threshold finds against the share of the others that it flags; dragging chooses a threshold. */
export function RocCurve({ program, reference, at, onThreshold }: RocCurveProps) {
  const choose = (event: PointerEvent<SVGSVGElement>) => {
    if (event.type === 'pointermove' && event.buttons !== 1) return;
    const box = event.currentTarget.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    let [best, distance] = [-1, Number.POSITIVE_INFINITY];
    program.thresholds.forEach((_, i) => {
      const apart =
        (x(rate(program.alarms[i]!, program.negatives)) - left) ** 2 + (y(rate(program.hits[i]!, program.positives)) - top) ** 2;
      if (apart < distance) [best, distance] = [i, apart];
    });
    if (best >= 0) onThreshold(program.thresholds[best]!);
    if (event.type === 'pointerdown') event.currentTarget.setPointerCapture(event.pointerId);
  };
  return (
    <svg
      className="roc"
      width={LEFT + SIZE + 12}
      height={TOP + SIZE + BOTTOM}
      role="img"
      aria-label={texts.curve(texts.area(program.area), texts.area(reference.area))}
      onPointerDown={choose}
      onPointerMove={choose}
    >
      <rect className="roc-box" x={LEFT} y={TOP} width={SIZE} height={SIZE} />
      <path className="roc-chance" d={`M${x(0)} ${y(0)}L${x(1)} ${y(1)}`} />
      <path className="roc-reference" d={path(reference)} />
      <path className="roc-program" d={path(program)} />
      <circle className="roc-at" cx={x(at.alarmRate ?? 0)} cy={y(at.recall ?? 0)} r={5} />
      {[0, 0.5, 1].map((tick) => (
        <g key={tick} className="roc-tick">
          <text x={x(tick)} y={TOP + SIZE + 14} textAnchor="middle">
            {tick}
          </text>
          <text x={LEFT - 6} y={y(tick) + 4} textAnchor="end">
            {tick}
          </text>
        </g>
      ))}
      {SIDES.map((side, at) => (
        <g key={side} className="roc-tick">
          <path className={`roc-${side}`} d={`M${x(0.42)} ${y(0.18 - at * 0.1)}h20`} />
          <text x={x(0.56)} y={y(0.18 - at * 0.1) + 4}>
            {texts.side[side]}
          </text>
        </g>
      ))}
      <text className="roc-tick" x={LEFT + SIZE / 2} y={TOP + SIZE + 28} textAnchor="middle">
        {texts.flagged}
      </text>
      <text className="roc-tick" transform={`translate(10 ${TOP + SIZE / 2}) rotate(-90)`} textAnchor="middle">
        {texts.found}
      </text>
    </svg>
  );
}

const rate = (part: number, of: number): number => (of > 0 ? part / of : 0);

function path({ thresholds, hits, alarms, positives, negatives }: Detection): string {
  const step = Math.max(1, Math.floor(thresholds.length / MOST_POINTS));
  let d = `M${x(0)} ${y(0)}`;
  for (let i = 0; i < thresholds.length; i += step)
    d += `L${x(rate(alarms[i]!, negatives)).toFixed(1)} ${y(rate(hits[i]!, positives)).toFixed(1)}`;
  return `${d}L${x(1)} ${y(1)}`;
}
