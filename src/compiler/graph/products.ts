import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber, attrString } from './attrs.ts';
import { addViews } from './elementwise.ts';
import type { Const, View } from './hops.ts';
import { broadcastView, joinNodes, type Lazy, lastAxis, place, type Walk } from './lazy.ts';
import { allOffsets, broadcastDims, type Dim, denseMap, type IndexMap, mapDims, product, reshapeMap, transposeMap } from './view.ts';

/** Rows [N][K] of a constant [K, N] matrix, optionally scaled. */
function rows(t: Const, k: number, n: number, transposed: boolean, scale = 1): Const {
  if (transposed && scale === 1) return { dims: [n, k], data: t.data };
  const data =
    scale === 1 && !(t.data instanceof Float64Array) ? (new Float32Array(n * k) as unknown as Float64Array) : new Float64Array(n * k);
  for (let i = 0; i < n; i++) for (let j = 0; j < k; j++) data[i * k + j] = scale * t.data[transposed ? i * k + j : j * n + i];
  return { dims: [n, k], data };
}

export function matMul(walk: Walk, node: Node): void {
  const [a, b] = node.inputs.map((name) => walk.get(name, node));
  const [da, db] = [a, b].map((x) => walk.dims(x));
  if (b.k === 'const' && db.length >= 1 && product(db.slice(0, -2)) === 1) {
    const k = db.length === 1 ? db[0] : db[db.length - 2];
    const n = db.length === 1 ? 1 : db[db.length - 1];
    const { view, nodes } = walk.view(node.inputs[0], node);
    const dims = db.length === 1 ? [...da.slice(0, -1), 1] : [...da.slice(0, -1), n];
    const lazy: Lazy = { k: 'linear', a: view, weights: rows(b.t, k, n, false), bias: null, dims, nodes: joinNodes(nodes, [node]) };
    if (db.length > 1) {
      walk.set(node.outputs[0], lazy);
      return;
    }
    const out = walk.emit(node.outputs[0], lazy, node);
    walk.set(node.outputs[0], { k: 'view', view: { ...out, map: reshapeMap(out.map, da.slice(0, -1)) as IndexMap }, nodes: [] });
    return;
  }
  if (a.k === 'const' && da.length >= 2 && product(da.slice(0, -2)) === 1) {
    // A·x = (xᵀ·Aᵀ)ᵀ
    const [m, k] = da.slice(-2);
    const { view, nodes } = walk.view(node.inputs[1], node);
    const swap = (map: IndexMap): IndexMap => transposeMap(map, swapLast(map.dims.length));
    const x = { ...view, map: swap(view.map) };
    const dims = [...mapDims(x.map).slice(0, -1), m];
    const out = walk.emit(
      node.outputs[0],
      { k: 'linear', a: x, weights: rows(a.t, k, m, true), bias: null, dims, nodes: joinNodes(nodes, [node]) },
      node,
    );
    walk.set(node.outputs[0], { k: 'view', view: { ...out, map: swap(out.map) }, nodes: [] });
    return;
  }
  if (da.length < 2 || db.length < 2) throw new InputError('a product of computed vectors', place(node), 'Give both sides two dimensions');
  const left = walk.view(node.inputs[0], node);
  const right = walk.view(node.inputs[1], node);
  emitMatMul(walk, node, left.view, right.view, joinNodes(left.nodes, right.nodes, [node]));
}

const swapLast = (rank: number): number[] =>
  Array.from({ length: rank }, (_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));

function emitMatMul(walk: Walk, node: Node, a: View, b: View, nodes: readonly Node[], name = node.outputs[0]): void {
  const da = mapDims(a.map);
  const db = mapDims(b.map);
  const batch = broadcastDims(da.slice(0, -2), db.slice(0, -2));
  if (!batch) throw new InputError('batch dimensions do not broadcast', place(node));
  const dims = [...batch, da[da.length - 2], db[db.length - 1]];
  const out = walk.buf(name, dims, 'act');
  const va = broadcastView(a, [...batch, ...da.slice(-2)]);
  const vb = broadcastView(b, [...batch, ...db.slice(-2)]);
  walk.ops.push({ kind: 'matmul', a: va, b: vb, out, nodes });
  walk.set(node.outputs[0], { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 }, nodes: [] });
}

export function gemm(walk: Walk, node: Node): void {
  const alpha = attrNumber(node, 'alpha') ?? 1;
  const beta = attrNumber(node, 'beta') ?? 1;
  const transA = (attrNumber(node, 'transA') ?? 0) !== 0;
  const transB = (attrNumber(node, 'transB') ?? 0) !== 0;
  const b = walk.get(node.inputs[1], node);
  const left = walk.view(node.inputs[0], node);
  const a: View = transA ? { ...left.view, map: transposeMap(left.view.map, [1, 0]) } : left.view;
  const [m] = mapDims(a.map);
  if (b.k !== 'const') throw new InputError('both matrices are computed', place(node), 'Use MatMul');
  const [k, n] = transB ? [b.t.dims[1], b.t.dims[0]] : b.t.dims;
  const c = node.inputs[2] ? walk.get(node.inputs[2], node) : null;
  const bias = c?.k === 'const' ? lastAxis(c.t, n) : null;
  const weights = rows(b.t, k, n, transB, alpha);
  const nodes = joinNodes(left.nodes, c?.nodes ?? [], [node]);
  const lazy: Lazy = { k: 'linear', a, weights, bias: bias?.map((v) => v * beta) ?? null, dims: [m, n], nodes };
  if (!c || bias) {
    walk.set(node.outputs[0], lazy);
    return;
  }
  const out = walk.emit(node.outputs[0], lazy, node);
  const added = walk.view(node.inputs[2], node).view;
  walk.set(node.outputs[0], addViews(walk, node, out, broadcastView({ ...added, gain: added.gain * beta }, [m, n]), nodes));
}

/** Einsum as a chain of products of two operands; each label is a batch, row, column or sum dimension. */
export function einsum(walk: Walk, node: Node): void {
  const equation = (attrString(node, 'equation') ?? '').replace(/\s/g, '');
  const [lhs, rhs] = equation.split('->');
  if (!rhs || equation.includes('.'))
    throw new InputError(`equation "${equation}"`, place(node), 'Write an explicit output and no ellipsis');
  const terms = lhs.split(',');
  const read = (slot: number): { view: View | null; t: Const | null; nodes: readonly Node[] } => {
    const lazy = walk.get(node.inputs[slot], node);
    return lazy.k === 'const' ? { view: null, t: lazy.t, nodes: lazy.nodes } : { ...walk.view(node.inputs[slot], node), t: null };
  };
  let labels = terms[0];
  let first = read(0);
  if (terms.length < 2) throw new InputError('an einsum of one operand', place(node), 'Use Transpose or ReduceSum');
  for (let i = 1; i < terms.length; i++) {
    const later = terms.slice(i + 1).join('') + rhs;
    let second = read(i);
    let other = terms[i];
    if (!first.view) {
      [first, second] = [second, first];
      [labels, other] = [other, labels];
    }
    if (!first.view) throw new InputError('a product of constants', place(node), 'Fold the model first');
    const shared = [...labels].filter((l) => other.includes(l));
    const batch = shared.filter((l) => later.includes(l));
    const sum = shared.filter((l) => !later.includes(l));
    const row = [...labels].filter((l) => !shared.includes(l));
    const col = [...other].filter((l) => !shared.includes(l));
    const outLabels = [...batch, ...row, ...col];
    const size = (l: string): number => {
      const at = labels.indexOf(l);
      return at >= 0
        ? mapDims((first.view as View).map)[at]
        : second.t
          ? second.t.dims[other.indexOf(l)]
          : mapDims((second.view as View).map)[other.indexOf(l)];
    };
    const nodes = joinNodes(first.nodes, second.nodes, [node]);
    const group = (map: IndexMap, names: string, wanted: readonly string[][]): IndexMap => ({
      off: map.off,
      dims: wanted.map((ls): Dim => ls.flatMap((l) => [...map.dims[names.indexOf(l)]])),
    });
    const name = i === terms.length - 1 ? node.outputs[0] : `${node.outputs[0]}.${i}`;
    const outDims = outLabels.map(size);
    let view: View;
    if (second.t && batch.length === 0) {
      const n = product(col.map(size));
      const k = product(sum.map(size));
      const weights: Const = {
        dims: [n, k],
        data: Float64Array.from(allOffsets(group(denseMap(second.t.dims), other, [col, sum])), (o) => (second.t as Const).data[o]),
      };
      const a: View = { ...first.view, map: group(first.view.map, labels, [...row.map((l) => [l]), sum]) };
      view = walk.emit(name, { k: 'linear', a, weights, bias: null, dims: [...row.map(size), n], nodes }, node);
    } else {
      const right = second.view ?? walk.emit(`${name}.constant`, { k: 'const', t: second.t as Const, nodes: [] }, node);
      const a: View = { ...first.view, map: group(first.view.map, labels, [...batch.map((l) => [l]), row, sum]) };
      const b: View = { ...right, map: group(right.map, other, [...batch.map((l) => [l]), sum, col]) };
      emitMatMul(walk, node, a, b, nodes, name);
      view = (walk.get(node.outputs[0], node) as Lazy & { k: 'view' }).view;
    }
    first = { view: { ...view, map: reshapeMap(view.map, outDims) as IndexMap }, t: null, nodes: [] };
    labels = outLabels.join('');
  }
  const perm = [...rhs].map((l) => labels.indexOf(l));
  if (perm.includes(-1) || perm.length !== labels.length)
    throw new InputError(`equation "${equation}" sums a label of one operand`, place(node), 'Use ReduceSum');
  const view = first.view as View;
  walk.set(node.outputs[0], { k: 'view', view: { ...view, map: transposeMap(view.map, perm) }, nodes: [] });
}
