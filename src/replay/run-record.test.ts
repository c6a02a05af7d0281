import fc from 'fast-check';
import { expect, test } from 'vitest';
import { paretoFront } from './run-record.ts';

test('the front holds exactly what nothing beats, in order', () => {
  const point = fc.record({ x: fc.option(fc.nat(9)), y: fc.option(fc.nat(9)) });
  fc.assert(
    fc.property(fc.array(point, { maxLength: 30 }), (points) => {
      const front = paretoFront(
        points,
        ({ x }) => x,
        ({ y }) => y,
      );
      // Sorted by the first quantity, what nothing beats has ever less of the second.
      const known = points.filter(({ x, y }) => x !== null && y !== null).toSorted((a, b) => a.x! - b.x! || a.y! - b.y!);
      let best = { x: -1, y: 10 };
      const expected = known.filter(({ x, y }) => {
        if (y! < best.y) best = { x: x!, y: y! };
        return x === best.x && y === best.y;
      });
      expect(front).toEqual(expected);
    }),
  );
});
