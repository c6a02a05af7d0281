import { type Family, familyOf } from './families.ts';
import type { Bounds, LayoutResult } from './layout.ts';
import type { Frame, VisibleGraph } from './visible.ts';

/** A laid-out graph as both drawings (SVG and canvas), the minimap and the pointer need it. */
export interface Scene {
  readonly visible: VisibleGraph;
  readonly layout: LayoutResult;
  readonly frames: readonly DrawnFrame[];
  /** Op families of each node, with the share of each; one for an operator. */
  readonly stripes: readonly (readonly { readonly family: Family; readonly share: number }[])[];
  nodesIn(area: Bounds): number[];
  edgesIn(area: Bounds): number[];
}

export interface DrawnFrame {
  readonly frame: Frame;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const BAND = 256;
/** Edges over more bands than this stand in a list of their own. */
const MOST_BANDS = 16;

export function buildScene(visible: VisibleGraph, layout: LayoutResult): Scene {
  const { nodes, edges } = visible;
  const bands: { nodes: number[]; edges: number[] }[] = [];
  const long: number[] = [];
  const { minY } = layout.bounds;
  const bandOf = (y: number) => Math.max(0, Math.floor((y - minY) / BAND));
  const band = (at: number) => {
    bands[at] ??= { nodes: [], edges: [] };
    return bands[at];
  };
  nodes.forEach(({ height }, at) => {
    const y = layout.y[at]!;
    for (let b = bandOf(y - height / 2); b <= bandOf(y + height / 2); b++) band(b).nodes.push(at);
  });
  const boxes = new Float32Array(4 * edges.length);
  edges.forEach((_, edge) => {
    let [x0, y0, x1, y1] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let at = layout.pointStart[edge]!; at < layout.pointStart[edge + 1]!; at++) {
      const x = layout.points[2 * at]!;
      const y = layout.points[2 * at + 1]!;
      x0 = Math.min(x0, x);
      x1 = Math.max(x1, x);
      y0 = Math.min(y0, y);
      y1 = Math.max(y1, y);
    }
    boxes.set([x0, y0, x1, y1], 4 * edge);
    const from = bandOf(y0);
    const to = bandOf(y1);
    if (to - from > MOST_BANDS) long.push(edge);
    else for (let b = from; b <= to; b++) band(b).edges.push(edge);
  });
  // What stands in several bands is found in the first of them that is asked for.
  const collect = (area: Bounds, kind: 'nodes' | 'edges', top: (at: number) => number, inside: (at: number) => boolean): number[] => {
    const found: number[] = [];
    const start = bandOf(area.minY);
    const end = Math.min(bands.length - 1, bandOf(area.maxY));
    for (let b = start; b <= end; b++) {
      for (const at of bands[b]?.[kind] ?? []) if (Math.max(start, bandOf(top(at))) === b && inside(at)) found.push(at);
    }
    return found;
  };
  const topOf = (at: number) => layout.y[at]! - nodes[at]!.height / 2;
  const nodesIn = (area: Bounds) =>
    collect(area, 'nodes', topOf, (at) => {
      const { width, height } = nodes[at]!;
      const x = layout.x[at]!;
      const y = layout.y[at]!;
      return x + width / 2 >= area.minX && x - width / 2 <= area.maxX && y + height / 2 >= area.minY && y - height / 2 <= area.maxY;
    });
  const crosses = (edge: number, area: Bounds) =>
    boxes[4 * edge]! <= area.maxX &&
    boxes[4 * edge + 2]! >= area.minX &&
    boxes[4 * edge + 1]! <= area.maxY &&
    boxes[4 * edge + 3]! >= area.minY;
  const edgesIn = (area: Bounds) => [
    ...collect(
      area,
      'edges',
      (edge) => boxes[4 * edge + 1]!,
      (edge) => crosses(edge, area),
    ),
    ...long.filter((edge) => crosses(edge, area)),
  ];
  return { visible, layout, frames: drawnFrames(visible, layout, nodesIn), stripes: stripesOf(visible), nodesIn, edgesIn };
}

export const LABEL_HEIGHT = 13;
const INSET = 6;
/** More nested areas than these would fill the gaps between operators. */
const MOST_LEVELS = 2;

/** Open groups whose area holds no foreign operator: others would claim nodes that they don't have. */
function drawnFrames(visible: VisibleGraph, layout: LayoutResult, nodesIn: (area: Bounds) => number[]): DrawnFrame[] {
  const level = new Map<Frame, number>();
  const stack: Frame[] = [];
  for (const frame of visible.frames) {
    while (stack.length > 0 && stack.at(-1)!.depth >= frame.depth) stack.pop();
    stack.push(frame);
    stack.forEach((outer, at) => {
      level.set(outer, Math.max(level.get(outer) ?? 0, stack.length - at));
    });
  }
  const drawn: DrawnFrame[] = [];
  for (const frame of visible.frames) {
    const own = level.get(frame)!;
    if (own > MOST_LEVELS) continue;
    let [minX, minY, maxX, maxY] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let at = frame.first; at <= frame.last; at++) {
      const { node, width, height } = visible.nodes[at]!;
      if (node && !node.node) continue;
      minX = Math.min(minX, layout.x[at]! - width / 2);
      maxX = Math.max(maxX, layout.x[at]! + width / 2);
      minY = Math.min(minY, layout.y[at]! - height / 2);
      maxY = Math.max(maxY, layout.y[at]! + height / 2);
    }
    const foreign = nodesIn({ minX, minY, maxX, maxY }).some(
      (at) => (at < frame.first || at > frame.last) && visible.nodes[at]!.node?.node !== null,
    );
    if (foreign || minX > maxX) continue;
    const side = INSET * own;
    const top = LABEL_HEIGHT * own;
    drawn.push({ frame, x: minX - side, y: minY - top, width: maxX - minX + 2 * side, height: maxY - minY + top + side });
  }
  return drawn;
}

function stripesOf({ graph, nodes }: VisibleGraph): Scene['stripes'] {
  return nodes.map(({ node, group }) => {
    if (!group) return node?.node ? [{ family: familyOf(node.node.op), share: 1 }] : [];
    const counts = new Map<Family, number>();
    for (let at = group.first; at <= group.last; at++) {
      const op = graph.nodes[at]!.node;
      if (op) counts.set(familyOf(op.op), (counts.get(familyOf(op.op)) ?? 0) + 1);
    }
    return [...counts].sort((a, b) => b[1] - a[1]).map(([family, count]) => ({ family, share: count / group.ops }));
  });
}

/** How the drawing shows a node of the scene, whichever way it draws. */
export interface Card {
  readonly title: string;
  readonly count: string;
  readonly subtitle: string;
}

const CHARS = 19;
const clip = (text: string, chars: number) => (text.length > chars ? `${text.slice(0, chars - 1)}…` : text);

/** `count` is what an overlay writes at the right. */
export function cardOf(visible: VisibleGraph, at: number, count: string): Card {
  const { node, group } = visible.nodes[at]!;
  if (!group) {
    if (!node!.node) return { title: clip(`${node!.title}  ${node!.subtitle}`, 24), count: '', subtitle: '' };
    return { title: clip(node!.title, CHARS - Math.max(0, count.length - 1)), count, subtitle: clip(node!.subtitle, 24) };
  }
  const output = visible.graph.nodes[group.last]?.subtitle ?? '';
  const times = group.repeats === undefined ? '' : ` ×${group.repeats}`;
  const room = CHARS + 3 - (count === '' ? 0 : count.length) - times.length;
  return { title: `${clip(group.label, room)}${times}`, count, subtitle: clip(`${group.ops} ops · ${output}`, 26) };
}

/** What assistive technology reads for a node of the drawing; `value` is what the overlay says of it, `change` what a comparison does. */
export function nameOf(visible: VisibleGraph, at: number, value: string, change = ''): string {
  const { node, group } = visible.nodes[at]!;
  const cost = [value, change].map((text) => (text === '' ? '' : `, ${text}`)).join('');
  if (group)
    return `${group.label}${group.repeats === undefined ? '' : ` ×${group.repeats}`}, group of ${group.ops} operators, folded${cost}`;
  if (!node!.node) return `${node!.kind} ${node!.title}, ${node!.subtitle}`;
  return `${node!.node.name}, ${node!.node.op}, ${node!.subtitle}${cost}`;
}

export const BEFORE = 1;
export const BEHIND = 2;
export const SELF = 4;

/** What the node at `at` depends on ({@link BEFORE}) and what depends on it ({@link BEHIND}). */
export function reachOf({ nodes, edges }: VisibleGraph, at: number): Uint8Array | null {
  if (at < 0) return null;
  const marks = new Uint8Array(nodes.length);
  const next: number[][] = nodes.map(() => []);
  const before: number[][] = nodes.map(() => []);
  for (const { from, to } of edges) {
    next[from]!.push(to);
    before[to]!.push(from);
  }
  for (const [links, mark] of [
    [before, BEFORE],
    [next, BEHIND],
  ] as const) {
    const queue = [at];
    for (const here of queue) {
      for (const other of links[here]!) {
        if (marks[other]! & mark) continue;
        marks[other]! |= mark;
        queue.push(other);
      }
    }
  }
  marks[at] = SELF;
  return marks;
}

/** Edges from here to there belong to one way through the selected node. */
export function onPath(marks: Uint8Array, from: number, to: number): boolean {
  const both = marks[from]! & marks[to]!;
  return (both & (BEFORE | BEHIND)) !== 0 || marks[from] === SELF || marks[to] === SELF;
}

export const edgeWidth = (bytes: number): number => 1 + Math.min(3, Math.log10(1 + bytes / 256));

/** Where in the model's graph `query` is found: every word in the op, name, module or shape. */
export function search(graph: VisibleGraph['graph'], query: string): number[] {
  const words = query.toLowerCase().replaceAll(' x ', '×').split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const hits: number[] = [];
  graph.nodes.forEach(({ title, subtitle, node }, at) => {
    const text = `${title} ${node?.name ?? ''} ${subtitle} ${subtitle.replaceAll('×', 'x')}`.toLowerCase();
    if (words.every((word) => text.includes(word))) hits.push(at);
  });
  return hits;
}
