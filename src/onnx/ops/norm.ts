import { allocate, isFloat } from '../tensor.ts';
import type { OpContext, OpDef } from './context.ts';
import { product, sameDims } from './context.ts';
import { around, broadcastMap } from './indexing.ts';

/**
 * Rows that Softmax works on. Before opset 13 the input is flattened to two dimensions at `axis` (default 1) and the rows of
 * that matrix are normalised; from 13 on only dimension `axis` (default −1) is.
 */
function softmaxRows(c: OpContext): { outer: number; size: number; inner: number } {
  const { dims } = c.in(0);
  const flattens = c.opset < 13;
  const given = c.int('axis', flattens ? 1 : -1);
  if (!flattens) return around(dims, c.axis(given, dims.length));
  const axis = given === dims.length ? given : c.axis(given, dims.length);
  return { outer: product(dims.slice(0, axis)), size: product(dims.slice(axis)), inner: 1 };
}

function softmax(finish: (x: number, max: number, sum: number) => number): OpDef {
  return {
    infer: (c) => {
      softmaxRows(c);
      return [c.in(0)];
    },
    evaluate: (c) => {
      const { dtype, value, dims } = c.in(0);
      if (!isFloat(dtype)) return null;
      const { outer, size, inner } = softmaxRows(c);
      const src = value!.data as Float32Array;
      const to = allocate(dtype, product(dims)) as Float32Array;
      for (let o = 0; o < outer; o++) {
        for (let i = 0; i < inner; i++) {
          const at = (k: number) => (o * size + k) * inner + i;
          let max = Number.NEGATIVE_INFINITY;
          for (let k = 0; k < size; k++) max = Math.max(max, src[at(k)]);
          let sum = 0;
          for (let k = 0; k < size; k++) sum += Math.exp(src[at(k)] - max);
          for (let k = 0; k < size; k++) to[at(k)] = finish(src[at(k)], max, sum);
        }
      }
      return [to];
    },
  };
}

const layerNormalization: OpDef = {
  infer: (c) => {
    const { dims, dtype } = c.in(0);
    const axis = c.axis(c.int('axis', -1), dims.length);
    const tail = dims.slice(axis);
    for (const i of [1, 2]) {
      const input = c.opt(i);
      if (input && !sameDims(c.broadcast(input.dims, tail), tail))
        c.fail(`input ${i}, [${input.dims.join(', ')}], does not fit [${tail.join(', ')}]`);
    }
    const stats = { dtype: 'float32' as const, dims: dims.map((dim, i) => (i < axis ? dim : 1)) };
    return [{ dtype, dims }, stats, stats];
  },
  evaluate: (c, outs) => {
    const { dims, dtype, value } = c.in(0);
    if (!isFloat(dtype) || outs.length > 1) return null;
    const axis = c.axis(c.int('axis', -1), dims.length);
    const size = product(dims.slice(axis));
    const epsilon = c.float('epsilon', 1e-5);
    const [scale, bias] = [c.in(1), c.opt(2)];
    const tail = dims.slice(axis);
    const scaleMap = broadcastMap(scale.dims, tail);
    const biasMap = bias && broadcastMap(bias.dims, tail);
    const src = value!.data as Float32Array;
    const to = allocate(dtype, src.length) as Float32Array;
    for (let row = 0; row < src.length; row += size) {
      let mean = 0;
      for (let i = 0; i < size; i++) mean += src[row + i] / size;
      let variance = 0;
      for (let i = 0; i < size; i++) variance += (src[row + i] - mean) ** 2 / size;
      for (let i = 0; i < size; i++) {
        const norm = (src[row + i] - mean) / Math.sqrt(variance + epsilon);
        const shift = bias && biasMap ? (bias.value!.data[biasMap[i]] as number) : 0;
        to[row + i] = norm * (scale.value!.data[scaleMap[i]] as number) + shift;
      }
    }
    return [to];
  },
};

/** Operators whose only output we need has the type and shape of input 0. */
export const like: OpDef = { infer: (c) => [{ dtype: c.in(0).dtype, dims: c.in(0).dims }] };

const quantize: OpDef = {
  infer: (c) => [{ dtype: c.opt(2)?.dtype ?? 'uint8', dims: c.in(0).dims }],
};
const dequantize: OpDef = { infer: (c) => [{ dtype: c.in(1).dtype, dims: c.in(0).dims }] };

/** Attention (opset 23) without a cache: queries with the width of the values. */
const attention: OpDef = {
  infer: (c) => {
    const [q, v] = [c.in(0), c.in(2)];
    if (c.opt(4) || c.opt(5)) c.fail('it takes a cache of keys and values', 'Export the model without use_cache');
    const width = q.dims.length === 3 ? (v.dims.at(-1)! / c.int('kv_num_heads', 1)) * c.int('q_num_heads', 1) : v.dims.at(-1)!;
    return [{ dtype: q.dtype, dims: [...q.dims.slice(0, -1), width] }];
  },
};

/** Normalisations, softmax and quantisation. */
export const NORM: Readonly<Record<string, OpDef>> = {
  Softmax: softmax((x, max, sum) => Math.exp(x - max) / sum),
  LogSoftmax: softmax((x, max, sum) => x - max - Math.log(sum)),
  Hardmax: like,
  LayerNormalization: layerNormalization,
  BatchNormalization: like,
  InstanceNormalization: like,
  GroupNormalization: like,
  RMSNormalization: like,
  RotaryEmbedding: like,
  Attention: attention,
  LpNormalization: like,
  LRN: like,
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
};
