import { type Buf, type HGraph, type HOp, isPlain, opViews, type View } from '../graph/hops.ts';
import { NORM_MARGIN, NORM_PAIR_COLUMNS } from '../kernels/norm-pair.ts';
import { withViews } from '../plan/split.ts';
import { DEFAULT_PRECISION, weightBitsOf } from '../precision.ts';

type Linear = HOp & { readonly kind: 'linear' };
type Norm = HOp & { readonly kind: 'norm' };

type Mean = HOp & { readonly kind: 'reduce' };

/** What a folded normalisation leaves in each buffer: the normalisation itself, or the mean of its rows. */
interface Bare {
  readonly norm: Norm;
  readonly out: Buf;
}

/**
 * Gamma and beta of a normalisation go into the products that read it, also by way of a mean over its rows: `W·(γ·x + β) + b = (W·γ)·x + (W·β + b)`. What is
 * left has no more than √d in magnitude whatever the input is.
 */
export function foldNormAffine(graph: HGraph): HGraph {
  const readers = new Map<Buf, HOp[]>();
  for (const op of graph.ops) for (const { buf } of opViews(op)) readers.set(buf, [...(readers.get(buf) ?? []), op]);
  const outputs = new Set(graph.outputs.map(({ view }) => view.buf));
  const readersOf = (buf: Buf): readonly HOp[] => (outputs.has(buf) || !isPlain(buf) ? [] : (readers.get(buf) ?? []));
  const bare = new Map<Buf, Bare>();
  for (const op of graph.ops) {
    if (op.kind !== 'norm' || op.gamma.length > NORM_PAIR_COLUMNS) continue;
    const list = readersOf(op.out);
    const means = list.filter((reader) => isMean(reader, op));
    const products = [...list.filter((reader) => !means.includes(reader as Mean)), ...means.flatMap(({ out }) => readersOf(out))];
    const read = list.length > 0 && means.every(({ out }) => readersOf(out).length > 0);
    if (!read || !products.every((reader) => takes(reader, [op.out, ...means.map(({ out }) => out)], op.gamma.length))) continue;
    const bound = Math.sqrt(op.gamma.length) * NORM_MARGIN;
    // The file has no name for either.
    const name = (buf: Buf): string => `${buf.name}.normalised`;
    bare.set(op.out, { norm: op, out: { ...op.out, name: name(op.out), known: { min: -bound, max: bound } } });
    for (const { out } of means) bare.set(out, { norm: op, out: { ...out, name: name(out), bound: meanBound(out, op, bound) } });
  }
  if (bare.size === 0) return graph;
  const rewrite = (view: View): View => ({ ...view, buf: bare.get(view.buf)?.out ?? view.buf });
  const ops = graph.ops.map((op): HOp => {
    const made = bare.get(op.out);
    const read = op.kind === 'linear' && bare.get(op.a.buf);
    if (op.kind === 'norm' && made) {
      const d = op.gamma.length;
      return withViews({ ...op, out: made.out, gamma: new Float64Array(d).fill(1), beta: new Float64Array(d), bare: true }, rewrite);
    }
    if (op.kind === 'reduce' && made) return withViews({ ...op, out: made.out }, rewrite);
    return withViews(read ? joined(op, read.norm) : op, rewrite);
  });
  return { ...graph, ops, values: graph.values.filter(({ view }) => !bare.has(view.buf)) };
}

/** Whether a reader is the mean of whole rows. */
function isMean(reader: HOp, { out, gamma }: Norm): reader is Mean {
  if (reader.kind !== 'reduce' || reader.mode !== 'mean' || reader.x.gain !== 1 || reader.axes.includes(reader.x.map.dims.length - 1))
    return false;
  return reader.out.dims.at(-1) === gamma.length && reader.x.buf === out && ofRows(reader.x, gamma.length);
}

/** How large a mean of normalised rows is, from what the calibration says of the mean with gamma and beta. */
const meanBound =
  ({ name }: Buf, { gamma, beta }: Norm, bound: number) =>
  (range: (name: string) => number): number => {
    const largest = (list: Float64Array): number => list.reduce((top, v) => Math.max(top, Math.abs(v)), 0);
    const least = gamma.reduce((low, v) => Math.min(low, Math.abs(v)), Number.POSITIVE_INFINITY);
    return Math.min(bound, (range(name) + largest(beta)) / least);
  };

/** Whether a view goes along whole rows of `d` elements. */
const ofRows = ({ map }: View, d: number): boolean => {
  const last = map.dims.at(-1)!;
  const rest = map.dims.slice(0, -1).flat();
  return last.length === 1 && last[0]!.n === d && last[0]!.stride === 1 && map.off % d === 0 && rest.every((f) => f.stride % d === 0);
};

/** Whether a reader is a product over whole rows of what a normalisation makes, with weights that may take any value. */
const takes = (reader: HOp, made: readonly Buf[], d: number): boolean =>
  reader.kind === 'linear' &&
  !made.includes(reader.residual?.buf as Buf) &&
  !reader.weights.steps &&
  weightBitsOf(reader.precision ?? DEFAULT_PRECISION) >= 8 &&
  ofRows(reader.a, d);

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
