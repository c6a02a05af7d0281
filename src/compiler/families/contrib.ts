import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrInts, attrNumber } from '../graph/attrs.ts';
import { binary } from '../graph/elementwise.ts';
import type { View } from '../graph/hops.ts';
import { joinNodes, type Lazy, place, type Walk } from '../graph/lazy.ts';
import { layerNorm, reduce } from '../graph/norms.ts';
import { matMul } from '../graph/products.ts';
import { gather } from '../graph/shapes.ts';
import { type Dim, type IndexMap, mapDims, reshapeMap, sliceMap, transposeMap } from '../graph/view.ts';
import { attend, step } from './attend.ts';
import { SELECTION } from './select.ts';

/** Encoder forms of ONNX Runtime's own operators, as its optimiser writes them. */

const NO_CACHE = 'Optimise the model without a cache (past and present states)';

const run = (walk: Walk, made: Node): void => SELECTION.get(made.op)!.run(walk, made);

/** Columns `from … from + n` of `[B, S, width]` as `[B, heads, S, n / heads]`. */
function headsOf(node: Node, x: View, heads: number, from: number, n: number): View {
  const cut = sliceMap(x.map, 2, from, n);
  const [b, s] = mapDims(x.map);
  const map = cut && reshapeMap(cut, [b!, s!, heads, n / heads]);
  if (!map)
    throw new InputError('the heads of this layout cannot be told apart', place(node), 'Use the model as it was before it was optimised');
  return { ...x, map: transposeMap(map, [0, 2, 1, 3]) };
}

/** `[B, H, S, d]` as `[B, S, H·d]`. */
function joined(x: View): View {
  const [b, h, s, d] = mapDims(x.map);
  return { ...x, map: reshapeMap(transposeMap(x.map, [0, 2, 1, 3]), [b!, s!, h! * d!]) as IndexMap };
}

function refusePast(node: Node, slots: readonly number[]): void {
  if (slots.some((slot) => node.inputs[slot]) || node.outputs.slice(1).some((name) => name))
    throw new InputError('a cache of keys and values', place(node), NO_CACHE);
}

/** Scores beside which keys that are padding fall away: lengths `[B]`, or ones and zeros `[B, T]` and `[B, S, T]`. */
function padded(walk: Walk, node: Node, slot: number, scores: string, keys: number): string {
  const name = node.inputs[slot];
  if (!name) return scores;
  const lazy = walk.get(name, node);
  const rank = walk.dims(lazy).length;
  const out = `${node.outputs[0]}.padded`;
  const low = `${node.outputs[0]}.lowest`;
  walk.set(low, { k: 'const', t: { dims: [], data: Float64Array.of(Number.NEGATIVE_INFINITY) }, nodes: [] });
  const shown = `${node.outputs[0]}.shown`;
  if (lazy.k === 'const') throw new InputError('a constant mask', place(node), 'Leave the mask out');
  const wide = (dims: readonly Dim[]): Dim[] =>
    rank === 1
      ? [dims[0]!, [], [], []]
      : rank === 2
        ? [dims[0]!, [], [], dims[1]!]
        : rank === 3
          ? [dims[0]!, [], dims[1]!, dims[2]!]
          : [...dims];
  const spread = (view: View): View => ({ ...view, map: { off: view.map.off, dims: wide(view.map.dims) } });
  const seen: Lazy =
    lazy.k === 'fn'
      ? { ...lazy, base: spread(lazy.base) }
      : { k: 'view', view: spread(lazy.k === 'view' ? lazy.view : walk.view(name, node).view), nodes: lazy.nodes };
  walk.set(shown, seen);
  if (rank === 1) {
    if (walk.dims(lazy)[0] !== 1)
      throw new InputError('starts and ends of several sequences as a mask', place(node), 'Give a mask of ones and zeros');
    const places = `${out}.places`;
    walk.set(places, { k: 'const', t: { dims: [1, 1, 1, keys], data: Float64Array.from({ length: keys }, (_, i) => i) }, nodes: [] });
    run(walk, step(node, 'Less', [places, shown], `${out}.inside`));
    run(walk, step(node, 'Where', [`${out}.inside`, scores, low], out));
  } else run(walk, step(node, 'Where', [shown, scores, low], out));
  return out;
}

/** Scores with what the model adds to them. */
function biased(walk: Walk, node: Node, slot: number, scores: string): string {
  const name = node.inputs[slot];
  if (!name) return scores;
  const out = `${node.outputs[0]}.biased`;
  binary(walk, step(node, 'Add', [scores, name], out));
  return out;
}

function attended(walk: Walk, node: Node, [q, k, v]: readonly [View, View, View], padding: number, bias: number): void {
  const keys = mapDims(k.map)[2]!;
  const out = attend(walk, node, [q, k, v], {
    scale: attrNumber(node, 'scale') || 1 / Math.sqrt(mapDims(q.map)[3]!),
    causal: (attrNumber(node, 'unidirectional') ?? 0) !== 0,
    masked: (scores) => padded(walk, node, padding, biased(walk, node, bias, scores), keys),
  });
  walk.set(node.outputs[0]!, { k: 'view', view: joined(out), nodes: [] });
}

/** Attention of `com.microsoft`: one product for queries, keys and values. */
export function contribAttention(walk: Walk, node: Node): void {
  refusePast(node, [4, 6]);
  if (attrNumber(node, 'do_rotary'))
    throw new InputError('rotary positions inside', place(node), 'Use RotaryEmbedding and MultiHeadAttention');
  const heads = attrNumber(node, 'num_heads')!;
  const sums = `${node.outputs[0]}.qkv`;
  matMul(walk, step(node, 'MatMul', [node.inputs[0]!, node.inputs[1]!], sums));
  const all = node.inputs[2] ? `${sums}.biased` : sums;
  if (node.inputs[2]) binary(walk, step(node, 'Add', [sums, node.inputs[2]], all));
  const { view } = walk.view(all, node);
  const width = mapDims(view.map)[2]!;
  const sizes = attrInts(node, 'qkv_hidden_sizes') ?? [width / 3, width / 3, width / 3];
  const [q, k, v] = sizes.map((n, i) =>
    headsOf(
      node,
      view,
      heads,
      sizes.slice(0, i).reduce((a, b) => a + b, 0),
      n,
    ),
  );
  attended(walk, node, [q!, k!, v!], 3, 5);
}

/** MultiHeadAttention of `com.microsoft`: queries, keys and values are computed already, but for their bias. */
export function multiHeadAttention(walk: Walk, node: Node): void {
  refusePast(node, [6, 7, 8, 9]);
  const heads = attrNumber(node, 'num_heads')!;
  if (!node.inputs[1] || !node.inputs[2]) throw new InputError('packed queries, keys and values', place(node), 'Give three inputs');
  const bias = node.inputs[3] ? walk.get(node.inputs[3], node) : null;
  if (bias && bias.k !== 'const') throw new InputError('a computed bias', place(node), 'Add it before');
  let from = 0;
  const parts = [0, 1, 2].map((slot): View => {
    const name = node.inputs[slot]!;
    const dims = walk.dims(walk.get(name, node));
    if (dims.length === 4) return walk.view(name, node).view;
    const n = dims[2]!;
    let read = name;
    if (bias?.k === 'const') {
      const part = `${node.outputs[0]}.bias${slot}`;
      read = `${node.outputs[0]}.operand${slot}`;
      walk.set(part, { k: 'const', t: { dims: [n], data: bias.t.data.slice(from, from + n) }, nodes: [] });
      binary(walk, step(node, 'Add', [name, part], read));
    }
    from += n;
    return headsOf(node, walk.view(read, node).view, heads, 0, n);
  });
  attended(walk, node, [parts[0]!, parts[1]!, parts[2]!], 4, 5);
}

/** EmbedLayerNormalization: rows of tokens, positions and segments, their sum, and its normalisation. */
export function embedNorm(walk: Walk, node: Node): void {
  const [ids, segments, words, positions, kinds, gamma, beta, mask, places] = node.inputs;
  const name = node.outputs[0]!;
  const rows = (table: string, index: string, key: string): string => {
    gather(walk, step(node, 'Gather', [table, index], `${name}.${key}`));
    return `${name}.${key}`;
  };
  const [, length] = walk.dims(walk.get(ids!, node));
  let at = places;
  if (!at) {
    at = `${name}.places`;
    walk.set(at, { k: 'const', t: { dims: [1, length!], data: Float64Array.from({ length: length! }, (_, i) => i) }, nodes: [] });
  }
  const parts = [
    rows(words!, ids!, 'words'),
    rows(positions!, at, 'positions'),
    ...(kinds && segments ? [rows(kinds, segments, 'segments')] : []),
  ];
  const total = node.outputs[2] || `${name}.sum`;
  const sum = parts.reduce((a, b, i) => {
    const out = i === parts.length - 1 ? total : `${name}.sum${i}`;
    binary(walk, step(node, 'Add', [a, b], out));
    return out;
  });
  layerNorm(walk, step(node, 'LayerNormalization', [sum, gamma!, beta!], name, { epsilon: attrNumber(node, 'epsilon') ?? 1e-12 }));
  const lengths = node.outputs[1];
  if (!lengths || walk.unused(lengths)) return;
  if (mask) reduce(walk, step(node, 'ReduceSum', [mask], lengths, { axes: [1], keepdims: 0 }));
  else walk.set(lengths, { k: 'const', t: { dims: [1], data: Float64Array.of(0) }, nodes: joinNodes([node]) });
}
