import type { Scene } from './scene.ts';

/** Ranks apart in height by less than this count as one row. */
const ROW = 60;

/** The node that an arrow key leads to: along edges up and down, within a row left and right. Inputs and outputs are passed over. */
export function neighbour(scene: Scene, from: number, key: string): number | null {
  const { nodes, edges } = scene.visible;
  const stop = (at: number) => nodes[at] !== undefined && (nodes[at].group !== null || nodes[at].node?.node !== null);
  const next = (start: number, by: number): number | null => {
    for (let at = start; at >= 0 && at < nodes.length; at += by) if (stop(at)) return at;
    return null;
  };
  if (key === 'Home' || (from < 0 && key.startsWith('Arrow'))) return next(0, 1);
  if (key === 'End') return next(nodes.length - 1, -1);
  if (key === 'ArrowDown') return edges.find((edge) => edge.from === from && stop(edge.to))?.to ?? next(from + 1, 1);
  if (key === 'ArrowUp') return edges.find((edge) => edge.to === from && stop(edge.from))?.from ?? next(from - 1, -1);
  if (key !== 'ArrowLeft' && key !== 'ArrowRight') return null;
  const side = key === 'ArrowRight' ? 1 : -1;
  const { x, y } = scene.layout;
  const row = { minX: Number.NEGATIVE_INFINITY, maxX: Number.POSITIVE_INFINITY, minY: y[from]! - ROW, maxY: y[from]! + ROW };
  let best: number | null = null;
  let nearest = Number.POSITIVE_INFINITY;
  for (const at of scene.nodesIn(row)) {
    const dx = (x[at]! - x[from]!) * side;
    const far = dx + Math.abs(y[at]! - y[from]!) * 4;
    if (!stop(at) || dx <= 1 || Math.abs(y[at]! - y[from]!) >= ROW || far >= nearest) continue;
    nearest = far;
    best = at;
  }
  return best;
}
