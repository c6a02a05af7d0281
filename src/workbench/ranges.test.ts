import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxesOf, flatRanges, inRanges, narrowed, rangeCount, rangesOf, rangesText, united, valuesOf, widened } from './ranges.ts';

const dims = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });

describe('sorted ranges', () => {
  it('hold what a set holds', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60)), (values) => {
        const sorted = values.sort((a, b) => a - b);
        const ranges = rangesOf(sorted);
        expect(valuesOf(ranges)).toEqual(sorted);
        expect(rangeCount(ranges)).toBe(sorted.length);
        expect(united([...ranges].reverse())).toEqual(ranges);
        for (let i = 0; i < 62; i++) expect(inRanges(ranges, i)).toBe(values.includes(i));
        expect(narrowed(widened(ranges, 3), 3)).toEqual(ranges);
      }),
      { seed: 1 },
    );
  });

  it('come back from boxes of a shape as they were', () => {
    fc.assert(
      fc.property(dims, fc.uniqueArray(fc.nat(255), { maxLength: 20 }), (shape, values) => {
        const size = shape.reduce((n, dim) => n * dim, 1);
        const ranges = rangesOf(values.filter((value) => value < size).sort((a, b) => a - b));
        expect(flatRanges(shape, boxesOf(shape, ranges))).toEqual({ ranges, exact: true });
      }),
      { seed: 1 },
    );
  });

  it('read as text', () => {
    expect(
      rangesText([
        [0, 1],
        [4, 8],
      ]),
    ).toBe('0, 4–7');
    expect(rangesText(Array.from({ length: 9 }, (_, i) => [2 * i, 2 * i + 1] as const))).toBe('0, 2, 4, 6, …');
  });
});
