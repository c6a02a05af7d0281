import { type HeatStep, heatSteps } from '../model/heat.ts';
import { real } from './format.ts';
import { type Grid, type Planes, placeOf, planeAt, VALUES_FROM } from './heat-layout.ts';

export interface HeatDrawing {
  readonly planes: Planes;
  readonly grid: Grid;
  readonly values: Float32Array;
  readonly low: number;
  readonly high: number;
  readonly diverging: boolean;
  readonly cursor: number;
  /** 1 for related elements; empty without any. */
  readonly marked: Uint8Array;
  readonly port: { readonly width: number; readonly height: number; readonly left: number; readonly top: number };
}

/** Colours of the two ramps as the page's theme has them: heat from least to most, or away from a middle to both sides. */
export function rampSteps(style: CSSStyleDeclaration, diverging: boolean): readonly HeatStep[] {
  const stops: Readonly<Record<string, string>> = diverging ? { 'heat-0': 'div-neg', 'heat-1': 'panel', 'heat-2': 'div-pos' } : {};
  return heatSteps((token) => style.getPropertyValue(`--${stops[token] ?? token}`));
}

/** Where a value lies on a ramp, from 0 to 1. */
export function shareOf(value: number, low: number, high: number): number {
  return high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0.5;
}

interface Fonts {
  readonly label: string;
  readonly value: string;
  readonly muted: string;
  readonly accent: string;
}

function fontsOf(style: CSSStyleDeclaration): Fonts {
  const token = (name: string) => style.getPropertyValue(name).trim();
  return {
    label: `${token('--text-s')} ${token('--sans')}`,
    value: `${token('--text-s')} ${token('--mono')}`,
    muted: token('--muted'),
    accent: token('--accent'),
  };
}

const rgb = (fill: string): number => {
  const value = Number.parseInt(fill.slice(1), 16);
  // Little-endian RGBA of an image.
  return (0xff000000 | ((value & 0xff) << 16) | (value & 0xff00) | (value >>> 16)) >>> 0;
};

let scratch: HTMLCanvasElement | null = null;

/** Draws what is in view: colours by way of a small image that is scaled up, then values, related elements and the cursor. */
export function paintHeat(canvas: HTMLCanvasElement, drawing: HeatDrawing): void {
  const { planes, grid, port } = drawing;
  const density = window.devicePixelRatio || 1;
  const width = Math.min(port.width, Math.max(1, grid.width - port.left));
  const height = Math.min(port.height, Math.max(1, grid.height - port.top));
  canvas.width = Math.ceil(width * density);
  canvas.height = Math.ceil(height * density);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  if (!context) return;
  context.setTransform(density, 0, 0, density, 0, 0);
  const style = getComputedStyle(canvas);
  const steps = rampSteps(style, drawing.diverging);
  const fonts = fontsOf(style);
  planes.planes.forEach((_, plane) => {
    const at = planeAt(grid, plane);
    const x = at.x - port.left;
    const y = at.y - port.top;
    if (x > width || y > height || x + grid.planeWidth < 0 || y + grid.planeHeight < 0) return;
    if (grid.label > 0) {
      context.fillStyle = fonts.muted;
      context.font = fonts.label;
      context.textBaseline = 'middle';
      context.textAlign = 'left';
      context.fillText(`[${planes.planes[plane]!.index.join(', ')}]`, x, y - grid.label / 2, grid.planeWidth);
    }
    paintPlane(context, drawing, plane, { x, y, width, height }, steps, fonts);
  });
  paintCursor(context, drawing, style);
}

interface Corner {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function paintPlane(
  context: CanvasRenderingContext2D,
  { planes, grid, values, low, high, marked }: HeatDrawing,
  plane: number,
  corner: Corner,
  steps: readonly HeatStep[],
  fonts: Fonts,
): void {
  const { x, y } = corner;
  const { cellWidth, cellHeight } = grid;
  const first = Math.max(0, Math.floor(-x / cellWidth));
  const last = Math.min(planes.columns, Math.ceil((corner.width - x) / cellWidth));
  const top = Math.max(0, Math.floor(-y / cellHeight));
  const bottom = Math.min(planes.rows, Math.ceil((corner.height - y) / cellHeight));
  if (last <= first || bottom <= top) return;
  const colours = Uint32Array.from(steps, ({ fill }) => rgb(fill));
  const image = new ImageData(last - first, bottom - top);
  const pixels = new Uint32Array(image.data.buffer);
  const { start } = planes.planes[plane]!;
  const stepOf = (value: number): number => Math.round(shareOf(value, low, high) * (steps.length - 1));
  for (let row = top, to = 0; row < bottom; row++) {
    for (let column = first; column < last; column++, to++) {
      const value = values[start + row * planes.columns + column]!;
      // What is not compared stays transparent.
      if (!Number.isNaN(value)) pixels[to] = colours[stepOf(value)]!;
    }
  }
  scratch ??= document.createElement('canvas');
  scratch.width = image.width;
  scratch.height = image.height;
  scratch.getContext('2d')!.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(scratch, x + first * cellWidth, y + top * cellHeight, image.width * cellWidth, image.height * cellHeight);
  if (cellWidth >= VALUES_FROM) {
    context.font = fonts.value;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (let row = top; row < bottom; row++) {
      for (let column = first; column < last; column++) {
        const value = values[start + row * planes.columns + column]!;
        context.fillStyle = Number.isNaN(value) ? fonts.muted : steps[stepOf(value)]!.text;
        const text = Number.isNaN(value) ? '–' : real(value, 4);
        context.fillText(text, x + (column + 1) * cellWidth - 4, y + (row + 0.5) * cellHeight, cellWidth - 6);
      }
    }
  }
  if (marked.length > 0 && cellWidth >= 3)
    outline(context, { planes, grid, marked }, start, corner, { first, last, top, bottom }, fonts.accent);
}

/** A line around related elements: along every edge beyond which an element is not related. */
function outline(
  context: CanvasRenderingContext2D,
  { planes, grid, marked }: Pick<HeatDrawing, 'planes' | 'grid' | 'marked'>,
  start: number,
  { x, y }: Corner,
  shown: { readonly first: number; readonly last: number; readonly top: number; readonly bottom: number },
  colour: string,
): void {
  const { columns, rows } = planes;
  const { cellWidth, cellHeight } = grid;
  const at = (row: number, column: number): boolean =>
    row >= 0 && row < rows && column >= 0 && column < columns && marked[start + row * columns + column] === 1;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let row = shown.top; row < shown.bottom; row++) {
    for (let column = shown.first; column < shown.last; column++) {
      if (!at(row, column)) continue;
      const left = x + column * cellWidth + 0.5;
      const up = y + row * cellHeight + 0.5;
      const right = left + cellWidth - 1;
      const down = up + cellHeight - 1;
      if (!at(row - 1, column)) line(context, left, up, right, up);
      if (!at(row + 1, column)) line(context, left, down, right, down);
      if (!at(row, column - 1)) line(context, left, up, left, down);
      if (!at(row, column + 1)) line(context, right, up, right, down);
    }
  }
  context.stroke();
}

function line(context: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number): void {
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
}

function paintCursor(context: CanvasRenderingContext2D, { planes, grid, cursor, port }: HeatDrawing, style: CSSStyleDeclaration): void {
  const place = cursor < 0 ? null : placeOf(planes, grid, cursor);
  if (!place) return;
  const x = place.x - port.left;
  const y = place.y - port.top;
  // Two lines, so that one of them stands out on every colour.
  context.lineWidth = 2;
  context.strokeStyle = style.getPropertyValue('--panel');
  context.strokeRect(x - 2, y - 2, grid.cellWidth + 4, grid.cellHeight + 4);
  context.strokeStyle = style.getPropertyValue('--accent');
  context.strokeRect(x, y, grid.cellWidth, grid.cellHeight);
}
