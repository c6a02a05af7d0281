import type { DType, TensorData } from '../model.ts';
import { allocate, isFloat, isWide } from '../tensor.ts';
import type { OpContext, OpDef, Shaped } from './context.ts';
import { product } from './context.ts';
import { broadcastMap, elements } from './indexing.ts';

type Num1 = (x: number) => number;
export type Num2 = (a: number, b: number) => number;
export type Big2 = (a: bigint, b: bigint) => bigint;

/** The error function to double precision: the all-positive series 2/√π·e^(−x²)·Σ 2ⁿx^(2n+1)/(2n+1)!!. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  let term = a;
  let sum = a;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * a * a) / (2 * n + 1);
    sum += term;
  }
  return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum;
}
const gelu = (x: number, tanh: boolean) =>
  tanh ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))) : 0.5 * x * (1 + erf(x / Math.SQRT2));

/** Applies `f` to every element; `big` serves 64-bit integers, which are not computed without it. */
export function unary(make: (c: OpContext) => Num1, big?: (x: bigint) => bigint, out?: DType): OpDef {
  return {
    infer: (c) => [{ dtype: out ?? c.in(0).dtype, dims: c.in(0).dims }],
    evaluate: (c, outs) => {
      const { dtype, value } = c.in(0);
      const to = allocate(outs[0].dtype, product(outs[0].dims));
      const dst = elements(to);
      const src = elements(value!.data);
      if (isWide(dtype)) {
        if (!big) return null;
        for (let i = 0; i < dst.length; i++) dst[i] = big(src[i] as bigint);
      } else {
        const f = make(c);
        for (let i = 0; i < dst.length; i++) dst[i] = f(src[i] as number);
      }
      return [to];
    },
  };
}
export const plain = (f: Num1, big?: (x: bigint) => bigint) => unary(() => f, big);

export function binaryData(c: OpContext, out: Shaped, num: Num2, big: Big2 | null): TensorData | null {
  const [a, b] = [c.in(0), c.in(1)];
  if (isWide(a.dtype) !== isWide(b.dtype)) return null;
  const to = allocate(out.dtype, product(out.dims));
  const dst = elements(to);
  const [x, y] = [elements(a.value!.data), elements(b.value!.data)];
  const [mapA, mapB] = [broadcastMap(a.dims, out.dims), broadcastMap(b.dims, out.dims)];
  if (isWide(a.dtype)) {
    if (!big) return null;
    for (let i = 0; i < dst.length; i++) dst[i] = big(x[mapA[i]] as bigint, y[mapB[i]] as bigint);
  } else for (let i = 0; i < dst.length; i++) dst[i] = num(x[mapA[i]] as number, y[mapB[i]] as number);
  return to;
}

function sameTypes(c: OpContext): void {
  const [a, b] = [c.in(0).dtype, c.in(1).dtype];
  if (a !== b) c.fail(`its inputs have different types, ${a} and ${b}`);
}

export function binary(forType: (c: OpContext, float: boolean) => Num2, big: Big2 | null, out?: DType, mixed = false): OpDef {
  return {
    infer: (c) => {
      if (!mixed) sameTypes(c);
      return [{ dtype: out ?? c.in(0).dtype, dims: c.broadcast(c.in(0).dims, c.in(1).dims) }];
    },
    evaluate: (c, outs) => {
      const data = binaryData(c, outs[0], forType(c, isFloat(c.in(0).dtype)), big);
      return data && [data];
    },
  };
}
export const arithmetic = (num: Num2, big: Big2) => binary(() => num, big);
/** Division of integers truncates, as ONNX Runtime's does; by zero it is left to the program. */
const div: OpDef = {
  ...binary(
    (_, float) => (float ? (a, b) => a / b : (a, b) => Math.trunc(a / b)),
    (a, b) => a / b,
  ),
  evaluate: (c, outs) => {
    const float = isFloat(c.in(0).dtype);
    if (!float && Array.from(c.in(1).value!.data as Iterable<number | bigint>).some((x) => Number(x) === 0)) return null;
    const data = binaryData(c, outs[0], float ? (a, b) => a / b : (a, b) => Math.trunc(a / b), (a, b) => a / b);
    return data && [data];
  },
};
/** Exponents may have another type than the base, which decides the result's. */
const pow: OpDef = {
  infer: (c) => [{ dtype: c.in(0).dtype, dims: c.broadcast(c.in(0).dims, c.in(1).dims) }],
  evaluate: (c, outs) => {
    const [a, b] = [c.in(0), c.in(1)];
    if (isWide(a.dtype)) {
      if (!isWide(b.dtype) || Array.from(b.value!.data as BigInt64Array).some((e) => e < 0n || e > 64n)) return null;
      const data = binaryData(
        c,
        outs[0],
        () => 0,
        (x, y) => x ** y,
      );
      return data && [data];
    }
    const exponents = Float64Array.from(b.value!.data as Iterable<number | bigint>, Number);
    const to = allocate(outs[0].dtype, product(outs[0].dims));
    const [dst, src] = [elements(to), elements(a.value!.data)];
    const [mapA, mapB] = [broadcastMap(a.dims, outs[0].dims), broadcastMap(b.dims, outs[0].dims)];
    for (let i = 0; i < dst.length; i++) dst[i] = (src[mapA[i]] as number) ** exponents[mapB[i]];
    return [to];
  },
};

const bigAbs = (x: bigint) => (x < 0n ? -x : x);

/** Operators that work element by element. */
export const ELEMENTWISE: Readonly<Record<string, OpDef>> = {
  Abs: plain(Math.abs, bigAbs),
  Neg: plain(
    (x) => -x,
    (x) => -x,
  ),
  Sign: plain(Math.sign, (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n)),
  Relu: plain((x) => Math.max(x, 0)),
  Exp: plain(Math.exp),
  Log: plain(Math.log),
  Sqrt: plain(Math.sqrt),
  Reciprocal: plain((x) => 1 / x),
  Tanh: plain(Math.tanh),
  Erf: plain(erf),
  Gelu: unary((c) => {
    const tanh = c.str('approximate', 'none') === 'tanh';
    return (x) => gelu(x, tanh);
  }),
  Add: arithmetic(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  Sub: arithmetic(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  Mul: {
    ...binary(
      (_, float) => (float ? (a, b) => a * b : Math.imul),
      (a, b) => a * b,
    ),
  },
  Div: div,
  Pow: pow,
  Dropout: {
    infer: (c) => [c.in(0), { dtype: 'bool', dims: c.in(0).dims }],
    passesThrough: (c) => {
      const training = c.opt(2);
      return !c.node.outputs[1] && (!training || (training.value !== null && !elements(training.value.data)[0]));
    },
  },
  Identity: { infer: (c) => [c.in(0)], passesThrough: () => true },
};
