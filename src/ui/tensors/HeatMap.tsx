import { type KeyboardEvent, type PointerEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { Range } from '../../workbench/ranges.ts';
import { formatDims } from '../../workbench/selectors.ts';
import { tensors as texts } from '../texts/tensors.ts';
import { useTheme } from '../theme/useTheme.ts';
import { coordinates, real } from './format.ts';
import { elementAt, gridOf, neighbour, type Planes, placeOf } from './heat-layout.ts';
import { paintHeat } from './paint-heat.ts';
import './heat.css';

interface HeatMapProps {
  readonly name: string;
  readonly dims: readonly number[];
  readonly planes: Planes;
  /** NaN where there is nothing to compare. */
  readonly values: Float32Array;
  readonly low: number;
  readonly high: number;
  /** Colours lead from the middle to both sides. */
  readonly diverging: boolean;
  /** Flat index; -1 without one. */
  readonly cursor: number;
  readonly related: readonly Range[];
  /** Width of a cell; null: what fits. */
  readonly zoom: number | null;
  readonly onSelect: (element: number) => void;
}

/** A view of some width and height onto a surface that may be larger. */
interface Port {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
}

const STEPS = new Set(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End']);

/** Elements as coloured cells on a canvas that draws what is in view. One stop in the tab order; the element at the cursor is its option. */
export function HeatMap(props: HeatMapProps) {
  const { name, dims, planes, values, low, high, diverging, cursor, related, zoom, onSelect } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [port, setPort] = useState<Port>({ width: 0, height: 0, left: 0, top: 0 });
  const theme = useTheme((state) => state.effective);
  const contrast = useTheme((state) => state.contrast);
  const id = useId();

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () =>
      setPort({ width: element.clientWidth, height: element.clientHeight, left: element.scrollLeft, top: element.scrollTop });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);

  const grid = useMemo(() => gridOf(planes, port.width, port.height, zoom), [planes, port.width, port.height, zoom]);
  const marked = useMemo(() => {
    const marks = new Uint8Array(related.length > 0 ? values.length : 0);
    for (const [from, to] of related) marks.fill(1, from, to);
    return marks;
  }, [related, values.length]);

  // The element at the cursor comes into view when it moves, not when the user scrolls away from it.
  useEffect(() => {
    const element = scroller.current;
    const place = cursor < 0 ? null : placeOf(planes, grid, cursor);
    if (!element || !place) return;
    const { clientWidth, clientHeight, scrollLeft, scrollTop } = element;
    if (place.x < scrollLeft) element.scrollLeft = place.x;
    else if (place.x + grid.cellWidth > scrollLeft + clientWidth) element.scrollLeft = place.x + grid.cellWidth - clientWidth;
    if (place.y < scrollTop) element.scrollTop = place.y;
    else if (place.y + grid.cellHeight > scrollTop + clientHeight) element.scrollTop = place.y + grid.cellHeight - clientHeight;
  }, [cursor, planes, grid]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides the colours that the drawing reads from the page
  useEffect(() => {
    const element = canvas.current;
    if (!element || port.width === 0) return;
    paintHeat(element, { planes, grid, values, low, high, diverging, cursor, marked, port });
  }, [planes, grid, values, low, high, diverging, cursor, marked, port, theme, contrast]);

  const pick = (event: PointerEvent<HTMLDivElement>) => {
    const box = scroller.current!.getBoundingClientRect();
    const element = elementAt(planes, grid, event.clientX - box.left + port.left, event.clientY - box.top + port.top);
    if (element >= 0) onSelect(element);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !STEPS.has(event.key)) return;
    event.preventDefault();
    const next = neighbour(planes, grid, cursor, event.key);
    if (next !== null) onSelect(next);
  };
  const value = cursor >= 0 && cursor < values.length ? values[cursor]! : Number.NaN;
  const shown = cursor >= 0 && placeOf(planes, grid, cursor) !== null;
  return (
    <div
      ref={scroller}
      className="heat"
      role="listbox"
      tabIndex={0}
      aria-label={texts.map(name, formatDims(dims))}
      aria-activedescendant={shown ? id : undefined}
      data-testid="heat"
      data-cell={grid.cellWidth}
      onKeyDown={onKeyDown}
      onPointerDown={pick}
    >
      <canvas ref={canvas} className="heat-canvas" />
      <div
        role="option"
        className="visually-hidden"
        id={id}
        tabIndex={-1}
        aria-selected={shown}
        aria-posinset={Math.max(0, cursor) + 1}
        aria-setsize={values.length}
      >
        {cursor < 0
          ? texts.nothingSelected
          : texts.cell(coordinates(dims, cursor).join(', '), Number.isNaN(value) ? texts.mask : real(value))}
      </div>
      <div style={{ width: grid.width, height: grid.height }} role="presentation" className="heat-space" />
    </div>
  );
}
