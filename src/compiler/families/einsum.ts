import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import { attrString } from '../graph/attrs.ts';
import type { Const, View } from '../graph/hops.ts';
import { joinNodes, type Lazy, place, type Walk } from '../graph/lazy.ts';
import { emitMatMul } from '../graph/products.ts';
import { type OpRule, type Rules, rule } from '../graph/rule.ts';
import { allOffsets, type Dim, denseMap, type IndexMap, mapDims, product, reshapeMap, transposeMap } from '../graph/view.ts';

/** Einsum as a chain of products of two operands; each label is a batch, row, column or sum dimension. */
function einsum(walk: Walk, node: Node): void {
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

export const EINSUM: Rules = new Map<string, OpRule>([
  ['Einsum', rule(einsum, 'matrix products', 'two or more operands, explicit output, no ellipsis, every summed label in two operands')],
]);
