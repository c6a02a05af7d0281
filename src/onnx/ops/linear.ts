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

export const matMulDims = (c: OpContext, a: readonly number[], b: readonly number[]): number[] => matMulShape(c, a, b).out;
/** Products of matrices, contractions, convolutions and pooling. */
export const LINEAR: Readonly<Record<string, OpDef>> = {
  MatMul: matMul,
  Gemm: gemm,
};
