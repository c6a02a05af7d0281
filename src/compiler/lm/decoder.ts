import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { type Buf, type Const, type HGraph, type HOp, isView, opViews, type View } from '../graph/hops.ts';
import { place } from '../graph/lazy.ts';
import { allOffsets, type Factor, mapDims, product } from '../graph/view.ts';
import { type FoundAttention, findAttentions } from './attention.ts';
import { scoresOutput } from './ending.ts';
import { constByPosition, positionIn, reduceDims, reducedView, reduceMap, strideOf, type Where } from './positions.ts';

/** An op on one position. Constants of an affine op may have a row for each position: `[positions, …]`. */
export interface PositionOp {
  readonly kind: 'op';
  readonly op: HOp;
  readonly mulRows: Const | null;
  readonly addRows: Const | null;
}

/** How heads lie in a row of one position, in elements: `kvHeads` groups of `groups` query heads each. */
export interface Heads {
  readonly kvHeads: number;
  readonly groups: number;
  readonly size: number;
}

/** A row of vectors, one a head. */
export interface HeadRow {
  readonly buf: Buf;
  readonly gain: number;
  readonly off: number;
  readonly headStride: number;
  readonly elemStride: number;
}

/** Attention of one position over itself and all before it, whose keys and values are kept. */
export interface Attend {
  readonly kind: 'attend';
  readonly heads: Heads;
  readonly q: HeadRow;
  /** One vector for each of `kvHeads`. */
  readonly k: HeadRow;
  readonly v: HeadRow;
  /** Real score: this times the product of query and key. */
  readonly scale: number;
  /** Added by query head and distance: [heads][positions]. */
  readonly bias: Float64Array | null;
  readonly out: Buf;
  readonly nodes: readonly Node[];
}

/** A causal language model as what it does at one position, given keys and values of those before. */
export interface Decoder {
  readonly positions: number;
  readonly tokens: Buf;
  readonly vocabulary: number;
  readonly items: readonly (PositionOp | Attend)[];
  /** Scores of the next token; the op that makes them is the last item. */
  readonly logits: View;
  readonly outputName: string;
}

/** Multiplications in the matrices of one position. */
export const productsOf = (decoder: Decoder): number =>
  decoder.items.reduce((sum, item) => sum + (item.kind === 'op' && item.op.kind === 'linear' ? product(item.op.weights.dims) : 0), 0);

const last = (op: HOp): string => (op.nodes.length ? place(op.nodes[op.nodes.length - 1]) : `value ${op.out.name}`);

/**
 * Derives what a causal model over a whole sequence does at one position. Every op but attention must treat positions alike (constants may differ
 * by position: learned positions, rotary tables); attention must be causal, so that later positions change nothing before them. Throws {@link InputError}.
 */
export function decoderOf(graph: HGraph): Decoder {
  const tokens = graph.inputs[0];
  if (graph.inputs.length !== 1 || tokens.kind !== 'token')
    throw new InputError(
      `it has the inputs ${graph.inputs.map((b) => b.name).join(', ')}`,
      '',
      'A model that generates text takes token numbers [1, sequence] alone; masks, positions and past keys are bound by the compiler',
    );
  const positions = product(tokens.dims);
  if (tokens.dims[tokens.dims.length - 1] !== positions || positions < 2)
    throw new InputError(
      `its tokens have the shape [${tokens.dims.join(', ')}]`,
      '',
      'Give a sequence of at least two places and a batch of one (--dim)',
    );
  return new Walker(graph, tokens, positions).run();
}

class Walker {
  readonly #graph: HGraph;
  readonly #tokens: Buf;
  readonly #positions: number;
  /** Elements between two positions; null: the same at all of them. */
  readonly #strides = new Map<Buf, number | null>();
  readonly #bufs = new Map<Buf, Buf>();
  /** Values of the last position alone, which nothing may bring together with others. */
  readonly #fixed = new Set<Buf>();
  readonly #items: (PositionOp | Attend)[] = [];

  constructor(graph: HGraph, tokens: Buf, positions: number) {
    this.#graph = graph;
    this.#tokens = tokens;
    this.#positions = positions;
    this.#strides.set(tokens, 1);
    this.#bufs.set(tokens, { ...tokens, dims: tokens.dims.map(() => 1) });
  }

  run(): Decoder {
    const attentions = findAttentions(this.#graph, this.#positions);
    const skipped = new Set(attentions.flatMap(({ ops }) => ops));
    const byValues = new Map(attentions.map((found) => [found.values as HOp, found]));
    for (const op of this.#graph.ops) {
      const attention = byValues.get(op);
      if (attention) this.#attend(attention);
      else if (!skipped.has(op)) this.#op(op);
    }
    const output = scoresOutput(this.#graph.outputs);
    const stride = this.#strides.get(output.view.buf);
    if (stride === undefined)
      throw new InputError(`output "${output.name}" is a part of an attention`, '', 'End the model with its scores');
    const where = stride === null ? null : positionIn(output.view.map, stride, this.#positions);
    const reduced = reduceMap(output.view.map, where, stride, this.#positions);
    if (typeof reduced === 'string')
      throw new InputError(`output "${output.name}": ${reduced}`, '', 'Give the scores of every position, or of the last');
    const logits = reducedView(output.view, this.#bufs.get(output.view.buf)!, reduced.map);
    const vocabulary = product(mapDims(logits.map));
    if (vocabulary < 2)
      throw new InputError(`output "${output.name}" has one score`, '', 'A model that generates text scores every token of its vocabulary');
    return {
      positions: this.#positions,
      tokens: this.#bufs.get(this.#tokens)!,
      vocabulary,
      items: this.#items,
      logits,
      outputName: output.name,
    };
  }

  #reduced(view: View, where: Where | null, at: string): { view: View; fixed: boolean } {
    const stride = this.#strides.get(view.buf);
    if (stride === undefined) throw new InputError('it reads a part of an attention', at, 'Use the result of softmax(q·k)·v only');
    const made = reduceMap(view.map, where, stride, this.#positions);
    if (typeof made === 'string') throw new InputError(made, at, 'Outside of attention, every op must treat one position at a time');
    return { view: reducedView(view, this.#bufs.get(view.buf)!, made.map), fixed: made.fixed || this.#fixed.has(view.buf) };
  }

  /** Where positions stand in the logical dimensions of an op's operands. */
  #where(views: readonly View[]): Where | null {
    for (const view of views) {
      const stride = this.#strides.get(view.buf);
      const where = stride === undefined || stride === null ? null : positionIn(view.map, stride, this.#positions);
      if (where) return where;
    }
    return null;
  }

  #out(op: HOp, where: Where | null, fixed: boolean): Buf {
    const out: Buf = { ...op.out, dims: reduceDims(op.out.dims, where, this.#positions) };
    this.#strides.set(op.out, where ? strideOf(op.out.dims, where) : null);
    this.#bufs.set(op.out, out);
    if (fixed) this.#fixed.add(op.out);
    return out;
  }

  #op(op: HOp): void {
    const at = last(op);
    const where = this.#where(opViews(op));
    let fixed = false;
    const take = (view: View, w: Where | null = where): View => {
      const made = this.#reduced(view, w, at);
      fixed ||= made.fixed;
      return made.view;
    };
    const across = (what: string): never => {
      throw new InputError(`${what} over the positions`, at, 'Outside of attention, every op must treat one position at a time');
    };
    const rank = op.out.dims.length;
    let mulRows: Const | null = null;
    let addRows: Const | null = null;
    let made: HOp;
    switch (op.kind) {
      case 'linear':
        if (where && where.dim === op.a.map.dims.length - 1) across('a sum');
        made = { ...op, a: take(op.a), out: this.#out(op, where, fixed) };
        break;
      case 'matmul': {
        const inner = op.a.map.dims.length - 1;
        if (where && where.dim >= inner) across('a product of activations');
        // The rows of the second operand are summed: it has none of the first's rows.
        made = { ...op, a: take(op.a), b: take(op.b, where && where.dim < inner - 1 ? where : null), out: this.#out(op, where, fixed) };
        break;
      }
      case 'softmax':
      case 'norm':
        if (where && where.dim === rank - 1) across(op.kind === 'norm' ? 'a normalisation' : 'a softmax that is no attention');
        made = { ...op, x: take(op.x), out: this.#out(op, where, fixed) };
        break;
      case 'unary':
        made = { ...op, x: take(op.x), out: this.#out(op, where, fixed) };
        break;
      case 'add':
      case 'mul':
      case 'div':
        made = { ...op, a: take(op.a), b: take(op.b), out: this.#out(op, where, fixed) };
        break;
      case 'affine': {
        const x = take(op.x);
        const rows = (t: Const | null): { t: Const; varies: boolean } | null => {
          if (!t) return null;
          const byPosition = constByPosition(t, op.out.dims, where, this.#positions);
          if (!byPosition) throw new InputError('a constant is laid out across the positions', at);
          return byPosition;
        };
        const [mul, add] = [rows(op.mul), rows(op.add)];
        const first = (r: { t: Const; varies: boolean } | null): Const | null =>
          r && (r.varies ? { dims: r.t.dims.slice(1), data: r.t.data.subarray(0, product(r.t.dims.slice(1))) } : r.t);
        if (mul?.varies) mulRows = mul.t;
        if (add?.varies) addRows = add.t;
        made = { ...op, x, mul: first(mul), add: first(add), out: this.#out(op, where, fixed) };
        break;
      }
      case 'embed':
        made = { ...op, tokens: take(op.tokens), out: this.#out(op, where, fixed) };
        break;
      case 'reduce': {
        if (where && op.axes.includes(where.dim)) across(`a ${op.mode}`);
        const x = take(op.x);
        const kept = where && { dim: where.dim - op.axes.filter((axis) => axis < where.dim).length, inner: where.inner };
        made = { ...op, x, out: this.#out(op, kept, fixed) };
        break;
      }
      case 'own':
        throw new InputError('it has no form for one position', at, 'Write it with matrices, elementwise functions and attention');
      case 'concat': {
        if (
          where &&
          where.dim === op.axis &&
          product(op.parts.filter(isView).map((v) => mapDims(v.map)[op.axis])) !== this.#positions * where.inner
        )
          across('a concatenation');
        const parts = op.parts.map((part): View | Const => {
          if (isView(part)) return take(part);
          const row = constByPosition(part, part.dims, where, this.#positions);
          if (!row || row.varies) throw new InputError('a constant part differs by position', at, 'Add it instead');
          return row.t;
        });
        made = { ...op, parts, out: this.#out(op, where, fixed) };
        break;
      }
    }
    this.#items.push({ kind: 'op', op: made, mulRows, addRows });
  }

  #attend({ scores, values, scale, bias, ops }: FoundAttention): void {
    const at = last(scores);
    const rank = scores.a.map.dims.length;
    const row = (view: View, axis: number): { view: View; heads: Int32Array; size: Factor } => {
      const stride = this.#strides.get(view.buf);
      const where = stride === undefined || stride === null ? null : positionIn(view.map, stride, this.#positions);
      if (!where || where.dim !== axis || where.inner !== 1)
        throw new InputError(
          'an operand of this attention has its positions elsewhere',
          at,
          'Use q [heads, positions, size] · kᵀ and weights · v',
        );
      const made = this.#reduced(view, where, at).view;
      const vector = made.map.dims[axis === rank - 1 ? rank - 2 : rank - 1];
      const sizes = vector.filter((f) => f.n > 1);
      if (sizes.length > 1) throw new InputError('the vectors of this attention are not evenly spaced', at, 'Insert a contiguous copy');
      return {
        view: made,
        heads: allOffsets({ off: made.map.off, dims: made.map.dims.slice(0, -2) }),
        size: sizes[0] ?? { n: 1, stride: 1 },
      };
    };
    const q = row(scores.a, rank - 2);
    const k = row(scores.b, rank - 1);
    const v = row(values.b, rank - 2);
    if (q.size.n !== k.size.n || v.size.n !== q.size.n)
      throw new InputError(`keys of ${k.size.n} and values of ${v.size.n} elements`, at, 'Give keys and values the same size');
    const heads = headsOf(q.heads, k.heads, v.heads, q.size.n, at);
    const headRow = ({ view, heads: offs, size }: typeof q, step: number): HeadRow => ({
      buf: view.buf,
      gain: view.gain,
      off: offs[0],
      headStride: offs.length > step ? offs[step] - offs[0] : 0,
      elemStride: size.stride,
    });
    const rowsDim = values.out.dims.length - 2;
    const out = this.#out(values, { dim: rowsDim, inner: 1 }, false);
    this.#items.push({
      kind: 'attend',
      heads,
      q: headRow(q, 1),
      k: headRow(k, heads.groups),
      v: headRow(v, heads.groups),
      scale: scale * q.view.gain * k.view.gain,
      bias,
      out,
      nodes: [...new Set(ops.flatMap((op) => op.nodes))],
    });
  }
}

/** Query heads in groups of neighbours that share a key head, all of them evenly spaced. */
function headsOf(q: Int32Array, k: Int32Array, v: Int32Array, size: number, at: string): Heads {
  const count = q.length;
  let groups = 1;
  while (groups < count && k[groups] === k[0]) groups++;
  const even = (offs: Int32Array, step: number): boolean =>
    offs.every((off, h) => off === offs[0] + Math.floor(h / step) * ((offs[step] ?? offs[0]) - offs[0]));
  if (count % groups !== 0 || !even(q, 1) || !even(k, groups) || !even(v, groups))
    throw new InputError(
      'the heads of this attention share keys in an order that has no kernel',
      at,
      'Let neighbouring query heads share a key head',
    );
  return { kvHeads: count / groups, groups, size };
}
