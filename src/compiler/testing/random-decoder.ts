import type { Model, ValueInfo } from '../../onnx/model.ts';
import { ModelBuilder } from './model-builder.ts';

/** Choices of a small model of a newer family; any combination is a valid model. */
export interface DecoderShape {
  readonly sequence: number;
  readonly heads: number;
  /** Heads of keys and values: a divisor of `heads`. */
  readonly kvHeads: number;
  /** Width of a head; even. */
  readonly size: number;
  readonly hidden: number;
  readonly classes: number;
  readonly vocabulary: number;
  readonly norm: 'rms' | 'layer' | 'none';
  readonly positions: 'halves' | 'pairs' | 'alibi' | 'learned' | 'counted';
  readonly gate: 'Sigmoid' | 'Gelu' | 'none';
  readonly mask: 'causal' | 'tokens' | 'both' | 'none';
  /** Length of a source that a cross-attention reads; 0 without one. */
  readonly source: number;
  readonly head: 'last' | 'all' | 'mean over tokens';
  readonly seed: number;
}

/** A decoder layer, optionally with cross-attention, with random weights, as an importer would give it. */
export function randomDecoder(s: DecoderShape): Model {
  return new DecoderBuilder(s).build();
}

class DecoderBuilder {
  readonly #s: DecoderShape;
  readonly #m: ModelBuilder;
  readonly #width: number;

  constructor(s: DecoderShape) {
    this.#s = s;
    this.#m = new ModelBuilder(s.seed);
    this.#width = s.heads * s.size;
  }

  build(): Model {
    const [s, m, D] = [this.#s, this.#m, this.#width];
    const inputs: ValueInfo[] = [{ name: 'tokens', dtype: 'int64', dims: [1, s.sequence] }];
    if (s.source > 0) inputs.push({ name: 'source', dtype: 'float32', dims: [1, s.source, 3] });
    for (const info of inputs) m.values.set(info.name, info);
    m.initializers.set('shape', { dtype: 'int64', dims: [0], data: new BigInt64Array(0) });
    let x = this.#embedding();
    x = this.#sum(x, this.#attention(this.#norm(x), null));
    if (s.source > 0) {
      const source = this.#linear('source', [1, s.source], 3, D, true);
      x = this.#sum(x, this.#attention(this.#norm(x), source));
    }
    x = this.#norm(this.#sum(x, this.#feedForward(this.#norm(x))));
    const rows = s.head === 'all' ? [1, s.sequence] : [1];
    return m.model(inputs, this.#linear(this.#pooled(x), rows, D, s.classes, true));
  }

  #shape(): readonly number[] {
    return [1, this.#s.sequence, this.#width];
  }
  #sum(a: string, b: string): string {
    return this.#m.node('Add', [a, b], this.#shape());
  }
  #linear(x: string, rows: readonly number[], from: number, to: number, biased: boolean): string {
    const m = this.#m;
    const product = m.node('MatMul', [x, m.weight([from, to], 2 / Math.sqrt(from))], [...rows, to]);
    return biased ? m.node('Add', [product, m.weight([to], 0.3)], [...rows, to]) : product;
  }

  #embedding(): string {
    const [s, m, D] = [this.#s, this.#m, this.#width];
    const x = m.node('Gather', [m.weight([s.vocabulary, D], 1), 'tokens'], this.#shape(), { axis: 0 });
    if (s.positions === 'learned') return this.#sum(x, m.weight(this.#shape(), 0.5));
    if (s.positions !== 'counted') return x;
    // Positions that skip padding, as RoBERTa counts them.
    const kept = m.node('Cast', [this.#kept()], [1, s.sequence], { to: 7 }, 'int64');
    const count = m.node('CumSum', [kept, m.integer(1)], [1, s.sequence], {}, 'int64');
    const places = m.node('Mul', [count, kept], [1, s.sequence], {}, 'int64');
    return this.#sum(x, m.node('Gather', [m.weight([s.sequence + 1, D], 0.5), places], this.#shape(), { axis: 0 }));
  }

  /** Where a token is no padding. */
  #kept(): string {
    const m = this.#m;
    const dims = [1, this.#s.sequence];
    return m.node('Not', [m.node('Equal', ['tokens', m.integer(0)], dims, {}, 'bool')], dims, {}, 'bool');
  }

  #norm(x: string): string {
    const [s, m, D] = [this.#s, this.#m, this.#width];
    if (s.norm === 'none') return x;
    if (s.norm === 'layer')
      return m.node('LayerNormalization', [x, m.weight([D], 0.3, 1), m.weight([D], 0.2)], this.#shape(), { axis: -1 });
    const one = [1, s.sequence, 1];
    const mean = m.node('ReduceMean', [m.node('Pow', [x, m.constant([], [2])], this.#shape())], one, { axes: [-1], keepdims: 1 });
    const root = m.node('Sqrt', [m.node('Add', [mean, m.constant([], [1e-5])], one)], one);
    const unit = m.node('Mul', [x, m.node('Reciprocal', [root], one)], this.#shape());
    return m.node('Mul', [unit, m.weight([D], 0.3, 1)], this.#shape());
  }

  #heads(x: string, count: number, length: number): string {
    const [m, d] = [this.#m, this.#s.size];
    return m.node('Transpose', [m.node('Reshape', [x, 'shape'], [1, length, count, d])], [1, count, length, d], { perm: [0, 2, 1, 3] });
  }

  /** `x·cos + turned·sin`. */
  #rotary(x: string, count: number): string {
    const [s, m] = [this.#s, this.#m];
    const [S, d] = [s.sequence, s.size];
    const dims = [1, count, S, d];
    if (s.positions !== 'halves' && s.positions !== 'pairs') return x;
    const pairs = s.positions === 'pairs';
    const angle = (i: number): number => Math.floor(i / d) / 100 ** ((pairs ? (i % d) >> 1 : i % (d / 2)) / (d / 2));
    const table = (f: (a: number) => number): string =>
      m.constant(
        [S, d],
        Array.from({ length: S * d }, (_, i) => f(angle(i))),
      );
    const cut = (from: number, to: number, step: number): string => {
      const half = [1, count, S, d / 2];
      return m.node('Slice', [x, m.integer(from, [1]), m.integer(to, [1]), m.integer(3, [1]), m.integer(step, [1])], half);
    };
    let turned: string;
    if (pairs) {
      const wide = [1, count, S, d / 2, 1];
      const minus = m.node('Unsqueeze', [m.node('Neg', [cut(1, d, 2)], [1, count, S, d / 2]), 'shape'], wide);
      const plus = m.node('Unsqueeze', [cut(0, d, 2), 'shape'], wide);
      turned = m.node('Reshape', [m.node('Concat', [minus, plus], [1, count, S, d / 2, 2], { axis: -1 }), 'shape'], dims);
    } else {
      const minus = m.node('Neg', [cut(d / 2, d, 1)], [1, count, S, d / 2]);
      turned = m.node('Concat', [minus, cut(0, d / 2, 1)], dims, { axis: -1 });
    }
    return m.node('Add', [m.node('Mul', [x, table(Math.cos)], dims), m.node('Mul', [turned, table(Math.sin)], dims)], dims);
  }

  /** One head of keys and values for several of queries: Unsqueeze, Expand, Reshape. */
  #repeated(x: string, length: number): string {
    const [{ heads, kvHeads, size }, m] = [this.#s, this.#m];
    if (heads === kvHeads) return x;
    const n = heads / kvHeads;
    const wide = m.node('Unsqueeze', [x, 'shape'], [1, kvHeads, 1, length, size]);
    const spread = m.node('Expand', [wide, 'shape'], [1, kvHeads, n, length, size]);
    return m.node('Reshape', [spread, 'shape'], [1, heads, length, size]);
  }

  #attention(x: string, source: string | null): string {
    const [s, m, D] = [this.#s, this.#m, this.#width];
    const [S, length, d] = [s.sequence, source ? s.source : s.sequence, s.size];
    const kv = s.kvHeads * d;
    let q = this.#heads(this.#linear(x, [1, S], D, D, false), s.heads, S);
    let k = this.#heads(this.#linear(source ?? x, [1, length], D, kv, false), s.kvHeads, length);
    const v = this.#repeated(this.#heads(this.#linear(source ?? x, [1, length], D, kv, true), s.kvHeads, length), length);
    if (!source) [q, k] = [this.#rotary(q, s.heads), this.#rotary(k, s.kvHeads)];
    const keys = m.node('Transpose', [this.#repeated(k, length)], [1, s.heads, d, length], { perm: [0, 1, 3, 2] });
    const dims = [1, s.heads, S, length];
    let scores = m.node('MatMul', [q, keys], dims);
    scores = m.node('Mul', [scores, m.constant([], [1 / Math.sqrt(d)])], dims);
    if (!source) scores = this.#masked(scores);
    const p = m.node('Softmax', [scores], dims, { axis: -1 });
    const y = m.node('Transpose', [m.node('MatMul', [p, v], [1, s.heads, S, d])], [1, S, s.heads, d], { perm: [0, 2, 1, 3] });
    return this.#linear(m.node('Reshape', [y, 'shape'], this.#shape()), [1, S], D, D, false);
  }

  #masked(scores: string): string {
    const [s, m] = [this.#s, this.#m];
    const S = s.sequence;
    const dims = [1, s.heads, S, S];
    let made = scores;
    const later = (i: number): boolean => i % S > Math.floor(i / S) % S;
    if (s.positions === 'alibi') {
      const slopes = Array.from(
        { length: s.heads * S * S },
        (_, i) => -Math.abs((i % S) - (Math.floor(i / S) % S)) * 2 ** -(1 + Math.floor(i / (S * S))),
      );
      made = m.node('Add', [made, m.constant([s.heads, S, S], slopes)], dims);
    }
    if (s.mask === 'none') return made;
    const lowest = m.constant([], [-3.4028234663852886e38]);
    if (s.mask === 'causal') {
      const seen = m.flags(
        [1, 1, S, S],
        Array.from({ length: S * S }, (_, i) => !later(i)),
      );
      return m.node('Where', [seen, made, lowest], dims);
    }
    const kept = m.node('Cast', [m.node('Unsqueeze', [this.#kept(), 'shape'], [1, 1, 1, S], {}, 'bool')], [1, 1, 1, S], { to: 1 });
    const hidden = m.node('Sub', [m.constant([], [1]), kept], [1, 1, 1, S]);
    let mask = m.node('Mul', [hidden, lowest], [1, 1, 1, S]);
    if (s.mask === 'both') {
      const causal = Array.from({ length: S * S }, (_, i) => (later(i) ? -3.4028234663852886e38 : 0));
      mask = m.node('Add', [m.constant([1, 1, S, S], causal), mask], [1, 1, S, S]);
    }
    return m.node('Add', [made, mask], dims);
  }

  #feedForward(x: string): string {
    const [s, m, D] = [this.#s, this.#m, this.#width];
    const dims = [1, s.sequence, s.hidden];
    const up = this.#linear(x, [1, s.sequence], D, s.hidden, false);
    let hidden: string;
    if (s.gate === 'none') hidden = m.node('Relu', [up], dims);
    else {
      const gate = this.#linear(x, [1, s.sequence], D, s.hidden, false);
      const opened = s.gate === 'Gelu' ? m.node('Gelu', [gate], dims) : m.node('Mul', [gate, m.node('Sigmoid', [gate], dims)], dims);
      hidden = m.node('Mul', [opened, up], dims);
    }
    return this.#linear(hidden, [1, s.sequence], s.hidden, D, false);
  }

  #pooled(x: string): string {
    const [s, m, D] = [this.#s, this.#m, this.#width];
    if (s.head === 'all') return x;
    if (s.head === 'last') return m.node('Gather', [x, m.integer(-1)], [1, D], { axis: 1 });
    const kept = m.node('Cast', [m.node('Unsqueeze', [this.#kept(), 'shape'], [1, s.sequence, 1], {}, 'bool')], [1, s.sequence, 1], {
      to: 1,
    });
    const total = m.node('ReduceSum', [m.node('Mul', [x, kept], this.#shape()), m.integer(1, [1])], [1, D], { keepdims: 0 });
    const count = m.node('ReduceSum', [kept, m.integer(1, [1])], [1, 1], { keepdims: 0 });
    return m.node('Div', [total, m.node('Clip', [count, m.constant([], [1])], [1, 1])], [1, D]);
  }
}
