import { type KeyboardEvent, type PointerEvent, useLayoutEffect, useState } from 'react';
import { course } from '../texts/course.ts';

const texts = course.lesson;
const KEY = 'bpformer.lesson-width';
/** Pixels: what a lesson needs, and what the desk beside it does. */
const LEAST = 320;
const DESK_LEAST = 480;
const STEP = 16;

function stored(): number | null {
  try {
    const width = Number(localStorage.getItem(KEY) ?? Number.NaN);
    return width >= LEAST && width <= 10_000 ? width : null;
  } catch {
    return null;
  }
}

function store(width: number | null): void {
  try {
    if (width === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, String(width));
  } catch {
    // It lasts as long as the tab.
  }
}

const most = (): number => Math.max(LEAST, window.innerWidth - DESK_LEAST);
const held = (width: number): number => Math.round(Math.max(LEAST, Math.min(most(), width)));

/** The border between lesson and desk: dragged, or moved with the arrow keys; Enter and a double click give back the width that it has by itself. */
export function PaneEdge({ pane }: { pane: React.RefObject<HTMLElement | null> }) {
  const [width, setWidth] = useState(stored);
  const [shown, setShown] = useState(0);
  useLayoutEffect(() => {
    const element = pane.current;
    if (!element) return;
    if (width === null) element.style.removeProperty('--lesson-width');
    else element.style.setProperty('--lesson-width', `${width}px`);
    const watch = new ResizeObserver(() => setShown(Math.round(element.getBoundingClientRect().width)));
    watch.observe(element);
    return () => watch.disconnect();
  }, [pane, width]);
  const take = (next: number | null) => {
    setWidth(next);
    store(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowRight' ? STEP : event.key === 'ArrowLeft' ? -STEP : 0;
    if (by !== 0) take(held(shown + by));
    else if (event.key === 'Home') take(LEAST);
    else if (event.key === 'End') take(most());
    else if (event.key === 'Enter') take(null);
    else return;
    event.preventDefault();
  };
  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return;
    const edge = event.currentTarget;
    const from = (pane.current?.getBoundingClientRect().width ?? shown) - event.clientX;
    edge.setPointerCapture(event.pointerId);
    const move = ({ clientX }: globalThis.PointerEvent) => take(held(from + clientX));
    const end = () => edge.removeEventListener('pointermove', move);
    edge.addEventListener('pointermove', move);
    for (const over of ['pointerup', 'pointercancel']) edge.addEventListener(over, end, { once: true });
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved
    <div
      className="lesson-edge"
      role="separator"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={texts.width}
      aria-valuemin={LEAST}
      aria-valuemax={most()}
      aria-valuenow={shown}
      title={texts.widthAbout}
      onKeyDown={onKeyDown}
      onPointerDown={onPointerDown}
      onDoubleClick={() => take(null)}
    />
  );
}
