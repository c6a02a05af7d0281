import type { OpDef } from './context.ts';
import { like } from './norm.ts';

/** Operators of ONNX Runtime's own domain that its optimiser leaves in Transformer files. */
export const MICROSOFT: Readonly<Record<string, OpDef>> = {
  Gelu: like,
  FastGelu: like,
  BiasGelu: like,
  QuickGelu: like,
  Attention: {
    infer: (c) => {
      const [x, w] = [c.in(0), c.in(1)];
      const sizes = c.ints('qkv_hidden_sizes');
      return [{ dtype: x.dtype, dims: [...x.dims.slice(0, -1), sizes?.length === 3 ? sizes[2]! : w.dims.at(-1)! / 3] }];
    },
  },
  MultiHeadAttention: {
    infer: (c) => {
      const [q, v] = [c.in(0), c.opt(2)];
      if (q.dims.length !== 3 || !v)
        return c.fail('it takes packed queries, keys and values', 'Give three inputs of [batch, sequence, width]');
      return [{ dtype: q.dtype, dims: [...q.dims.slice(0, -1), v.dims.length === 4 ? v.dims[1]! * v.dims[3]! : v.dims.at(-1)!] }];
    },
  },
  EmbedLayerNormalization: {
    infer: (c) => {
      const [ids, words] = [c.in(0), c.in(2)];
      const dims = [...ids.dims, words.dims.at(-1)!];
      return [
        { dtype: words.dtype, dims },
        { dtype: 'int32', dims: ids.dims.slice(0, 1) },
        { dtype: words.dtype, dims },
      ];
    },
  },
  RotaryEmbedding: like,
  FusedMatMul: {
    infer: (c) => {
      const swap = (dims: readonly number[], on: boolean) =>
        on && dims.length > 1 ? [...dims.slice(0, -2), dims.at(-1)!, dims.at(-2)!] : dims;
      const a = swap(c.in(0).dims, c.int('transA', 0) === 1);
      const b = swap(c.in(1).dims, c.int('transB', 0) === 1);
      if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) c.fail(`it cannot multiply [${a.join(', ')}] by [${b.join(', ')}]`);
      return [{ dtype: c.in(0).dtype, dims: [...c.broadcast(a.slice(0, -2), b.slice(0, -2)), a.at(-2)!, b.at(-1)!] }];
    },
  },
  SimplifiedLayerNormalization: like,
  SkipLayerNormalization: like,
  SkipSimplifiedLayerNormalization: like,
};
