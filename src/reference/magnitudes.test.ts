import { describe, expect, it } from 'vitest';
import { randomOf } from '../base/random.ts';
import { Magnitudes } from './magnitudes.ts';

const random = randomOf(7);
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

describe('magnitudes of a value', () => {
  const values = Float32Array.from({ length: 50_000 }, normal);
  const sorted = Float32Array.from(values, Math.abs).sort();
  const counted = new Magnitudes();
  // In growing parts, so that the range doubles on the way.
  for (const [from, to] of [
    [0, 10],
    [10, 1000],
    [1000, 50_000],
  ] as const)
    counted.add(values.subarray(from, to));

  it.each([50, 90, 99, 99.9])('has its percentile %s to the width of a bin', (percent) => {
    const exact = sorted[Math.ceil((percent / 100) * sorted.length) - 1]!;
    expect(Math.abs(counted.percentile(percent) - exact)).toBeLessThan((2 * sorted.at(-1)!) / 1000);
  });
  it('is cut where the square error is least: hardly in 16 bits, well below the top in 4', () => {
    const errorOf = (clip: number, bits: number): number => {
      const step = clip / (2 ** (bits - 1) - 1);
      return values.reduce((sum, v) => sum + (v - Math.max(-clip, Math.min(clip, Math.round(v / step) * step))) ** 2, 0);
    };
    for (const bits of [4, 8]) {
      const clip = counted.leastSquares(bits);
      for (const other of [0.5, 0.8, 1.25]) expect(errorOf(clip, bits)).toBeLessThan(errorOf(clip * other, bits) * 1.02);
    }
    expect(counted.leastSquares(4)).toBeLessThan(0.8 * counted.leastSquares(16));
    expect(counted.leastSquares(16)).toBeGreaterThan(0.95 * sorted.at(-1)!);
  });
  it('leaves infinities out and knows nothing of zeros alone', () => {
    const masks = new Magnitudes();
    masks.add([Number.NEGATIVE_INFINITY, 0, 0]);
    expect(masks.percentile(99)).toBe(0);
    masks.add([Number.NEGATIVE_INFINITY, 2, Number.NaN]);
    expect(masks.percentile(100)).toBe(2);
  });
});
