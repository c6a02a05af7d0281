import fc from 'fast-check';
import { expect, it } from 'vitest';
import { squarify } from './budget-layout.ts';

it('fills a box with boxes whose areas are in proportion and do not overlap', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 20, max: 900 }),
      fc.integer({ min: 20, max: 900 }),
      (list, width, height) => {
        const sizes = list.sort((a, b) => b - a);
        const total = sizes.reduce((a, b) => a + b);
        const boxes = squarify(sizes, { x0: 0, y0: 0, x1: width, y1: height });
        expect(boxes).toHaveLength(sizes.length);
        boxes.forEach(({ x0, y0, x1, y1 }, i) => {
          expect(((x1 - x0) * (y1 - y0)) / (width * height)).toBeCloseTo(sizes[i]! / total, 6);
          expect(Math.min(x0, y0)).toBeGreaterThan(-1e-6);
          expect(x1).toBeLessThan(width + 1e-6);
          expect(y1).toBeLessThan(height + 1e-6);
          for (const other of boxes.slice(0, i)) {
            const across = Math.min(x1, other.x1) - Math.max(x0, other.x0);
            const down = Math.min(y1, other.y1) - Math.max(y0, other.y0);
            expect(Math.min(across, down)).toBeLessThan(1e-6);
          }
        });
      },
    ),
    { seed: 2 },
  );
});
