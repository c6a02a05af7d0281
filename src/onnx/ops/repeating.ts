import type { Tensor } from '../model.ts';
import { allocate } from '../tensor.ts';
import { type OpContext, type OpDef, product, sameDims } from './context.ts';
import { broadcastMap, elements, indexMap, pick, stridesOf } from './indexing.ts';
import { scalar } from './movement.ts';

function checkedDims(c: OpContext, dims: number[]): number[] {
  if (dims.some((dim) => dim < 0)) c.fail(`its target shape [${dims.join(', ')}] has a negative dimension`);
  return dims;
}

function splitSizes(c: OpContext): { axis: number; sizes: number[] } {
  const { dims } = c.in(0);
  const axis = c.axis(c.int('axis', 0), dims.length);
  const given = c.intsFrom('split', 1, 'its split');
  const parts = c.int('num_outputs', c.node.outputs.length);
  if (parts < 1 || parts > 1 << 16) c.fail(`it cannot split into ${parts} parts`);
  const chunk = Math.ceil(dims[axis] / parts);
  const sizes = given ?? Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(chunk, dims[axis] - i * chunk)));
  if (sizes.some((size) => size < 0) || sizes.reduce((a, b) => a + b, 0) !== dims[axis]) {
    c.fail(`the parts [${sizes.join(', ')}] do not add up to dimension ${axis}, whose size is ${dims[axis]}`);
  }
  return { axis, sizes };
}

const split: OpDef = {
  infer: (c) => {
    const { axis, sizes } = splitSizes(c);
    return sizes.map((size) => ({ dtype: c.in(0).dtype, dims: c.in(0).dims.map((dim, i) => (i === axis ? size : dim)) }));
  },
  evaluate: (c, outs) => {
    const { dims, dtype, value } = c.in(0);
    const { axis } = splitSizes(c);
    const strides = stridesOf(dims);
    let start = 0;
    return outs.map((out) => {
      const map = indexMap(out.dims, strides, start * strides[axis]);
      start += out.dims[axis];
      return pick(dtype, value!.data, map);
    });
  },
};

const expand: OpDef = {
  infer: (c) => [{ dtype: c.in(0).dtype, dims: c.broadcast(c.in(0).dims, checkedDims(c, c.constInts(1, 'its target shape'))) }],
  passesThrough: (c, outs) => sameDims(c.in(0).dims, outs[0].dims),
  evaluate: (c, outs) => [pick(outs[0].dtype, c.in(0).value!.data, broadcastMap(c.in(0).dims, outs[0].dims))],
};

const tile: OpDef = {
  infer: (c) => {
    const repeats = c.constInts(1, 'its repeats');
    if (repeats.length !== c.in(0).dims.length || repeats.some((r) => r < 0))
      c.fail(`its repeats [${repeats.join(', ')}] do not fit its input`);
    return [{ dtype: c.in(0).dtype, dims: c.in(0).dims.map((dim, i) => dim * repeats[i]) }];
  },
  passesThrough: (c, outs) => sameDims(c.in(0).dims, outs[0].dims),
  evaluate: (c) => {
    const { dims, dtype, value } = c.in(0);
    const repeats = c.constInts(1, 'its repeats');
    const strides = stridesOf(dims);
    const map = indexMap(
      dims.flatMap((dim, i) => [repeats[i], dim]),
      strides.flatMap((stride) => [0, stride]),
    );
    return [pick(dtype, value!.data, map)];
  },
};

/** Pads as an attribute (opset < 11) or input 1, with optional axes (opset 18), as one [before, after] for each dimension. */
function padding(c: OpContext): [number, number][] {
  const rank = c.in(0).dims.length;
  const pads = c.intsFrom('pads', 1, 'its padding') ?? c.fail('it has no padding');
  const axes = c.node.inputs[3] ? c.constInts(3, 'its axes').map((axis) => c.axis(axis, rank)) : Array.from({ length: rank }, (_, i) => i);
  if (pads.length !== axes.length * 2) c.fail(`its padding [${pads.join(', ')}] does not fit ${rank} dimensions`);
  const out = Array.from({ length: rank }, (): [number, number] => [0, 0]);
  axes.forEach((axis, i) => {
    out[axis] = [pads[i], pads[i + axes.length]];
  });
  return out;
}

const pad: OpDef = {
  infer: (c) => {
    const pads = padding(c);
    const dims = c.in(0).dims.map((dim, i) => dim + pads[i][0] + pads[i][1]);
    if (dims.some((dim) => dim < 0)) c.fail('its negative padding removes more than there is');
    return [{ dtype: c.in(0).dtype, dims }];
  },
  passesThrough: (c) => padding(c).every(([before, after]) => before === 0 && after === 0),
  evaluate: (c, outs) => {
    const pads = padding(c);
    if (c.str('mode', 'constant') !== 'constant' || pads.some(([before, after]) => before < 0 || after < 0)) return null;
    const { dims, dtype, value } = c.in(0);
    const to = allocate(dtype, product(outs[0].dims));
    const dst = elements(to);
    const fill = c.opt(2);
    const wide = typeof dst[0] === 'bigint';
    const filler = fill ? elements(fill.value!.data)[0] : wide ? 0n : c.float('value', 0);
    for (let i = 0; i < dst.length; i++) dst[i] = filler;
    const strides = stridesOf(outs[0].dims);
    const base = pads.reduce((sum, [before], i) => sum + before * strides[i], 0);
    const src = elements(value!.data);
    indexMap(dims, strides, base).forEach((at, i) => {
      dst[at] = src[i];
    });
    return [to];
  },
};

function rangeCount(c: OpContext): number {
  const [start, limit, delta] = [0, 1, 2].map((i) => {
    const input = c.in(i);
    if (!input.value) c.constInts(i, 'its length');
    return Number(elements(input.value!.data)[0]);
  });
  if (!delta) c.fail('its step is 0');
  return Math.max(0, Math.ceil((limit - start) / delta));
}

/** Operators that cut, repeat, pad or make elements. */
export const REPEATING: Readonly<Record<string, OpDef>> = {
  Split: split,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  ConstantOfShape: {
    infer: (c) => {
      const value = c.attr('value') as Tensor | undefined;
      return [scalar(value?.dtype ?? 'float32', checkedDims(c, c.constInts(0, 'its shape')))];
    },
    evaluate: (c, outs) => {
      const value = c.attr('value') as Tensor | undefined;
      const to = allocate(outs[0].dtype, product(outs[0].dims));
      if (value) {
        if (value.data.length < 1) c.fail('its value is empty');
        const dst = elements(to);
        const fill = elements(value.data)[0];
        for (let i = 0; i < dst.length; i++) dst[i] = fill;
      }
      return [to];
    },
  },
  Range: {
    infer: (c) => [scalar(c.in(0).dtype, [rangeCount(c)])],
    evaluate: (c, outs) => {
      const to = allocate(outs[0].dtype, outs[0].dims[0]);
      const dst = elements(to);
      const [start, , delta] = [0, 1, 2].map((i) => elements(c.in(i).value!.data)[0]);
      if (typeof start === 'bigint') for (let i = 0; i < dst.length; i++) dst[i] = start + BigInt(i) * (delta as bigint);
      else for (let i = 0; i < dst.length; i++) dst[i] = start + i * (delta as number);
      return [to];
    },
  },
};
