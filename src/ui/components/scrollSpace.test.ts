import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Place, ScrollSpace, TALLEST_PX } from './scrollSpace.ts';

const view = fc.integer({ min: 0, max: 3000 });
const space = fc
  .tuple(fc.oneof(fc.integer({ min: 0, max: TALLEST_PX }), fc.integer({ min: TALLEST_PX, max: 400_000_000 })), view)
  .map(([total, height]) => new ScrollSpace(total, height));
const share = fc.double({ min: 0, max: 1, noNaN: true });
const run = { seed: 1, numRuns: 500 };

const maxScroll = (s: ScrollSpace) => Math.max(0, s.height - s.view);
/** What the browser does with a wanted scroll position. */
const kept = (s: ScrollSpace, scrollTop: number) => Math.max(0, Math.min(maxScroll(s), scrollTop));

describe('ScrollSpace', () => {
  it('keeps elements below every browser’s limit and short lists as they are', () => {
    fc.assert(
      fc.property(space, share, (s, at) => {
        expect(s.height).toBeLessThanOrEqual(TALLEST_PX);
        if (!s.scaled) expect(s.scrollTopOf(at * s.maxTop)).toBe(at * s.maxTop);
      }),
      run,
    );
  });

  it('maps both ways, in order, end to end', () => {
    fc.assert(
      fc.property(space, share, share, (s, a, b) => {
        expect(s.scrollTopOf(0)).toBe(0);
        expect(s.scrollTopOf(s.maxTop)).toBeCloseTo(maxScroll(s), 5);
        const [low, high] = [Math.min(a, b) * s.maxTop, Math.max(a, b) * s.maxTop];
        expect(s.scrollTopOf(low)).toBeLessThanOrEqual(s.scrollTopOf(high));
        expect(s.topOf(s.scrollTopOf(low))).toBeCloseTo(low, 4);
      }),
      run,
    );
  });

  it('moves contents pixel for pixel with wheel and keys, however long they go on', () => {
    const steps = fc.array(fc.integer({ min: -1900, max: 1900 }), { maxLength: 60 });
    fc.assert(
      fc.property(space, share, steps, (s, start, deltas) => {
        let place: Place = s.at(Math.floor(start * s.maxTop));
        let expected = place.top;
        for (const delta of deltas) {
          const scrollTop = kept(s, place.scrollTop + delta);
          // The element always has room for what its contents have room for.
          const wanted = s.clamp(expected + delta);
          expect(s.clamp(place.top + (scrollTop - place.scrollTop))).toBeCloseTo(wanted, 4);
          place = s.moved(place, scrollTop);
          expected = wanted;
          expect(place.top).toBeCloseTo(expected, 4);
        }
      }),
      run,
    );
  });

  it('jumps to where the scroll bar is dragged, and needs no mending there', () => {
    fc.assert(
      fc.property(space, share, share, (s, from, to) => {
        const place = s.at(from * s.maxTop);
        const scrollTop = to * maxScroll(s);
        if (Math.abs(scrollTop - place.scrollTop) <= Math.max(2000, 3 * s.view)) return;
        const jumped = s.moved(place, scrollTop);
        expect(jumped.scrollTop).toBe(scrollTop);
        expect(s.strayed(jumped)).toBe(false);
        if (to === 1) expect(jumped.top).toBe(s.maxTop);
        if (to === 0) expect(jumped.top).toBe(0);
      }),
      run,
    );
  });

  it('reaches every row exactly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000_000 }), share, view, share, (count, at, height, from) => {
        const s = new ScrollSpace(count * 18, height);
        const row = Math.min(count - 1, Math.floor(at * count));
        const top = s.reveal(from * s.maxTop, row * 18, row * 18 + 18, 'auto');
        expect(s.at(top).top).toBe(top);
        if (height >= 18) {
          expect(row * 18).toBeGreaterThanOrEqual(top - 1e-6);
          expect(row * 18 + 18).toBeLessThanOrEqual(top + height + 1e-6);
        }
        expect(s.reveal(0, row * 18, row * 18 + 18, 'start')).toBe(s.clamp(row * 18));
      }),
      run,
    );
  });

  it('stays when a wheel turns back and forth', () => {
    const s = new ScrollSpace(180_000_000, 900);
    const start = s.at(90_000_000);
    let place = start;
    for (const delta of [100, 100, -100, -100]) place = s.moved(place, place.scrollTop + delta);
    expect(place).toEqual(start);
  });
});
