import { type Buf, type HGraph, type HOp, isPlain, opViews } from '../graph/hops.ts';
import { joinNodes } from '../graph/lazy.ts';
import { allOffsets, mapDims, product, reshapeMap } from '../graph/view.ts';
import { DEFAULT_PRECISION, weightBitsOf } from '../precision.ts';

type Linear = HOp & { readonly kind: 'linear' };

/**
 * A product of a product, nothing between and nobody else to read what is between: `W'·(W·x + b) + b' = (W'·W)·x + (W'·b + b')`, where that multiplies less. Low ranks
 * on purpose (a factorised matrix) stay.
 */
export function mergeLinears(graph: HGraph): HGraph {
  const readers = new Map<Buf, number>();
  for (const { buf } of [...graph.ops.flatMap(opViews), ...graph.outputs.map(({ view }) => view)])
    readers.set(buf, (readers.get(buf) ?? 0) + 1);
  const made = new Map<Buf, Linear>();
  const gone = new Set<Buf>();
  const ops = graph.ops.map((op): HOp => {
    if (op.kind !== 'linear') return op;
    const first = made.get(op.a.buf);
    const merged = first && readers.get(first.out) === 1 ? merge(first, op) : null;
    if (merged) gone.add(first!.out);
    made.set(op.out, merged ?? op);
    return merged ?? op;
  });
  if (gone.size === 0) return graph;
  return {
    ...graph,
    ops: ops.filter(({ out }) => !gone.has(out)),
    values: graph.values.filter(({ view }) => !gone.has(view.buf)),
  };
}

function merge(first: Linear, second: Linear): Linear | null {
  const precision = second.precision ?? DEFAULT_PRECISION;
  if (first.relu || first.residual || !isPlain(first.out) || first.weights.steps || second.weights.steps) return null;
  if ((first.precision ?? DEFAULT_PRECISION) !== precision || weightBitsOf(precision) < 8) return null;
  const [[n, k], [m, n2]] = [first.weights.dims, second.weights.dims] as [[number, number], [number, number]];
  const rows = mapDims(second.a.map).slice(0, -1);
  const places = allOffsets(second.a.map);
  if (n !== n2 || places.length !== product(first.out.dims) || !places.every((at, i) => at === i)) return null;
  if (m * k > n * (m + k)) return null;
  const map = reshapeMap(first.a.map, [...rows, k]);
  if (!map) return null;
  const { gain } = second.a;
  const data = new Float64Array(m * k);
  const bias = new Float64Array(m);
  for (let i = 0; i < m; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) {
      const w = second.weights.data[i * n + j]! * gain;
      sum += w * (first.bias?.[j] ?? 0);
      for (let l = 0; l < k; l++) data[i * k + l]! += w * first.weights.data[j * k + l]!;
    }
    bias[i] = (second.bias?.[i] ?? 0) + sum;
  }
  return { ...second, a: { ...first.a, map }, weights: { dims: [m, k], data }, bias, nodes: joinNodes(first.nodes, second.nodes) };
}
