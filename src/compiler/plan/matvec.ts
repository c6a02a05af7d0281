import type { MatvecPacking } from '../kernels/matvec.ts';
import { DEFAULT_PRECISION } from '../precision.ts';
import type { Step } from './steps.ts';

/** Smaller matrices keep int16 weights: their time does not matter, their accuracy does (the last layer of a classifier). */
const LEAST_PRODUCTS = 4096;
/** Weights that one call multiplies. */
const CHUNK = 6144;

/** How a linear step packs its terms when it is a matrix times one row whose elements stand side by side; null when another kernel does it. */
export function matvecPacking({ op, lanes, inner, reads }: Step): MatvecPacking | null {
  if (op?.kind !== 'linear' || lanes !== 1 || op.residual) return null;
  const [n, k] = op.weights.dims;
  if (n * k < LEAST_PRODUCTS || inner.length !== 1 || reads[0].inner[0] !== 1) return null;
  const { precision = DEFAULT_PRECISION } = op;
  return precision === 'w8a8' ? 'dot3' : precision === 'w8a16' ? 'dot2' : null;
}

/** Rows of the matrix in calls of one size, a multiple of four, and what is left. */
export function matvecChunks(n: number, k: number): { from: number; rows: number }[] {
  const most = Math.max(4, Math.floor(CHUNK / k / 4) * 4);
  return Array.from({ length: Math.ceil(n / most) }, (_, i) => ({ from: i * most, rows: Math.min(most, n - i * most) }));
}
