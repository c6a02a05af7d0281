import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementAt, gridOf, neighbour, placeOf, planesOf } from './heat-layout.ts';

const dims = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 5 });
const zoom = fc.constantFrom(null, 2, 8, 64);

describe('a tensor as planes', () => {
  it('shows every element once while its planes fit side by side', () => {
    expect(planesOf([1, 2, 16, 16])).toMatchObject({ rows: 16, columns: 16, fixed: [] });
    expect(planesOf([1, 2, 16, 16]).planes).toEqual([
      { start: 0, index: [0, 0] },
      { start: 256, index: [0, 1] },
    ]);
    expect(planesOf([8])).toMatchObject({ rows: 1, columns: 8, planes: [{ start: 0, index: [] }] });
    expect(planesOf([])).toMatchObject({ rows: 1, columns: 1 });
  });

  it('steps through outer axes of which there are more', () => {
    const planes = planesOf([12, 4, 3, 3], new Map([[0, 5]]));
    expect(planes.fixed).toEqual([{ axis: 0, count: 12, at: 5 }]);
    expect(planes.planes.map(({ start }) => start)).toEqual([180, 189, 198, 207]);
  });

  it('finds elements where it puts them', () => {
    fc.assert(
      fc.property(dims, zoom, fc.integer({ min: 40, max: 900 }), fc.nat(), (shape, size, width, seed) => {
        const planes = planesOf(shape);
        const grid = gridOf(planes, width, 300, size);
        const plane = planes.planes[seed % planes.planes.length]!;
        const element = plane.start + (seed % (planes.rows * planes.columns));
        const { x, y } = placeOf(planes, grid, element)!;
        expect(elementAt(planes, grid, x + 0.5, y + 0.5)).toBe(element);
        expect(x + grid.cellWidth).toBeLessThanOrEqual(grid.width);
        expect(y + grid.cellHeight).toBeLessThanOrEqual(grid.height);
      }),
      { seed: 1 },
    );
  });

  it('comes back with the opposite key', () => {
    const back: Record<string, string> = { ArrowLeft: 'ArrowRight', ArrowUp: 'ArrowDown', ArrowRight: 'ArrowLeft', ArrowDown: 'ArrowUp' };
    fc.assert(
      fc.property(dims, fc.nat(), fc.constantFrom(...Object.keys(back)), (shape, seed, key) => {
        const planes = planesOf(shape);
        const grid = gridOf(planes, 400, 300, null);
        const element = planes.planes[0]!.start + (seed % (planes.rows * planes.columns));
        const next = neighbour(planes, grid, element, key);
        if (next !== null) expect(neighbour(planes, grid, next, back[key]!)).toBe(element);
      }),
      { seed: 1 },
    );
  });
});
