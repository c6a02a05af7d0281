import { badgeText, badgeWidth, CHANGE_COLOURS, type Change } from './changes.ts';
import { LABELS_FROM, labelledEdges, labelPlace } from './edges.ts';
import type { Family } from './families.ts';
import type { Bounds } from './layout.ts';
import { barOf, heatOf, type Measure, numberOf } from './measure.ts';
import { type Card, cardOf, edgeWidth, onPath, type Scene } from './scene.ts';

/** What both drawings mark: by node of the drawing. */
export interface Marks {
  readonly active: number;
  readonly related: ReadonlySet<number>;
  readonly hits: ReadonlySet<number>;
  readonly reach: Uint8Array | null;
  readonly measure: Measure;
  /** Edges that carry the selected tensor. */
  readonly tensor: ReadonlySet<number>;
  readonly label: (edge: number) => string;
  /** Of two models that are compared: what each node of the drawing says; null without a comparison. */
  readonly changes: readonly (Change | null)[] | null;
}

export interface View {
  readonly x: number;
  readonly y: number;
  readonly k: number;
  readonly width: number;
  readonly height: number;
}

/** Colours and fonts of the page's style, as a canvas takes them. */
export interface Palette {
  readonly colour: (name: string) => string;
  readonly sans: string;
  readonly mono: string;
}

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const known = new Map<string, string>();
  const value = (name: string) => {
    const found = known.get(name) ?? style.getPropertyValue(name).trim();
    known.set(name, found);
    return found;
  };
  return { colour: (name) => value(`--${name}`), sans: value('--sans'), mono: value('--mono') };
}

export function areaOf({ x, y, k, width, height }: View, margin = 0): Bounds {
  return {
    minX: (-x - margin * width) / k,
    minY: (-y - margin * height) / k,
    maxX: (width * (1 + margin) - x) / k,
    maxY: (height * (1 + margin) - y) / k,
  };
}

/** Below these scales text is a grey mush, and cards are dots. */
export const TEXT_FROM = 0.4;
const CARDS_FROM = 0.14;
/** Pixels below which an edge between dots would not be seen. */
const LEAST_EDGE = 3;
const DIMMED = 0.45;

/** Draws what lies in view, looking as the SVG does. */
export function paint(ctx: CanvasRenderingContext2D, scene: Scene, view: View, marks: Marks, palette: Palette, ratio: number): void {
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, view.width, view.height);
  ctx.setTransform(ratio * view.k, 0, 0, ratio * view.k, ratio * view.x, ratio * view.y);
  const area = areaOf(view);
  if (view.k >= CARDS_FROM) paintFrames(ctx, scene, area, view, palette);
  paintEdges(ctx, scene, area, view, marks, palette);
  if (view.k >= TEXT_FROM) paintLabels(ctx, scene, area, view, marks, palette);
  const nodes = scene.nodesIn(area);
  if (view.k < CARDS_FROM) paintDots(ctx, scene, nodes, view, marks, palette);
  else for (const at of nodes) paintCard(ctx, scene, at, view, marks, palette);
  ctx.globalAlpha = 1;
}

function paintFrames(ctx: CanvasRenderingContext2D, scene: Scene, area: Bounds, view: View, palette: Palette): void {
  ctx.font = `400 11px ${palette.sans}`;
  ctx.textAlign = 'left';
  for (const { frame, x, y, width, height } of scene.frames) {
    if (x > area.maxX || x + width < area.minX || y > area.maxY || y + height < area.minY) continue;
    ctx.strokeStyle = palette.colour('line');
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.roundRect(x, y, width, height, 6);
    ctx.stroke();
    if (view.k < TEXT_FROM) continue;
    ctx.fillStyle = palette.colour('muted');
    ctx.fillText(frame.group.repeats === undefined ? frame.group.label : `${frame.group.label} ×${frame.group.repeats}`, x + 6, y + 11);
  }
}

function paintEdges(ctx: CanvasRenderingContext2D, scene: Scene, area: Bounds, view: View, marks: Marks, palette: Palette): void {
  const { layout, visible } = scene;
  const far = view.k < CARDS_FROM;
  const batches = new Map<number, number[]>();
  const near: number[] = [];
  for (const edge of scene.edgesIn(area)) {
    const { from, to, bytes } = visible.edges[edge]!;
    if (far && (layout.y[to]! - layout.y[from]!) * view.k < LEAST_EDGE) continue;
    if (marks.reach && onPath(marks.reach, from, to)) near.push(edge);
    const width = far ? 1 : Math.round(edgeWidth(bytes) * 2) / 2;
    const batch = batches.get(width);
    if (batch) batch.push(edge);
    else batches.set(width, [edge]);
  }
  const trace = (edges: readonly number[]) => {
    ctx.beginPath();
    for (const edge of edges) {
      const start = layout.pointStart[edge]!;
      const end = layout.pointStart[edge + 1]!;
      if (far) {
        ctx.moveTo(layout.points[2 * start]!, layout.points[2 * start + 1]!);
        ctx.lineTo(layout.points[2 * end - 2]!, layout.points[2 * end - 1]!);
      } else traceCurve(ctx, layout.points, start, end);
    }
    ctx.stroke();
  };
  ctx.strokeStyle = palette.colour('line-strong');
  ctx.globalAlpha = marks.reach ? 0.4 : 0.7;
  for (const [width, edges] of batches) {
    ctx.lineWidth = far ? 0.6 / view.k : width;
    trace(edges);
  }
  ctx.globalAlpha = 1;
  ctx.strokeStyle = palette.colour('accent');
  ctx.lineWidth = far ? 1 / view.k : 1.5;
  if (near.length > 0) trace(near);
  if (marks.tensor.size === 0) return;
  ctx.lineWidth = (far ? 2.5 : 3.5) / Math.min(1, view.k);
  trace([...marks.tensor]);
}

/** The curve of `edgePath` (d3's curveBumpY), without a list of points for every edge of every frame. */
function traceCurve(ctx: CanvasRenderingContext2D, points: Float32Array, start: number, end: number): void {
  let x = points[2 * start]!;
  let y = points[2 * start + 1]!;
  ctx.moveTo(x, y);
  for (let at = start + 1; at < end; at++) {
    const [nextX, nextY] = [points[2 * at]!, points[2 * at + 1]!];
    const middle = (y + nextY) / 2;
    ctx.bezierCurveTo(x, middle, nextX, middle, nextX, nextY);
    x = nextX;
    y = nextY;
  }
}

/** What runs along the edges, where there is room to read it; of the selected tensor wherever text is read. */
function paintLabels(ctx: CanvasRenderingContext2D, scene: Scene, area: Bounds, view: View, marks: Marks, palette: Palette): void {
  const all = view.k >= LABELS_FROM;
  const labelled = labelledEdges(scene);
  ctx.font = `400 11px ${palette.mono}`;
  ctx.textAlign = 'left';
  ctx.lineJoin = 'round';
  ctx.lineWidth = 3;
  ctx.strokeStyle = palette.colour('sunken');
  for (const edge of all ? scene.edgesIn(area) : marks.tensor) {
    const chosen = marks.tensor.has(edge);
    if (!chosen && labelled[edge] !== 1) continue;
    const { x, y } = labelPlace(scene, edge);
    const text = marks.label(edge);
    ctx.strokeText(text, x, y);
    ctx.fillStyle = palette.colour(chosen ? 'accent' : 'muted');
    ctx.fillText(text, x, y);
  }
}

/** Nodes of a few pixels: one fill for each op family. */
function paintDots(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  nodes: readonly number[],
  view: View,
  marks: Marks,
  palette: Palette,
): void {
  const byColour = new Map<string, number[]>();
  const least = 1 / view.k;
  for (const at of nodes) {
    const family: Family | undefined = scene.stripes[at]![0]?.family;
    const own = marks.measure.heat ? (heatOf(marks.measure, at)?.fill ?? palette.colour('line')) : null;
    const token = at === marks.active || marks.hits.has(at) ? 'accent' : family ? `f-${family}` : 'line-strong';
    const change = marks.changes?.[at];
    const colour =
      change && token !== 'accent'
        ? palette.colour(CHANGE_COLOURS[change.state])
        : own === null || token === 'accent'
          ? palette.colour(token)
          : own;
    const list = byColour.get(colour);
    if (list) list.push(at);
    else byColour.set(colour, [at]);
  }
  for (const [colour, list] of byColour) {
    ctx.fillStyle = colour;
    ctx.beginPath();
    for (const at of list) {
      const { width, height } = scene.visible.nodes[at]!;
      const tall = Math.max(height, least);
      ctx.rect(scene.layout.x[at]! - width / 2, scene.layout.y[at]! - tall / 2, width, tall);
    }
    ctx.fill();
  }
}

/** The glyph of a change at the corner of a card. */
function paintBadge(ctx: CanvasRenderingContext2D, x: number, y: number, change: Change, palette: Palette): void {
  const text = badgeText(change);
  const width = badgeWidth(text);
  ctx.fillStyle = palette.colour(CHANGE_COLOURS[change.state]);
  ctx.beginPath();
  ctx.roundRect(x - 7, y - 7, width, 14, 3);
  ctx.fill();
  ctx.fillStyle = palette.colour('panel');
  ctx.font = `600 11px ${palette.sans}`;
  ctx.textAlign = 'center';
  ctx.fillText(text, x - 7 + width / 2, y + 4);
}

function paintCard(ctx: CanvasRenderingContext2D, scene: Scene, at: number, view: View, marks: Marks, palette: Palette): void {
  const { node, group, width, height } = scene.visible.nodes[at]!;
  const x = scene.layout.x[at]! - width / 2;
  const y = scene.layout.y[at]! - height / 2;
  const selected = at === marks.active;
  const related = marks.related.has(at);
  const heat = selected ? null : heatOf(marks.measure, at);
  const bar = barOf(marks.measure, at);
  const text = view.k >= TEXT_FROM;
  const card: Card | null = text ? cardOf(scene.visible, at, numberOf(marks.measure, at)) : null;
  ctx.globalAlpha = marks.reach && marks.reach[at] === 0 && !related ? DIMMED : 1;
  if (node && !node.node) {
    ctx.strokeStyle = palette.colour('line-strong');
    ctx.lineWidth = 1;
    ctx.setLineDash([3, 3]);
    ctx.beginPath();
    ctx.roundRect(x, y, width, height, height / 2);
    ctx.stroke();
    ctx.setLineDash([]);
    if (!card) return;
    ctx.fillStyle = palette.colour('text');
    ctx.font = `400 13px ${palette.sans}`;
    ctx.textAlign = 'center';
    ctx.fillText(card.title, x + width / 2, y + 18);
    return;
  }
  ctx.fillStyle = heat?.fill ?? palette.colour(selected ? 'select' : related ? 'relative' : 'panel');
  ctx.strokeStyle = palette.colour(selected || related ? 'accent' : marks.hits.has(at) ? 'warn' : 'line-strong');
  ctx.lineWidth = (selected || (heat && related) || marks.hits.has(at) ? 2 : 1) / Math.min(1, view.k);
  if (group) {
    ctx.beginPath();
    ctx.roundRect(x + 4, y + 4, width, height, 4);
    ctx.fill();
    ctx.stroke();
  }
  ctx.beginPath();
  ctx.roundRect(x, y, width, height, 4);
  ctx.fill();
  ctx.stroke();
  let top = y + 4;
  for (const { family, share } of scene.stripes[at]!) {
    ctx.fillStyle = palette.colour(`f-${family}`);
    ctx.fillRect(x + 4, top, 3, (height - 8) * share);
    top += (height - 8) * share;
  }
  const change = marks.changes?.[at];
  if (change) paintBadge(ctx, x, y, change, palette);
  if (bar !== null) {
    ctx.fillStyle = heat?.text ?? palette.colour(selected || related ? 'accent' : 'line-strong');
    ctx.fillRect(x + 14, y + height - 5, Math.max(1, (width - 22) * bar), 2);
  }
  if (!card) return;
  ctx.fillStyle = heat?.text ?? palette.colour(selected ? 'select-text' : 'text');
  ctx.textAlign = 'left';
  ctx.font = `600 13px ${palette.sans}`;
  ctx.fillText(card.title, x + 14, y + 18);
  ctx.textAlign = 'right';
  ctx.font = `400 11px ${palette.sans}`;
  ctx.fillText(card.count, x + width - 8, y + 18);
  ctx.textAlign = 'left';
  ctx.fillStyle = heat?.text ?? palette.colour(selected ? 'select-text' : 'muted');
  ctx.font = `400 11px ${palette.mono}`;
  ctx.fillText(card.subtitle, x + 14, y + 34);
}
