import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearFit, overheadCurve } from './overhead.ts';
import { commandOf, fake } from './testing/device.ts';

describe('a line through points', () => {
  it('is found where there is one, with R² 1; noise lowers it', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: -1000, max: 1000 }), (slope, intercept) => {
        const xs = [0, 1, 2, 5, 9];
        const fit = linearFit(
          xs,
          xs.map((x) => slope * x + intercept),
        );
        expect([fit.slope, fit.intercept, fit.r2]).toEqual([slope, intercept, 1].map((x) => expect.closeTo(x, 6)));
      }),
      { seed: 1 },
    );
    expect(linearFit([0, 1, 2, 3], [0, 5, 0, 5]).r2).toBeLessThan(0.3);
  });
});

describe('what programs cost a pass', () => {
  const pass = () =>
    Array.from({ length: 10 }, (_, i) => commandOf({ seq: i, reads: [4096 * (i + 1)], writes: [4096 * (i + 2)], flops: 1e5, bytes: 1e4 }));
  const curve = (hook: 'dispatch' | 'submit', insns: number) =>
    overheadCurve({
      pass,
      program: (at) => fake(`p${at}`, hook, undefined, insns),
      counts: [0, 1, 2, 4, 8],
      parameters: { hookEntryNs: 100 },
    });

  it('grows in proportion to their number and instructions where every command waits for them', () => {
    const { points, fit } = curve('dispatch', 50);
    expect(points.map(({ overheadNs }) => overheadNs)).toEqual([0, 1, 2, 4, 8].map((n) => n * 10 * 200));
    expect(fit).toEqual({ slope: expect.closeTo(2000, 6), intercept: expect.closeTo(0, 6), r2: expect.closeTo(1, 9) });
    expect(curve('dispatch', 100).fit.slope).toBeCloseTo(3000, 6);
    expect(points[2]).toMatchObject({ runs: 20, insns: 1000, engineNs: 4000 });
  });

  it('is shared by cores where commands do not wait for each other', () => {
    // Ten commands on 32 cores: all at once.
    expect(curve('submit', 50).fit.slope).toBeCloseTo(200, 6);
  });
});
