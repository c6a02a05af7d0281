import { allocate, dtypeOf, isFloat, isWide } from '../tensor.ts';
import type { OpContext, OpDef } from './context.ts';
import { product } from './context.ts';
import { around, elements } from './indexing.ts';

/** Index `value` of a dimension of `size`, negative counting from the end. */
export function place(c: OpContext, value: number | bigint, size: number): number {
  const index = Number(value) < 0 ? Number(value) + size : Number(value);
  if (!(index >= 0 && index < size)) c.fail(`index ${value} is outside a dimension of size ${size}`);
  return index;
}

const gather: OpDef = {
  infer: (c) => {
    const { dims, dtype } = c.in(0);
    const axis = c.axis(c.int('axis', 0), dims.length);
    return [{ dtype, dims: [...dims.slice(0, axis), ...c.in(1).dims, ...dims.slice(axis + 1)] }];
  },
  evaluate: (c, outs) => {
    const { dims, value } = c.in(0);
    const { outer, size, inner } = around(dims, c.axis(c.int('axis', 0), dims.length));
    const indices = Array.from(c.in(1).value!.data as Iterable<number | bigint>, (value) => place(c, value, size));
    const to = allocate(outs[0].dtype, product(outs[0].dims));
    const [dst, src] = [elements(to), elements(value!.data)];
    let at = 0;
    for (let o = 0; o < outer; o++) {
      for (const index of indices) for (let i = 0; i < inner; i++) dst[at++] = src[(o * size + index) * inner + i];
    }
    return [to];
  },
};

const cast: OpDef = {
  infer: (c) => [{ dtype: dtypeOf(c.int('to') ?? c.fail('it has no target type'), c.where), dims: c.in(0).dims }],
  passesThrough: (c, outs) => outs[0].dtype === c.in(0).dtype,
  evaluate: (c, outs) => {
    const from = c.in(0).dtype;
    const { dtype } = outs[0];
    if (dtype === 'string' || from === 'string') return null;
    const src = elements(c.in(0).value!.data);
    const to = allocate(dtype, src.length);
    const dst = elements(to);
    for (let i = 0; i < dst.length; i++) {
      const value = src[i];
      if (dtype === 'bool') dst[i] = Number(value) !== 0 ? 1 : 0;
      else if (isWide(dtype)) {
        if (typeof value === 'number' && !Number.isFinite(value)) return null;
        dst[i] = typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
      } else if (isFloat(dtype) || typeof value === 'number') dst[i] = Number(value);
      else dst[i] = Number(BigInt.asIntN(32, value));
    }
    return [to];
  },
};

/** Operators that choose elements by index, and conversions of type. */
export const SELECTION: Readonly<Record<string, OpDef>> = {
  Gather: gather,
  Cast: cast,
  CastLike: { infer: (c) => [{ dtype: c.in(1).dtype, dims: c.in(0).dims }] },
};
