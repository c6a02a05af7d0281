import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cellAt, moved, pixelRow, shareOfError } from './error-map-layout.ts';

test('a row in fewer columns loses no largest value, and keeps its order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.float({ min: 0, max: 1, noNaN: true }), fc.constant(Number.NaN)), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 200 }),
      (list, wanted) => {
        const values = Float32Array.from(list);
        const drawn = Math.min(wanted, values.length);
        const columns = pixelRow(values, drawn);
        expect(columns.length).toBe(drawn);
        const known = values.filter((value) => !Number.isNaN(value));
        const shown = columns.filter((value) => !Number.isNaN(value));
        expect(Math.max(...shown)).toBe(Math.max(...known));
        if (drawn === values.length) expect(columns).toEqual(values);
      },
    ),
  );
});

test('the ramp is logarithmic, from a hundred thousandth to all of the range', () => {
  expect([0, 1e-6, 1e-5, 1, 3].map(shareOfError)).toEqual([0, 0, 0, 1, 1]);
  expect(shareOfError(1e-3)).toBeCloseTo(0.4, 9);
});

test('points and keys lead to cells of the map alone', () => {
  const size = { width: 100, rowHeight: 10, rows: 3, columns: 4 };
  expect(cellAt(99, 29, size)).toEqual({ row: 2, column: 3 });
  for (const [x, y] of [
    [-1, 5],
    [100, 5],
    [5, 30],
  ] as const)
    expect(cellAt(x, y, size)).toBeNull();
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'PageUp', 'PageDown', 'Home', 'End')),
      (keys) => {
        let cell = null as ReturnType<typeof moved>;
        for (const key of keys) cell = moved(cell, key, 3, 4);
        if (cell) expect(cell.row in [0, 1, 2] && cell.column in [0, 1, 2, 3]).toBe(true);
      },
    ),
  );
  expect(moved(null, 'x', 3, 4)).toBeNull();
  expect(moved(null, 'End', 0, 4)).toBeNull();
});
