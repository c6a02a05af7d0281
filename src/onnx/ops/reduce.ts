import { allocate, isFloat, isWide } from '../tensor.ts';
import type { OpContext, OpDef } from './context.ts';
import { product } from './context.ts';
import { around, elements, indexMap, larger, smaller, stridesOf } from './indexing.ts';

interface Reducer {
  readonly start: number;
  step(sum: number, x: number): number;
  finish?(sum: number, count: number): number;
  /** Exact form for 64-bit integers, where the operator is used on shapes. */
  readonly big?: { readonly start: bigint | null; step(sum: bigint, x: bigint): bigint };
}

/** Axes as an attribute or as input 1; none given means all, or nothing with noop_with_empty_axes. */
function reducedAxes(c: OpContext): number[] {
  const rank = c.in(0).dims.length;
  const named = c.intsFrom('axes', 1, 'its axes');
  if (named && named.length > 0) return c.axes(named, rank);
  return c.int('noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, i) => i);
}

function reduce(reducer: Reducer): OpDef {
  return {
    infer: (c) => {
      const axes = reducedAxes(c);
      const keep = c.int('keepdims', 1) === 1;
      const { dims, dtype } = c.in(0);
      return [{ dtype, dims: keep ? dims.map((dim, i) => (axes.includes(i) ? 1 : dim)) : dims.filter((_, i) => !axes.includes(i)) }];
    },
    evaluate: (c, outs) => {
      const { dims, dtype, value } = c.in(0);
      const axes = reducedAxes(c);
      if (axes.length === 0 || product(dims) === 0) return null;
      const kept = dims.map((dim, i) => (axes.includes(i) ? 1 : dim));
      const strides = stridesOf(kept).map((stride, i) => (axes.includes(i) ? 0 : stride));
      const map = indexMap(dims, strides);
      const to = allocate(dtype, product(outs[0].dims));
      const [dst, src] = [elements(to), elements(value!.data)];
      if (isWide(dtype)) {
        const { big } = reducer;
        if (!big) return null;
        const sums = Array.from({ length: dst.length }, (): bigint | null => big.start);
        for (let i = 0; i < map.length; i++) {
          const sum = sums[map[i]];
          sums[map[i]] = sum === null ? (src[i] as bigint) : big.step(sum, src[i] as bigint);
        }
        for (let i = 0; i < dst.length; i++) dst[i] = sums[i]!;
        return [to];
      }
      if (reducer.finish && !isFloat(dtype)) return null;
      const sums = new Float64Array(dst.length).fill(reducer.start);
      for (let i = 0; i < map.length; i++) sums[map[i]] = reducer.step(sums[map[i]], src[i] as number);
      const count = product(dims) / dst.length;
      for (let i = 0; i < dst.length; i++) dst[i] = reducer.finish ? reducer.finish(sums[i], count) : sums[i];
      return [to];
    },
  };
}

function argReduce(better: (x: number, best: number) => boolean): OpDef {
  return {
    infer: (c) => {
      const { dims } = c.in(0);
      const axis = c.axis(c.int('axis', 0), dims.length);
      if (dims[axis] === 0) c.fail('the dimension it searches is empty');
      const keep = c.int('keepdims', 1) === 1;
      return [{ dtype: 'int64', dims: keep ? dims.map((dim, i) => (i === axis ? 1 : dim)) : dims.filter((_, i) => i !== axis) }];
    },
    evaluate: (c) => {
      const { dims, value } = c.in(0);
      const { outer, size, inner } = around(dims, c.axis(c.int('axis', 0), dims.length));
      const last = c.int('select_last_index', 0) === 1;
      const src = elements(value!.data);
      const out = new BigInt64Array(outer * inner);
      for (let o = 0; o < outer; o++) {
        for (let i = 0; i < inner; i++) {
          let best = 0;
          for (let k = 1; k < size; k++) {
            const [x, y] = [Number(src[(o * size + k) * inner + i]), Number(src[(o * size + best) * inner + i])];
            if (better(x, y) || (last && x === y)) best = k;
          }
          out[o * inner + i] = BigInt(best);
        }
      }
      return [out];
    },
  };
}

const cumSum: OpDef = {
  infer: (c) => [c.in(0)],
  evaluate: (c) => {
    const { dims, dtype, value } = c.in(0);
    const { outer, size, inner } = around(dims, c.axis(c.constInts(1, 'its axis')[0], dims.length));
    const [exclusive, reverse] = [c.int('exclusive', 0) === 1, c.int('reverse', 0) === 1];
    const to = allocate(dtype, product(dims));
    const [dst, src] = [elements(to), elements(value!.data)];
    const wide = isWide(dtype);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        let sum: number | bigint = wide ? 0n : 0;
        for (let n = 0; n < size; n++) {
          const at = (o * size + (reverse ? size - 1 - n : n)) * inner + i;
          const next = wide ? (sum as bigint) + (src[at] as bigint) : (sum as number) + (src[at] as number);
          dst[at] = exclusive ? sum : next;
          sum = next;
        }
      }
    }
    return [to];
  },
};

const topK: OpDef = {
  infer: (c) => {
    const { dims, dtype } = c.in(0);
    const axis = c.axis(c.int('axis', -1), dims.length);
    const k = c.int('k') ?? c.constInts(1, 'its number of results')[0];
    if (!(k >= 0 && k <= dims[axis])) c.fail(`it cannot choose ${k} of ${dims[axis]} elements`);
    const out = dims.map((dim, i) => (i === axis ? k : dim));
    return [
      { dtype, dims: out },
      { dtype: 'int64', dims: out },
    ];
  },
};

/** Operators that reduce along axes. */
export const REDUCE: Readonly<Record<string, OpDef>> = {
  ReduceSum: reduce({ start: 0, step: (sum, x) => sum + x, big: { start: 0n, step: (sum, x) => sum + x } }),
  ReduceMean: reduce({ start: 0, step: (sum, x) => sum + x, finish: (sum, count) => sum / count }),
  ReduceProd: reduce({ start: 1, step: (sum, x) => sum * x, big: { start: 1n, step: (sum, x) => sum * x } }),
  ReduceMax: reduce({ start: Number.NEGATIVE_INFINITY, step: Math.max, big: { start: null, step: larger } }),
  ReduceMin: reduce({ start: Number.POSITIVE_INFINITY, step: Math.min, big: { start: null, step: smaller } }),
  ReduceL1: reduce({ start: 0, step: (sum, x) => sum + Math.abs(x) }),
  ReduceL2: reduce({ start: 0, step: (sum, x) => sum + x * x, finish: Math.sqrt }),
  ReduceSumSquare: reduce({ start: 0, step: (sum, x) => sum + x * x }),
  ReduceLogSum: reduce({ start: 0, step: (sum, x) => sum + x, finish: Math.log }),
  ReduceLogSumExp: reduce({ start: 0, step: (sum, x) => sum + Math.exp(x), finish: Math.log }),
  ArgMax: argReduce((x, best) => x > best),
  ArgMin: argReduce((x, best) => x < best),
  CumSum: cumSum,
  TopK: topK,
};
