import { type RefObject, useLayoutEffect, useMemo, useRef } from 'react';
import type { Gestures, Place } from './gestures.ts';
import type { Bounds } from './layout.ts';
import type { View } from './paint.ts';

export interface PanZoom {
  readonly view: () => View;
  readonly zoomBy: (factor: number) => void;
  readonly fitAll: () => void;
  /** Shows the top of the graph at a scale at which it can be read. */
  readonly fitWidth: () => void;
  /** Brings a point of the graph to a place on the screen. */
  readonly moveTo: (x: number, y: number, screenX: number, screenY: number) => void;
  /** Brings a point into view unless it is. */
  readonly reveal: (x: number, y: number) => void;
  /** Centres the view on a share of the graph's height. */
  readonly showShare: (share: number) => void;
}

const EDGE = 12;
const LEAST_SCALE = 0.05;
const MOST_SCALE = 2;
const LEAST_READABLE = 0.6;
const NODE = { width: 100, height: 32 };

const ignore = () => {};

/** Wheel, drag and pinch on `box`; `draw` runs at most once a frame, `resized` when the box has another size than in the view before. The graph fits its width when `of` becomes another one. */
export function usePanZoom(
  box: RefObject<HTMLDivElement | null>,
  bounds: Bounds | null,
  of: unknown,
  draw: (view: View) => void,
  resized: (before: View) => void = ignore,
): PanZoom {
  const gestures = useRef<Gestures | null>(null);
  const place = useRef<Place>({ x: 0, y: 0, k: 1 });
  const limits = useRef<readonly [number, number]>([LEAST_SCALE, MOST_SCALE]);
  const moved = useRef(ignore);
  const size = useRef({ width: 0, height: 0 });
  const extent = useRef(bounds);
  extent.current = bounds;

  const pan = useMemo<PanZoom>(() => {
    const view = (): View => ({ ...place.current, ...size.current });
    const put = (x: number, y: number, k: number) => {
      place.current = { x, y, k };
      gestures.current?.put(place.current);
      moved.current();
    };
    return {
      view,
      zoomBy: (factor) => {
        const { x, y, k } = place.current;
        const [least, most] = limits.current;
        const to = Math.min(most, Math.max(least, k * factor));
        // The middle stays where it is.
        const at = (from: number, length: number) => length / 2 - ((length / 2 - from) / k) * to;
        put(at(x, size.current.width), at(y, size.current.height), to);
      },
      fitAll: () => {
        if (!extent.current) return;
        const { minX, maxX, minY, maxY } = extent.current;
        const { width, height } = size.current;
        const k = Math.min(1, (width - 2 * EDGE) / (maxX - minX), (height - 2 * EDGE) / (maxY - minY));
        put((width - (maxX + minX) * k) / 2, (height - (maxY + minY) * k) / 2, k);
      },
      fitWidth: () => {
        if (!extent.current) return;
        const { minX, maxX, minY } = extent.current;
        const { width } = size.current;
        const wide = (width - 2 * EDGE) / (maxX - minX);
        const k = Math.min(1, Math.max(LEAST_READABLE, wide));
        // What is too wide to be read as a whole starts at its middle.
        put((width - (maxX + minX) * k) / 2, EDGE - minY * k, k);
      },
      moveTo: (x, y, screenX, screenY) => {
        const { k } = view();
        put(screenX - x * k, screenY - y * k, k);
      },
      reveal: (x, y) => {
        const { k, width, height, ...at } = view();
        const dx = outside(x * k + at.x, NODE.width * k, width);
        // Far along the graph the node lands in the middle, so that what stands around it shows too.
        const dy = outside(y * k + at.y, NODE.height * k, height) === 0 ? 0 : height / 2 - (y * k + at.y);
        if (dx !== 0 || dy !== 0) put(at.x + dx, at.y + dy, k);
      },
      showShare: (share) => {
        if (!extent.current) return;
        const { k, x, height } = view();
        const { minY, maxY } = extent.current;
        put(x, height / 2 - (minY + share * (maxY - minY)) * k, k);
      },
    };
  }, []);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    let frame = 0;
    let ended = false;
    const request = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => draw(pan.view()));
    };
    moved.current = request;
    const measure = () => {
      const before = pan.view();
      size.current = { width: element.clientWidth, height: element.clientHeight };
      if (before.width > 0) {
        // What stood in the middle stays there.
        const shift = (size.current.width - before.width) / 2;
        place.current = { ...place.current, x: place.current.x + shift };
        if (shift !== 0) gestures.current?.put(place.current);
        resized(before);
      }
      request();
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    // What is drawn does not wait for what hears the mouse.
    void import('./gestures.ts').then(({ gesturesOn }) => {
      if (ended) return;
      gestures.current = gesturesOn(element, (to) => {
        place.current = to;
        request();
      });
      gestures.current.limit(...limits.current);
      gestures.current.put(place.current);
    }, ignore);
    return () => {
      ended = true;
      cancelAnimationFrame(frame);
      observer.disconnect();
      gestures.current?.end();
      gestures.current = null;
    };
  }, [box, draw, resized, pan]);

  const fitted = useRef<unknown>(null);
  useLayoutEffect(() => {
    if (!bounds || !box.current) return;
    // A tall graph needs smaller scales than others to be seen whole.
    const whole = Math.min(size.current.height / (bounds.maxY - bounds.minY), size.current.width / (bounds.maxX - bounds.minX));
    limits.current = [Math.max(1e-4, Math.min(LEAST_SCALE, whole * 0.9)), MOST_SCALE];
    gestures.current?.limit(...limits.current);
    if (fitted.current === of) return;
    fitted.current = of;
    pan.fitWidth();
  }, [box, bounds, of, pan]);
  return pan;
}

/** How far to move so that `at` lies at least `margin` inside of `size`; 0 when it does. */
function outside(at: number, margin: number, size: number): number {
  if (at < margin) return margin - at;
  return at > size - margin ? size - margin - at : 0;
}
