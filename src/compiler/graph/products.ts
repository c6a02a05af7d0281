import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrNumber } from './attrs.ts';
import { addViews } from './elementwise.ts';
import type { Const, View } from './hops.ts';
import { broadcastView, joinNodes, type Lazy, lastAxis, place, type Walk } from './lazy.ts';
import { broadcastDims, denseMap, type IndexMap, mapDims, product, reshapeMap, transposeMap } from './view.ts';

/** Rows [N][K] of a constant [K, N] matrix, optionally scaled. */
export function rows(t: Const, k: number, n: number, transposed: boolean, scale = 1): Const {
  const rowAxis = t.dims.length - (transposed ? 2 : 1);
  const given = t.steps && (t.steps.axis === null || t.steps.axis === rowAxis) ? t.steps : null;
  const steps = given && {
    axis: 0,
    values: Float64Array.from({ length: n }, (_, i) => given.values[given.axis === null ? 0 : i] * Math.abs(scale)),
  };
  if (transposed && scale === 1) return { dims: [n, k], data: t.data, ...(steps ? { steps } : {}) };
  const data =
    scale === 1 && !(t.data instanceof Float64Array) ? (new Float32Array(n * k) as unknown as Float64Array) : new Float64Array(n * k);
  for (let i = 0; i < n; i++) for (let j = 0; j < k; j++) data[i * k + j] = scale * t.data[transposed ? i * k + j : j * n + i];
  return { dims: [n, k], data, ...(steps ? { steps } : {}) };
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

export function emitMatMul(walk: Walk, node: Node, a: View, b: View, nodes: readonly Node[], name = node.outputs[0]): void {
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
