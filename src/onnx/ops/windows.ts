import type { OpContext, OpDef } from './context.ts';

/** Sizes of the spatial output of Conv and pooling (their specifications, attributes pads, strides, dilations, auto_pad, ceil_mode). */
function windowDims(c: OpContext, spatial: readonly number[], kernel: readonly number[]): number[] {
  const rank = spatial.length;
  const strides = c.ints('strides') ?? Array.from({ length: rank }, () => 1);
  const dilations = c.ints('dilations') ?? Array.from({ length: rank }, () => 1);
  const pads = c.ints('pads') ?? Array.from({ length: rank * 2 }, () => 0);
  const auto = c.str('auto_pad', 'NOTSET');
  const ceil = c.int('ceil_mode', 0) === 1;
  if (
    kernel.length !== rank ||
    strides.length !== rank ||
    dilations.length !== rank ||
    pads.length !== 2 * rank ||
    strides.some((s) => s < 1)
  ) {
    c.fail(`its kernel, strides, dilations or pads do not fit ${rank} spatial dimensions`);
  }
  return spatial.map((size, i) => {
    if (auto.startsWith('SAME')) return Math.ceil(size / strides[i]);
    const padded = auto === 'VALID' ? size : size + pads[i] + pads[i + rank];
    const steps = (padded - dilations[i] * (kernel[i] - 1) - 1) / strides[i];
    if (steps < 0) c.fail(`its window of ${kernel[i]} is larger than dimension ${i + 2}, whose size is ${size}`);
    let out = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    if (ceil && (out - 1) * strides[i] >= size + pads[i]) out--;
    return out;
  });
}

/** Shape of a convolution of `x` by the kernel `w`. */
export function convDims(c: OpContext, x: readonly number[], w: readonly number[]): number[] {
  if (x.length < 3 || w.length !== x.length) c.fail(`its input [${x.join(', ')}] and weights [${w.join(', ')}] do not fit together`);
  const group = c.int('group', 1);
  if (x[1] !== w[1] * group) c.fail(`its input has ${x[1]} channels, its weights want ${w[1] * group}`);
  return [x[0], w[0], ...windowDims(c, x.slice(2), c.ints('kernel_shape') ?? w.slice(2))];
}

const conv: OpDef = { infer: (c) => [{ dtype: c.in(0).dtype, dims: convDims(c, c.in(0).dims, c.in(1).dims) }] };

/** Sizes from the specification of ConvTranspose; `output_shape` states them. */
const convTranspose: OpDef = {
  infer: (c) => {
    const [x, w] = [c.in(0).dims, c.in(1).dims];
    if (x.length < 3 || w.length !== x.length || x[1] !== w[0])
      c.fail(`its input [${x.join(', ')}] and weights [${w.join(', ')}] do not fit together`);
    const spatial = x.slice(2);
    const ones = spatial.map(() => 1);
    const kernel = c.ints('kernel_shape') ?? w.slice(2);
    const [strides, dilations] = [c.ints('strides') ?? ones, c.ints('dilations') ?? ones];
    const pads = c.ints('pads') ?? spatial.flatMap(() => [0, 0]);
    const extra = c.ints('output_padding') ?? spatial.map(() => 0);
    const same = c.str('auto_pad', 'NOTSET').startsWith('SAME');
    const outs = spatial.map((size, i) => {
      if (same) return size * strides[i];
      return strides[i] * (size - 1) + extra[i] + dilations[i] * (kernel[i] - 1) + 1 - pads[i] - pads[i + spatial.length];
    });
    return [{ dtype: c.in(0).dtype, dims: [x[0], w[1] * c.int('group', 1), ...(c.ints('output_shape') ?? outs)] }];
  },
};

/** Shape of what pools of `dims` are. */
export function poolDims(c: OpContext, dims: readonly number[]): number[] {
  if (dims.length < 3) c.fail('its input has no spatial dimension');
  return [...dims.slice(0, 2), ...windowDims(c, dims.slice(2), c.ints('kernel_shape') ?? c.fail('it has no kernel_shape'))];
}

const pool: OpDef = {
  infer: (c) => {
    const { dims, dtype } = c.in(0);
    const out = poolDims(c, dims);
    return [
      { dtype, dims: out },
      { dtype: 'int64', dims: out },
    ];
  },
};

const globalPool: OpDef = {
  infer: (c) => [{ dtype: c.in(0).dtype, dims: c.in(0).dims.map((dim, i) => (i < 2 ? dim : 1)) }],
};

/** Convolutions and pooling. */
export const WINDOWS: Readonly<Record<string, OpDef>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
};
