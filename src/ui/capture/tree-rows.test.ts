import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placesOf, visibleRows } from './tree-rows.ts';

/** Rows under the same parent, told apart by looking at every row between. */
function family(depths: readonly number[], row: number): number[] {
  const depth = depths[row]!;
  const same: number[] = [];
  const between = (from: number, to: number) => depths.slice(from, to).every((one) => one >= depth);
  for (const [other, one] of depths.entries()) {
    if (one === depth && between(Math.min(row, other), Math.max(row, other))) same.push(other);
  }
  return same;
}

describe('rows of a packet', () => {
  it('count places among the children of one parent', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 30 }), (depths) => {
        const { pos, size } = placesOf(depths);
        for (const row of depths.keys()) {
          const same = family(depths, row);
          expect([pos[row], size[row]]).toEqual([same.indexOf(row) + 1, same.length]);
        }
      }),
    );
    expect([...placesOf([0, 1, 1, 0, 1]).size]).toEqual([2, 2, 2, 2, 1]);
  });

  it('leave out what is folded, but not the chosen one', () => {
    const item = (depth: number, name: string) => ({ depth, name, label: name, value: '', start: 0, length: 0, source: 0 });
    const items = [item(0, 'ip'), item(1, 'ip.flags'), item(2, 'ip.flags.df'), item(0, 'udp'), item(1, 'udp.port')];
    expect(visibleRows(items, new Set(), -1)).toEqual([0, 1, 2, 3, 4]);
    expect(visibleRows(items, new Set(['ip']), -1)).toEqual([0, 3, 4]);
    expect(visibleRows(items, new Set(['ip']), 2)).toEqual([0, 2, 3, 4]);
  });
});
