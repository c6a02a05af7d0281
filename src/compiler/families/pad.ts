import type { Node } from '../../onnx/model.ts';
import type { View } from '../graph/hops.ts';
import { joinNodes, memoryOrder, place, type Walk } from '../graph/lazy.ts';
import type { OwnOp, OwnPasses } from '../graph/own.ts';
import { allOffsets, denseMap, type IndexMap, mapDims, product, sliceMap, transposeMap } from '../graph/view.ts';
import { limits } from '../kernels/arith.ts';
import { fillWordsKernel, moveKernel } from '../kernels/pad.ts';
import { rowStep, type Step } from '../plan/steps.ts';

/** A copy of `view` with elements before and after each dimension, and between its elements where `steps` says so: zero or the lowest integer there is. */
export function emitPad(
  walk: Walk,
  node: Node,
  view: View,
  begins: readonly number[],
  ends: readonly number[],
  fill: 'zero' | 'lowest',
  steps: readonly number[] = begins.map(() => 1),
): View {
  const order = memoryOrder(view.map);
  const source: View = { ...view, map: transposeMap(view.map, order) };
  const inner = mapDims(source.map);
  const dims = inner.map((n, i) => (n - 1) * steps[order[i]] + 1 + begins[order[i]] + ends[order[i]]);
  const { known, masked, grid, whole, unmasked } = view.buf;
  const out = walk.buf(`${node.outputs[0]}.padded`, dims, 'act', {
    ...(known ? { known } : {}),
    ...(masked ? { masked } : {}),
    ...(grid ? { grid } : {}),
    // Zeros are whole numbers and no masks; the lowest integer is neither.
    ...(fill === 'zero' ? { whole, unmasked } : {}),
  });
  let piece: IndexMap = denseMap(dims);
  inner.forEach((n, i) => {
    piece = sliceMap(piece, i, begins[order[i]], n, steps[order[i]]) as IndexMap;
  });
  const op: OwnOp = { kind: 'own', out, views: [source], nodes: joinNodes([node]), passes: padPasses(piece, fill) };
  walk.ops.push(op);
  const back = order.map((_, i) => order.indexOf(i));
  return { buf: out, map: transposeMap(denseMap(dims), back), gain: view.gain };
}

/** Integers are copied as they are, so that the copy has the scale of what it copies. */
function padPasses(piece: IndexMap, fill: 'zero' | 'lowest'): OwnPasses {
  return {
    steps(op): Step[] {
      const words = Math.ceil(product(op.out.dims) / 4);
      const at = place(op.nodes[0]);
      const base: Step = { op, part: 0, nodes: op.nodes, outer: [], lanes: 1, inner: [words], out: null, reads: [] };
      const [x] = op.views;
      return [
        { ...base, out: { buf: op.out, off: 0, outer: [], inner: [4] } },
        rowStep(op, 1, op.nodes, [piece.dims, x.map.dims], [piece.off, x.map.off], [op.out, x.buf], at),
      ];
    },
    calls(op, at, step, group) {
      if (step.part === 0) {
        const [words] = step.inner;
        const value = fill === 'zero' ? 0 : limits(at.scales.limit(op.out)).min;
        return [
          {
            key: JSON.stringify(['fill words', words, value]),
            name: `fill_${words * 4}`,
            build: (name, layout, origin) => fillWordsKernel(name, words, value, layout, origin),
            args: [at.operand(step.out!, group).operand],
            nodes: op.nodes,
          },
        ];
      }
      const { shape, args } = at.shape(step, group);
      return [
        {
          key: JSON.stringify(['move', shape]),
          name: `move_${step.inner.join('x') || '1'}`,
          build: (name, layout, origin) => moveKernel(name, shape, layout, origin),
          args,
          nodes: op.nodes,
        },
      ];
    },
    evaluate(op, [x]) {
      const out = new Float64Array(product(op.out.dims)).fill(fill === 'zero' ? 0 : Number.NEGATIVE_INFINITY);
      allOffsets(piece).forEach((to, i) => {
        out[to] = x[i] / op.views[0].gain;
      });
      return out;
    },
    scale: (op, scales) => scales.of(op.views[0].buf),
  };
}
