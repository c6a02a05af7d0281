import type { TreeItem } from '../../workbench/capture-views.ts';

/** Folding is by name, so that it holds from packet to packet. */
export function keyOf({ name, label }: Pick<TreeItem, 'name' | 'label'>): string {
  return name === '' ? label : name;
}

/** Items that are shown, in order: none below a folded one, except the chosen one. */
export function visibleRows(items: readonly TreeItem[], folded: ReadonlySet<string>, chosen: number): number[] {
  const rows: number[] = [];
  let hidden = Number.POSITIVE_INFINITY;
  for (const [at, one] of items.entries()) {
    if (one.depth > hidden) {
      // The chosen one is shown wherever it is.
      if (at === chosen) rows.push(at);
      continue;
    }
    hidden = folded.has(keyOf(one)) ? one.depth : Number.POSITIVE_INFINITY;
    rows.push(at);
  }
  return rows;
}

/** Of each row its place among those under the same parent, from 1, and how many they are. */
export interface Places {
  readonly pos: Int32Array;
  readonly size: Int32Array;
}

/** {@link Places} of rows in the order of a tree walked from the top, by their depths. */
export function placesOf(depths: readonly number[]): Places {
  const pos = new Int32Array(depths.length);
  const size = new Int32Array(depths.length);
  /** Rows that the family has so far which is open at each depth; a row closes the deeper ones. */
  const open: number[] = [];
  for (const [row, depth] of depths.entries()) {
    open.length = Math.min(open.length, depth + 1);
    open[depth] = (open[depth] ?? 0) + 1;
    pos[row] = open[depth];
  }
  // Backwards the last one of each family comes first.
  open.length = 0;
  for (let row = depths.length - 1; row >= 0; row--) {
    const depth = depths[row]!;
    open.length = Math.min(open.length, depth + 1);
    open[depth] ??= pos[row]!;
    size[row] = open[depth];
  }
  return { pos, size };
}
