import type { Node } from '../../../onnx/model.ts';
import type { Walk } from '../../graph/lazy.ts';
import type { OwnPasses } from '../../graph/own.ts';
import { denseMap } from '../../graph/view.ts';
import { oneHotKernel } from '../../kernels/floats.ts';
import type { KernelCall } from '../../stages.ts';
import { numbers, refuse, strings } from './attrs.ts';
import { bitsOf } from './floats.ts';
import { callOf, narrowCopy, operandsOf, rowLoops, rowsOf } from './rows.ts';

/** One float for each category, 1 where the feature is it; other values give zeros. */
export function oneHotEncoder(walk: Walk, node: Node): void {
  if (strings(node, 'cats_strings').length)
    refuse(node, 'categories that are texts are not supported', 'Encode the texts as whole numbers first');
  const categories = numbers(node, 'cats_int64s');
  const count = categories.length;
  if (count === 0) refuse(node, 'it names no categories', 'Export the model again');
  const rows = rowsOf(walk, node);
  if (!rows.float || rows.affine) refuse(node, 'it encodes values that were computed before', 'Encode features as they come');
  const { n, features } = rows;
  const name = node.outputs[0]!;
  const dims = walk.model.values.get(name)?.dims ?? [n, features, count];
  const out = walk.buf(name, dims, 'act', { bytes: 4, float: true, narrow: narrowCopy, known: { min: 0, max: 1 } });
  const loops = [...rowLoops(n), ...rowLoops(features)];
  const strides = (row: number, feature: number): number[] => [...(n > 1 ? [row] : []), ...(features > 1 ? [feature] : [])];
  const passes: OwnPasses = {
    wide: true,
    takesMissing: 'replaced',
    steps: (op) => [
      {
        op,
        part: 0,
        nodes: op.nodes,
        outer: loops,
        lanes: 1,
        inner: [count],
        out: { buf: op.out, off: 0, outer: strides(features * count, count), inner: [1] },
        reads: [{ buf: op.views[0]!.buf, off: op.views[0]!.map.off, outer: strides(rows.stride, 1), inner: [0] }],
      },
    ],
    calls: (op, at, step, group) => {
      const { out: to, reads, space } = operandsOf(at, step, group);
      const shape = { count, space };
      const build: KernelCall['build'] = (k, l, o) => oneHotKernel(k, shape, l, o);
      return [callOf(op, 'onehot', shape, count, build, [to, reads[0]!, at.param(Int32Array.from(categories, (c) => bitsOf(c) | 0))])];
    },
    evaluate: (_, [x]) =>
      Float64Array.from({ length: n * features * count }, (_unused, i) => (x![Math.floor(i / count)] === categories[i % count] ? 1 : 0)),
  };
  walk.ops.push({ kind: 'own', out, views: [rows.view], nodes: [node], passes });
  walk.set(name, { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 }, nodes: [] });
}
