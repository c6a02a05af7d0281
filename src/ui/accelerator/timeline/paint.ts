import { ACCEL_HOOKS } from '../../../bpf/accelerator/hooks.ts';
import { ACCEL_OPS, type AccelOp } from '../../../bpf/accelerator/layout.ts';
import type { TimelineWindow } from '../../../workbench/accelerator-views.ts';
import { percent, timeText } from '../format.ts';

/** Heights of the timeline's parts, in pixels: an axis, the engine, the units, and a line for what was aborted. */
export const AXIS = 16;
export const LANE = 48;
export const MARKS = 12;
/** Above each lane: its name. */
const NAME = 14;
export const HEIGHT = AXIS + 2 * (NAME + LANE) + MARKS;
const MOST_ROWS = 8;
/** Bars narrower than this have no name in them. */
const NAMED = 44;

/** One hue for each hook, in the order of `ACCEL_HOOKS`. */
export const HOOK_COLOURS = ['f-attention', 'f-embed', 'f-reduce', 'f-shape', 'f-norm', 'f-runtime'] as const;

/** Operations have the hue of their family, as in the graph. */
const OP_COLOURS: Readonly<Record<AccelOp, string>> = {
  nop: 'f-runtime',
  matmul: 'f-linear',
  add: 'f-arith',
  mul: 'f-arith',
  activation: 'f-activation',
  softmax: 'f-attention',
  normalise: 'f-norm',
  reduce: 'f-reduce',
  move: 'f-shape',
  gather: 'f-embed',
  convolve: 'f-linear',
  other: 'f-runtime',
  fused: 'accent',
};

export interface View {
  readonly from: number;
  readonly to: number;
}

export interface Painting {
  readonly data: TimelineWindow;
  readonly view: View;
  readonly width: number;
  readonly selected: number | null;
  /** Names of the lanes, with the most that was at work. */
  readonly lanes: readonly [engine: (peak: string) => string, units: (peak: string) => string];
}

/** Draws the span. `colour` gives a token of the theme. */
export function paintTimeline(
  ctx: CanvasRenderingContext2D,
  { data, view, width, selected, lanes }: Painting,
  colour: (name: string) => string,
): void {
  ctx.clearRect(0, 0, width, HEIGHT);
  ctx.font = `11px ${colour('sans')}`;
  ctx.textBaseline = 'middle';
  const x = (ns: number): number => ((ns - view.from) / (view.to - view.from)) * width;
  axis(ctx, view, width, x, colour);
  for (const lane of [0, 1] as const) {
    const top = laneTop(lane);
    ctx.fillStyle = colour('sunken');
    ctx.fillRect(0, top, width, LANE);
    const shares = lane === 0 ? data.engine : data.units;
    const peak = Math.max(...shares);
    if (!data.bars && peak > 0) area(ctx, shares, peak, data, top, x, colour(lane === 0 ? 'f-attention' : 'f-linear'));
    ctx.fillStyle = colour('muted');
    ctx.fillText(lanes[lane](percent(peak)), 4, top - NAME / 2);
  }
  if (data.bars) bars(ctx, data.bars, width, selected, x, colour);
  const top = HEIGHT - MARKS;
  ctx.fillStyle = colour('bad');
  data.aborts.forEach((n, at) => {
    if (n > 0) ctx.fillText('✕', x(data.fromNs + ((at + 0.5) / data.aborts.length) * (data.toNs - data.fromNs)) - 4, top + MARKS / 2);
  });
}

const laneTop = (lane: 0 | 1): number => AXIS + NAME + lane * (LANE + NAME);

/** Where a bar lies, from the top. */
function placeOf(lane: 0 | 1, row: number, rows: number): { top: number; height: number } {
  const shown = Math.min(MOST_ROWS, Math.max(1, rows));
  const height = LANE / shown;
  return { top: laneTop(lane) + Math.min(row, shown - 1) * height, height };
}

function bars(
  ctx: CanvasRenderingContext2D,
  { seq, from, to, lane, row, kind, rows }: NonNullable<TimelineWindow['bars']>,
  width: number,
  selected: number | null,
  x: (ns: number) => number,
  colour: (name: string) => string,
): void {
  for (let i = 0; i < seq.length; i++) {
    const which = lane[i] as 0 | 1;
    const { top, height } = placeOf(which, row[i]!, rows[which]);
    const left = Math.max(-2, x(from[i]!));
    const wide = Math.max(1, Math.min(width + 2, x(to[i]!)) - left);
    ctx.fillStyle = colour(which === 0 ? HOOK_COLOURS[kind[i]!]! : OP_COLOURS[ACCEL_OPS[kind[i]!]!]);
    ctx.fillRect(left, top + 0.5, wide > 2 ? wide - 0.5 : wide, height - 1);
    if (seq[i] === selected) {
      ctx.strokeStyle = colour('text');
      ctx.lineWidth = 2;
      ctx.strokeRect(left, top + 1, Math.max(2, wide), height - 2);
    }
    if (wide < NAMED || height < 11) continue;
    const name = which === 0 ? ACCEL_HOOKS[kind[i]!]! : ACCEL_OPS[kind[i]!]!;
    ctx.fillStyle = colour('panel');
    if (ctx.measureText(name).width < wide - 6) ctx.fillText(name, left + 4, top + height / 2);
  }
}

/** What is at work, as an area up to its peak: for spans that hold more than can be told apart. */
function area(
  ctx: CanvasRenderingContext2D,
  shares: Float32Array,
  peak: number,
  { fromNs, toNs }: TimelineWindow,
  top: number,
  x: (ns: number) => number,
  colour: string,
): void {
  ctx.fillStyle = colour;
  const step = (toNs - fromNs) / shares.length;
  shares.forEach((share, at) => {
    if (share <= 0) return;
    const height = Math.max(1, (share / peak) * LANE);
    const left = x(fromNs + at * step);
    ctx.fillRect(left, top + LANE - height, Math.max(1, x(fromNs + (at + 1) * step) - left), height);
  });
}

function axis(
  ctx: CanvasRenderingContext2D,
  { from, to }: View,
  width: number,
  x: (ns: number) => number,
  colour: (name: string) => string,
): void {
  const step = tickStep((to - from) / Math.max(1, width / 110));
  ctx.strokeStyle = colour('line');
  ctx.lineWidth = 1;
  ctx.fillStyle = colour('muted');
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    const left = Math.round(x(at)) + 0.5;
    ctx.beginPath();
    ctx.moveTo(left, AXIS);
    ctx.lineTo(left, HEIGHT);
    ctx.stroke();
    const text = timeText(at);
    if (left + ctx.measureText(text).width + 4 < width) ctx.fillText(text, left + 3, AXIS / 2);
  }
}

/** The next of 1, 2, 5, 10… that is not below `least`. */
export function tickStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1e-3, least)));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10);
}

/** The command whose bar lies under a point; null where there is none. */
export function commandAt({ data, view, width }: Painting, px: number, py: number): number | null {
  if (!data.bars) return null;
  const { seq, from, to, lane, row, rows } = data.bars;
  const ns = (px: number) => view.from + (px / width) * (view.to - view.from);
  const [left, right] = [ns(px - 2), ns(px + 2)];
  for (let i = seq.length - 1; i >= 0; i--) {
    if (to[i]! < left || from[i]! > right || seq[i]! < 0) continue;
    const which = lane[i] as 0 | 1;
    const { top, height } = placeOf(which, row[i]!, rows[which]);
    if (py >= top && py <= top + height) return seq[i]!;
  }
  return null;
}
