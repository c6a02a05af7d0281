import { describe, expect, test } from 'vitest';
import { exactP, pairs } from './pairs.ts';

/** By the definition: twice the tail of the binomial with ½, in whole numbers. */
function byCounting(one: number, other: number): number {
  const n = one + other;
  let choose = 1n;
  let tail = 0n;
  for (let i = 0; i <= Math.min(one, other); i++) {
    tail += choose;
    choose = (choose * BigInt(n - i)) / BigInt(i + 1);
  }
  return Math.min(1, Number((tail * 2n * 10n ** 30n) / 2n ** BigInt(n)) / 1e30);
}

describe('exact McNemar p', () => {
  test.each([
    [0, 0],
    [0, 1],
    [1, 1],
    [0, 5],
    [2, 9],
    [17, 0],
    [8, 9],
    [40, 61],
    [300, 260],
  ])('%i against %i', (one, other) => {
    const expected = byCounting(one, other);
    expect(exactP(one, other)).toBeCloseTo(expected, 12);
    expect(exactP(other, one)).toBe(exactP(one, other));
  });

  test('stays a probability for many events', () => {
    expect(exactP(500_000, 500_000)).toBeCloseTo(1, 6);
    // The normal approximation with a correction of ½: z = (1000 − ½·2) / √(10⁶) with continuity.
    expect(exactP(499_000, 501_000)).toBeCloseTo(0.0457, 3);
    expect(exactP(0, 100_000)).toBe(0);
  });
});

test('events of which one side is not known are left out', () => {
  const a = [true, true, false, false, null];
  const b = [true, false, true, false, true];
  expect(
    pairs(
      [0, 1, 2, 3, 4],
      (at) => a[at]!,
      (at) => b[at]!,
    ),
  ).toEqual({ events: 4, both: 1, onlyA: 1, onlyB: 1, neither: 1, p: 1 });
});
