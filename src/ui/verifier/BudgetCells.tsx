import { type HTMLAttributes, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import type { BudgetItem, BudgetTree, Measure } from '../../workbench/budget-tree.ts';
import { budget as texts } from '../texts/budget.ts';
import type { BudgetLook } from './Budget.tsx';
import { type Cell, flameCells, treemapCells } from './budget-layout.ts';

interface CellsProps {
  readonly tree: BudgetTree;
  readonly focus: BudgetItem;
  readonly by: Measure;
  readonly view: 'flame' | 'treemap';
  readonly look: BudgetLook;
  readonly cursor: BudgetItem | null;
  readonly onOpen: (item: BudgetItem) => void;
  readonly onBack: () => void;
  readonly onMove: (item: BudgetItem) => void;
  readonly onTell: (item: BudgetItem | null) => void;
}

/** Levels of a flame, and pixels of each. */
const DEPTHS = 5;
const ROW = 24;

function useSize() {
  const ref = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return { ref, ...size };
}

/** The budget as boxes: one stop in the tab order, arrow keys go from box to box. To readers it is a tree. */
export function BudgetCells({ tree, focus, by, view, look, cursor, onOpen, onBack, onMove, onTell }: CellsProps) {
  const { ref, width, height } = useSize();
  const cells =
    width === 0
      ? []
      : view === 'flame'
        ? flameCells(tree, focus, by, Math.min(DEPTHS, Math.max(2, Math.floor(height / ROW))))
        : treemapCells(tree, focus, by, width, height);
  const at = cells.findIndex(({ item }) => item.id === cursor?.id);
  const current = Math.max(0, at);

  const go = (to: number) => {
    const cell = cells[to];
    if (!cell) return;
    onMove(cell.item);
    onTell(cell.item);
    ref.current?.querySelectorAll<HTMLElement>('[role="treeitem"]')[to]?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = stepFrom(cells, current, event.key);
    if (event.key === 'Enter' || event.key === ' ') onOpen(cells[current]!.item);
    else if (event.key === 'Backspace') onBack();
    else if (next !== null) go(next);
    else return;
    event.preventDefault();
  };
  const attributes: HTMLAttributes<HTMLDivElement> = {
    role: 'tree',
    'aria-label': `${texts.label}: ${look.name(focus)}. ${texts.help}`,
    onKeyDown,
  };
  return (
    <div ref={ref} className={`budget-cells ${view}`} {...attributes} onPointerLeave={() => onTell(null)}>
      {cells.map((cell, index) => (
        <Box
          key={cell.item.id}
          cell={cell}
          view={view}
          look={look}
          label={texts.row(look.name(cell.item), cell.item[by], texts.unit[by], cell.item[by] / tree.root[by])}
          value={texts.share(cell.item[by] / tree.root[by])}
          wide={(cell.x1 - cell.x0) * width}
          tabbed={index === current}
          onOpen={onOpen}
          onTell={onTell}
          onMove={onMove}
        />
      ))}
      {width > 0 && cells.length === 0 ? <p className="empty">{texts.none}</p> : null}
    </div>
  );
}

/** Left and right among the boxes of a level, down to the first part, up to the whole. */
function stepFrom(cells: readonly Cell[], at: number, key: string): number | null {
  const here = cells[at];
  if (!here) return null;
  if (key === 'Home') return 0;
  if (key === 'End') return cells.length - 1;
  if (key === 'ArrowDown') return found(cells.findIndex(({ item }) => item.parent === here.item));
  if (key === 'ArrowUp') return found(cells.findIndex(({ item }) => item === here.item.parent));
  const level = cells.flatMap(({ depth }, index) => (depth === here.depth ? [index] : []));
  const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
  return step === 0 ? null : found(level[level.indexOf(at) + step] ?? -1);
}

const found = (index: number): number | null => (index >= 0 ? index : null);

interface BoxProps {
  readonly cell: Cell;
  readonly view: 'flame' | 'treemap';
  readonly look: BudgetLook;
  readonly label: string;
  readonly value: string;
  readonly wide: number;
  readonly tabbed: boolean;
  readonly onOpen: (item: BudgetItem) => void;
  readonly onTell: (item: BudgetItem) => void;
  readonly onMove: (item: BudgetItem) => void;
}

/** Narrower boxes have no words, somewhat wider ones no figure. */
const WORDS = 28;
const FIGURES = 120;

function Box({ cell: { item, depth, x0, x1, y0, y1 }, view, look, label, value, wide, tabbed, onOpen, onTell, onMove }: BoxProps) {
  const place =
    view === 'flame'
      ? { left: `${x0 * 100}%`, width: `${(x1 - x0) * 100}%`, top: depth * ROW, height: ROW - 1 }
      : { left: `${x0 * 100}%`, width: `${(x1 - x0) * 100}%`, top: `${y0 * 100}%`, height: `${(y1 - y0) * 100}%` };
  const attributes: HTMLAttributes<HTMLDivElement> = {
    role: 'treeitem',
    'aria-level': depth + 1,
    'aria-label': label,
    'aria-selected': look.mark(item) === 'selected',
    tabIndex: tabbed ? 0 : -1,
    title: label,
    // Enter and the arrow keys are the tree's.
    onClick: () => onOpen(item),
    onPointerEnter: () => onTell(item),
    onFocus: () => {
      onTell(item);
      if (!tabbed) onMove(item);
    },
  };
  return (
    <div className={`budget-cell ${item.kind} ${look.mark(item)}`} style={place} {...attributes}>
      <span className="budget-stripe" style={{ background: look.colour(item) }} />
      {wide > WORDS ? <span className="ellipsis">{look.name(item)}</span> : null}
      {wide > FIGURES ? <span className="budget-cell-value">{value}</span> : null}
    </div>
  );
}
