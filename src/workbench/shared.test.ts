import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shared } from './shared.ts';

const columns = () => ({ code: Uint8Array.of(1, 2), score: Float64Array.of(0.5, Number.NaN), names: ['a', 'b'], of: { total: 3 } });

it('is the old object where nothing differs', () => {
  const before = columns();
  expect(shared(before, columns())).toBe(before);
  expect(shared(before, { ...columns(), fork: undefined })).toBe(before);
});

it('keeps the parts that are the same beside one that differs', () => {
  const before = columns();
  const next = { ...columns(), code: Uint8Array.of(1, 3) };
  const merged = shared(before, next);
  expect(merged).toEqual(next);
  expect(merged).not.toBe(before);
  expect(merged.score).toBe(before.score);
  expect(merged.names).toBe(before.names);
  expect(merged.code).toBe(next.code);
});

it('tells kinds of arrays, numbers and missing properties apart', () => {
  for (const [before, next] of [
    [{ a: Uint8Array.of(1, 0) }, { a: Uint16Array.of(1) }],
    [{ a: 0 }, { a: -0 }],
    [{ a: [1, 2] }, { a: [1] }],
    [{ a: [] }, { a: {} }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: null }, { a: {} }],
  ] as [object, object][])
    expect(shared(before, next)).not.toBe(before);
});

it('always equals what is new', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.integer({ max: 3 }),
      fc.constant(null),
      fc.uint8Array({ max: 3, maxLength: 2 }),
      tie('list'),
      tie('object'),
    ),
    list: fc.array(tie('any'), { maxLength: 3 }),
    object: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { noNullPrototype: true }),
  })).any;
  fc.assert(
    fc.property(value, value, (before, next) => {
      const merged = shared(before, next);
      expect(merged).toEqual(next);
      expect(shared(next, structuredClone(next))).toEqual(next);
      if (typeof next === 'object' && next !== null) expect(shared(next, structuredClone(next))).toBe(next);
    }),
    { seed: 7, numRuns: 500 },
  );
});
