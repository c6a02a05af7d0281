import {
  type HTMLAttributes,
  type KeyboardEvent,
  memo,
  type ReactNode,
  type Ref,
  useEffect,
  useId,
  useImperativeHandle,
  useRef,
} from 'react';
import { type RowWindow, useScrollSpace } from './useScrollSpace.ts';
import './list.css';

export interface VirtualListHandle {
  scrollTo(index: number, align?: 'center' | 'auto' | 'start'): void;
  focus(): void;
}

/** What a row of a tree says about itself. */
export interface TreeRow {
  readonly level: number;
  /** Absent for a row that nothing folds under. */
  readonly expanded?: boolean;
  /** Place among its siblings from 1, and how many they are. */
  readonly posInSet: number;
  readonly setSize: number;
}

interface VirtualListProps {
  readonly label: string;
  readonly count: number;
  readonly rowHeight: number;
  /** Row that arrow keys start from; -1 without one. */
  readonly active: number;
  readonly ref?: Ref<VirtualListHandle>;
  readonly className?: string;
  readonly onActivate: (index: number) => void;
  readonly rowClass?: (index: number) => string;
  readonly rowLabel?: (index: number) => string;
  readonly children: (index: number) => ReactNode;
  readonly onKeyDown?: (event: KeyboardEvent<HTMLElement>) => void;
  /** Minimum width of a row's contents, for sideways scrolling. */
  readonly minWidth?: number;
  /** False leaves the list where it is when another row becomes active. */
  readonly follow?: boolean;
  /** Makes the list a tree: level, fold state and place of each row. */
  readonly tree?: (index: number) => TreeRow;
  /** Drawn over the rows that exist and moved with them; row `i` begins at `(i - rows.base) * rowHeight`. */
  readonly overlay?: (rows: RowWindow) => ReactNode;
}

/** A listbox or tree of any length: only the rows in view exist. One stop in the tab order; arrows, page keys, Home and End move. */
export function VirtualList(props: VirtualListProps) {
  const { label, count, rowHeight, active, className, onActivate, rowClass, rowLabel, children, tree, overlay, follow = true } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const { height, window: rows, onScroll, scrollTo, pageRows } = useScrollSpace(scroller, count, rowHeight, active);
  useImperativeHandle(
    props.ref,
    () => ({
      scrollTo: (index, align = 'auto') => scrollTo(index, align),
      focus: () => scroller.current?.focus(),
    }),
    [scrollTo],
  );
  const last = useRef(active);
  useEffect(() => {
    // Who moves through the list itself is followed even where the list stays put otherwise.
    const own = scroller.current?.contains(document.activeElement) === true;
    if ((follow || own) && active >= 0 && active !== last.current) scrollTo(active, 'auto');
    last.current = active;
  }, [active, follow, scrollTo]);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    props.onKeyDown?.(event);
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || count === 0) return;
    const page = pageRows();
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    let next: number;
    if (event.key in steps) next = active < 0 ? rows.first : active + steps[event.key]!;
    else if (event.key === 'Home') next = 0;
    else if (event.key === 'End') next = count - 1;
    else return;
    event.preventDefault();
    onActivate(Math.max(0, Math.min(count - 1, next)));
  };
  const id = useId();
  const shown: number[] = [];
  for (let index = rows.first; index < Math.min(rows.end, count); index++) shown.push(index);
  // Together, because the linter judges attributes by the role and cannot read one that varies.
  const attributes: HTMLAttributes<HTMLDivElement> = {
    role: tree ? 'tree' : 'listbox',
    tabIndex: 0,
    'aria-label': label,
    'aria-activedescendant': active >= rows.first && active < rows.end ? `${id}-${active}` : undefined,
    onKeyDown,
    onScroll,
  };
  return (
    <div ref={scroller} className={`vlist ${className ?? ''}`} {...attributes}>
      <div className="vlist-space" style={{ height, minWidth: props.minWidth }} role="presentation">
        <div className="vlist-rows" style={{ top: rows.baseTop }} role="presentation">
          {shown.map((index) => {
            const place = tree?.(index);
            return (
              <Row
                key={index}
                id={`${id}-${index}`}
                index={index}
                tree={place !== undefined}
                level={place?.level}
                expanded={place?.expanded}
                posInSet={place?.posInSet ?? index + 1}
                setSize={place?.setSize ?? count}
                label={rowLabel?.(index)}
                className={rowClass?.(index) ?? ''}
                selected={index === active}
                height={rowHeight}
                top={(index - rows.base) * rowHeight}
                onActivate={onActivate}
              >
                {children}
              </Row>
            );
          })}
          {overlay?.(rows)}
        </div>
      </div>
    </div>
  );
}

interface RowProps {
  readonly id: string;
  readonly index: number;
  readonly tree: boolean;
  readonly level: number | undefined;
  readonly expanded: boolean | undefined;
  readonly posInSet: number;
  readonly setSize: number;
  readonly label: string | undefined;
  readonly className: string;
  readonly selected: boolean;
  readonly height: number;
  readonly top: number;
  readonly onActivate: (index: number) => void;
  readonly children: (index: number) => ReactNode;
}

/** Rows that stay in view while the list scrolls are not rendered again. */
const Row = memo(function Row(props: RowProps) {
  const attributes: HTMLAttributes<HTMLDivElement> = {
    role: props.tree ? 'treeitem' : 'option',
    tabIndex: -1,
    'aria-selected': props.selected,
    'aria-level': props.level,
    'aria-expanded': props.expanded,
    'aria-posinset': props.posInSet,
    'aria-setsize': props.setSize,
    'aria-label': props.label,
    onClick: () => props.onActivate(props.index),
  };
  return (
    <div id={props.id} className={`vrow ${props.className}`} style={{ height: props.height, top: props.top }} {...attributes}>
      {props.children(props.index)}
    </div>
  );
});
