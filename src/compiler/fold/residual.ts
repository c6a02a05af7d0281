import { type Buf, type HGraph, type HOp, isPlain, opViews, type View } from '../graph/hops.ts';
import { joinNodes } from '../graph/lazy.ts';
import { allOffsets, mapDims, reshapeMap } from '../graph/view.ts';

type Linear = HOp & { readonly kind: 'linear' };
type Add = HOp & { readonly kind: 'add' };

/**
 * What a sum that nobody else reads is added to becomes part of the product's last step: one rounding and one trip through memory instead of two.
 * Single rows keep their kernels, which are made for large matrices.
 */
export function foldResiduals(graph: HGraph): HGraph {
  const readers = new Map<Buf, number>();
  for (const { buf } of [...graph.ops.flatMap(opViews), ...graph.outputs.map(({ view }) => view)])
    readers.set(buf, (readers.get(buf) ?? 0) + 1);
  const writers = new Map(graph.ops.map((op) => [op.out, op]));
  const gone = new Set<HOp>();
  const made = new Map<HOp, HOp>();
  for (const op of graph.ops) {
    if (op.kind !== 'add') continue;
    for (const [sum, other] of [
      [op.a, op.b],
      [op.b, op.a],
    ] as const) {
      const linear = writers.get(sum.buf);
      if (linear?.kind !== 'linear' || gone.has(linear) || readers.get(sum.buf) !== 1) continue;
      const joined = join(linear, op, sum, other);
      if (!joined) continue;
      gone.add(linear);
      made.set(op, joined);
      break;
    }
  }
  if (made.size === 0) return graph;
  const inside = new Set([...gone].map((op) => op.out));
  return {
    ...graph,
    ops: graph.ops.filter((op) => !gone.has(op)).map((op) => made.get(op) ?? op),
    values: graph.values.filter(({ view }) => !inside.has(view.buf)),
  };
}

function join(linear: Linear, add: Add, sum: View, other: View): Linear | null {
  const rows = mapDims(linear.a.map).slice(0, -1);
  const dims = [...rows, linear.weights.dims[0]!];
  const places = allOffsets(sum.map);
  const whole = places.length === dims.reduce((n, d) => n * d, 1) && places.every((at, i) => at === i);
  if (![linear.out, add.out, other.buf].every(isPlain)) return null;
  if (linear.relu || sum.gain !== 1 || !whole || rows.reduce((n, d) => n * d, 1) < 2) return null;
  const map = reshapeMap(other.map, dims);
  const last = map?.dims[dims.length - 1];
  if (!map || (last!.length > 0 && (last!.length !== 1 || last![0]!.stride !== 1))) return null;
  return { ...linear, out: add.out, residual: { ...other, map }, relu: add.relu, nodes: joinNodes(linear.nodes, add.nodes) };
}
