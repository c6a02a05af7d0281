import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber } from '../graph/attrs.ts';
import { addViews, binary, unary } from '../graph/elementwise.ts';
import { geluTanh } from '../graph/functions.ts';
import type { Buf, Const, View } from '../graph/hops.ts';
import { place, type Walk } from '../graph/lazy.ts';
import { layerNorm } from '../graph/norms.ts';
import { matMul } from '../graph/products.ts';
import { type Rules, rule } from '../graph/rule.ts';
import { type Dim, denseMap, type IndexMap, mapDims, reshapeMap, sliceMap, transposeMap } from '../graph/view.ts';
import { attend, step } from './attend.ts';
import { contribAttention, embedNorm, multiHeadAttention } from './contrib.ts';
import { where } from './select.ts';

const view = (buf: Buf): View => ({ buf, map: denseMap(buf.dims), gain: 1 });

/** `x · Φ(x)` in its approximations, with a bias that is added first. */
function gelu(walk: Walk, node: Node): void {
  const [x, bias] = node.inputs;
  const sum = `${node.outputs[0]}.sum`;
  if (bias) binary(walk, step(node, 'Add', [x, bias], sum));
  const from = bias ? sum : x;
  if (node.op === 'BiasGelu') {
    unary(walk, step(node, 'Gelu', [from], node.outputs[0]));
    return;
  }
  const alpha = attrNumber(node, 'alpha') ?? 1.702;
  const fn = node.op === 'QuickGelu' ? (v: number): number => v / (1 + Math.exp(-alpha * v)) : geluTanh;
  unary(walk, step(node, 'Identity', [from], node.outputs[0]), fn);
}

/** The sum of input and skip, and its normalisation. */
function skipNorm(walk: Walk, node: Node): void {
  const simple = node.op === 'SkipSimplifiedLayerNormalization';
  const [x, skip, gamma, beta, bias] = simple ? [...node.inputs.slice(0, 3), '', node.inputs[3]] : node.inputs;
  const named = node.outputs[3];
  const sum = named || `${node.outputs[0]}.sum`;
  const first = bias ? `${node.outputs[0]}.skip` : sum;
  binary(walk, step(node, 'Add', [x, skip], first));
  if (bias) binary(walk, step(node, 'Add', [first, bias], sum));
  const epsilon = attrNumber(node, 'epsilon') ?? 1e-12;
  const inputs = beta ? [sum, gamma, beta] : [sum, gamma];
  layerNorm(walk, step(node, simple ? 'SimplifiedLayerNormalization' : 'LayerNormalization', inputs, node.outputs[0], { epsilon }));
}

/** A product with transposed or scaled operands. */
function fusedMatMul(walk: Walk, node: Node): void {
  const swap = (name: string, slot: number): string => {
    if ((attrNumber(node, slot === 0 ? 'transA' : 'transB') ?? 0) === 0) return name;
    const { view: x, nodes } = walk.view(name, node);
    const rank = x.map.dims.length;
    const perm = x.map.dims.map((_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
    const turned = `${node.outputs[0]}.turned${slot}`;
    walk.set(turned, { k: 'view', view: { ...x, map: transposeMap(x.map, perm) }, nodes });
    return turned;
  };
  const alpha = attrNumber(node, 'alpha') ?? 1;
  const product = alpha === 1 ? node.outputs[0] : `${node.outputs[0]}.product`;
  matMul(walk, step(node, 'MatMul', node.inputs.map(swap), product));
  if (alpha === 1) return;
  const { view: out, nodes } = walk.view(product, node);
  walk.set(node.outputs[0], { k: 'view', view: { ...out, gain: out.gain * alpha }, nodes });
}

/** `[B, S, H·d]` as `[B, H, S, d]`; what has four dimensions already stays. */
function heads(x: View, count: number | undefined, node: Node): View {
  const dims = mapDims(x.map);
  if (dims.length === 4) return x;
  if (!count) throw new InputError('the number of heads is missing', place(node), 'Give q_num_heads and kv_num_heads, or four dimensions');
  const [b, s, width] = dims;
  const map = reshapeMap(x.map, [b, s, count, width / count]);
  if (!map) throw new InputError('the heads of this layout cannot be told apart', place(node), 'Give four dimensions');
  return { ...x, map: transposeMap(map, [0, 2, 1, 3]) };
}

/** Fewer heads of keys and values, each for several heads of queries. */
function repeated(x: View, count: number): View {
  const dims = x.map.dims.map((dim, i): Dim => (i === 1 && count > 1 ? [...dim, { n: count, stride: 0 }] : dim));
  return { ...x, map: { off: x.map.off, dims } };
}

/** Attention (opset 23): scores, masks, softmax, product; no cache. */
function attention(walk: Walk, node: Node): void {
  if (node.domain === 'com.microsoft') {
    contribAttention(walk, node);
    return;
  }
  if (node.inputs.slice(4).some((name) => name) || node.outputs.slice(1).some((name) => name && !walk.unused(name)))
    throw new InputError('a cache of keys and values', place(node), 'Export the model without use_cache');
  if ((attrNumber(node, 'softcap') ?? 0) !== 0) throw new InputError('softcap', place(node), 'Use scores without a cap');
  const read = (slot: number): View => walk.view(node.inputs[slot], node).view;
  const [q, k0, v0] = [
    heads(read(0), attrNumber(node, 'q_num_heads'), node),
    heads(read(1), attrNumber(node, 'kv_num_heads'), node),
    heads(read(2), attrNumber(node, 'kv_num_heads'), node),
  ];
  const [b, h, s, d] = mapDims(q.map);
  const [, kvHeads, , width] = mapDims(v0.map);
  const [k, v] = [repeated(k0, h / kvHeads), repeated(v0, h / kvHeads)];
  const made = attend(walk, node, [q, k, v], {
    scale: attrNumber(node, 'scale') ?? 1 / Math.sqrt(d),
    causal: (attrNumber(node, 'is_causal') ?? 0) !== 0,
    masked: (scores) => (node.inputs[3] ? withMask(walk, node, scores, `${node.outputs[0]}.masked`) : scores),
  });
  const flat = mapDims(read(0).map).length === 3;
  const map = flat ? (reshapeMap(transposeMap(made.map, [0, 2, 1, 3]), [b, s, h * width]) as IndexMap) : made.map;
  walk.set(node.outputs[0], { k: 'view', view: { ...made, map }, nodes: [] });
}

/** The name of scores with a mask that is added, or of booleans that say what is seen. */
function withMask(walk: Walk, node: Node, scores: string, name: string): string {
  const given = node.inputs[3];
  const boolean = walk.model.values.get(given)?.dtype === 'bool' || walk.model.initializers.get(given)?.dtype === 'bool';
  const lowest = `${name}.lowest`;
  if (boolean) {
    walk.set(lowest, { k: 'const', t: { dims: [], data: Float64Array.of(Number.NEGATIVE_INFINITY) }, nodes: [] });
    where(walk, step(node, 'Where', [given, scores, lowest], name));
  } else binary(walk, step(node, 'Add', [scores, given], name));
  return name;
}

/** RotaryEmbedding (opset 23): pairs of elements turn by angles whose cosines and sines are constants. */
function rotary(walk: Walk, given: Node): void {
  // ONNX Runtime's own has the positions before the angles.
  const [x0, ids, ...tables] = given.inputs;
  const node: Node = given.domain === 'com.microsoft' ? { ...given, inputs: [x0, ...tables, ids] } : given;
  if ((attrNumber(node, 'scale') ?? 1) !== 1) throw new InputError('scaled positions', place(node), 'Scale the angles');
  const before = walk.view(node.inputs[0], node).view;
  const x = heads(before, attrNumber(node, 'num_heads'), node);
  const [b, h, s, d] = mapDims(x.map);
  const turned = attrNumber(node, 'rotary_embedding_dim') || d;
  const half = turned / 2;
  const [cos, sin] = [1, 2].map((slot) => angles(walk, node, slot, s, half));
  const pairs = attrNumber(node, 'interleaved') === 1;
  const part = (i: number): View => {
    const map = pairs
      ? sliceMap(sliceMap(x.map, 3, 0, turned) as IndexMap, 3, i, half, 2)
      : sliceMap(sliceMap(x.map, 3, 0, turned) as IndexMap, 3, i * half, half);
    if (!map) throw new InputError('the elements that turn together are not evenly spaced', place(node), 'Give four dimensions');
    return { ...x, map };
  };
  const [first, second] = [part(0), part(1)];
  const name = node.outputs[0];
  const nodes: readonly Node[] = [node];
  const times = (v: View, mul: Const, key: string): View => {
    const out = walk.buf(`${name}.${key}`, [b, h, s, half], 'act');
    walk.ops.push({ kind: 'affine', x: v, mul, add: null, out, nodes });
    return view(out);
  };
  const minus = ({ dims, data }: Const): Const => ({ dims, data: data.map((v) => -v) });
  const ends = [
    addViews(walk, node, times(first, cos, 'first.cos'), times(second, minus(sin), 'second.sin'), nodes, `${name}.first`).view,
    addViews(walk, node, times(second, cos, 'second.cos'), times(first, sin, 'first.sin'), nodes, `${name}.second`).view,
  ];
  // Interleaved pairs lie in a last dimension of two.
  const parts: View[] = pairs ? ends.map((v) => ({ ...v, map: { off: v.map.off, dims: [...v.map.dims, []] } })) : [...ends];
  let map: IndexMap;
  let joined: Buf;
  if (pairs) {
    if (turned !== d) throw new InputError('interleaved pairs of a part of each head', place(node), 'Turn whole heads');
    joined = walk.buf(name, [b, h, s, half, 2], 'act');
    walk.ops.push({ kind: 'concat', parts, axis: 4, out: joined, nodes });
    map = reshapeMap(denseMap(joined.dims), [b, h, s, d]) as IndexMap;
  } else {
    if (turned < d) parts.push({ ...x, map: sliceMap(x.map, 3, turned, d - turned) as IndexMap });
    joined = walk.buf(name, [b, h, s, d], 'act');
    walk.ops.push({ kind: 'concat', parts, axis: 3, out: joined, nodes });
    map = denseMap(joined.dims);
  }
  if (mapDims(before.map).length === 3) map = reshapeMap(transposeMap(map, [0, 2, 1, 3]), [b, s, h * d]) as IndexMap;
  walk.set(name, { k: 'view', view: { buf: joined, map, gain: 1 }, nodes: [] });
}

/** Rows of a table of cosines or sines, `[1, 1, S, half]`. */
function angles(walk: Walk, node: Node, slot: number, s: number, half: number): Const {
  const table = walk.get(node.inputs[slot], node);
  const positions = node.inputs[3] ? walk.get(node.inputs[3], node) : null;
  if (table.k !== 'const' || (positions && positions.k !== 'const'))
    throw new InputError('angles depend on the data', place(node), 'Use constant positions');
  const given = positions?.k === 'const' ? positions.t.data : null;
  // One position is that of the first token.
  const row = (i: number): number => (!given ? i : given.length === 1 ? Number(given[0]) + i : Number(given[i]));
  const data = new Float64Array(s * half);
  for (let i = 0; i < s; i++) data.set(table.t.data.subarray(row(i) * half, (row(i) + 1) * half), i * half);
  return { dims: [1, 1, s, half], data };
}

export const FUSED: Rules = new Map([
  ['Attention', rule(attention, 'products and the softmax kernel', 'opset 23 or com.microsoft; no cache, no softcap')],
  ['EmbedLayerNormalization', rule(embedNorm, 'embedding lookups, sums and the normalisation kernel', 'constant tables')],
  ['MultiHeadAttention', rule(multiHeadAttention, 'products and the softmax kernel', 'three inputs, no cache')],
  ['BiasGelu', rule(gelu, 'part of one lookup table with the elementwise nodes around it')],
  ['FastGelu', rule(gelu, 'part of one lookup table with the elementwise nodes around it')],
  ['FusedMatMul', rule(fusedMatMul, 'the pair kernel')],
  ['QuickGelu', rule(gelu, 'part of one lookup table with the elementwise nodes around it')],
  ['RotaryEmbedding', rule(rotary, 'products with constants, sums and copies', 'opset 23 or com.microsoft, constant positions')],
  ['SkipLayerNormalization', rule(skipNorm, 'a sum and the normalisation kernel', 'constant scale and bias')],
  ['SkipSimplifiedLayerNormalization', rule(skipNorm, 'a sum and the normalisation kernel', 'constant scale')],
]);
