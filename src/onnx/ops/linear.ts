import { allocate, isFloat } from '../tensor.ts';
import type { OpContext, OpDef } from './context.ts';
import { product } from './context.ts';
import { broadcastMap } from './indexing.ts';

interface MatMulShape {
  readonly batch: number[];
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly out: number[];
}
/** NumPy's matmul: vectors gain a dimension for the product and lose it again, leading dimensions broadcast. */
function matMulShape(c: OpContext, a: readonly number[], b: readonly number[]): MatMulShape {
  if (a.length === 0 || b.length === 0) c.fail('it cannot multiply a scalar');
  const left = a.length === 1 ? [1, a[0]] : a;
  const right = b.length === 1 ? [b[0], 1] : b;
  const batch = c.broadcast(left.slice(0, -2), right.slice(0, -2));
  const [m, k] = left.slice(-2);
  const [k2, n] = right.slice(-2);
  if (k !== k2) c.fail(`it cannot multiply [${a.join(', ')}] by [${b.join(', ')}]: ${k} and ${k2} differ`);
  const out = [...batch, ...(a.length === 1 ? [] : [m]), ...(b.length === 1 ? [] : [n])];
  return { batch, m, k, n, out };
}

const matMul: OpDef = {
  infer: (c) => [{ dtype: c.in(0).dtype, dims: matMulShape(c, c.in(0).dims, c.in(1).dims).out }],
  evaluate: (c, outs) => {
    const [a, b] = [c.in(0), c.in(1)];
    if (!isFloat(a.dtype) || !isFloat(b.dtype)) return null;
    const { batch, m, k, n } = matMulShape(c, a.dims, b.dims);
    if (product(batch) * m * k * n > 2 ** 28) return null;
    const batchMap = (dims: readonly number[]) => broadcastMap(dims.length > 2 ? dims.slice(0, -2) : [], batch);
    const [mapA, mapB] = [batchMap(a.dims), batchMap(b.dims)];
    const [x, y] = [a.value!.data as Float32Array, b.value!.data as Float32Array];
    const to = allocate(outs[0].dtype, product(outs[0].dims)) as Float32Array;
    for (let g = 0; g < mapA.length; g++) multiply(x, mapA[g] * m * k, k, 1, y, mapB[g] * k * n, n, 1, to, g * m * n, m, k, n);
    return [to];
  },
};

/** `to[i, j] = Σ x[i, p]·y[p, j]` with row and column strides of both factors; sums in double precision. */
function multiply(
  x: Float32Array,
  xBase: number,
  xRow: number,
  xCol: number,
  y: Float32Array,
  yBase: number,
  yRow: number,
  yCol: number,
  to: Float32Array,
  toBase: number,
  m: number,
  k: number,
  n: number,
): void {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0; p < k; p++) sum += x[xBase + i * xRow + p * xCol] * y[yBase + p * yRow + j * yCol];
      to[toBase + i * n + j] = sum;
    }
  }
}

function gemmShape(c: OpContext): { m: number; k: number; n: number; transA: boolean; transB: boolean } {
  const [a, b] = [c.in(0).dims, c.in(1).dims];
  if (a.length !== 2 || b.length !== 2) c.fail(`it multiplies matrices, but its inputs are [${a.join(', ')}] and [${b.join(', ')}]`);
  const transA = c.int('transA', 0) !== 0;
  const transB = c.int('transB', 0) !== 0;
  const [m, k] = transA ? [a[1], a[0]] : a;
  const [k2, n] = transB ? [b[1], b[0]] : b;
  if (k !== k2) c.fail(`it cannot multiply [${a.join(', ')}] by [${b.join(', ')}]: ${k} and ${k2} differ`);
  return { m, k, n, transA, transB };
}
const gemm: OpDef = {
  infer: (c) => {
    const { m, n } = gemmShape(c);
    const bias = c.opt(2);
    if (bias && product(c.broadcast(bias.dims, [m, n])) !== m * n) c.fail(`its bias [${bias.dims.join(', ')}] does not fit [${m}, ${n}]`);
    return [{ dtype: c.in(0).dtype, dims: [m, n] }];
  },
  evaluate: (c, outs) => {
    if (!isFloat(outs[0].dtype)) return null;
    const { m, k, n, transA, transB } = gemmShape(c);
    if (m * k * n > 2 ** 28) return null;
    const [x, y] = [c.in(0).value!.data as Float32Array, c.in(1).value!.data as Float32Array];
    const to = allocate(outs[0].dtype, m * n) as Float32Array;
    multiply(x, 0, transA ? 1 : k, transA ? m : 1, y, 0, transB ? 1 : n, transB ? k : 1, to, 0, m, k, n);
    const [alpha, beta] = [c.float('alpha', 1), c.float('beta', 1)];
    const bias = c.opt(2);
    const map = bias ? broadcastMap(bias.dims, [m, n]) : null;
    for (let i = 0; i < to.length; i++) to[i] = alpha * to[i] + (bias && map ? beta * (bias.value!.data[map[i]] as number) : 0);
    return [to];
  },
};

/** Size of every letter of an Einsum equation, and the letters of its output. */
function einsumDims(c: OpContext): number[] {
  const equation = c.str('equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->');
  const terms = left.split(',');
  if (terms.length !== c.inputCount) c.fail(`its equation \`${equation}\` has ${terms.length} terms for ${c.inputCount} inputs`);
  const sizes = new Map<string, number>();
  let ellipsis: number[] = [];
  const counts = new Map<string, number>();
  terms.forEach((term, i) => {
    const { dims } = c.in(i);
    const letters = term.replace('...', '');
    const extra = dims.length - letters.length;
    if (extra < 0 || (extra > 0 && !term.includes('...'))) c.fail(`\`${term}\` does not fit [${dims.join(', ')}]`);
    const at = term.includes('...') ? term.indexOf('...') : letters.length;
    if (term.includes('...')) ellipsis = c.broadcast(ellipsis, dims.slice(at, at + extra));
    letters.split('').forEach((letter, n) => {
      const dim = dims[n < at ? n : n + extra];
      const known = sizes.get(letter) ?? 1;
      if (known !== 1 && dim !== 1 && known !== dim) c.fail(`\`${letter}\` in \`${equation}\` stands for ${known} and ${dim}`);
      sizes.set(letter, Math.max(known, dim));
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    });
  });
  const once = [...counts].filter(([, count]) => count === 1).map(([letter]) => letter);
  const output = right ?? `${left.includes('...') ? '...' : ''}${once.sort().join('')}`;
  const out: number[] = [];
  for (const part of output.match(/\.\.\.|./g) ?? []) {
    if (part === '...') out.push(...ellipsis);
    else out.push(sizes.get(part) ?? c.fail(`\`${part}\` in \`${equation}\` stands for nothing`));
  }
  return out;
}

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
export const matMulDims = (c: OpContext, a: readonly number[], b: readonly number[]): number[] => matMulShape(c, a, b).out;
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
const pool: OpDef = {
  infer: (c) => {
    const { dims, dtype } = c.in(0);
    if (dims.length < 3) c.fail('its input has no spatial dimension');
    const out = [...dims.slice(0, 2), ...windowDims(c, dims.slice(2), c.ints('kernel_shape') ?? c.fail('it has no kernel_shape'))];
    return [
      { dtype, dims: out },
      { dtype: 'int64', dims: out },
    ];
  },
};
const globalPool: OpDef = {
  infer: (c) => [{ dtype: c.in(0).dtype, dims: c.in(0).dims.map((dim, i) => (i < 2 ? dim : 1)) }],
};

/** Products of matrices, contractions, convolutions and pooling. */
export const LINEAR: Readonly<Record<string, OpDef>> = {
  MatMul: matMul,
  Gemm: gemm,
  MatMulInteger: { infer: (c) => [{ dtype: 'int32', dims: matMulShape(c, c.in(0).dims, c.in(1).dims).out }] },
  Einsum: { infer: (c) => [{ dtype: c.in(0).dtype, dims: einsumDims(c) }] },
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
};
