import type { HOp } from '../graph/hops.ts';
import { TRI_TERMS } from '../kernels/tri.ts';
import type { Parts } from '../parts.ts';
import { activationBitsOf } from '../precision.ts';
import type { Step } from './steps.ts';

/** Steps whose kernels do any number of rows. */
const ANY_ROWS: ReadonlySet<HOp['kind']> = new Set(['embed', 'affine', 'norm', 'add', 'mul', 'div', 'unary', 'softmax']);

const anyRows = ({ op, lanes }: Step): boolean =>
  lanes === 2 && op !== null && (ANY_ROWS.has(op.kind) || (op.kind === 'own' && op.passes.anyRows === true));

/** A product that may take three rows in a word: its activations may lose bits, and there is a kernel for its weights. */
const fitsTriples = ({ op, lanes, outer }: Step, { sums }: Parts): boolean =>
  lanes === 2 &&
  op?.kind === 'linear' &&
  outer[outer.length - 1]! >= 3 &&
  ((op.precision === 'w8a8' && op.weights.dims[1]! <= TRI_TERMS) ||
    (op.precision !== undefined && activationBitsOf(op.precision) === 8 && sums?.takesSums(op, 3) === true));

/**
 * Takes rows three at a time where all products over the same loops allow it; what stands between them goes along, so that they still share their
 * loops.
 */
export function inTriples(steps: readonly Step[], parts: Parts): Step[] {
  const loops = (step: Step): string => JSON.stringify(step.outer);
  const products = steps.filter((step) => step.op?.kind === 'linear' || step.op?.kind === 'matmul');
  const wanted = new Set(products.filter((step) => fitsTriples(step, parts)).map(loops));
  for (const step of products) if (!fitsTriples(step, parts)) wanted.delete(loops(step));
  return steps.map((step) => (wanted.has(loops(step)) && (fitsTriples(step, parts) || anyRows(step)) ? { ...step, lanes: 3 } : step));
}
