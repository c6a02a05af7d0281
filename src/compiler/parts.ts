import type { CompileOptions } from './api.ts';
import { parseQuant, weightBitsOf } from './precision.ts';

/** Code that only some options take: imported when they are chosen, so that a page without them does not carry them. */
export interface Parts {
  /** Ternary and binary weights without multiplications. */
  readonly sums?: typeof import('./lower/sums.ts') | undefined;
  /** Weights in the code. */
  readonly special?: typeof import('./specialise/specialise.ts') | undefined;
}

/** The parts that these options take: what `compile` takes as `parts`. */
export async function partsFor({ quant, specialise }: Pick<CompileOptions, 'quant' | 'specialise'>): Promise<Parts> {
  const { base, nodes } = parseQuant(quant);
  const few = [base, ...nodes.values()].some((precision) => weightBitsOf(precision) <= 2);
  return {
    ...(few ? { sums: await import('./lower/sums.ts') } : {}),
    ...(specialise ? { special: await import('./specialise/specialise.ts') } : {}),
  };
}

/** Every part, for any options. */
export async function allParts(): Promise<Parts> {
  return { sums: await import('./lower/sums.ts'), special: await import('./specialise/specialise.ts') };
}
