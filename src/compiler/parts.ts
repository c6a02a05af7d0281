import type { CompileOptions } from './api.ts';
import { parseQuant, weightBitsOf } from './precision.ts';

/** Code that only some options take: imported when they are chosen, so that a page without them does not carry them. */
export interface Parts {
  /** Ternary and binary weights without multiplications. */
  readonly sums?: typeof import('./lower/sums.ts') | undefined;
  /** Weights in the code. */
  readonly special?: typeof import('./specialise/specialise.ts') | undefined;
  /** What leaves out elements that nobody reads; without it they are computed. */
  readonly unread?: typeof import('./specialise/dead.ts') | undefined;
}

/** Operators that may read a part of what another one computes. */
const READ_PARTS: ReadonlySet<string> = new Set(['Gather', 'GatherElements', 'GatherND', 'Slice', 'Split']);

/** The parts that a model and these options take: what `compile` takes as `parts`. */
export async function partsFor({ model, quant, specialise }: Pick<CompileOptions, 'model' | 'quant' | 'specialise'>): Promise<Parts> {
  const { base, nodes } = parseQuant(quant);
  const few = [base, ...nodes.values()].some((precision) => weightBitsOf(precision) <= 2);
  return {
    ...(few ? { sums: await import('./lower/sums.ts') } : {}),
    ...(specialise ? { special: await import('./specialise/specialise.ts') } : {}),
    ...(model.nodes.some(({ op, inputs }) => READ_PARTS.has(op) && !model.initializers.has(inputs[0]!))
      ? { unread: await import('./specialise/dead.ts') }
      : {}),
  };
}

/** Every part, for any options. */
export async function allParts(): Promise<Parts> {
  return {
    sums: await import('./lower/sums.ts'),
    special: await import('./specialise/specialise.ts'),
    unread: await import('./specialise/dead.ts'),
  };
}
