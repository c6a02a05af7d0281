import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Unacknowledged } from './unacknowledged.ts';

const MOST = 10_000;
/** Near where sequence numbers begin again. */
const at = (offset: number): number => (0xffff_fff0 + offset) >>> 0;

describe('unacknowledged segments', () => {
  it('are counted by direction, in whatever order they come and are acknowledged', () => {
    const step = fc.record({ side: fc.constantFrom(0, 2), sends: fc.boolean(), number: fc.integer({ min: 0, max: 40 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const rows = new Float64Array(4);
        const unacknowledged = new Unacknowledged();
        const plain: [number[], number[]] = [[], []];
        for (const { side, sends, number } of steps) {
          const which = side === 0 ? 0 : 1;
          if (sends) {
            expect(unacknowledged.add(rows, side, at(number))).toBe(true);
            plain[which].push(number);
          } else {
            unacknowledged.acknowledge(rows, side, at(number));
            plain[which] = plain[which].filter((one) => one > number);
          }
          expect([rows[0], rows[2]]).toEqual(plain.map(({ length }) => length));
        }
      }),
    );
  });

  it('are remembered up to a number, and again when some were acknowledged', () => {
    const rows = new Float64Array(2);
    const unacknowledged = new Unacknowledged();
    for (let i = 1; i <= MOST; i++) expect(unacknowledged.add(rows, 0, i)).toBe(true);
    expect(unacknowledged.add(rows, 0, MOST + 1)).toBe(false);
    unacknowledged.acknowledge(rows, 0, 1);
    expect(unacknowledged.add(rows, 0, MOST + 1)).toBe(true);
    expect(unacknowledged.add(rows, 0, MOST + 2)).toBe(false);
  });
});
