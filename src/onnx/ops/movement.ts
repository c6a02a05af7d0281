import type { Tensor } from '../model.ts';
import { allocate } from '../tensor.ts';
import type { OpContext, OpDef, Shaped } from './context.ts';
import { product, sameDims } from './context.ts';
import { around, elements, indexMap, pick, stridesOf } from './indexing.ts';

/** Ops that only give the same elements another shape. */
function view(dims: (c: OpContext) => readonly number[]): OpDef {
  return {
    infer: (c) => {
      const out = dims(c);
      if (product(out) !== product(c.in(0).dims)) {
        c.fail(`it cannot give the ${product(c.in(0).dims)} elements of [${c.in(0).dims.join(', ')}] the shape [${out.join(', ')}]`);
      }
      return [{ dtype: c.in(0).dtype, dims: out }];
    },
    evaluate: (c) => [c.in(0).value!.data],
    passesThrough: (c, outs) => sameDims(c.in(0).dims, outs[0].dims),
  };
}

function reshapeDims(c: OpContext): number[] {
  const from = c.in(0).dims;
  const target = c.intsFrom('shape', 1, 'its target shape') ?? c.fail('it has no target shape');
  const keepZero = c.int('allowzero', 0) === 1;
  const dims = target.map((dim, i) => (dim === 0 && !keepZero ? (from[i] ?? c.fail(`dimension ${i} to copy does not exist`)) : dim));
  const unknown = dims.indexOf(-1);
  if (unknown < 0) return dims;
  const rest = product(dims.filter((_, i) => i !== unknown));
  dims[unknown] = rest === 0 ? 0 : product(from) / rest;
  if (!Number.isInteger(dims[unknown]) || dims[unknown] < 0)
    c.fail(`[${from.join(', ')}] does not divide into the shape [${target.join(', ')}]`);
  return dims;
}

function squeezeDims(c: OpContext): number[] {
  const { dims } = c.in(0);
  const named = c.intsFrom('axes', 1, 'its axes');
  if (!named) return dims.filter((dim) => dim !== 1);
  const axes = c.axes(named, dims.length);
  for (const axis of axes) if (dims[axis] !== 1) c.fail(`it cannot remove dimension ${axis}, whose size is ${dims[axis]}`);
  return dims.filter((_, i) => !axes.includes(i));
}

function unsqueezeDims(c: OpContext): number[] {
  const { dims } = c.in(0);
  const named = c.intsFrom('axes', 1, 'its axes') ?? c.fail('it has no axes');
  const axes = c.axes(named, dims.length + named.length);
  const out: number[] = [];
  let next = 0;
  for (let i = 0; i < dims.length + axes.length; i++) out.push(axes.includes(i) ? 1 : dims[next++]);
  return out;
}

const flattenDims = (c: OpContext): number[] => {
  const { dims } = c.in(0);
  const given = c.int('axis', 1);
  const axis = given < 0 ? given + dims.length : given;
  if (axis < 0 || axis > dims.length) c.fail(`axis ${given} is outside a tensor of ${dims.length} dimensions`);
  return [product(dims.slice(0, axis)), product(dims.slice(axis))];
};

function permutation(c: OpContext): number[] {
  const rank = c.in(0).dims.length;
  const perm = c.ints('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (perm.length !== rank || c.axes(perm, rank).length !== rank)
    c.fail(`perm [${perm.join(', ')}] is no permutation of ${rank} dimensions`);
  return perm;
}
const transpose: OpDef = {
  infer: (c) => [{ dtype: c.in(0).dtype, dims: permutation(c).map((axis) => c.in(0).dims[axis]) }],
  passesThrough: (c) => permutation(c).every((axis, i) => axis === i),
  evaluate: (c, outs) => {
    const { dims, dtype, value } = c.in(0);
    const strides = stridesOf(dims);
    const map = indexMap(
      outs[0].dims,
      permutation(c).map((axis) => strides[axis]),
    );
    return [pick(dtype, value!.data, map)];
  },
};

interface Slicing {
  readonly starts: number[];
  readonly steps: number[];
  readonly dims: number[];
}
/** Slice as attributes (opset < 10) or inputs; bounds are clamped as the operator's specification says. */
function slicing(c: OpContext): Slicing {
  const { dims } = c.in(0);
  const starts = c.intsFrom('starts', 1, 'its start') ?? c.fail('it has no start');
  const ends = c.intsFrom('ends', 2, 'its end') ?? c.fail('it has no end');
  const named = c.intsFrom('axes', 3, 'its axes') ?? starts.map((_, i) => i);
  const steps = (c.opset >= 10 && c.node.inputs[4] ? c.constInts(4, 'its step') : null) ?? starts.map(() => 1);
  if (ends.length !== starts.length || named.length !== starts.length || steps.length !== starts.length) {
    c.fail('its starts, ends, axes and steps have different lengths');
  }
  c.axes(named, dims.length);
  const out: Slicing = { starts: dims.map(() => 0), steps: dims.map(() => 1), dims: [...dims] };
  named.forEach((name, i) => {
    const axis = c.axis(name, dims.length);
    const size = dims[axis];
    const step = steps[i];
    if (step === 0) c.fail('a step is 0');
    const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value < 0 ? value + size : value, low), high);
    const start = step > 0 ? clamp(starts[i], 0, size) : clamp(starts[i], 0, size - 1);
    const end = step > 0 ? clamp(ends[i], 0, size) : clamp(ends[i], -1, size - 1);
    out.starts[axis] = start;
    out.steps[axis] = step;
    out.dims[axis] = Math.max(0, Math.ceil((end - start) / step));
  });
  return out;
}
const slice: OpDef = {
  infer: (c) => [{ dtype: c.in(0).dtype, dims: slicing(c).dims }],
  passesThrough: (c, outs) => sameDims(c.in(0).dims, outs[0].dims) && slicing(c).steps.every((step) => step === 1),
  evaluate: (c) => {
    const { dims, dtype, value } = c.in(0);
    const s = slicing(c);
    const strides = stridesOf(dims);
    const base = s.starts.reduce((sum, start, i) => sum + start * strides[i], 0);
    const map = indexMap(
      s.dims,
      strides.map((stride, i) => stride * s.steps[i]),
      base,
    );
    return [pick(dtype, value!.data, map)];
  },
};

const concat: OpDef = {
  infer: (c) => {
    const inputs = c.all();
    if (inputs.length === 0) c.fail('it has no input');
    const axis = c.axis(c.int('axis') ?? c.fail('it has no axis'), inputs[0].dims.length);
    for (const { dims, dtype } of inputs) {
      const fits = dims.length === inputs[0].dims.length && dims.every((dim, i) => i === axis || dim === inputs[0].dims[i]);
      if (!fits || dtype !== inputs[0].dtype)
        c.fail(`it cannot join ${inputs.map((x) => `${x.dtype}[${x.dims.join(', ')}]`).join(' and ')}`);
    }
    const size = inputs.reduce((sum, { dims }) => sum + dims[axis], 0);
    return [{ dtype: inputs[0].dtype, dims: inputs[0].dims.map((dim, i) => (i === axis ? size : dim)) }];
  },
  passesThrough: (c) => c.inputCount === 1,
  evaluate: (c, outs) => {
    const axis = c.axis(c.int('axis')!, outs[0].dims.length);
    const { outer, size, inner } = around(outs[0].dims, axis);
    const to = allocate(outs[0].dtype, product(outs[0].dims));
    const dst = elements(to);
    let at = 0;
    for (const input of c.all()) {
      const src = elements(input.value!.data);
      const row = input.dims[axis] * inner;
      for (let o = 0; o < outer; o++) for (let i = 0; i < row; i++) dst[o * size * inner + at + i] = src[o * row + i];
      at += row;
    }
    return [to];
  },
};

/** The shape of a constant: scalars read as zero-dimensional tensors. */
export const scalar = (dtype: Shaped['dtype'], dims: readonly number[] = []): Shaped => ({ dtype, dims });

function shapeRange(c: OpContext): number[] {
  const { dims } = c.in(0);
  const clamp = (value: number) => Math.min(Math.max(value < 0 ? value + dims.length : value, 0), dims.length);
  const start = clamp(c.int('start', 0));
  const end = clamp(c.int('end', dims.length));
  return dims.slice(start, Math.max(start, end));
}

function constantTensor(c: OpContext): Tensor {
  const value = c.attr('value');
  if (value && typeof value === 'object' && 'dtype' in value) return value;
  const one = (name: string) => c.attr(name);
  if (one('value_float') !== undefined) return { dtype: 'float32', dims: [], data: Float32Array.of(c.float('value_float', 0)) };
  if (one('value_int') !== undefined) return { dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(c.int('value_int', 0))) };
  const list = one('value_floats') ?? one('value_ints');
  if (Array.isArray(list)) {
    if (one('value_floats')) return { dtype: 'float32', dims: [list.length], data: Float32Array.from(list as number[]) };
    return { dtype: 'int64', dims: [list.length], data: BigInt64Array.from(list as bigint[]) };
  }
  if (one('value_string') !== undefined || one('value_strings') !== undefined)
    return { dtype: 'string', dims: [], data: new Uint8Array(0) };
  return c.fail('its value is missing or sparse, which is not supported');
}

/** Operators that move, repeat or make elements without arithmetic on them. */
export const MOVEMENT: Readonly<Record<string, OpDef>> = {
  Reshape: view(reshapeDims),
  Flatten: view(flattenDims),
  Squeeze: view(squeezeDims),
  Unsqueeze: view(unsqueezeDims),
  Transpose: transpose,
  Slice: slice,
  Concat: concat,
  Shape: {
    shapeOnly: true,
    infer: (c) => [scalar('int64', [shapeRange(c).length])],
    evaluate: (c) => [BigInt64Array.from(shapeRange(c), BigInt)],
  },
  Size: {
    shapeOnly: true,
    infer: () => [scalar('int64')],
    evaluate: (c) => [BigInt64Array.of(BigInt(product(c.in(0).dims)))],
  },
  Constant: {
    infer: (c) => [constantTensor(c)],
    evaluate: (c) => [constantTensor(c).data],
  },
};
