import { InputError } from '../../base/errors.ts';
import type { Buf, Const, HGraph, HOp, View } from '../graph/hops.ts';
import { opViews } from '../graph/hops.ts';
import { place } from '../graph/lazy.ts';
import { MASK } from '../graph/masks.ts';
import { allOffsets, broadcastMap, denseMap, dimSize, mapDims, product } from '../graph/view.ts';

type MatMul = HOp & { readonly kind: 'matmul' };

/** Causal attention as the graph has it: `softmax(scale · q·k + bias) · v`, rows of positions. */
export interface FoundAttention {
  readonly scores: MatMul;
  readonly values: MatMul;
  /** The scores' real value is this times the product of the views. */
  readonly scale: number;
  /** What is added to the score of a key that stands `distance` before its query: [heads][positions]; null: nothing. */
  readonly bias: Float64Array | null;
  /** Ops that it stands for. */
  readonly ops: readonly HOp[];
}

const last = (op: HOp): string => place(op.nodes[op.nodes.length - 1]);

/** Whether a view is its whole buffer in the buffer's own order, whatever its shape. */
function isWhole(view: View): boolean {
  let expected = product(view.buf.dims);
  if (view.map.off !== 0 || product(mapDims(view.map)) !== expected) return false;
  for (const f of view.map.dims.flat()) {
    if (f.n === 1) continue;
    expected /= f.n;
    if (f.stride !== expected) return false;
  }
  return true;
}

/** Finds every causal attention over `positions` places. Throws {@link InputError} for one that is not causal or has another form. */
export function findAttentions(graph: HGraph, positions: number): FoundAttention[] {
  const makers = new Map<Buf, HOp>(graph.ops.map((op) => [op.out, op]));
  const found: FoundAttention[] = [];
  const biases = new Map<string, Float64Array | null>();
  for (const op of graph.ops) {
    if (op.kind !== 'softmax') continue;
    const dims = mapDims(op.x.map);
    if (dims.length < 2 || dims[dims.length - 1] !== positions || dims[dims.length - 2] !== positions) continue;
    found.push(attentionOf(graph, makers, op, positions, biases));
  }
  return found;
}

function attentionOf(
  graph: HGraph,
  makers: ReadonlyMap<Buf, HOp>,
  softmax: HOp & { kind: 'softmax' },
  positions: number,
  biases: Map<string, Float64Array | null>,
): FoundAttention {
  const ops: HOp[] = [softmax];
  const added: { readonly t: Const; readonly gain: number; readonly dims: readonly number[] }[] = [];
  let scale = 1;
  let view = softmax.x;
  let scores: MatMul | null = null;
  while (!scores) {
    const op = makers.get(view.buf);
    if (!op || !isWhole(view))
      throw new InputError('the scores of this attention are rearranged', last(softmax), 'Keep them as [heads, queries, keys]');
    scale *= view.gain;
    ops.push(op);
    if (op.kind === 'matmul') scores = op;
    else if (op.kind === 'affine') {
      const factor = op.mul ? uniformOf(op.mul) : 1;
      if (factor === null) throw new InputError('the scores are multiplied by a table', last(op), 'Multiply the queries');
      if (op.add) added.push({ t: op.add, gain: scale, dims: op.out.dims });
      scale *= factor;
      view = op.x;
    } else
      throw new InputError(
        'the scores of this attention are not a product, a factor and a constant mask',
        last(op),
        'Use softmax(q·k·factor + mask) with a mask that does not depend on the input',
      );
  }
  if (!(scale > 0))
    throw new InputError('the scores have a factor that is not positive', last(softmax), 'Scale queries by a positive number');
  const readers = graph.ops.filter((op) => opViews(op).some((v) => v.buf === softmax.out));
  const [values] = readers;
  if (readers.length !== 1 || values.kind !== 'matmul' || values.a.buf !== softmax.out || !isWhole(values.a))
    throw new InputError(
      'the probabilities of this attention are used otherwise than as weights of values',
      last(softmax),
      'Multiply them with the values',
    );
  const heads = product(scores.out.dims) / (positions * positions);
  const key = added.map(({ t, gain, dims }) => `${idOf(t.data)}:${gain}:${t.dims.join('x')}>${dims.join('x')}`).join();
  let bias = biases.get(key);
  if (bias === undefined) {
    bias = biasOf(added, heads, positions, last(softmax));
    biases.set(key, bias);
  }
  return { scores, values, scale, bias, ops: [...ops, values] };
}

const ids = new WeakMap<object, number>();
let nextId = 0;
function idOf(data: object): number {
  let id = ids.get(data);
  if (id === undefined) {
    id = nextId++;
    ids.set(data, id);
  }
  return id;
}

function uniformOf(t: Const): number | null {
  const [first] = t.data;
  return t.data.every((x) => x === first) ? first : null;
}

/**
 * What masks and biases add, by head and distance. Keys after their query must be masked, and the rest must depend on the distance alone, but
 * for what is added to a whole row, which a softmax does not see.
 */
function biasOf(
  added: readonly { readonly t: Const; readonly gain: number; readonly dims: readonly number[] }[],
  heads: number,
  positions: number,
  at: string,
): Float64Array | null {
  const bias = new Float64Array(heads * positions);
  const tables = added.map(({ t, gain, dims }) => {
    const map = broadcastMap(denseMap(t.dims), dims);
    const rank = map.dims.length;
    const headOffs = allOffsets({ off: map.off, dims: map.dims.slice(0, -2) });
    const rowStride = dimSize(map.dims[rank - 2]) > 1 ? map.dims[rank - 2][0].stride : 0;
    const columnStride = dimSize(map.dims[rank - 1]) > 1 ? map.dims[rank - 1][0].stride : 0;
    return { data: t.data, gain, headOffs, rowStride, columnStride };
  });
  const sum = (h: number, i: number, j: number): number => {
    let total = 0;
    for (const { data, gain, headOffs, rowStride, columnStride } of tables)
      total += gain * data[headOffs[h] + i * rowStride + j * columnStride];
    return total;
  };
  const DEEPEST = 4 * MASK;
  const same = tables.every(({ headOffs }) => headOffs.every((o) => o === headOffs[0]));
  for (let h = 0; h < heads; h++) {
    const row = bias.subarray(h * positions, (h + 1) * positions);
    if (h > 0 && same) {
      row.set(bias.subarray(0, positions));
      continue;
    }
    // The last position sees every distance.
    for (let distance = 0; distance < positions; distance++)
      row[distance] = Math.max(DEEPEST, sum(h, positions - 1, positions - 1 - distance) - sum(h, positions - 1, positions - 1));
    for (let i = 0; i < positions; i++) {
      const own = sum(h, i, i);
      if (!(own > MASK))
        throw new InputError(`position ${i} does not see itself in this attention`, at, 'Use a causal mask with its diagonal');
      for (let j = 0; j < positions; j++) {
        const value = sum(h, i, j) - own;
        if (j > i && !(value <= MASK))
          throw new InputError(
            `position ${i} sees position ${j}, which comes after it: the attention is not causal`,
            at,
            'A model that generates text needs a causal mask (torch.triu of -inf)',
          );
        if (j <= i && !(Math.abs(Math.max(DEEPEST, value) - row[i - j]) <= 1e-4 * (1 + Math.abs(row[i - j]))))
          throw new InputError(
            'what is added to the scores depends on more than the distance',
            at,
            'Use a causal mask, ALiBi or relative positions',
          );
      }
    }
  }
  return bias.every((value) => value === 0) ? null : bias;
}
