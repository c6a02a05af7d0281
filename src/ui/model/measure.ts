import { type HeatStep, heatShare, stepAt } from './heat.ts';
import type { Overlay, OverlayValues } from './overlays.ts';
import type { VisibleGraph } from './visible.ts';

/** An overlay on one drawing: the value of each of its nodes and the span that they take. */
export interface Measure {
  readonly overlay: Overlay;
  readonly values: readonly (number | undefined)[];
  readonly least: number;
  readonly most: number;
  /** Colours by which nodes are filled; null where only bars and numbers show the values. */
  readonly heat: readonly HeatStep[] | null;
}

/** Values of the nodes of a drawing; a folded group shows the sum or the largest of its operators'. */
export function measure(visible: VisibleGraph, overlay: Overlay, byNode: OverlayValues, heat: readonly HeatStep[] | null): Measure {
  const values = visible.nodes.map(({ node, group }) => {
    if (!byNode) return undefined;
    if (!group) return node?.node ? byNode.get(node.node.index) : undefined;
    let value: number | undefined;
    for (let at = group.first; at <= group.last; at++) {
      const own = byNode.get(visible.graph.nodes[at]!.node?.index ?? -1);
      if (own === undefined) continue;
      if (value === undefined) value = own;
      else value = overlay.fold === 'sum' ? value + own : Math.max(value, own);
    }
    return value;
  });
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value === undefined || !Number.isFinite(value)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (least > most) [least, most] = [0, 0];
  return { overlay, values, least, most, heat };
}

/** Colour of a node; null where it has no value or nothing is coloured. */
export function heatOf({ overlay, values, least, most, heat }: Measure, at: number): HeatStep | null {
  const value = values[at];
  return heat && value !== undefined ? stepAt(heat, heatShare(value, least, most, overlay.ramp)) : null;
}

/** Length of a node's bar, as a share of the longest; null where there is no value. */
export function barOf({ overlay, values, most }: Measure, at: number): number | null {
  const value = values[at];
  return value === undefined ? null : heatShare(value, 0, most, overlay.ramp);
}

/** A node's value as its card shows it; '' where there is none. */
export function numberOf({ overlay, values }: Measure, at: number): string {
  const value = values[at];
  return value === undefined ? '' : overlay.format(value);
}

/** A node's value as it is read out: "738 instructions". */
export function spokenValue({ overlay, values }: Measure, at: number): string {
  const value = values[at];
  if (value === undefined) return '';
  const number = overlay.format(value);
  return overlay.unit === '' ? number : `${number} ${overlay.unit}`;
}
