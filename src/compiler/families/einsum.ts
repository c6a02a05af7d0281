import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrString } from '../graph/attrs.ts';
import type { Const, View } from '../graph/hops.ts';
import { gatherConst, joinNodes, type Lazy, place, type Walk } from '../graph/lazy.ts';
import { emitMatMul } from '../graph/products.ts';
import { type Rules, rule } from '../graph/rule.ts';
import { allOffsets, type Dim, denseMap, type IndexMap, mapDims, product, reshapeMap, transposeMap } from '../graph/view.ts';

/** One operand: a view or a constant, with a letter for each dimension. */
interface Operand {
  readonly labels: string;
  readonly view: View | null;
  readonly t: Const | null;
  readonly nodes: readonly Node[];
}

/** The equation with letters for what its ellipses stand for, and with its output written out. */
function lettersOf(walk: Walk, node: Node): { terms: string[]; output: string } {
  const equation = (attrString(node, 'equation') ?? '').replace(/\s/g, '');
  const [lhs, rhs] = equation.split('->');
  const free = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter((l) => !equation.includes(l));
  const ranks = node.inputs.map((name) => walk.dims(walk.get(name, node)).length);
  const given = lhs.split(',');
  const extra = given.map((term, i) => (term.includes('...') ? ranks[i] - term.length + 3 : 0));
  const dots = free.slice(0, Math.max(0, ...extra)).join('');
  // Dimensions of ellipses align at the end, as in broadcasting.
  const terms = given.map((term, i) => term.replace('...', dots.slice(dots.length - extra[i])));
  const letters = [...lhs.replace(/[.,]/g, '')];
  const once = [...new Set(letters)].filter((l) => letters.indexOf(l) === letters.lastIndexOf(l)).sort();
  return { terms, output: (rhs ?? `${lhs.includes('...') ? '...' : ''}${once.join('')}`).replace('...', dots) };
}

/** Reads an operand: repeated letters take its diagonal, letters that nothing else has are summed. */
function read(walk: Walk, node: Node, slot: number, term: string, elsewhere: string): Operand {
  const lazy = walk.get(node.inputs[slot], node);
  const source = lazy.k === 'const' ? null : walk.view(node.inputs[slot], node);
  let map = source ? source.view.map : denseMap((lazy as Lazy & { k: 'const' }).t.dims);
  let labels = term;
  for (let at = labels.length - 1; at > 0; at--) {
    const first = labels.indexOf(labels[at]);
    if (first === at) continue;
    map = diagonal(map, first, at, node);
    labels = labels.slice(0, at) + labels.slice(at + 1);
  }
  const summed = [...labels].flatMap((l, i) => (elsewhere.includes(l) ? [] : [i]));
  const kept = [...labels].filter((l) => elsewhere.includes(l)).join('');
  const dims = mapDims(map);
  const rest = dims.filter((_, i) => !summed.includes(i));
  if (!source) {
    const { t } = lazy as Lazy & { k: 'const' };
    const data = new Float64Array(product(rest));
    const order = [...dims.map((_, i) => i).filter((i) => !summed.includes(i)), ...summed];
    const terms = gatherConst(t, allOffsets(transposeMap(map, order)));
    const each = terms.length / data.length;
    for (let i = 0; i < terms.length; i++) data[Math.floor(i / each)] += terms[i];
    return { labels: kept, view: null, t: { dims: rest, data }, nodes: lazy.nodes };
  }
  const view: View = { ...source.view, map };
  if (summed.length === 0) return { labels: kept, view, t: null, nodes: source.nodes };
  const out = walk.buf(`${node.outputs[0]}.sum${slot}`, rest, 'act');
  walk.ops.push({ kind: 'reduce', x: view, axes: summed, mode: 'sum', out, nodes: joinNodes(source.nodes, [node]) });
  return { labels: kept, view: { buf: out, map: denseMap(rest), gain: 1 }, t: null, nodes: [] };
}

function diagonal(map: IndexMap, a: number, b: number, node: Node): IndexMap {
  const [p, q] = [map.dims[a], map.dims[b]];
  if (p.length > 1 || q.length > 1) throw new InputError('the diagonal of a reshaped value', place(node), 'Use Gather');
  const dim: Dim = p.length === 0 ? q : q.length === 0 ? p : [{ n: p[0].n, stride: p[0].stride + q[0].stride }];
  return { off: map.off, dims: map.dims.map((d, i) => (i === a ? dim : d)).filter((_, i) => i !== b) };
}

/** Einsum as a chain of products of two operands; each label is a batch, row, column or sum dimension. */
function einsum(walk: Walk, node: Node): void {
  const { terms, output } = lettersOf(walk, node);
  const operands = terms.map((term, i) => read(walk, node, i, term, terms.filter((_, j) => j !== i).join('') + output));
  let first = operands[0];
  let { labels } = first;
  for (let i = 1; i < operands.length; i++) {
    const later =
      operands
        .slice(i + 1)
        .map((o) => o.labels)
        .join('') + output;
    let second = operands[i];
    let other = second.labels;
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
    const name = i === operands.length - 1 ? node.outputs[0] : `${node.outputs[0]}.${i}`;
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
    first = { labels: '', view: { ...view, map: reshapeMap(view.map, outDims) as IndexMap }, t: null, nodes: [] };
    labels = outLabels.join('');
  }
  const perm = [...output].map((l) => labels.indexOf(l));
  if (perm.includes(-1) || perm.length !== labels.length)
    throw new InputError(`equation "${attrString(node, 'equation')}" cannot be taken apart`, place(node), 'Use MatMul and ReduceSum');
  if (!first.view) {
    const map = transposeMap(denseMap(first.t!.dims), perm);
    walk.set(node.outputs[0], { k: 'const', t: { dims: mapDims(map), data: gatherConst(first.t!, allOffsets(map)) }, nodes: first.nodes });
    return;
  }
  const { view } = first;
  walk.set(node.outputs[0], { k: 'view', view: { ...view, map: transposeMap(view.map, perm) }, nodes: [] });
}

export const EINSUM: Rules = new Map([['Einsum', rule(einsum, 'matrix products, sums and views')]]);
