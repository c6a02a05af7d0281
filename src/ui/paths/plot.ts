import { scaleLinear } from 'd3-scale';
import type { Series } from '../../verifier/query/along.ts';
import { HOLDS } from '../../verifier/query/exploration.ts';
import { signedLogPosition } from '../verifier/range-scale.ts';

export const LEFT = 56;
export const TOP = 12;
export const BOTTOM = 20;
const LANE = 6;

/** Where positions of the path lie across. */
export const acrossOf = (series: Pick<Series, 'from' | 'to'>, width: number) =>
  scaleLinear([series.from, Math.max(series.from + 1, series.to)], [LEFT, width - 8]);

/** Powers of two that the scale names where they lie in view. */
const POWERS = [0, 4, 8, 16, 32, 63];
/** Names closer than this would touch, in pixels. */
const APART = 14;

/** The part of the signed log scale that the bounds in view need, with some room. */
function reachOf({ min, max }: Series): readonly [low: number, high: number] {
  let low = 0.5;
  let high = 0.5;
  for (let i = 0; i < min.length; i++) {
    if (!(min[i]! <= max[i]!)) continue;
    low = Math.min(low, signedLogPosition(min[i]!));
    high = Math.max(high, signedLogPosition(max[i]!));
  }
  const room = Math.max(0.01, (high - low) * 0.06);
  return [Math.max(0, low - room), Math.min(1, high + room)];
}

interface Drawn {
  readonly series: Series;
  readonly branches: Uint32Array;
  readonly width: number;
  readonly height: number;
  /** The name of a power of two, or of its negative; 0 is 0. */
  readonly tick: (power: number, negative: boolean) => string;
  /** Position of the cursor, of the pointer, and a stretch that is being drawn; -1 for none. */
  readonly cursor: number;
  readonly hover: number;
  readonly brush: readonly [number, number] | null;
}

/** Draws a register's bounds along a path: up and down on the signed log scale, a step wherever they change. */
export function drawRange(canvas: HTMLCanvasElement, { series, branches, width, height, tick, cursor, hover, brush }: Drawn): void {
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
  const [low, high] = reachOf(series);
  const y = (value: number): number => bottom - ((signedLogPosition(value) - low) / (high - low)) * (bottom - TOP);
  context.font = `11px ${style.fontFamily}`;
  context.textBaseline = 'middle';
  context.textAlign = 'right';
  const named: number[] = [];
  for (const power of POWERS) {
    for (const negative of [false, true]) {
      const value = power === 0 ? 0 : (negative ? -1 : 1) * 2 ** power;
      const at = Math.round(y(value)) + 0.5;
      if (at < TOP - 1 || at > bottom + 1 || named.some((other) => Math.abs(other - at) < APART)) continue;
      named.push(at);
      context.strokeStyle = colour(value === 0 ? '--line-strong' : '--line');
      context.beginPath();
      context.moveTo(LEFT, at);
      context.lineTo(width - 8, at);
      context.stroke();
      context.fillStyle = colour('--muted');
      context.fillText(tick(power, negative), LEFT - 6, at);
    }
  }
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
