import type { CompileOptions } from './api.ts';
import { parseQuant, weightBitsOf } from './precision.ts';

/** Kernels that only some choices of precision take: imported when they are chosen, so that a page without them does not carry them. */
export interface Parts {
  /** Ternary and binary weights without multiplications. */
  readonly sums?: typeof import('./lower/sums.ts');
}

/** The parts that these options take: what `compile` takes as `parts`. */
export async function partsFor({ quant }: Pick<CompileOptions, 'quant'>): Promise<Parts> {
  const { base, nodes } = parseQuant(quant);
  return [base, ...nodes.values()].some((precision) => weightBitsOf(precision) <= 2) ? allParts() : {};
}

/** Every part, for any options. */
export async function allParts(): Promise<Parts> {
  return { sums: await import('./lower/sums.ts') };
}
