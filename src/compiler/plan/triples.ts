import type { HOp } from '../graph/hops.ts';
import type { Step } from './steps.ts';

/** Steps whose kernels do any number of rows. */
const ANY_ROWS: ReadonlySet<HOp['kind']> = new Set(['embed', 'affine', 'norm', 'add', 'mul', 'div', 'unary', 'softmax']);

const anyRows = ({ op, lanes }: Step): boolean =>
  lanes === 2 && op !== null && (ANY_ROWS.has(op.kind) || (op.kind === 'own' && op.passes.anyRows === true));

/** A product that may take three rows in a word: weights and activations of 8 bits, elements of a row side by side. */
const fitsTriples = ({ op, lanes, outer }: Step): boolean =>
  lanes === 2 && op?.kind === 'linear' && op.precision === 'w8a8' && outer[outer.length - 1]! >= 3;

/**
 * Takes rows three at a time where all products over the same loops allow it; what stands between them goes along, so that they still share their
 * loops.
 */
export function inTriples(steps: readonly Step[]): Step[] {
  const loops = (step: Step): string => JSON.stringify(step.outer);
  const products = steps.filter((step) => step.op?.kind === 'linear' || step.op?.kind === 'matmul');
  const wanted = new Set(products.filter(fitsTriples).map(loops));
  for (const step of products) if (!fitsTriples(step)) wanted.delete(loops(step));
  return steps.map((step) => (wanted.has(loops(step)) && (fitsTriples(step) || anyRows(step)) ? { ...step, lanes: 3 } : step));
}
