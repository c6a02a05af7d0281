import { type Buf, type HGraph, type HOp, opViews, type View } from '../graph/hops.ts';
import { denseMap } from '../graph/view.ts';
import { withViews } from './split.ts';

/**
 * Products of two activations leave their lanes where an operand has more bits than they allow, and some values have the bits that they have:
 * probabilities, states of recurrent layers, elements moved from such values. Products read copies of these in fewer bits; other readers do not.
 */
export function roomForSums(graph: HGraph, wide: ReadonlySet<Buf>): HGraph {
  const copies = new Map<Buf, Buf>();
  let nextId = 1 + Math.max(0, ...graph.inputs.map((b) => b.id), ...graph.ops.map((op) => op.out.id));
  const distributions = new Set(graph.ops.filter((op) => op.kind === 'softmax').map((op) => op.out));
  const ops: HOp[] = [];
  for (const op of graph.ops) {
    const limited = limitedOf(op, distributions);
    for (const buf of limited) {
      if (!wide.has(buf) || copies.has(buf)) continue;
      const whole: View = { buf, map: denseMap(buf.dims), gain: 1 };
      const { id: _, name, dims, known } = buf;
      const copy: Buf = { id: nextId++, name, dims, kind: 'act', bound: (_range, top) => top(whole), ...(known ? { known } : {}) };
      copies.set(buf, copy);
      ops.push({ kind: 'concat', parts: [whole], axis: 0, out: copy, nodes: op.nodes });
    }
    const change = (view: View): View =>
      limited.includes(view.buf) && copies.has(view.buf) ? { ...view, buf: copies.get(view.buf)! } : view;
    ops.push(limited.length ? withViews(op, change) : op);
  }
  return { ...graph, ops };
}

/** Operands of a product that sums of their integers bound; beside a probability distribution there is room for all. */
function limitedOf(op: HOp, distributions: ReadonlySet<Buf>): Buf[] {
  if (op.kind === 'own') return (op.passes.widths?.(op) ?? []).map(({ buf }) => buf);
  return op.kind === 'matmul' && !distributions.has(op.a.buf) ? opViews(op).map(({ buf }) => buf) : [];
}
