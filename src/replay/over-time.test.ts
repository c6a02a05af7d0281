import fc from 'fast-check';
import { expect, test } from 'vitest';
import { overTime, spread } from './over-time.ts';

test('stretches hold every event once and lose none', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (agrees, most) => {
      const stretches = overTime(
        agrees.length,
        most,
        (event) => agrees[event]!,
        (event) => event,
      );
      expect(stretches.length).toBeLessThanOrEqual(most);
      expect(stretches.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i))).toEqual(agrees.map((_, i) => i));
      expect(stretches.reduce((sum, { agreed }) => sum + agreed, 0)).toBe(agrees.filter(Boolean).length);
      for (const { to, maxError } of stretches) expect(maxError).toBe(to - 1);
    }),
  );
});

test('every difference is counted in the bin of its magnitude', () => {
  const { counts, none } = spread([0, 1e-9, 0.001, 0.0015, -0.02, 5, Number.NaN, 1e9], -4, 1, 1);
  expect(none).toBe(2);
  expect(counts).toEqual([0, 2, 1, 0, 2]);
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true })), (errors) => {
      const found = spread(errors, -6, 2, 4);
      expect(found.none + found.counts.reduce((a, b) => a + b, 0)).toBe(errors.length);
    }),
  );
});
