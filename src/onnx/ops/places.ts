import { allocate, dtypeOf, isWide } from '../tensor.ts';
import { type OpDef, product } from './context.ts';
import { elements, indexMap, pick, stridesOf } from './indexing.ts';
import { place } from './selection.ts';

const gatherElements: OpDef = {
  infer: (c) => {
    c.axis(c.int('axis', 0), c.in(0).dims.length);
    if (c.in(1).dims.length !== c.in(0).dims.length) c.fail('its data and indices have different numbers of dimensions');
    return [{ dtype: c.in(0).dtype, dims: c.in(1).dims }];
  },
  evaluate: (c, outs) => {
    const { dims, dtype, value } = c.in(0);
    const axis = c.axis(c.int('axis', 0), dims.length);
    const strides = stridesOf(dims);
    if (outs[0].dims.some((dim, i) => i !== axis && dim > dims[i])) c.fail('its indices are larger than its data');
    const map = indexMap(
      outs[0].dims,
      strides.map((stride, i) => (i === axis ? 0 : stride)),
    );
    const indices = elements(c.in(1).value!.data);
    for (let i = 0; i < map.length; i++) map[i] += place(c, indices[i], dims[axis]) * strides[axis];
    return [pick(dtype, value!.data, map)];
  },
};

const gatherNd: OpDef = {
  infer: (c) => {
    const batch = c.int('batch_dims', 0);
    const [data, indices] = [c.in(0).dims, c.in(1).dims];
    const depth = indices.at(-1) ?? c.fail('its indices are a scalar');
    if (batch < 0 || batch >= indices.length || batch + depth > data.length) c.fail('its indices do not fit its data');
    return [{ dtype: c.in(0).dtype, dims: [...indices.slice(0, -1), ...data.slice(batch + depth)] }];
  },
};

/** Output of the operators that write updates into a copy of their first input. */
const scatter: OpDef = { infer: (c) => [{ dtype: c.in(0).dtype, dims: c.in(0).dims }] };

const scatterNd: OpDef = {
  ...scatter,
  evaluate: (c) => {
    if (c.str('reduction', 'none') !== 'none') return null;
    const { dims, dtype, value } = c.in(0);
    const depth = c.in(1).dims.at(-1) ?? 0;
    if (depth > dims.length) c.fail('its indices do not fit its data');
    const inner = product(dims.slice(depth));
    const strides = stridesOf(dims);
    const to = allocate(dtype, product(dims));
    const [dst, src] = [elements(to), elements(value!.data)];
    for (let i = 0; i < dst.length; i++) dst[i] = src[i];
    const [indices, updates] = [elements(c.in(1).value!.data), elements(c.in(2).value!.data)];
    const rows = depth === 0 ? 0 : indices.length / depth;
    if (updates.length < rows * inner) c.fail('it has fewer updates than indices');
    for (let row = 0; row < rows; row++) {
      let at = 0;
      for (let i = 0; i < depth; i++) at += place(c, indices[row * depth + i], dims[i]) * strides[i];
      for (let i = 0; i < inner; i++) dst[at + i] = updates[row * inner + i];
    }
    return [to];
  },
};

const oneHot: OpDef = {
  infer: (c) => {
    const depth = c.constInts(1, 'its depth')[0];
    const { dims } = c.in(0);
    const axis = c.axis(c.int('axis', -1), dims.length + 1);
    if (!(depth >= 0)) c.fail('its depth is negative');
    return [{ dtype: c.in(2).dtype, dims: [...dims.slice(0, axis), depth, ...dims.slice(axis)] }];
  },
};

const trilu: OpDef = {
  infer: (c) => {
    if (c.in(0).dims.length < 2) c.fail('its input has fewer than two dimensions');
    return [c.in(0)];
  },
  evaluate: (c, outs) => {
    const { dims, dtype, value } = c.in(0);
    const [rows, columns] = dims.slice(-2);
    const k = c.opt(1) ? c.constInts(1, 'its diagonal')[0] : 0;
    const upper = c.int('upper', 1) === 1;
    const to = allocate(dtype, product(outs[0].dims));
    const [dst, src] = [elements(to), elements(value!.data)];
    for (let i = 0; i < dst.length; i++) {
      const column = i % columns;
      const row = Math.floor(i / columns) % rows;
      if (upper ? column >= row + k : column <= row + k) dst[i] = src[i];
    }
    return [to];
  },
};

const eyeLike: OpDef = {
  shapeOnly: true,
  infer: (c) => {
    if (c.in(0).dims.length !== 2) c.fail('its input should have two dimensions');
    const type = c.int('dtype');
    return [{ dtype: type === undefined ? c.in(0).dtype : dtypeOf(type, c.where), dims: c.in(0).dims }];
  },
  evaluate: (c, outs) => {
    const [rows, columns] = outs[0].dims;
    const to = allocate(outs[0].dtype, rows * columns);
    const dst = elements(to);
    const k = c.int('k', 0);
    for (let row = 0; row < rows; row++)
      if (row + k >= 0 && row + k < columns) dst[row * columns + row + k] = isWide(outs[0].dtype) ? 1n : 1;
    return [to];
  },
};

/** Operators that place elements by indices or by their own position. */
export const PLACES: Readonly<Record<string, OpDef>> = {
  GatherElements: gatherElements,
  GatherND: gatherNd,
  Scatter: scatter,
  ScatterElements: scatter,
  ScatterND: scatterNd,
  OneHot: oneHot,
  Trilu: trilu,
  EyeLike: eyeLike,
};
