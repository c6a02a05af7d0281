import type { Group } from './groups.ts';
import type { VisibleGraph } from './visible.ts';

/** A line of the graph told as a tree: a node of the drawing, or a group that is open. */
export interface TreeRow {
  readonly id: string;
  /** Node of the drawing; -1 for an open group, which the drawing shows as an area. */
  readonly at: number;
  readonly group: Group | null;
  /** Null for what holds nothing. */
  readonly expanded: boolean | null;
  readonly level: number;
  readonly place: number;
  readonly siblings: number;
}

export interface TreeRows {
  readonly rows: readonly TreeRow[];
  /** The line of each node of the drawing. */
  readonly rowOf: Int32Array;
}

/** The drawing as a tree, in the graph's order. */
export function treeRows({ tree, nodes, place, frames }: VisibleGraph): TreeRows {
  const open = new Set(frames.map(({ group }) => group.id));
  const rows: TreeRow[] = [];
  const rowOf = new Int32Array(nodes.length).fill(-1);
  const walk = (children: readonly (Group | number)[], level: number): void => {
    children.forEach((child, index) => {
      const group = typeof child === 'number' ? null : child;
      const expanded = group ? open.has(group.id) : null;
      const at = expanded === true ? -1 : place[group ? group.first : (child as number)]!;
      const id = at >= 0 ? nodes[at]!.id : `open:${group!.id}`;
      if (at >= 0) rowOf[at] = rows.length;
      rows.push({ id, at, group, expanded, level, place: index + 1, siblings: children.length });
      if (group && expanded === true) walk(group.children, level + 1);
    });
  };
  walk(tree, 1);
  return { rows, rowOf };
}
