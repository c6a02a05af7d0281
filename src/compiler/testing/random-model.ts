import type { Model, ValueInfo } from '../../onnx/model.ts';
import { ModelBuilder } from './model-builder.ts';

/** Choices of a small encoder; any combination is a valid model. */
export interface EncoderShape {
  readonly sequence: number;
  readonly width: number;
  readonly heads: number;
  readonly hidden: number;
  readonly classes: number;
  readonly vocabulary: number;
  readonly activation: 'Relu' | 'Gelu' | 'Tanh';
  readonly mask: 'none' | 'causal' | 'tokens';
  readonly pool: 'mean' | 'max' | 'first';
  readonly fused: boolean;
  readonly seed: number;
}

/** An encoder of one layer with random weights, as an importer would give it. */
export function randomEncoder(s: EncoderShape): Model {
  const m = new ModelBuilder(s.seed);
  const { sequence: S, width: D, heads: H } = s;
  const d = D / H;
  const input: ValueInfo = { name: 'tokens', dtype: 'int64', dims: [1, S] };
  m.values.set('tokens', input);
  const linear = (x: string, rows: readonly number[], from: number, to: number): string => {
    const product = m.node('MatMul', [x, m.weight([from, to], 2 / Math.sqrt(from))], [...rows, to]);
    return m.node('Add', [product, m.weight([to], 0.3)], [...rows, to]);
  };
  const norm = (x: string): string => m.node('LayerNormalization', [x, m.weight([D], 0.3, 1), m.weight([D], 0.2)], [1, S, D], { axis: -1 });
  let x = m.node('Gather', [m.weight([s.vocabulary, D], 1), 'tokens'], [1, S, D], { axis: 0 });
  x = norm(m.node('Add', [x, m.weight([1, S, D], 0.5)], [1, S, D]));
  const heads = (v: string): string =>
    m.node('Transpose', [m.node('Reshape', [v, 'shape'], [1, S, H, d])], [1, H, S, d], { perm: [0, 2, 1, 3] });
  m.initializers.set('shape', { dtype: 'int64', dims: [0], data: new BigInt64Array(0) });
  let parts: string[];
  if (s.fused) {
    const qkv = linear(x, [1, S], D, 3 * D);
    const cut = (from: number): string => {
      const ints = (n: number): string => m.integer(n, [1]);
      return m.node('Slice', [qkv, ints(from), ints(from + D), ints(2)], [1, S, D]);
    };
    parts = [cut(0), cut(D), cut(2 * D)];
  } else {
    parts = [linear(x, [1, S], D, D), linear(x, [1, S], D, D), linear(x, [1, S], D, D)];
  }
  const [q, k, v] = parts.map(heads);
  const turned = m.node('Transpose', [k], [1, H, d, S], { perm: [0, 1, 3, 2] });
  let scores = m.node('MatMul', [q, turned], [1, H, S, S]);
  scores = m.node('Div', [scores, m.constant([], [Math.sqrt(d)])], [1, H, S, S]);
  if (s.mask === 'causal') {
    const mask = Array.from({ length: S * S }, (_, i) => (i % S > Math.floor(i / S) ? Number.NEGATIVE_INFINITY : 0));
    scores = m.node('Add', [scores, m.constant([S, S], mask)], [1, H, S, S]);
  } else if (s.mask === 'tokens') {
    const padded = m.node('Equal', ['tokens', m.integer(0)], [1, S], {}, 'bool');
    const wide = m.node('Unsqueeze', [padded, 'shape'], [1, 1, 1, S], {}, 'bool');
    scores = m.node('Where', [wide, m.constant([], [Number.NEGATIVE_INFINITY]), scores], [1, H, S, S]);
  }
  const p = m.node('Softmax', [scores], [1, H, S, S], { axis: -1 });
  const y = m.node('Transpose', [m.node('MatMul', [p, v], [1, H, S, d])], [1, S, H, d], { perm: [0, 2, 1, 3] });
  x = norm(m.node('Add', [x, linear(m.node('Reshape', [y, 'shape'], [1, S, D]), [1, S], D, D)], [1, S, D]));
  const hidden = m.node(s.activation, [linear(x, [1, S], D, s.hidden)], [1, S, s.hidden]);
  x = m.node('Add', [x, linear(hidden, [1, S], s.hidden, D)], [1, S, D]);
  const pooled =
    s.pool === 'first'
      ? m.node('Gather', [x, m.integer(0)], [1, D], { axis: 1 })
      : m.node(s.pool === 'mean' ? 'ReduceMean' : 'ReduceMax', [x], [1, D], { axes: [1], keepdims: 0 });
  const out = linear(pooled, [1], D, s.classes);
  return m.model([input], out);
}
