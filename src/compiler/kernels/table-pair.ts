import type { Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { kernelFunc, type Layout, walk } from './frame.ts';

/** Bits of an index; words hold 16. */
export const PAIR_TABLE_BITS = 14;
const SHIFT = 16 - PAIR_TABLE_BITS;
export const PAIR_TABLE_BYTES = 2 << PAIR_TABLE_BITS;
/** Elements that are unrolled at once. */
const UNROLL = 8;

/** A function of `n` words of a pair of rows, by a table without interpolation. Arguments: results, values, table. */
export function tablePairKernel(name: string, n: number, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    { space: 'scratch' as const, extent: 8 * n },
    { space: 'scratch' as const, extent: 8 * n },
    { space: 'weights' as const, extent: PAIR_TABLE_BYTES },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, x, table] = ptrs as [Reg, Reg, Reg];
    walk(b, [{ n, strides: [8, 8] }], [x, out], UNROLL, ([from, to], [off, toOff]) => {
      for (const half of [0, 4]) {
        const at = b.load(from!, off! + half, 2);
        // Entries are two bytes apart.
        b.aluTo(at, 'and', at, 2 ** 16 - 2 ** SHIFT);
        b.aluTo(at, 'rsh', at, SHIFT - 1);
        b.aluTo(at, 'add', at, table);
        b.store(to!, toOff! + half, b.load(at, 0, 2), 4);
      }
    });
  });
}

/** The table of `fn`, from integers that are `zero` above their value to such integers; the point in the middle of each step. */
export const pairTable = (fn: (integer: number) => number, zero: number): Uint16Array =>
  Uint16Array.from({ length: 1 << PAIR_TABLE_BITS }, (_, i) => fn((i + 0.5) * 2 ** SHIFT - 0.5 - zero) + zero);
