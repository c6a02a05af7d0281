import type { Buf, HOp } from '../graph/hops.ts';
import type { PairMatrix } from '../kernels/pair.ts';
import type { Scales } from './scales.ts';

/** A product with constant weights as `packPair` takes it; `zero`: what the integers of a buffer are raised by in memory. */
export function pairMatrix(op: HOp & { readonly kind: 'linear' }, scales: Scales, zero: (buf: Buf) => number): PairMatrix {
  const [n, k] = op.weights.dims as [number, number];
  // A saturated integer may be one below the lowest.
  const most = (buf: Buf): number => Math.max(scales.of(buf).max + 1, -(scales.of(buf).min ?? 0));
  const { scale, max } = scales.of(op.out);
  const { residual } = op;
  return {
    n,
    k,
    weights: op.weights.data,
    bias: op.bias,
    unit: scales.unit(op.a),
    outScale: scale,
    most: most(op.a.buf),
    zero: zero(op.a.buf),
    outMax: max,
    ...(residual ? { residual: { unit: scales.unit(residual), most: most(residual.buf), zero: zero(residual.buf) } } : {}),
  };
}
