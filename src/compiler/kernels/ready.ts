import type { Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { kernelFunc, type Layout, type Space } from './frame.ts';
import { inBoth } from './pair.ts';
import { PAIRED_ZERO } from './paired.ts';

/** Sums of up to this many terms stand in code without a loop. */
export const READY_TERMS = 128;
/** Offsets of loads are 16 bits with a sign. */
const FAR = 30000;

/** Rows of activations of which sums are made many times over, in memory as weights are for `paired.ts`. */
export interface ReadyShape {
  readonly space: Space;
  readonly rows: number;
  /** Bytes from one row to the next. */
  readonly rowStride: number;
  /** Places of a row's terms in bytes. */
  readonly offs: readonly number[];
  /** What both lanes of a sum begin with. */
  readonly zero: number;
}

/** Bytes of a row: int16 raised by {@link PAIRED_ZERO}, then the word that its sums begin with. */
export const readyRowBytes = (terms: number): number => 8 * Math.ceil(terms / 4) + 8;

export const readyName = (s: ReadyShape): string => `ready_${s.rows}x${s.offs.length}`;

/**
 * Stored terms u are raised by Z: their products are more by Z·(w + w') + Z², of which sums of words take the Z² away themselves (`crossSum`). Arguments: results, rows.
 */
export function readyKernel(name: string, s: ReadyShape, layout: Layout, origin: OriginId): IrFunc {
  const terms = s.offs.length;
  const bytes = readyRowBytes(terms);
  const ports = [
    { space: 'scratch' as const, extent: s.rows * bytes },
    { space: s.space, extent: (s.rows - 1) * s.rowStride + Math.max(...s.offs) + 2 },
  ];
  const begin = BigInt.asIntN(64, inBoth(s.zero) + BigInt(PAIRED_ZERO) ** 2n * BigInt(Math.floor(terms / 2)));
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const strides = [
      [ptrs[0]!, bytes],
      [ptrs[1]!, s.rowStride],
    ] as const;
    b.strided(s.rows, strides, ([to, from]) => {
      const sum = b.const(begin);
      const raised = (j: number): Reg => {
        const off = s.offs[j]!;
        const x = off > FAR ? b.load(b.add(from!, off), 0, 2, true) : b.load(from!, off, 2, true);
        b.aluTo(x, 'add', x, PAIRED_ZERO);
        b.store(to!, 2 * j, x, 2);
        return x;
      };
      for (let j = 0; j < terms; j += 2) {
        const x = raised(j);
        if (j + 1 === terms) break;
        b.aluTo(x, 'mul', x, raised(j + 1));
        b.aluTo(sum, 'sub', sum, x);
      }
      b.store(to!, bytes - 8, sum, 8);
    });
  });
}
