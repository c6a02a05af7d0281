import { type Buf, type HGraph, type HOp, isPlain, opViews, type View } from '../graph/hops.ts';
import { NORM_MARGIN, NORM_PAIR_COLUMNS } from '../kernels/norm-pair.ts';
import { withViews } from '../plan/split.ts';
import { weightBitsOf } from '../precision.ts';

type Linear = HOp & { readonly kind: 'linear' };
type Norm = HOp & { readonly kind: 'norm' };

/**
 * Gamma and beta of a normalisation go into the products that read it: `W·(γ·x + β) + b = (W·γ)·x + (W·β + b)`. What is left has no more than √d in
 * magnitude whatever the input is.
 */
export function foldNormAffine(graph: HGraph): HGraph {
  const readers = new Map<Buf, HOp[]>();
  for (const op of graph.ops) for (const { buf } of opViews(op)) readers.set(buf, [...(readers.get(buf) ?? []), op]);
  const outputs = new Set(graph.outputs.map(({ view }) => view.buf));
  const bare = new Map<Buf, Norm>();
  for (const op of graph.ops) {
    if (op.kind !== 'norm' || op.gamma.length > NORM_PAIR_COLUMNS || outputs.has(op.out) || !isPlain(op.out)) continue;
    const list = readers.get(op.out) ?? [];
    if (list.length === 0 || !list.every((reader) => takes(reader, op))) continue;
    const d = op.gamma.length;
    const bound = Math.sqrt(d) * NORM_MARGIN;
    bare.set(op.out, {
      ...op,
      // The file has no name for it.
      out: { ...op.out, name: `${op.out.name}.normalised`, known: { min: -bound, max: bound } },
      gamma: new Float64Array(d).fill(1),
      beta: new Float64Array(d),
      bare: true,
    });
  }
  if (bare.size === 0) return graph;
  const rewrite = (view: View): View => ({ ...view, buf: bare.get(view.buf)?.out ?? view.buf });
  const ops = graph.ops.map((op): HOp => {
    if (op.kind === 'norm' && bare.has(op.out)) return withViews(bare.get(op.out)!, rewrite);
    const norm = op.kind === 'linear' && bare.has(op.a.buf) ? graph.ops.find((made): made is Norm => made.out === op.a.buf) : undefined;
    return withViews(norm ? joined(op as Linear, norm) : op, rewrite);
  });
  return { ...graph, ops, values: graph.values.filter(({ view }) => !bare.has(view.buf)) };
}

/** Whether a reader is a product over whole rows of what a normalisation makes, with weights that may take any value. */
function takes(reader: HOp, { out, gamma }: Norm): boolean {
  const d = gamma.length;
  if (reader.kind !== 'linear' || reader.residual?.buf === out || reader.weights.steps || weightBitsOf(reader.precision ?? 'w8a16') < 8)
    return false;
  const { map } = reader.a;
  const last = map.dims.at(-1)!;
  return (
    last.length === 1 &&
    last[0]!.n === d &&
    last[0]!.stride === 1 &&
    map.off % d === 0 &&
    map.dims
      .slice(0, -1)
      .flat()
      .every((f) => f.stride % d === 0)
  );
}

function joined(op: Linear, { gamma, beta }: Norm): Linear {
  const [n, d] = op.weights.dims as [number, number];
  const data = new Float64Array(n * d);
  const bias = new Float64Array(n);
  for (let row = 0; row < n; row++) {
    let sum = 0;
    for (let j = 0; j < d; j++) {
      const w = op.weights.data[row * d + j]!;
      data[row * d + j] = w * gamma[j]!;
      sum += w * beta[j]!;
    }
    // The view's gain is that of the whole normalised value.
    bias[row] = (op.bias?.[row] ?? 0) + sum * op.a.gain;
  }
  return { ...op, weights: { dims: op.weights.dims, data }, bias };
}
