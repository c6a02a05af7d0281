import { scaleLinear } from 'd3-scale';
import { HOLDS, type Series } from '../../verifier/query/along.ts';
import { signedLogPosition } from '../verifier/range-scale.ts';

export const LEFT = 44;
export const TOP = 12;
export const BOTTOM = 20;
const LANE = 6;

/** Where positions of the path lie across. */
export const acrossOf = (series: Pick<Series, 'from' | 'to'>, width: number) =>
  scaleLinear([series.from, Math.max(series.from + 1, series.to)], [LEFT, width - 8]);

/** Powers of two that the scale names, and where they stand. */
const TICKS: readonly number[] = [-(2 ** 63), -(2 ** 32), -(2 ** 16), 0, 2 ** 16, 2 ** 32, 2 ** 63];

interface Drawn {
  readonly series: Series;
  readonly branches: Uint32Array;
  readonly width: number;
  readonly height: number;
  readonly ticks: readonly string[];
  /** Position of the cursor, of the pointer, and a stretch that is being drawn; -1 for none. */
  readonly cursor: number;
  readonly hover: number;
  readonly brush: readonly [number, number] | null;
}

/** Draws a register's bounds along a path: up and down on the signed log scale, a step wherever they change. */
export function drawRange(canvas: HTMLCanvasElement, { series, branches, width, height, ticks, cursor, hover, brush }: Drawn): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  const density = window.devicePixelRatio || 1;
  canvas.width = width * density;
  canvas.height = height * density;
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(name);
  const x = acrossOf(series, width);
  const bottom = height - BOTTOM - LANE - 4;
  const y = (value: number): number => bottom - signedLogPosition(value) * (bottom - TOP);
  context.font = `11px ${style.fontFamily}`;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  TICKS.forEach((value, i) => {
    const at = Math.round(y(value)) + 0.5;
    context.strokeStyle = colour(value === 0 ? '--line-strong' : '--line');
    context.beginPath();
    context.moveTo(LEFT, at);
    context.lineTo(width - 8, at);
    context.stroke();
    context.fillStyle = colour('--muted');
    context.fillText(ticks[i]!, LEFT - 6, at);
  });
  context.fillStyle = colour('--faint');
  for (const pos of branches) context.fillRect(Math.round(x(pos)), 2, 1, 6);
  drawBands(context, series, x, y, bottom + 4, colour);
  if (brush) {
    context.globalAlpha = 0.25;
    context.fillStyle = colour('--accent');
    context.fillRect(x(brush[0]), TOP - 4, x(brush[1]) - x(brush[0]), height - BOTTOM - TOP + 8);
    context.globalAlpha = 1;
  }
  const line = (pos: number, name: string, dashed: boolean): void => {
    if (pos < series.from || pos >= series.to) return;
    context.strokeStyle = colour(name);
    context.setLineDash(dashed ? [3, 3] : []);
    context.beginPath();
    context.moveTo(Math.round(x(pos)) + 0.5, 2);
    context.lineTo(Math.round(x(pos)) + 0.5, height - BOTTOM);
    context.stroke();
    context.setLineDash([]);
  };
  line(hover, '--line-strong', true);
  line(cursor, '--accent', false);
  context.fillStyle = colour('--muted');
  context.textAlign = 'left';
  context.fillText((series.from + 1).toLocaleString('en'), LEFT, height - 8);
  context.textAlign = 'right';
  context.fillText(series.to.toLocaleString('en'), width - 8, height - 8);
}

function drawBands(
  context: CanvasRenderingContext2D,
  series: Series,
  x: (pos: number) => number,
  y: (value: number) => number,
  lane: number,
  colour: (name: string) => string,
): void {
  const { pos, min, max, holds } = series;
  for (let i = 0; i < pos.length; i++) {
    const from = x(pos[i]!);
    const to = x(i + 1 < pos.length ? pos[i + 1]! : series.to);
    const wide = Math.max(1, to - from);
    if (holds[i] === HOLDS.pointer || holds[i] === HOLDS.unrecorded) {
      context.fillStyle = colour(holds[i] === HOLDS.pointer ? '--f-binding' : '--warn');
      context.fillRect(from, lane, wide, LANE);
    }
    if (!(min[i]! <= max[i]!)) continue;
    const top = y(max[i]!);
    const high = Math.max(2, y(min[i]!) - top);
    context.fillStyle = colour('--accent');
    context.globalAlpha = 0.35;
    context.fillRect(from, top, wide, high);
    context.globalAlpha = 1;
    context.fillRect(from, top - 0.5, wide, 1.5);
    context.fillRect(from, top + high - 1, wide, 1.5);
  }
}
