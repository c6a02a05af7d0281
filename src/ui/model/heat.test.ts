import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEAT_STEPS, heatShare, heatSteps, heatValue, stepAt } from './heat.ts';

const css = readFileSync(join(import.meta.dirname, '..', 'theme', 'tokens.css'), 'utf8');

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

describe.each(['light', 'dark'])('the heat ramp of the %s theme', (theme) => {
  const block = css.split(`:root[data-theme="${theme}"] {`)[1].split('}')[0];
  const steps = heatSteps((name) => new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(block)![1]);

  it('carries text of a contrast of at least 4.5 on every step', () => {
    const low = steps.filter(({ fill, text }) => {
      const [light, dark] = [luminance(fill), luminance(text)].sort((a, b) => b - a);
      return (light + 0.05) / (dark + 0.05) < 4.5;
    });
    expect(low).toEqual([]);
  });

  it('grows steadily lighter or darker', () => {
    const light = steps.map(({ fill }) => luminance(fill));
    const direction = Math.sign(light.at(-1)! - light[0]);
    expect(light.slice(1).every((value, at) => Math.sign(value - light[at]) === direction)).toBe(true);
    expect(steps).toHaveLength(HEAT_STEPS);
  });
});

it('orders values as they are, on both ramps, and finds them again', () => {
  const value = fc.double({ min: 0, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(value, value, value, fc.constantFrom('linear' as const, 'log' as const), (a, b, c, ramp) => {
      const [least, middle, most] = [a, b, c].sort((x, y) => x - y);
      const share = heatShare(middle, least, most, ramp);
      expect(share).toBeGreaterThanOrEqual(heatShare(least, least, most, ramp));
      expect(share).toBeLessThanOrEqual(heatShare(most, least, most, ramp));
      if (most > least) expect(heatValue(share, least, most, ramp)).toBeCloseTo(middle, -4);
    }),
    { seed: 3 },
  );
});

it('has a colour where all values are equal', () => {
  expect(heatShare(5, 5, 5, 'linear')).toBe(1);
  expect(heatShare(0, 0, 0, 'log')).toBe(0);
  expect(stepAt([{ fill: '#000000', text: '#ffffff' }], 1).fill).toBe('#000000');
});
