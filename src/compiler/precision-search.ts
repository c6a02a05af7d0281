import type { Precision, Quant } from './api.ts';
import { formatQuant, PRECISIONS } from './precision.ts';

/** What a choice of precisions costs and how well it agrees with the reference. */
export interface Measured {
  /** Share of the calibration's events with the reference's class. */
  readonly agreement: number;
  /** Instructions that an event executes, on average. */
  readonly insns: number;
  /** Bytes of the weights, once. */
  readonly bytes: number;
}

export type SearchCost = 'insns' | 'bytes';

/** One choice that was tried. */
export interface Trial extends Measured {
  readonly quant: Quant;
  readonly kept: boolean;
}

export interface SearchOptions {
  /** Nodes of the products, whose precisions are chosen. */
  readonly products: readonly string[];
  readonly minAgreement: number;
  readonly cost: SearchCost;
  measure(quant: Quant): Promise<Measured>;
  /** Hears every trial, and how many of at most how many are done. */
  report?(trial: Trial, done: number, total: number): void;
}

/**
 * The cheapest precisions that agree often enough. First one precision for all products: the cheapest that does. Then product after product is
 * given each precision that has been cheaper for all, and keeps it when the whole is cheaper and still agrees; ties between equal costs go to
 * the better agreement, then to the smaller weights. `met` is false when not even the finest precision agrees often enough: then it is the result.
 */
export async function searchPrecision({ products, minAgreement, cost, measure, report }: SearchOptions): Promise<{
  readonly quant: Quant;
  readonly met: boolean;
  readonly trials: readonly Trial[];
}> {
  const trials: Trial[] = [];
  const total = PRECISIONS.length + products.length * (PRECISIONS.length - 1);
  const other: SearchCost = cost === 'insns' ? 'bytes' : 'insns';
  const cheaper = (a: Measured, b: Measured): boolean =>
    a[cost] !== b[cost] ? a[cost] < b[cost] : a.agreement !== b.agreement ? a.agreement > b.agreement : a[other] < b[other];
  const tried = async (quant: Quant, keep: (measured: Measured) => boolean): Promise<Measured | null> => {
    const measured = await measure(quant);
    const kept = keep(measured);
    const trial = { quant, ...measured, kept };
    trials.push(trial);
    report?.(trial, trials.length, total);
    return kept ? measured : null;
  };
  let base: Precision = 'w16a16';
  let best: Measured | null = null;
  const uniform = new Map<Precision, Measured>();
  for (const { name } of PRECISIONS) {
    const kept = await tried(name, (measured) => {
      uniform.set(name, measured);
      return measured.agreement >= minAgreement && (best === null || cheaper(measured, best));
    });
    if (kept) [base, best] = [name, kept];
  }
  if (!best) return { quant: base, met: false, trials };
  // For a single product no mixture is new.
  const nodes = new Map<string, Precision>();
  if (products.length > 1) {
    const candidates = PRECISIONS.map(({ name }) => name)
      .filter((name) => name !== base && cheaper(uniform.get(name)!, uniform.get(base)!))
      .sort((a, b) => (cheaper(uniform.get(a)!, uniform.get(b)!) ? -1 : 1));
    for (const product of products) {
      for (const precision of candidates) {
        const before: Measured = best;
        const quant = formatQuant({ base, nodes: new Map(nodes).set(product, precision) });
        const kept = await tried(quant, (measured) => measured.agreement >= minAgreement && cheaper(measured, before));
        if (!kept) continue;
        best = kept;
        nodes.set(product, precision);
        break;
      }
    }
  }
  return { quant: formatQuant({ base, nodes }), met: true, trials };
}
