import { graph as texts } from '../texts/model.ts';
import { spokenChange } from './changes.ts';
import { spokenValue } from './measure.ts';
import type { Marks } from './paint.ts';
import { nameOf, type Scene } from './scene.ts';
import type { TreeRow, TreeRows } from './tree-rows.ts';

/** Lines before and behind the active one that assistive technology finds in a large graph; a small one has them all. */
const MIRRORED = 24;
const WHOLE_UP_TO = 300;

interface GraphTreeProps {
  readonly scene: Scene;
  readonly tree: TreeRows;
  readonly marks: Marks;
  /** Of ids: two graphs may stand side by side. */
  readonly prefix: string;
  readonly onPick: (at: number) => void;
  readonly onFold: (groupId: string) => void;
}

export const rowId = (prefix: string, row: TreeRow): string => `${prefix}${row.id}`;

/** The graph as a tree for assistive technology, whichever way it is drawn: groups that are open or folded, operators in order. */
export function GraphTree({ scene, tree: { rows, rowOf }, marks, prefix, onPick, onFold }: GraphTreeProps) {
  const middle = Math.max(0, rowOf[marks.active] ?? 0);
  const whole = rows.length <= WHOLE_UP_TO;
  const shown = whole ? rows : rows.slice(Math.max(0, middle - MIRRORED), middle + MIRRORED);
  return (
    <div className="visually-hidden" role="presentation">
      {shown.map((row) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: keys act on the whole tree, which holds the focus
        <div
          key={row.id}
          id={rowId(prefix, row)}
          role="treeitem"
          tabIndex={-1}
          aria-level={row.level}
          aria-posinset={row.place}
          aria-setsize={row.siblings}
          aria-selected={row.at >= 0 && row.at === marks.active}
          {...(row.expanded === null ? {} : { 'aria-expanded': row.expanded })}
          onClick={() => (row.at >= 0 ? onPick(row.at) : onFold(row.group!.id))}
        >
          {row.at >= 0
            ? nameOf(scene.visible, row.at, spokenValue(marks.measure, row.at), spokenChange(marks.changes?.[row.at]))
            : texts.openGroup(labelOf(row), row.group!.ops)}
        </div>
      ))}
    </div>
  );
}

const labelOf = ({ group }: TreeRow): string => (group!.repeats === undefined ? group!.label : `${group!.label} ×${group!.repeats}`);
