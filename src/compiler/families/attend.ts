import type { Attr, Node } from '../../onnx/model.ts';
import type { Buf, Const, View } from '../graph/hops.ts';
import type { Walk } from '../graph/lazy.ts';
import { maskedSum } from '../graph/masks.ts';
import { denseMap, mapDims, transposeMap } from '../graph/view.ts';

/** One step of an operator that is several: the same node with another operator, inputs and result. */
export const step = (
  node: Node,
  op: string,
  inputs: readonly string[],
  output: string,
  attrs: Readonly<Record<string, Attr>> = {},
): Node => ({
  ...node,
  op,
  domain: '',
  inputs,
  outputs: [output],
  attrs: new Map(Object.entries(attrs)),
});

const whole = (buf: Buf): View => ({ buf, map: denseMap(buf.dims), gain: 1 });

export interface Attending {
  readonly scale: number;
  readonly causal: boolean;
  /** What becomes of the scores, by name, before the softmax. */
  readonly masked: (scores: string) => string;
}

/** Scores, masks, softmax and mean of the values, of `[B, H, S, d]` each; as many heads of queries as of keys. */
export function attend(walk: Walk, node: Node, [q, k, v]: readonly [View, View, View], { scale, causal, masked }: Attending): View {
  const [b, h, s] = mapDims(q.map);
  const [, , length, width] = mapDims(v.map);
  const nodes: readonly Node[] = [node];
  const name = node.outputs[0]!;
  const shape = [b!, h!, s!, length!];
  const scores = walk.buf(`${name}.scores`, shape, 'act');
  walk.ops.push({ kind: 'matmul', a: q, b: { ...k, map: transposeMap(k.map, [0, 1, 3, 2]) }, out: scores, nodes });
  let x: View = { ...whole(scores), gain: scale };
  if (causal) {
    const data = Float64Array.from({ length: s! * length! }, (_, i) =>
      i % length! > Math.floor(i / length!) ? Number.NEGATIVE_INFINITY : 0,
    );
    x = later(walk, x, { dims: [s!, length!], data }, `${name}.causal`, nodes);
  }
  const given = `${name}.given`;
  walk.set(given, { k: 'view', view: x, nodes: [] });
  const read = masked(given);
  if (read !== given) ({ view: x } = walk.view(read, node));
  const probabilities = walk.buf(`${name}.probabilities`, shape, 'act', { known: { min: 0, max: 1 } });
  walk.ops.push({ kind: 'softmax', x, out: probabilities, nodes });
  const made = walk.buf(name, [b!, h!, s!, width!], 'act');
  walk.ops.push({ kind: 'matmul', a: whole(probabilities), b: v, out: made, nodes });
  return whole(made);
}

function later(walk: Walk, x: View, add: Const, name: string, nodes: readonly Node[]): View {
  const out = walk.buf(name, mapDims(x.map), 'act', maskedSum([x], add.data));
  walk.ops.push({ kind: 'affine', x, mul: null, add, out, nodes });
  return whole(out);
}
