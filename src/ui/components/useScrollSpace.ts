import { type RefObject, useCallback, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { type Place, ScrollSpace } from './scrollSpace.ts';

/** Rows beyond the edges that exist too, so that a fast wheel shows no gap. */
const OVERSCAN = 8;
/** Rows share a container, which stands at a multiple of this many rows: their own offsets stay small and exact. */
const BASE_ROWS = 512;
/** After this long without a movement, the scroll bar is put where the contents are. */
const SETTLE_MS = 200;

/** The rows that exist, half-open, and where they stand. */
export interface RowWindow {
  readonly first: number;
  readonly end: number;
  /** Row at the top of the container of rows. */
  readonly base: number;
  /** Pixels from the element's top to the container's. */
  readonly baseTop: number;
}

const NOTHING: RowWindow = { first: 0, end: 0, base: 0, baseTop: 0 };

function windowOf({ top, scrollTop }: Place, view: number, count: number, rowHeight: number): RowWindow {
  if (view === 0) return NOTHING;
  const first = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN);
  const end = Math.min(count, Math.ceil((top + view) / rowHeight) + OVERSCAN);
  const base = first - (first % BASE_ROWS);
  return { first, end, base, baseTop: base * rowHeight + scrollTop - top };
}

const same = (a: RowWindow, b: RowWindow) => a.first === b.first && a.end === b.end && a.base === b.base && a.baseTop === b.baseTop;

export interface Scrolling {
  readonly height: number;
  readonly window: RowWindow;
  onScroll(): void;
  scrollTo(index: number, align: 'center' | 'auto' | 'start'): void;
  /** Rows in full view, at least one. */
  pageRows(): number;
}

/** Which of `count` rows of equal height are in view of the scrolling element, for any count. Row `kept` stays in view when the view shrinks. */
export function useScrollSpace(scroller: RefObject<HTMLElement | null>, count: number, rowHeight: number, kept: number): Scrolling {
  const [view, setView] = useState(0);
  const [rows, setRows] = useState(NOTHING);
  const space = useMemo(() => new ScrollSpace(count * rowHeight, view), [count, rowHeight, view]);
  const place = useRef<Place>({ top: 0, scrollTop: 0 });
  const timer = useRef(0);
  const before = useRef({ kept, view });

  /** Puts the element where `next` says; browsers round, so what they made of it counts. */
  const put = useCallback(
    (next: Place) => {
      const element = scroller.current;
      if (!element) return;
      if (Math.abs(element.scrollTop - next.scrollTop) > 0.5) element.scrollTop = next.scrollTop;
      place.current = { top: next.top, scrollTop: space.scaled ? element.scrollTop : next.top };
    },
    [scroller, space],
  );
  const show = useCallback(() => {
    const next = windowOf(place.current, space.view, count, rowHeight);
    setRows((present) => (same(present, next) ? present : next));
  }, [space, count, rowHeight]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    // A panel that has no size yet lets the list be as tall as all its rows; nobody sees more than the window.
    const measure = () => setView(Math.min(element.clientHeight, window.innerHeight));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      observer.disconnect();
      window.clearTimeout(timer.current);
    };
  }, [scroller]);

  // The element has its new height by now: what was in view stays there.
  useLayoutEffect(() => {
    if (view === 0) return;
    const { top } = place.current;
    const start = before.current.kept * rowHeight;
    const wasSeen = start >= top && start + rowHeight <= top + before.current.view;
    const next = space.at(wasSeen && before.current.view > view ? space.reveal(top, start, start + rowHeight, 'auto') : top);
    // A list at its top stays there: asking the element where it stands would lay the page out while a replay adds rows.
    if (next.scrollTop !== 0 || place.current.scrollTop !== 0) put(next);
    else place.current = next;
    before.current.view = view;
    show();
  }, [space, view, rowHeight, put, show]);
  useLayoutEffect(() => {
    before.current.kept = kept;
  });

  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (!element || view === 0) return;
    const { scrollTop } = element;
    if (scrollTop !== place.current.scrollTop) {
      const next = space.moved(place.current, scrollTop);
      if (next.scrollTop === scrollTop) place.current = next;
      else put(next);
    }
    // Rows must stand there before this frame is painted.
    flushSync(show);
    window.clearTimeout(timer.current);
    if (space.scaled) {
      timer.current = window.setTimeout(() => {
        if (!space.strayed(place.current)) return;
        put(space.at(place.current.top));
        flushSync(show);
      }, SETTLE_MS);
    }
  }, [scroller, space, view, put, show]);

  const scrollTo = useCallback(
    (index: number, align: 'center' | 'auto' | 'start') => {
      if (view === 0) {
        place.current = { ...place.current, top: index * rowHeight };
        return;
      }
      const start = index * rowHeight;
      const top = space.reveal(place.current.top, start, start + rowHeight, align);
      if (top === place.current.top) return;
      put(space.at(top));
      show();
    },
    [space, view, rowHeight, put, show],
  );
  const pageRows = useCallback(() => Math.max(1, Math.floor(view / rowHeight) - 1), [view, rowHeight]);
  return { height: space.height, window: rows, onScroll, scrollTo, pageRows };
}
