import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp, type Limit, limits, maxInto, minInto, requant } from './arith.ts';
import { extentOf, kernelFunc, type Layout, type Level, type Space, walk } from './frame.ts';
import { ROW_SHIFT } from './rows.ts';

export interface ReduceShape {
  readonly mode: 'sum' | 'max' | 'min';
  /** Output columns: strides of output and input. */
  readonly columns: readonly Level[];
  /** What is reduced for each: strides of the input. */
  readonly terms: readonly Level[];
  readonly space: Space;
  readonly outMax: Limit;
}

/** `out[c] = (Σ x[c, r]·m + half) s>> 24`, or the largest or smallest instead of the sum; 64-bit sums. */
export function reduceKernel(name: string, s: ReduceShape, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    { space: 'scratch' as const, extent: extentOf(s.columns, 0, 2) },
    { space: s.space, extent: extentOf(s.columns, 1, 0) + extentOf(s.terms, 0, 2) },
    { space: 'weights' as const, extent: 8 },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const m = b.load(ptrs[2], 0, 8);
    walk(b, s.columns, ptrs.slice(0, 2), 1, ([out, x]) => {
      const acc = b.copy(s.mode === 'sum' ? 0 : s.mode === 'max' ? -32768 : 32767);
      walk(b, s.terms, [x], 8, (p, off) => {
        const v = b.load(p[0], off[0], 2, true);
        if (s.mode === 'sum') b.aluTo(acc, 'add', acc, v);
        else if (s.mode === 'max') maxInto(b, acc, v);
        else minInto(b, acc, v);
      });
      requant(b, acc, m, 1 << (ROW_SHIFT - 1), ROW_SHIFT);
      clamp(b, acc, limits(s.outMax).min, limits(s.outMax).max);
      b.store(out, 0, acc, 2);
    });
  });
}
