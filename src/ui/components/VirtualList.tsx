import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, type Ref, useEffect, useImperativeHandle, useRef } from 'react';
import './list.css';

export interface VirtualListHandle {
  scrollTo(index: number, align?: 'center' | 'auto' | 'start'): void;
  focus(): void;
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
}

const OVERSCAN = 8;

/** A listbox of any length: only the rows in view exist. One stop in the tab order; arrows, page keys, Home and End move. */
export function VirtualList(props: VirtualListProps) {
  const { label, count, rowHeight, active, className, onActivate, rowClass, rowLabel, children } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
  });
  useImperativeHandle(props.ref, () => ({
    scrollTo: (index, align = 'auto') => virtual.scrollToIndex(index, { align }),
    focus: () => scroller.current?.focus(),
  }));
  const last = useRef(active);
  useEffect(() => {
    if (active >= 0 && active !== last.current) virtual.scrollToIndex(active, { align: 'auto' });
    last.current = active;
  }, [active, virtual]);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    props.onKeyDown?.(event);
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || count === 0) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 200) / rowHeight) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    let next: number;
    if (event.key in steps) next = active < 0 ? 0 : active + steps[event.key]!;
    else if (event.key === 'Home') next = 0;
    else if (event.key === 'End') next = count - 1;
    else return;
    event.preventDefault();
    onActivate(Math.max(0, Math.min(count - 1, next)));
  };
  const items = virtual.getVirtualItems();
  const activeShown = items.some((item) => item.index === active);
  const id = `list-${label.replace(/\W+/g, '-').toLowerCase()}`;
  return (
    <div
      ref={scroller}
      className={`vlist ${className ?? ''}`}
      role="listbox"
      tabIndex={0}
      aria-label={label}
      aria-activedescendant={activeShown ? `${id}-${active}` : undefined}
      onKeyDown={onKeyDown}
    >
      <div className="vlist-space" style={{ height: virtual.getTotalSize(), minWidth: props.minWidth }} role="presentation">
        {items.map((item) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the list, which holds the focus
          <div
            key={item.key}
            id={`${id}-${item.index}`}
            role="option"
            tabIndex={-1}
            aria-selected={item.index === active}
            aria-posinset={item.index + 1}
            aria-setsize={count}
            aria-label={rowLabel?.(item.index)}
            className={`vrow ${rowClass?.(item.index) ?? ''}`}
            style={{ height: rowHeight, transform: `translateY(${item.start}px)` }}
            onClick={() => onActivate(item.index)}
          >
            {children(item.index)}
          </div>
        ))}
      </div>
    </div>
  );
}
