/**
 * Lists that are taller than an element can be: browsers cap heights (Firefox at about 17.9 million pixels, Chromium and Safari at 33
 * million), so beyond a limit the element is shorter than its contents. Small movements (wheel, keys, touch) still move the contents
 * pixel for pixel; large ones (the scroll bar dragged) are scaled up. `top` is always exact, `scrollTop` only follows it.
 */
export const TALLEST_PX = 15_000_000;

/** Ends of a scaled list move pixel for pixel with the scroll bar, so that the first and the last rows are never skipped. */
const END_PX = 12_000;

/** A movement of more viewports than this at once is a jump: one pixel of a scroll bar is worth more, one event of a wheel less. */
const JUMP_VIEWS = 3;
const LEAST_JUMP_PX = 2000;

/** Where a list stands: `top` in its contents, `scrollTop` in its element. */
export interface Place {
  readonly top: number;
  readonly scrollTop: number;
}

/** The mapping between a list's contents, `total` pixels tall, and its element, seen through a viewport of `view` pixels. */
export class ScrollSpace {
  readonly total: number;
  readonly view: number;
  /** Height of the element. */
  readonly height: number;
  /** Largest `top` and `scrollTop`. */
  readonly maxTop: number;
  readonly #maxScroll: number;
  readonly #jump: number;

  constructor(total: number, view: number) {
    this.total = total;
    this.view = view;
    this.height = Math.min(total, TALLEST_PX);
    this.maxTop = Math.max(0, total - view);
    this.#maxScroll = Math.max(0, this.height - view);
    this.#jump = Math.max(LEAST_JUMP_PX, JUMP_VIEWS * view);
  }

  get scaled(): boolean {
    return this.total > this.height;
  }

  /** Pixels of contents to one pixel of the element, between the ends. */
  get #ratio(): number {
    return (this.maxTop - 2 * END_PX) / (this.#maxScroll - 2 * END_PX);
  }

  /** The scroll position that stands for `top`. */
  scrollTopOf(top: number): number {
    if (!this.scaled || top <= END_PX) return top;
    if (top >= this.maxTop - END_PX) return this.#maxScroll - (this.maxTop - top);
    return END_PX + (top - END_PX) / this.#ratio;
  }

  /** The inverse of {@link scrollTopOf}. */
  topOf(scrollTop: number): number {
    if (!this.scaled || scrollTop <= END_PX) return scrollTop;
    if (scrollTop >= this.#maxScroll - END_PX) return this.maxTop - (this.#maxScroll - scrollTop);
    return END_PX + (scrollTop - END_PX) * this.#ratio;
  }

  clamp(top: number): number {
    return Math.max(0, Math.min(this.maxTop, top));
  }

  /** The place with `top` at the upper edge, or as near as the ends allow. */
  at(top: number): Place {
    const clamped = this.clamp(top);
    return { top: clamped, scrollTop: this.scrollTopOf(clamped) };
  }

  /**
   * The place after the browser scrolled the element to `scrollTop`. Its `scrollTop` differs from the one given where the element ran
   * out before its contents: the caller sets it.
   */
  moved(from: Place, scrollTop: number): Place {
    const by = scrollTop - from.scrollTop;
    if (!this.scaled || Math.abs(by) > this.#jump) return { top: this.clamp(this.topOf(scrollTop)), scrollTop };
    const top = this.clamp(from.top + by);
    const short = (rest: number, room: number) => (rest === 0 ? room > 0 : room < Math.min(rest, this.#jump));
    const runsOut = short(top, scrollTop) || short(this.maxTop - top, this.#maxScroll - scrollTop);
    return runsOut ? this.at(top) : { top, scrollTop };
  }

  /** True where the scroll bar no longer stands where `top` belongs, which the caller mends once the movement has ended. */
  strayed(place: Place): boolean {
    return Math.abs(this.scrollTopOf(place.top) - place.scrollTop) > 1;
  }

  /** Where to go so that the row from `start` to `end` is seen: no further than needed where it is near, in the middle where it is far. */
  reveal(top: number, start: number, end: number, align: 'center' | 'auto' | 'start'): number {
    if (align === 'start') return this.clamp(start);
    const far = end < top - this.view || start > top + 2 * this.view;
    if (align === 'center' || far) return this.clamp(Math.floor((start + end - this.view) / 2));
    if (start < top) return this.clamp(start);
    return end > top + this.view ? this.clamp(end - this.view) : this.clamp(top);
  }
}
