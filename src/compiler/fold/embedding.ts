import type { Buf, HGraph, HOp, View } from '../graph/hops.ts';
import { isPlain, opViews } from '../graph/hops.ts';
import { joinNodes } from '../graph/lazy.ts';
import type { OwnOp, OwnPasses } from '../graph/own.ts';
import { allOffsets, broadcastMap, type Dim, denseMap, type IndexMap, product } from '../graph/view.ts';
import { chosenKernel, type EmbeddedShape, embeddedKernel, embeddedParts } from '../kernels/embedded.ts';
import type { Places } from '../lower/places.ts';
import { withViews } from '../plan/split.ts';
import { loopsOver, type Step } from '../plan/steps.ts';
import type { KernelCall } from '../stages.ts';

/** Pairs of token and position for which a factor is kept. */
const MOST_FACTORS = 1 << 16;
/** Elements of a folded table. */
const MOST_TABLE = 1 << 18;
/** Bytes of a table of all results, by position and token. */
const MOST_CHOSEN = 1 << 19;
/** Parameters are rounded; results may exceed what they stand for by this share. */
const MARGIN = 1 + 2 ** -9;

type Linear = HOp & { readonly kind: 'linear' };
type Embed = HOp & { readonly kind: 'embed' };
type Norm = HOp & { readonly kind: 'norm' };

/**
 * A linear layer over an embedding is a table of the products. With positions and a normalisation in between it still is: centring and gamma go into
 * the matrix, so that `W·norm(e + p) + b = (A[token] + B[position]) · r[token, position] + c`, where r, the inverse deviation, is a table too. No
 * multiply-accumulate of the layer is left. Layers with other inputs, or too many tokens times positions, stay as they are.
 */
export function foldEmbeddings(graph: HGraph): HGraph {
  const writers = new Map(graph.ops.map((op) => [op.out, op]));
  const replaced = new Map<Buf, Buf>();
  const ops: HOp[] = graph.ops.map((op) => {
    const linear = op.kind === 'linear' ? op : op.kind === 'affine' ? placed(op, writers) : null;
    const found = linear && sourceOf(linear, writers);
    const made = found && fold(linear, found);
    if (!made) return op;
    replaced.set(op.out, made.out);
    return made;
  });
  if (replaced.size === 0) return graph;
  const rewrite = (view: View): View => {
    const buf = replaced.get(view.buf);
    return buf ? { ...view, buf } : view;
  };
  const rewritten = ops.map((op) => withViews(op, rewrite));
  const outputs = graph.outputs.map((o) => ({ ...o, view: rewrite(o.view) }));
  // Embeddings and normalisations that only folded layers read are not computed.
  const read = new Set([...rewritten.flatMap(opViews), ...outputs.map((o) => o.view)].map((view) => view.buf));
  const kept = rewritten.filter((op) => (op.kind !== 'norm' && op.kind !== 'embed') || read.has(op.out));
  const there = new Set([...graph.inputs, ...kept.map((op) => op.out)]);
  const values = graph.values.map(({ name, view }) => ({ name, view: rewrite(view) })).filter(({ view }) => there.has(view.buf));
  return { ...graph, ops: kept, outputs, values };
}

/** An embedding at its position, as a layer that changes nothing, where all results fit in one table. */
function placed(op: HOp & { readonly kind: 'affine' }, writers: ReadonlyMap<Buf, HOp>): Linear | null {
  const embed = writers.get(op.x.buf);
  const { out } = op;
  const d = out.dims[out.dims.length - 1]!;
  if (embed?.kind !== 'embed' || product(out.dims) * embed.table.dims[0]! * 2 > MOST_CHOSEN) return null;
  const data = Float64Array.from({ length: d * d }, (_, i) => (i % (d + 1) === 0 ? 1 : 0));
  return {
    kind: 'linear',
    a: { buf: out, map: denseMap(out.dims), gain: 1 },
    weights: { dims: [d, d], data },
    bias: null,
    relu: false,
    out,
    nodes: op.nodes,
  };
}

/** Where a layer's input comes from: `gain · table[token] + positions`, perhaps normalised. */
interface Source {
  readonly embed: Embed;
  readonly gain: number;
  /** A row of D for each position, or null. */
  readonly positions: Float64Array | null;
  readonly norm: Norm | null;
  /** Places of the tokens: `first + position · step`. */
  readonly tokens: { readonly first: number; readonly step: number };
  /** Which position each row of the layer reads. */
  readonly rows: IndexMap;
}

function sourceOf(op: Linear, writers: ReadonlyMap<Buf, HOp>): Source | null {
  const d = op.weights.dims[1]!;
  // What the model itself rounds or clamps stays as it is.
  if (op.relu || op.a.gain !== 1 || !isPlain(op.out) || !isPlain(op.a.buf)) return null;
  const last = op.a.map.dims[op.a.map.dims.length - 1]!;
  const rest = op.a.map.dims.slice(0, -1);
  if (last.length !== 1 || last[0]!.stride !== 1 || op.a.map.off % d || rest.flat().some((f) => f.stride % d)) return null;
  const rows = { off: op.a.map.off / d, dims: rest.map((dim): Dim => dim.map((f) => ({ n: f.n, stride: f.stride / d }))) };
  let made = writers.get(op.a.buf);
  let norm: Norm | null = null;
  if (made?.kind === 'norm') {
    if (!whole(made.x) || made.x.gain !== 1 || made.gamma.length !== d) return null;
    norm = made;
    made = writers.get(made.x.buf);
  }
  let gain = 1;
  let positions: Float64Array | null = null;
  if (made?.kind === 'affine') {
    if (!isPlain(made.out) || made.mul || !made.add || !whole(made.x)) return null;
    const dims = made.out.dims;
    const add = made.add.dims.length > dims.length ? { ...made.add, dims: made.add.dims.slice(-dims.length) } : made.add;
    const { data } = add;
    positions = Float64Array.from(allOffsets(broadcastMap(denseMap(add.dims), dims)), (off) => data[off]!);
    gain = made.x.gain;
    made = writers.get(made.x.buf);
  }
  if (made?.kind !== 'embed' || made.tokens.buf.kind !== 'token' || made.tokens.gain !== 1) return null;
  if (!isPlain(made.out) || made.table.dims[1] !== d) return null;
  const places = allOffsets(made.tokens.map);
  const first = places[0]!;
  const step = places.length > 1 ? places[1]! - first : 1;
  if (places.some((at, i) => at !== first + i * step)) return null;
  const count = places.length;
  const [vocabulary] = made.table.dims;
  if (product(made.out.dims) !== count * d || vocabulary! * count > MOST_FACTORS || vocabulary! * op.weights.dims[0]! > MOST_TABLE)
    return null;
  return { embed: made, gain, positions, norm, tokens: { first, step }, rows };
}

const whole = (view: View): boolean => {
  const size = product(view.buf.dims);
  const places = allOffsets(view.map);
  return places.length === size && places.every((at, i) => at === i);
};

/** The layer in real numbers, by token and by position. */
interface Folded {
  readonly n: number;
  readonly vocabulary: number;
  readonly count: number;
  readonly table: Float64Array;
  readonly positions: Float64Array;
  /** `[position][token]`. */
  readonly factors: Float64Array;
  readonly add: Float64Array;
}

function fold(op: Linear, source: Source): OwnOp | null {
  const [n, d] = op.weights.dims as [number, number];
  const { norm, embed } = source;
  const [vocabulary] = embed.table.dims as [number, number];
  const count = product(embed.out.dims) / d;
  const weights = new Float64Array(n * d);
  const add = new Float64Array(n);
  for (let row = 0; row < n; row++) {
    let mean = 0;
    add[row] = op.bias?.[row] ?? 0;
    for (let j = 0; j < d; j++) {
      const w = op.weights.data[row * d + j]!;
      weights[row * d + j] = w * (norm ? norm.gamma[j]! : 1);
      mean += weights[row * d + j]! / d;
      if (norm) add[row]! += w * norm.beta[j]!;
    }
    if (norm?.center) for (let j = 0; j < d; j++) weights[row * d + j]! -= mean;
  }
  const embeddings = embed.table.data.map((v) => v * source.gain);
  const places = source.positions ?? new Float64Array(count * d);
  const times = (rows: Float64Array, size: number): Float64Array => {
    const out = new Float64Array(size * n);
    for (let i = 0; i < size; i++)
      for (let row = 0; row < n; row++) {
        let sum = 0;
        for (let j = 0; j < d; j++) sum += rows[i * d + j]! * weights[row * d + j]!;
        out[i * n + row] = sum;
      }
    return out;
  };
  const factors = new Float64Array(count * vocabulary).fill(1);
  if (norm) {
    const center = (rows: Float64Array): Float64Array => (norm.center ? centred(rows, d) : rows);
    const [e, p] = [center(embeddings), center(places)];
    for (let at = 0; at < count; at++)
      for (let token = 0; token < vocabulary; token++) {
        let sum = 0;
        for (let j = 0; j < d; j++) sum += (e[token * d + j]! + p[at * d + j]!) ** 2;
        factors[at * vocabulary + token] = 1 / Math.sqrt(sum / d + norm.eps);
      }
  }
  const folded: Folded = { n, vocabulary, count, table: times(embeddings, vocabulary), positions: times(places, count), factors, add };
  const bound = largest(folded) * MARGIN || 1;
  if (!Number.isFinite(bound)) return null;
  return {
    kind: 'own',
    out: { ...op.out, known: { min: -bound, max: bound } },
    views: [embed.tokens],
    nodes: joinNodes(embed.nodes, norm?.nodes ?? [], op.nodes),
    passes: passesOf(folded, source),
  };
}

function centred(rows: Float64Array, d: number): Float64Array {
  const out = new Float64Array(rows.length);
  for (let from = 0; from < rows.length; from += d) {
    let sum = 0;
    for (let j = from; j < from + d; j++) sum += rows[j]!;
    for (let j = from; j < from + d; j++) out[j] = rows[j]! - sum / d;
  }
  return out;
}

/** The largest magnitude over all tokens at all positions. */
function largest(f: Folded): number {
  const { n, vocabulary, count } = f;
  let top = 0;
  for (let at = 0; at < count; at++)
    for (let token = 0; token < vocabulary; token++) {
      for (let c = 0; c < n; c++) top = Math.max(top, Math.abs(resultOf(f, at, token, c)));
    }
  return top;
}

function passesOf(f: Folded, source: Source): OwnPasses {
  const { n, vocabulary } = f;
  return {
    label: 'table',
    joins: true,
    anyRows: true,
    steps(op) {
      const out = denseMap(op.out.dims);
      const outer = loopsOver([out.dims.slice(0, -1), source.rows.dims], `value ${op.out.name}`);
      const along = outer.map((l) => l.strides[1]!);
      return [
        {
          op,
          part: 0,
          nodes: op.nodes,
          outer: outer.map((l) => l.n),
          lanes: outer.length ? 2 : 1,
          inner: [n],
          out: { buf: op.out, off: 0, outer: outer.map((l) => l.strides[0]!), inner: [1] },
          reads: [
            {
              buf: op.views[0]!.buf,
              off: source.tokens.first + source.rows.off * source.tokens.step,
              outer: along.map((s) => s * source.tokens.step),
              inner: [],
            },
          ],
        },
      ];
    },
    calls(op, at, step, group) {
      const write = at.operand(step.out!, group);
      const read = at.operand(step.reads[0]!, group);
      const along = step.reads[0]!.outer.map((s) => s / source.tokens.step);
      const lane = along[along.length - 1] ?? 0;
      if (2 * n * vocabulary * f.count <= MOST_CHOSEN) return [chosenCall(f, op, at, step, { write, read, along, first: source.rows.off })];
      const bytes = parameters(f, at.scales.of(op.out).scale);
      const shape: EmbeddedShape = {
        lanes: step.lanes,
        rows: vocabulary,
        n,
        outLane: write.lane,
        tokenLane: read.lane,
        tokenSpace: read.operand.space,
        positionLane: lane * 2 * n,
        factorLane: lane * 4 * vocabulary,
      };
      const moving = (data: ArrayBufferView, row: number): { space: 'weights'; off: number; strides: number[] } => ({
        space: 'weights',
        off: at.weights.add(data) + source.rows.off * row,
        strides: along.map((s) => s * row),
      });
      return [
        {
          key: JSON.stringify(['embedded', shape]),
          name: `embedded_${vocabulary}x${n}`,
          build: (name, layout, origin) => embeddedKernel(name, shape, layout, origin),
          args: [
            write.operand,
            read.operand,
            at.param(bytes.params),
            moving(bytes.positions, 2 * n),
            moving(bytes.factors, 4 * vocabulary),
          ],
          nodes: op.nodes,
        },
      ];
    },
    evaluate(_, [tokens]) {
      const rows = allOffsets(source.rows);
      const out = new Float64Array(rows.length * n);
      rows.forEach((at, i) => {
        const token = Math.min(vocabulary - 1, tokens![at]!);
        for (let c = 0; c < n; c++) out[i * n + c] = resultOf(f, at, token, c);
      });
      return out;
    },
  };
}

interface ChosenPlaces {
  readonly write: ReturnType<Places['operand']>;
  readonly read: ReturnType<Places['operand']>;
  /** Positions from one row of each loop to the next, and the first. */
  readonly along: readonly number[];
  readonly first: number;
}

/** The layer as one table of everything it can say. */
function chosenCall(f: Folded, op: OwnOp, at: Places, step: Step, { write, read, along, first }: ChosenPlaces): KernelCall {
  const { n, vocabulary } = f;
  const bytes = 2 * n * vocabulary;
  const { scale, max } = at.scales.of(op.out);
  const table = new Int16Array(n * vocabulary * f.count);
  for (let p = 0; p < f.count; p++)
    for (let token = 0; token < vocabulary; token++)
      for (let c = 0; c < n; c++) {
        const y = Math.round(resultOf(f, p, token, c) / scale);
        table[(p * vocabulary + token) * n + c] = Math.max(-max, Math.min(max, y));
      }
  const shape = {
    lanes: step.lanes,
    rows: vocabulary,
    n,
    outLane: write.lane,
    tokenLane: read.lane,
    tokenSpace: read.operand.space,
    tableLane: (along[along.length - 1] ?? 0) * bytes,
  };
  return {
    key: JSON.stringify(['chosen', shape]),
    name: `chosen_${vocabulary}x${n}`,
    build: (name, layout, origin) => chosenKernel(name, shape, layout, origin),
    args: [
      write.operand,
      read.operand,
      { space: 'weights', off: at.weights.add(table) + first * bytes, strides: along.map((s) => s * bytes) },
    ],
    nodes: op.nodes,
  };
}

/** What the layer says in column `c` of a token at a position. */
const resultOf = ({ n, vocabulary, table, positions, factors, add }: Folded, at: number, token: number, c: number): number =>
  (table[token * n + c]! + positions[at * n + c]!) * factors[at * vocabulary + token]! + add[c]!;

/** Bits of a factor. */
const FACTOR_BITS = 31;

/** Tables of one unit, factors of as many bits as fit, and what is added at their scale. */
function parameters(f: Folded, outScale: number): { params: Uint8Array; positions: Int16Array; factors: Uint32Array } {
  let top = 0;
  for (const list of [f.table, f.positions]) for (const v of list) if (Math.abs(v) > top) top = Math.abs(v);
  const unit = top / 32767 || 1;
  let factor = 0;
  for (const r of f.factors) if (r > factor) factor = r;
  const real = (factor * unit) / outScale;
  // Sums of 17 bits times a factor, and what is added, stay below 2⁶².
  const shift = Math.max(0, Math.min(44, FACTOR_BITS - 1 - Math.ceil(Math.log2(real))));
  const parts = embeddedParts(f.n);
  const params = new Uint8Array(parts.table + 2 * f.table.length);
  const view = new DataView(params.buffer);
  view.setBigInt64(0, BigInt(shift), true);
  f.add.forEach((c, i) => {
    const half = shift > 0 ? 2 ** (shift - 1) : 0;
    view.setBigInt64(parts.add + 8 * i, BigInt(Math.round((c / outScale) * 2 ** shift + half)), true);
  });
  f.table.forEach((v, i) => {
    view.setInt16(parts.table + 2 * i, Math.round(v / unit), true);
  });
  return {
    params,
    positions: Int16Array.from(f.positions, (v) => Math.round(v / unit)),
    factors: Uint32Array.from(f.factors, (r) => Math.round(((r * unit) / outScale) * 2 ** shift)),
  };
}
