import fc from 'fast-check';
import { expect, test } from 'vitest';
import { largestErrors, overTime, spread } from './over-time.ts';

test('stretches hold every event once and lose none', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(true, false, null), { maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (agrees, most) => {
      const stretches = overTime(
        agrees.length,
        most,
        (event) => agrees[event]!,
        (event) => event,
      );
      expect(stretches.length).toBeLessThanOrEqual(most);
      expect(stretches.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i))).toEqual(agrees.map((_, i) => i));
      expect(stretches.reduce((sum, { agreed }) => sum + agreed, 0)).toBe(agrees.filter((one) => one === true).length);
      expect(stretches.reduce((sum, { differing }) => sum + differing, 0)).toBe(agrees.filter((one) => one === false).length);
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

test('the largest errors are those that sorting puts first', () => {
  const error = fc.oneof(fc.constantFrom(Number.NaN, 0, 0.25, 0.5, Number.POSITIVE_INFINITY), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(fc.array(error, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (errors, most) => {
      const order = [...errors.keys()].filter((at) => errors[at]! > 0);
      // Differences of infinities are no numbers, so that they are compared and not subtracted.
      order.sort((a, b) => Number(errors[b]! > errors[a]!) - Number(errors[b]! < errors[a]!) || a - b);
      expect(largestErrors(errors, most)).toEqual(order.slice(0, most));
    }),
  );
});
