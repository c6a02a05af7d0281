import type { ReactNode } from 'react';
import { useWidth } from '../components/useWidth.ts';
import { tickStep } from './timeline/paint.ts';

export interface Series {
  readonly name: string;
  /** Token of the theme. */
  readonly colour: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly draw: 'steps' | 'line' | 'dots';
}

interface ChartProps {
  readonly label: string;
  readonly series: readonly Series[];
  readonly x: { readonly name: string; readonly text: (value: number) => string };
  readonly y: { readonly name: string; readonly text: (value: number) => string };
  /** Moments to mark. */
  readonly marks?: readonly { readonly at: number; readonly name: string }[];
  readonly height?: number;
  readonly children?: ReactNode;
}

const LEFT = 56;
const BOTTOM = 28;
const TOP = 12;
const RIGHT = 12;

/** Lines, steps or dots over two axes that begin at zero. Series differ by dash as well as by hue, and are named below. */
export function Chart({ label, series, x, y, marks = [], height = 180 }: ChartProps) {
  const { ref, width } = useWidth();
  const all = series.flatMap(({ points }) => points);
  const [fromX, toX] = [Math.min(...all.map(([at]) => at), Number.POSITIVE_INFINITY), Math.max(...all.map(([at]) => at), 0)];
  const toY = Math.max(...all.map(([, value]) => value), 0) * 1.08 || 1;
  const start = Number.isFinite(fromX) ? fromX : 0;
  const px = (value: number) => LEFT + ((value - start) / Math.max(1e-9, toX - start)) * (width - LEFT - RIGHT);
  const py = (value: number) => TOP + (1 - value / toY) * (height - TOP - BOTTOM);
  const ticks = (from: number, to: number, most: number) => {
    const step = tickStep((to - from) / most);
    const first = Math.ceil(from / step);
    return Array.from({ length: Math.max(0, Math.floor(to / step) - first + 1) }, (_, at) => (first + at) * step);
  };
  return (
    <figure className="accel-chart" ref={ref} aria-label={label}>
      {width > 0 ? (
        <svg width={width} height={height} aria-hidden="true">
          {ticks(0, toY, 4).map((at) => (
            <g key={`y${at}`}>
              <line className="grid" x1={LEFT} x2={width - RIGHT} y1={py(at)} y2={py(at)} />
              <text x={LEFT - 6} y={py(at)} className="end">
                {y.text(at)}
              </text>
            </g>
          ))}
          {ticks(start, toX, Math.max(1, (width - LEFT) / 90)).map((at) => (
            <text key={`x${at}`} x={px(at)} y={height - BOTTOM + 10} className="middle">
              {x.text(at)}
            </text>
          ))}
          <text x={width - RIGHT} y={height - 4} className="end">
            {x.name}
          </text>
          {marks.map(({ at, name }, index) => (
            <g key={index}>
              <line className="mark" x1={px(at)} x2={px(at)} y1={TOP} y2={height - BOTTOM} />
              <text x={px(at) + 4} y={TOP + 4 + (index % 2) * 12}>
                {name}
              </text>
            </g>
          ))}
          {series.map((each, at) => (
            <Line key={each.name} series={each} dash={at} px={px} py={py} />
          ))}
          <text x={4} y={8}>
            {y.name}
          </text>
        </svg>
      ) : null}
      <figcaption className="accel-legend small">
        {series.map(({ name, colour }, at) => (
          <span key={name}>
            <svg width={20} height={8} aria-hidden="true">
              <line x1={0} x2={20} y1={4} y2={4} stroke={`var(--${colour})`} strokeWidth={2} strokeDasharray={DASHES[at % DASHES.length]} />
            </svg>{' '}
            {name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

const DASHES = ['none', '6 3', '2 3', '8 3 2 3', '4 4', '1 2'];

interface LineProps {
  readonly series: Series;
  readonly dash: number;
  readonly px: (value: number) => number;
  readonly py: (value: number) => number;
}

function Line({ series: { points, colour, draw }, dash, px, py }: LineProps) {
  if (draw === 'dots') return points.map(([x, y], at) => <circle key={at} cx={px(x)} cy={py(y)} r={3} fill={`var(--${colour})`} />);
  const path = points
    .map(([x, y], at) => (at === 0 ? `M${px(x)} ${py(y)}` : draw === 'steps' ? `H${px(x)}V${py(y)}` : `L${px(x)} ${py(y)}`))
    .join('');
  return <path d={path} fill="none" stroke={`var(--${colour})`} strokeWidth={2} strokeDasharray={DASHES[dash % DASHES.length]} />;
}
