import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrInts, attrNumber } from '../graph/attrs.ts';
import { emitTwo, unary } from '../graph/elementwise.ts';
import type { Const, View } from '../graph/hops.ts';
import { joinNodes, type Lazy, place, type Walk } from '../graph/lazy.ts';
import { reduceAxes } from '../graph/norms.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { denseMap, type IndexMap, mapDims, product, reshapeMap, sliceMap, transposeMap } from '../graph/view.ts';
import { step } from './attend.ts';
import { pool } from './pooling.ts';
import { REDUCTIONS } from './reductions.ts';

const asView = (lazy: Lazy): View => (lazy as Lazy & { k: 'view' }).view;

/** LRN: each element divided by a power of the squares around it, which a band of constants adds up over the channels. */
function localResponse(walk: Walk, node: Node): void {
  const { view, nodes: before } = walk.view(node.inputs[0]!, node);
  const nodes = joinNodes(before, [node]);
  const [name] = node.outputs as [string];
  const size = attrNumber(node, 'size')!;
  const [alpha, beta, bias] = [attrNumber(node, 'alpha') ?? 1e-4, attrNumber(node, 'beta') ?? 0.75, attrNumber(node, 'bias') ?? 1];
  if (bias <= 0 || alpha < 0) throw new InputError(`bias ${bias} and alpha ${alpha}`, place(node), 'Use a positive bias');
  const rank = view.map.dims.length;
  const c = mapDims(view.map)[1]!;
  const perm = [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
  const x: View = { ...view, map: transposeMap(view.map, perm) };
  const square: Lazy = { k: 'fn', base: x, fn: (v) => v * v, nodes };
  const squares = walk.emit(`${name}.squares`, square, node, { bound: (_, top) => top(view) ** 2 });
  const weights: Const = { dims: [c, c], data: new Float64Array(c * c) };
  for (let i = 0; i < c; i++)
    for (let j = Math.max(0, i - Math.floor((size - 1) / 2)); j <= Math.min(c - 1, i + Math.ceil((size - 1) / 2)); j++)
      weights.data[i * c + j] = alpha / size;
  const sums = walk.emit(
    `${name}.sums`,
    { k: 'linear', a: squares, weights, bias: new Float64Array(c).fill(bias), dims: mapDims(x.map), nodes },
    node,
    { bound: (_, top) => bias + alpha * top(view) ** 2 },
  );
  const share: Lazy = { k: 'fn', base: sums, fn: (s) => Math.max(bias, s) ** -beta, nodes };
  const factor = walk.emit(`${name}.factor`, share, node, { known: { min: 0, max: bias ** -beta } });
  const made = asView(emitTwo(walk, node, 'mul', x, factor, nodes));
  const back = perm.map((_, i) => perm.indexOf(i));
  walk.set(name, { k: 'view', view: { ...made, map: transposeMap(made.map, back) }, nodes: [] });
}

/** LpPool: a root of the mean of powers. */
function powerPool(walk: Walk, node: Node): void {
  const p = attrNumber(node, 'p') ?? 2;
  const [name] = node.outputs as [string];
  const powers = `${name}.powers`;
  unary(walk, step(node, 'Abs', [node.inputs[0]!], powers), (x) => Math.abs(x) ** p);
  const n = product(attrInts(node, 'kernel_shape') ?? []);
  const averaged: Node = { ...node, op: 'AveragePool', inputs: [powers], attrs: new Map([...node.attrs, ['count_include_pad', 1]]) };
  const dims = walk.model.values.get(name)!.dims;
  const mean = pool(walk, averaged, dims, `${name}.mean`);
  walk.set(name, { k: 'fn', base: mean, fn: (m) => (Math.max(0, m) * n) ** (1 / p), nodes: joinNodes([node]) });
}

/** GlobalLpPool: a norm over all that follows the channels. */
function globalPower(walk: Walk, node: Node): void {
  const p = attrNumber(node, 'p') ?? 2;
  if (p !== 1 && p !== 2) throw new InputError(`p = ${p}`, place(node), 'Use p = 1 or 2');
  const rank = walk.dims(walk.get(node.inputs[0]!, node)).length;
  const axes = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  const op = p === 1 ? 'ReduceL1' : 'ReduceL2';
  REDUCTIONS.get(op)!.run(walk, step(node, op, [node.inputs[0]!], node.outputs[0]!, { axes, keepdims: 1 }));
}

/** Factors that are multiplied one after the other. */
const MOST_FACTORS = 64;

/** ReduceProd: halves times halves. */
function multiplied(walk: Walk, node: Node): void {
  const { view, nodes: before } = walk.view(node.inputs[0]!, node);
  const nodes = joinNodes(before, [node]);
  const dims = mapDims(view.map);
  const axes = reduceAxes(walk, node, dims.length);
  const kept = dims.map((_, i) => i).filter((i) => !axes.includes(i));
  const count = product(axes.map((a) => dims[a]!));
  if (count > MOST_FACTORS) throw new InputError(`a product of ${count} factors`, place(node), `Multiply at most ${MOST_FACTORS}`);
  const turned: IndexMap = transposeMap(view.map, [...kept, ...axes]);
  const map = reshapeMap(turned, [...kept.map((i) => dims[i]!), count]);
  if (!map) throw new InputError('factors do not lie evenly', place(node), 'Reduce one dimension at a time');
  let x: View = { ...view, map };
  const last = kept.length;
  for (let n = count, round = 0; n > 1; round++) {
    const half = Math.floor(n / 2);
    const part = (start: number, size: number): View => ({ ...x, map: sliceMap(x.map, last, start, size)! });
    const name = n === 2 ? node.outputs[0]! : `${node.outputs[0]}.half${round}`;
    const made = asView(emitTwo(walk, node, 'mul', part(0, half), part(half, half), nodes, name));
    if (n % 2 === 0) x = made;
    else {
      // The one that is left over stands behind the products.
      const out = walk.buf(`${name}.odd`, [...kept.map((i) => dims[i]!), half + 1], 'act');
      walk.ops.push({ kind: 'concat', parts: [made, part(n - 1, 1)], axis: last, out, nodes });
      x = { buf: out, map: denseMap(out.dims), gain: 1 };
    }
    n = half + (n % 2);
  }
  const keep = (attrNumber(node, 'keepdims') ?? 1) !== 0;
  const shape = keep ? dims.map((n, i) => (axes.includes(i) ? 1 : n)) : kept.map((i) => dims[i]!);
  walk.set(node.outputs[0]!, { k: 'view', view: { ...x, map: reshapeMap(x.map, shape) as IndexMap }, nodes });
}

/** Functions of one element that few models have. */
const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  Acos: Math.acos,
  Acosh: Math.acosh,
  Asin: Math.asin,
  Asinh: Math.asinh,
  Atan: Math.atan,
  Atanh: Math.atanh,
  Cosh: Math.cosh,
  Sinh: Math.sinh,
  Tan: Math.tan,
};

function shrink(walk: Walk, node: Node): void {
  const [lambda, bias] = [attrNumber(node, 'lambd') ?? 0.5, attrNumber(node, 'bias') ?? 0];
  unary(walk, node, (x) => (x < -lambda ? x + bias : x > lambda ? x - bias : 0));
}

const TABLE = 'part of one lookup table with the elementwise nodes around it';

export const POWERS: Rules = new Map<string, OpRule>([
  ['GlobalLpPool', rule(globalPower, 'tables and a reduction', 'p = 1 or 2')],
  ['LRN', rule(localResponse, 'a table, a product with a band of constants, and a product')],
  ['LpPool', rule(powerPool, 'a table, a reduction over windows, and a table')],
  ['ReduceProd', rule(multiplied, 'products of halves', 'at most 64 factors')],
  ['Shrink', rule(shrink, TABLE)],
  ...Object.entries(FUNCTIONS).map(([op, fn]): [string, OpRule] => [op, rule((walk, node) => unary(walk, node, fn), TABLE)]),
]);
