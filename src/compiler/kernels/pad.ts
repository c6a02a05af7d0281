import type { IrFunc, OriginId } from '../ir/ir.ts';
import { extentOf, kernelFunc, type Layout, lanes, walk } from './frame.ts';
import type { RowShape } from './rows.ts';

/** Fills `words` times eight bytes with one int16. */
export function fillWordsKernel(name: string, words: number, value: number, layout: Layout, origin: OriginId): IrFunc {
  const ports = [{ space: 'scratch' as const, extent: words * 8 }];
  const one = BigInt(value & 0xffff);
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const word = b.const(BigInt.asIntN(64, one | (one << 16n) | (one << 32n) | (one << 48n)));
    walk(b, [{ n: words, strides: [8] }], ptrs, 16, (p, off) => b.store(p[0], off[0], word, 8));
  });
}

/** Copies int16 elements as they are. */
export function moveKernel(name: string, s: RowShape, layout: Layout, origin: OriginId): IrFunc {
  const ports = s.spaces.map((space, i) => ({ space, extent: extentOf(s.levels, i, 2) + (s.lanes - 1) * s.laneStrides[i] }));
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    lanes(b, s.lanes, ptrs, s.laneStrides, (rows) => {
      walk(b, s.levels, rows, 8, (p, off) => b.store(p[0], off[0], b.load(p[1], off[1], 2), 2));
    });
  });
}
