import type { Const, HGraph, HOp } from '../graph/hops.ts';

/** Weights that one call multiplies: enough to make the call cheap, few enough for the verifier to walk. */
const CHUNK = { least: 1536, most: 6144 } as const;

/** The most columns of `n` sums of `k` terms that one call may do and that divide them evenly. */
function divisor(n: number, k: number): number {
  for (let c = Math.min(n, Math.floor(CHUNK.most / k)); c >= 4; c--) if (n % c === 0 && c % 4 === 0) return c;
  return n;
}

/** Columns that one call does of a product that shares its kernel with no other. */
export function columnsPerCall({ dims: [n, k] }: Pick<Const, 'dims'>): number {
  return n * k > CHUNK.most ? divisor(n, k) : n;
}

/**
 * Columns of a linear op that one call does. Ops with sums of the same length share a kernel when their widths have a large enough
 * common divisor: the verifier then walks it once for all of them.
 */
export function chunkSizes(graph: HGraph): Map<HOp, number> {
  const byLength = new Map<number, (HOp & { kind: 'linear' })[]>();
  for (const op of graph.ops) {
    if (op.kind !== 'linear') continue;
    const [, k] = op.weights.dims;
    byLength.set(k, [...(byLength.get(k) ?? []), op]);
  }
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  const chunks = new Map<HOp, number>();
  for (const [k, ops] of byLength) {
    const wide = ops.map((op) => op.weights.dims[0]).filter((n) => n * k > CHUNK.most);
    const common = divisor(wide.reduce(gcd, 0) || 1, k);
    for (const op of ops) {
      const [n] = op.weights.dims;
      if (n % common === 0 && common * k >= CHUNK.least) chunks.set(op, common);
      else if (n * k > CHUNK.most) chunks.set(op, divisor(n, k));
    }
  }
  return chunks;
}
