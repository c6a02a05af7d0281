import type { IrFunc, OriginId } from '../ir/ir.ts';
import { extentOf, kernelFunc, type Layout, lanes, walk } from './frame.ts';
import type { RowShape } from './rows.ts';

/** Operands with at most this many integers have a table entry for each. */
export const LOOKUP_ENTRIES = 1024;

/** `out = table[x − min]` for integers that lie in a power of two from `min`. */
export function lookupKernel(name: string, s: RowShape, min: number, entries: number, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    ...s.spaces.map((space, i) => ({ space, extent: extentOf(s.levels, i, 2) + (s.lanes - 1) * s.laneStrides[i] })),
    { space: 'weights' as const, extent: entries * 2 },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    lanes(b, s.lanes, ptrs.slice(0, 2), s.laneStrides, (rows) => {
      walk(b, s.levels, rows, 4, (p, off) => {
        const x = b.load(p[1], off[1], 2, true);
        b.aluTo(x, 'sub', x, min);
        b.aluTo(x, 'and', x, entries - 1);
        b.aluTo(x, 'lsh', x, 1);
        b.aluTo(x, 'add', ptrs[2], x);
        b.store(p[0], off[0], b.load(x, 0, 2), 2);
      });
    });
  });
}
