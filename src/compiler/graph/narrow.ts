import { withViews } from '../plan/split.ts';
import { type Buf, type HGraph, type HOp, opViews, type View } from './hops.ts';

/**
 * Gives ops that know only int16 a copy of what is wider (floats, 32-bit results), and takes out ops that nothing reads any more: readers
 * that can take floats themselves leave the copy aside.
 */
export function narrowed(graph: HGraph): HGraph {
  const isWide = (buf: Buf): boolean => buf.bytes !== undefined;
  if (!graph.inputs.some(isWide) && !graph.ops.some((op) => isWide(op.out))) return graph;
  const ops: HOp[] = [];
  const made = new Map<Buf, Buf>();
  const change = (view: View): View => {
    if (!isWide(view.buf)) return view;
    let copy = made.get(view.buf);
    if (!copy) {
      if (!view.buf.narrow) throw new Error(`${view.buf.name} has no int16 form`);
      copy = view.buf.narrow(view.buf, (op) => ops.push(op));
      made.set(view.buf, copy);
    }
    return { ...view, buf: copy };
  };
  for (const op of graph.ops) ops.push(op.kind === 'own' && op.passes.wide ? op : withViews(op, change));
  // Floats that leave the model as they came are rounded once.
  const outputs = graph.outputs.map((output) => (output.view.buf.float ? { ...output, view: change(output.view) } : output));
  return {
    ...graph,
    ops: needed(
      ops,
      outputs.map(({ view }) => view.buf),
    ),
    outputs,
  };
}

function needed(ops: readonly HOp[], outputs: readonly Buf[]): HOp[] {
  const wanted = new Set(outputs);
  const kept: HOp[] = [];
  for (const op of ops.toReversed()) {
    if (!wanted.has(op.out)) continue;
    for (const { buf } of opViews(op)) wanted.add(buf);
    kept.push(op);
  }
  return kept.reverse();
}

/** Whether every op that reads floats of `buf`, or copies of them, knows what to do with those that are no numbers. */
export function takesMissing(graph: HGraph, buf: Buf): boolean {
  if (graph.outputs.some(({ view }) => view.buf === buf)) return false;
  const readers = graph.ops.filter((op) => opViews(op).some((view) => view.buf === buf));
  return readers.every((op) => {
    const takes = op.kind === 'own' && op.passes.takesMissing;
    return takes === 'replaced' || (takes && (!op.out.float || takesMissing(graph, op.out)));
  });
}
