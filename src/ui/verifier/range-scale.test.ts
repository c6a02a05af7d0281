import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundText, signedLogPosition } from './range-scale.ts';

describe('the signed log scale', () => {
  it('has zero in the middle and the limits of 64 bits at its ends', () => {
    expect(signedLogPosition(0n)).toBe(0.5);
    expect(signedLogPosition(-(2n ** 63n))).toBeCloseTo(0);
    expect(signedLogPosition(2n ** 63n - 1n)).toBeCloseTo(1);
  });

  it('never falls as values rise, and mirrors around zero', () => {
    const value = fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(value, value, (a, b) => {
        if (a <= b) expect(signedLogPosition(a)).toBeLessThanOrEqual(signedLogPosition(b));
        expect(signedLogPosition(-a) + signedLogPosition(a)).toBeCloseTo(1);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

describe('bounds', () => {
  it('names the limits', () => {
    expect(boundText(-(2n ** 63n))).toBe('S64_MIN');
    expect(boundText(2n ** 32n - 1n)).toBe('U32_MAX');
    expect(boundText(2n ** 64n - 1n)).toBe('U64_MAX');
    expect(boundText(255n)).toBe('255');
  });
});
