import { Filter } from 'lucide-react';
import { useMemo, useState } from 'react';
import type { PacketDetail, TreeItem } from '../../workbench/capture-views.ts';
import { type TreeRow, VirtualList } from '../components/VirtualList.tsx';
import { capture as texts } from '../texts/capture.ts';
import { keyOf, placesOf, visibleRows } from './tree-rows.ts';

interface PacketTreeProps {
  readonly detail: PacketDetail;
  readonly item: number;
  readonly onItem: (item: number) => void;
  readonly onFilter: (text: string) => void;
}

/** What a filter on exactly this value says. */
function filterOf({ name, value, length }: TreeItem): string {
  if (value === '') return name;
  const text = /^(0x[0-9a-f]+|-?\d+(\.\d+)?|[0-9a-f:.]+)$/i.test(value) && length <= 32 ? value : JSON.stringify(value);
  return `${name} == ${text}`;
}

/** Fields of a packet as a tree; protocols fold. */
export function PacketTree({ detail, item, onItem, onFilter }: PacketTreeProps) {
  const { items } = detail;
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set(['frame']));
  const rows = useMemo(() => visibleRows(items, folded, item), [items, folded, item]);
  const places = useMemo(() => placesOf(rows.map((at) => items[at]!.depth)), [items, rows]);
  const active = rows.indexOf(item);
  const parent = (at: number): boolean => (items[at + 1]?.depth ?? 0) > items[at]!.depth;
  const toggle = (at: number, fold: boolean) => {
    const key = keyOf(items[at]!);
    const next = new Set(folded);
    if (fold) next.add(key);
    else next.delete(key);
    setFolded(next);
  };
  const place = (row: number): TreeRow => {
    const at = rows[row]!;
    return {
      level: items[at]!.depth + 1,
      posInSet: places.pos[row]!,
      setSize: places.size[row]!,
      ...(parent(at) ? { expanded: !folded.has(keyOf(items[at]!)) } : {}),
    };
  };
  return (
    <VirtualList
      className="capture-tree"
      label={texts.tree}
      count={rows.length}
      rowHeight={20}
      active={active}
      onActivate={(row) => onItem(rows[row]!)}
      rowClass={(row) => (rows[row] === item ? 'selected' : items[rows[row]!]!.depth === 0 ? 'capture-protocol' : '')}
      rowLabel={(row) => texts.treeItem(items[rows[row]!]!.label, items[rows[row]!]!.value)}
      tree={place}
      onKeyDown={(event) => {
        if (active < 0) return;
        if (event.key === 'Enter' && items[item]!.name !== '') onFilter(filterOf(items[item]!));
        else if (parent(item) && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) toggle(item, event.key === 'ArrowLeft');
        else return;
        event.preventDefault();
      }}
    >
      {(row) => {
        const at = rows[row]!;
        const one = items[at]!;
        const key = keyOf(one);
        return (
          <div className="capture-item" style={{ paddingLeft: 8 + one.depth * 12 }} title={one.name || undefined}>
            <span className="capture-fold" aria-hidden="true" onClick={() => parent(at) && toggle(at, !folded.has(key))}>
              {parent(at) ? (folded.has(key) ? '▸' : '▾') : ''}
            </span>
            <span className="ellipsis">
              {one.label}
              {one.value !== '' ? <span className="mono muted"> {one.value}</span> : null}
            </span>
            {rows[row] === item && one.name !== '' ? (
              <button
                type="button"
                className="button square small"
                tabIndex={-1}
                aria-label={texts.fieldFilter}
                title={texts.fieldFilterIs(filterOf(one))}
                onClick={(event) => {
                  event.stopPropagation();
                  onFilter(filterOf(one));
                }}
              >
                <Filter size={12} />
              </button>
            ) : null}
          </div>
        );
      }}
    </VirtualList>
  );
}
