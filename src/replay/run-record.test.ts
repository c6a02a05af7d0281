import fc from 'fast-check';
import { expect, test } from 'vitest';
import { paretoFront } from './run-record.ts';

test('the front holds exactly what nothing beats, equals once', () => {
  const point = fc.record({ x: fc.option(fc.nat(9)), y: fc.option(fc.nat(9)) });
  fc.assert(
    fc.property(fc.array(point, { maxLength: 30 }), (points) => {
      const front = paretoFront(
        points,
        ({ x }) => x,
        ({ y }) => y,
      );
      const known = points.filter(({ x, y }) => x !== null && y !== null) as { x: number; y: number }[];
      const beaten = (a: { x: number; y: number }) => known.some((b) => b.x <= a.x && b.y <= a.y && (b.x < a.x || b.y < a.y));
      const best = new Set(known.filter((a) => !beaten(a)).map(({ x, y }) => `${x} ${y}`));
      expect(front.map(({ x, y }) => `${x} ${y}`).toSorted()).toEqual([...best].toSorted());
    }),
  );
});
