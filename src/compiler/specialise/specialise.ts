import type { HGraph } from '../graph/hops.ts';
import { foldConstants } from './constants.ts';
import { dropDead } from './dead.ts';
import { columnsUsed } from './needed.ts';

export { immediateCall } from './immediates.ts';

/** What follows from the values of the weights: constants in their readers' biases, what no result depends on left out, trees as branches. */
export function specialiseGraph(graph: HGraph): HGraph {
  // By shapes first: zeros that lie unevenly would keep rows that nobody reads.
  const live = dropDead(dropDead(foldConstants(graph)), columnsUsed);
  return { ...live, ops: live.ops.map((op) => (op.kind === 'own' ? (op.passes.specialised?.(op) ?? op) : op)) };
}
