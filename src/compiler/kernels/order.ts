import type { FuncBuilder, Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { maxInto } from './arith.ts';
import type { Space } from './frame.ts';
import { extentOf, kernelFunc, type Layout, type Level, walk } from './frame.ts';

/** The `k` largest (or smallest) elements of a row, in order. Strides in bytes. */
export interface OrderShape {
  readonly space: Space;
  readonly terms: readonly Level[];
  readonly n: number;
  readonly k: number;
  readonly outStride: number;
  readonly largest: boolean;
  /** Of equal elements the last one counts instead of the first. */
  readonly last: boolean;
  /** What is stored: the element, or its place. */
  readonly result: 'value' | 'place';
}

const PLACE_BITS = 16;
/** Below every difference of two keys. */
const NEVER = -(2 ** 40);

/**
 * An element and its place are one number, `±x·2¹⁶ + place`, so that no two are equal and the next one is the largest below the one before. No
 * branch depends on data. Each result walks the row once.
 */
export function orderKernel(name: string, s: OrderShape, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    { space: 'scratch' as const, extent: (s.k - 1) * s.outStride + 2 },
    { space: s.space, extent: extentOf(s.terms, 0, 2) },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const before = b.const(2n ** 33n);
    b.strided(s.k, [[ptrs[0], s.outStride]], ([out]) => {
      const best = b.const(BigInt(NEVER));
      const place = b.copy(s.last ? 0 : s.n - 1);
      walk(b, s.terms, [ptrs[1]], 4, (p, off) => {
        const x = key(b, b.load(p[0], off[0], 2, true), place, s.largest);
        b.aluTo(x, 'sub', x, before);
        // What is not below the one before must not be chosen again.
        const taken = b.arsh(x, 63);
        b.aluTo(taken, 'xor', taken, -1);
        const out = b.const(BigInt(NEVER) * 2n);
        b.aluTo(taken, 'and', taken, out);
        b.aluTo(x, 'add', x, taken);
        maxInto(b, best, x);
        b.aluTo(place, s.last ? 'add' : 'sub', place, 1);
      });
      b.aluTo(before, 'add', before, best);
      if (s.result === 'value') {
        const x = b.arsh(before, PLACE_BITS);
        if (!s.largest) b.aluTo(x, 'mul', x, -1);
        b.store(out, 0, x, 2);
        return;
      }
      const at = b.and(before, (1 << PLACE_BITS) - 1);
      if (s.last) {
        b.store(out, 0, at, 2);
        return;
      }
      const first = b.copy(s.n - 1);
      b.aluTo(first, 'sub', first, at);
      b.store(out, 0, first, 2);
    });
  });
}

function key(b: FuncBuilder, x: Reg, place: Reg, largest: boolean): Reg {
  b.aluTo(x, 'mul', x, largest ? 1 << PLACE_BITS : -(1 << PLACE_BITS));
  b.aluTo(x, 'add', x, place);
  return x;
}
