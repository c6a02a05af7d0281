import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EventDifferences, farthest, gridOf, knownEvents, madeFrom, sourceOf, spaced, tensorRows } from './error-grid.ts';

const LIMIT = 0.01;

test('spaced events begin with the first, end with the last, and none comes twice', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(10_000), { minLength: 1, maxLength: 300 }), fc.integer({ min: 2, max: 64 }), (numbers, most) => {
      const candidates = numbers.sort((a, b) => a - b);
      const chosen = spaced(candidates, most);
      expect(chosen.length).toBe(Math.min(most, candidates.length));
      expect([chosen[0], chosen.at(-1)]).toEqual([candidates[0], candidates.at(-1)]);
      expect(new Set(chosen).size).toBe(chosen.length);
      expect(chosen).toEqual(chosen.toSorted((a, b) => a - b));
    }),
  );
});

test('no event that is left out is farther off than one that is chosen', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 50 }),
      (errors, most) => {
        const chosen = farthest([...errors.keys()], errors, most);
        expect(chosen).toEqual(chosen.toSorted((a, b) => a - b));
        const least = Math.min(...chosen.map((at) => errors[at]!));
        for (const [at, error] of errors.entries()) if (!chosen.includes(at)) expect(error).toBeLessThanOrEqual(least);
      },
    ),
  );
});

const differences = (event: number, error: Record<string, number>, own: Record<string, number>): EventDifferences => ({
  event,
  error: new Map(Object.entries(error)),
  own: new Map(Object.entries(own)),
});

test('the first tensor over the limit and the step that adds the most are counted by event', () => {
  const grid = gridOf(
    ['a', 'b', 'c'],
    [3, 7, 9, 11],
    [
      differences(3, { a: 0.001, b: 0.5, c: 0.7 }, { a: 0.001, b: 0.5, c: 0.02 }),
      differences(7, { a: 0.02, b: 0.03, c: 0.9 }, { a: 0.02, b: 0.001, c: 0.4 }),
      // A tensor that this event does not have, and one event at which the model does not run.
      differences(11, { a: 0, c: 0.002 }, { a: 0 }),
    ],
  );
  expect(knownEvents(grid)).toBe(3);
  expect(tensorRows(grid, LIMIT)).toEqual([
    { tensor: 'a', worst: Math.fround(0.02), worstEvent: 7, over: 1, first: 1, adds: 0 },
    { tensor: 'b', worst: 0.5, worstEvent: 3, over: 2, first: 1, adds: 1 },
    { tensor: 'c', worst: Math.fround(0.9), worstEvent: 7, over: 2, first: 0, adds: 1 },
  ]);
});

test('nothing is said of tensors of which nothing is known', () => {
  const grid = gridOf(['a'], [0, 1], []);
  expect(knownEvents(grid)).toBe(0);
  expect(tensorRows(grid, LIMIT)).toEqual([{ tensor: 'a', worst: Number.NaN, worstEvent: -1, over: 0, first: 0, adds: 0 }]);
});

test('only what a tensor is computed from can have brought its error in', () => {
  const nodes = [
    { inputs: ['x'], outputs: ['a'] },
    { inputs: ['a', 'w'], outputs: ['b'] },
    { inputs: ['a'], outputs: ['beside'] },
    { inputs: ['b'], outputs: ['c'] },
  ];
  const among = madeFrom('b', nodes);
  expect([...among].sort()).toEqual(['a', 'b', 'w', 'x']);
  const grid = gridOf(['a', 'b', 'beside', 'c'], [5, 6], [differences(6, { b: 0.9 }, { a: 0.3, b: 0.1, beside: 0.8, c: 0.7 })]);
  expect(sourceOf(grid, 6, among)).toBe(0);
  expect(sourceOf(grid, 5, among)).toBe(-1);
});
