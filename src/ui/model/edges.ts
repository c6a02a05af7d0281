import type { View } from './paint.ts';
import type { Scene } from './scene.ts';

/** Labels of edges show from this scale on. */
export const LABELS_FROM = 1.1;

const REACH_PX = 6;

/** The node of the drawing at a place on the screen; -1 where there is none. */
export function nodeAt(scene: Scene, { x, y, k }: View, screenX: number, screenY: number): number {
  const px = (screenX - x) / k;
  const py = (screenY - y) / k;
  return scene.nodesIn({ minX: px, maxX: px, minY: py, maxY: py })[0] ?? -1;
}

/** The edge nearest to a place on the screen; -1 where none is near. */
export function edgeAt(scene: Scene, { x, y, k }: View, screenX: number, screenY: number): number {
  const px = (screenX - x) / k;
  const py = (screenY - y) / k;
  const reach = REACH_PX / k;
  const { points, pointStart } = scene.layout;
  let best = -1;
  let nearest = reach;
  for (const edge of scene.edgesIn({ minX: px - reach, maxX: px + reach, minY: py - reach, maxY: py + reach })) {
    for (let at = pointStart[edge]!; at + 1 < pointStart[edge + 1]!; at++) {
      const far = distance(px, py, points[2 * at]!, points[2 * at + 1]!, points[2 * at + 2]!, points[2 * at + 3]!);
      if (far < nearest) {
        nearest = far;
        best = edge;
      }
    }
  }
  return best;
}

/** From a point to a stretch of a line. */
function distance(px: number, py: number, x0: number, y0: number, x1: number, y1: number): number {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const along = dx === 0 && dy === 0 ? 0 : Math.max(0, Math.min(1, ((px - x0) * dx + (py - y0) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(px - x0 - along * dx, py - y0 - along * dy);
}

const px = (value: number): number => Math.round(value * 1000) / 1000;

/** An edge as the `d` of an SVG path: each stretch leaves and arrives upright. */
export function edgePath({ layout: { points, pointStart } }: Scene, edge: number): string {
  const [from, to] = [pointStart[edge]!, pointStart[edge + 1]!];
  if (from === to) return '';
  let path = `M${px(points[2 * from]!)},${px(points[2 * from + 1]!)}`;
  for (let at = from; at + 1 < to; at++) {
    const [x0, y0, x1, y1] = [points[2 * at]!, points[2 * at + 1]!, points[2 * at + 2]!, points[2 * at + 3]!];
    const middle = px((y0 + y1) / 2);
    path += `C${px(x0)},${middle},${px(x1)},${middle},${px(x1)},${px(y1)}`;
  }
  return path;
}

/** Where the label of an edge begins: beside its start, below the node that makes its tensor. */
export function labelPlace({ layout: { points, pointStart } }: Scene, edge: number): { x: number; y: number } {
  const start = pointStart[edge]!;
  return { x: points[2 * start]! + 6, y: points[2 * start + 1]! + 13 };
}

/** Edges of the drawing along which `tensor` runs. */
export function edgesOf({ visible }: Scene, tensor: string | null): ReadonlySet<number> {
  const found = new Set<number>();
  if (tensor === null) return found;
  visible.edges.forEach(({ tensors }, edge) => {
    if (tensors.includes(tensor)) found.add(edge);
  });
  return found;
}

const labelled = new WeakMap<Scene, Uint8Array>();

/** Edges that carry a label: one of those that leave a node with the same tensors. */
export function labelledEdges(scene: Scene): Uint8Array {
  const known = labelled.get(scene);
  if (known) return known;
  const { edges } = scene.visible;
  const marks = new Uint8Array(edges.length);
  const seen = new Set<string>();
  edges.forEach(({ from, tensors }, edge) => {
    const key = `${from} ${tensors[0]}${tensors.length > 1 ? ` ${tensors.length}` : ''}`;
    if (seen.has(key)) return;
    seen.add(key);
    marks[edge] = 1;
  });
  labelled.set(scene, marks);
  return marks;
}
