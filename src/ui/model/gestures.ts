import { select } from 'd3-selection';
import { type D3ZoomEvent, zoom, zoomIdentity } from 'd3-zoom';

/** Where a drawing lies: its origin on the screen in pixels, and its scale. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly k: number;
}

export interface Gestures {
  /** Says where the drawing lies now. */
  readonly put: (place: Place) => void;
  readonly limit: (least: number, most: number) => void;
  readonly end: () => void;
}

/** Wheel, drag and pinch on `element`, told to `moved`. */
export function gesturesOn(element: HTMLElement, moved: (place: Place) => void): Gestures {
  const zooming = zoom<HTMLElement, unknown>().on('zoom', ({ transform: { x, y, k } }: D3ZoomEvent<HTMLElement, unknown>) =>
    moved({ x, y, k }),
  );
  const selected = select(element);
  selected.call(zooming).on('dblclick.zoom', null);
  return {
    put: ({ x, y, k }) => void selected.call(zooming.transform, zoomIdentity.translate(x, y).scale(k)),
    limit: (least, most) => void zooming.scaleExtent([least, most]),
    end: () => void selected.on('.zoom', null),
  };
}
