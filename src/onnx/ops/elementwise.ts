import type { DType, TensorData } from '../model.ts';
import { allocate, isFloat, isWide } from '../tensor.ts';
import type { OpContext, OpDef, Shaped } from './context.ts';
import { product } from './context.ts';
import { broadcastMap, elements, larger, smaller } from './indexing.ts';

type Num1 = (x: number) => number;
type Num2 = (a: number, b: number) => number;
type Big2 = (a: bigint, b: bigint) => bigint;

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
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);
/** Round half to even, as ONNX Round does. */
const roundEven = (x: number) => {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
};
const gelu = (x: number, tanh: boolean) =>
  tanh ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))) : 0.5 * x * (1 + erf(x / Math.SQRT2));

/** Applies `f` to every element; `big` serves 64-bit integers, which are not computed without it. */
function unary(make: (c: OpContext) => Num1, big?: (x: bigint) => bigint, out?: DType): OpDef {
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
const plain = (f: Num1, big?: (x: bigint) => bigint) => unary(() => f, big);

function binaryData(c: OpContext, out: Shaped, num: Num2, big: Big2 | null): TensorData | null {
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

function binary(forType: (c: OpContext, float: boolean) => Num2, big: Big2 | null, out?: DType, mixed = false): OpDef {
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
const arithmetic = (num: Num2, big: Big2) => binary(() => num, big);
const compare = (num: (a: number, b: number) => boolean, big: (a: bigint, b: bigint) => boolean) =>
  binary(
    () => (a, b) => +num(a, b),
    (a, b) => (big(a, b) ? 1n : 0n),
    'bool',
  );

/** Comparison results are bool also for 64-bit inputs, so they are stored as numbers. */
function comparison(num: (a: number, b: number) => boolean, big: (a: bigint, b: bigint) => boolean): OpDef {
  const base = compare(num, big);
  return {
    infer: base.infer,
    evaluate: (c, outs) => {
      if (!isWide(c.in(0).dtype)) return base.evaluate!(c, outs);
      const wide = binaryData(
        c,
        { dtype: 'int64', dims: outs[0].dims },
        () => 0,
        (a, b) => (big(a, b) ? 1n : 0n),
      );
      return wide && [Uint8Array.from(wide as BigInt64Array, Number)];
    },
  };
}
const logical = (f: Num2): OpDef => binary(() => f, null, 'bool');
const bitwise = (num: Num2, big: Big2): OpDef => binary(() => num, big);

/** Min, Max, Sum, Mean: any number of inputs, broadcast together. */
function variadic(num: Num2, big: Big2 | null, finish: (sum: number, count: number) => number = (sum) => sum): OpDef {
  return {
    infer: (c) => {
      const inputs = c.all();
      if (inputs.length === 0) c.fail('it has no input');
      return [{ dtype: inputs[0].dtype, dims: c.broadcast(...inputs.map((input) => input.dims)) }];
    },
    passesThrough: (c) => c.inputCount === 1,
    evaluate: (c, outs) => {
      const inputs = c.all();
      const wide = isWide(outs[0].dtype);
      if (wide && !big) return null;
      const to = allocate(outs[0].dtype, product(outs[0].dims));
      const dst = elements(to);
      const f = (wide ? big : num) as (a: number | bigint, b: number | bigint) => number | bigint;
      inputs.forEach((input, n) => {
        const src = elements(input.value!.data);
        const map = broadcastMap(input.dims, outs[0].dims);
        for (let i = 0; i < dst.length; i++) dst[i] = n === 0 ? src[map[i]] : f(dst[i], src[map[i]]);
      });
      if (!wide) for (let i = 0; i < dst.length; i++) dst[i] = finish(dst[i] as number, inputs.length);
      return [to];
    },
  };
}

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
/** Mod takes the divisor's sign, or with fmod=1 the dividend's. */
const mod: OpDef = {
  ...arithmetic(
    (a, b) => a % b,
    (a, b) => a % b,
  ),
  evaluate: (c, outs) => {
    const fmod = c.int('fmod', 0) === 1;
    const float = isFloat(c.in(0).dtype);
    if (!float && Array.from(c.in(1).value!.data as Iterable<number | bigint>).some((x) => Number(x) === 0)) return null;
    const data = binaryData(
      c,
      outs[0],
      fmod ? (a, b) => a % b : (a, b) => a - Math.floor(a / b) * b,
      fmod ? (a, b) => a % b : (a, b) => ((a % b) + b) % b,
    );
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

const clip: OpDef = {
  infer: (c) => [c.in(0)],
  evaluate: (c, outs) => {
    const bound = (name: string, i: number, fallback: number | bigint) => {
      const input = c.opt(i);
      return input ? elements(input.value!.data)[0] : (c.int(name) ?? fallback);
    };
    const { dtype, value } = c.in(0);
    if (isWide(dtype)) return null;
    const [low, high] = [bound('min', 1, Number.NEGATIVE_INFINITY) as number, bound('max', 2, Number.POSITIVE_INFINITY) as number];
    const to = allocate(dtype, product(outs[0].dims));
    const [dst, src] = [elements(to), elements(value!.data)];
    for (let i = 0; i < dst.length; i++) dst[i] = Math.min(Math.max(src[i] as number, low), high);
    return [to];
  },
};

const where: OpDef = {
  infer: (c) => {
    if (c.in(1).dtype !== c.in(2).dtype) c.fail(`it chooses between different types, ${c.in(1).dtype} and ${c.in(2).dtype}`);
    return [{ dtype: c.in(1).dtype, dims: c.broadcast(c.in(0).dims, c.in(1).dims, c.in(2).dims) }];
  },
  evaluate: (c, outs) => {
    const to = allocate(outs[0].dtype, product(outs[0].dims));
    const dst = elements(to);
    const sources = c.all().map((input) => elements(input.value!.data));
    const maps = c.all().map((input) => broadcastMap(input.dims, outs[0].dims));
    for (let i = 0; i < dst.length; i++) dst[i] = sources[0][maps[0][i]] ? sources[1][maps[1][i]] : sources[2][maps[2][i]];
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
  Floor: plain(Math.floor),
  Ceil: plain(Math.ceil),
  Round: plain(roundEven),
  Sin: plain(Math.sin),
  Cos: plain(Math.cos),
  Tan: plain(Math.tan),
  Asin: plain(Math.asin),
  Acos: plain(Math.acos),
  Atan: plain(Math.atan),
  Sinh: plain(Math.sinh),
  Cosh: plain(Math.cosh),
  Tanh: plain(Math.tanh),
  Asinh: plain(Math.asinh),
  Acosh: plain(Math.acosh),
  Atanh: plain(Math.atanh),
  Sigmoid: plain(sigmoid),
  Softplus: plain(softplus),
  Softsign: plain((x) => x / (1 + Math.abs(x))),
  HardSwish: plain((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  Mish: plain((x) => x * Math.tanh(softplus(x))),
  Erf: plain(erf),
  Gelu: unary((c) => {
    const tanh = c.str('approximate', 'none') === 'tanh';
    return (x) => gelu(x, tanh);
  }),
  LeakyRelu: unary((c) => {
    const alpha = c.float('alpha', 0.01);
    return (x) => (x < 0 ? alpha * x : x);
  }),
  ThresholdedRelu: unary((c) => {
    const alpha = c.float('alpha', 1);
    return (x) => (x > alpha ? x : 0);
  }),
  Elu: unary((c) => {
    const alpha = c.float('alpha', 1);
    return (x) => (x < 0 ? alpha * Math.expm1(x) : x);
  }),
  Celu: unary((c) => {
    const alpha = c.float('alpha', 1);
    return (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
  }),
  Selu: unary((c) => {
    const alpha = c.float('alpha', 1.6732632423543772);
    const gamma = c.float('gamma', 1.0507009873554805);
    return (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x));
  }),
  HardSigmoid: unary((c) => {
    const alpha = c.float('alpha', 0.2);
    const beta = c.float('beta', 0.5);
    return (x) => Math.max(0, Math.min(1, alpha * x + beta));
  }),
  Not: unary(() => (x) => (x ? 0 : 1), undefined, 'bool'),
  IsNaN: unary(() => (x) => +Number.isNaN(x), undefined, 'bool'),
  IsInf: {
    infer: (c) => [{ dtype: 'bool', dims: c.in(0).dims }],
  },
  BitwiseNot: plain(
    (x) => ~x,
    (x) => ~x,
  ),
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
  Mod: mod,
  Pow: pow,
  PRelu: {
    ...binary(() => (x, slope) => (x < 0 ? x * slope : x), null),
  },
  And: logical((a, b) => a & b),
  Or: logical((a, b) => a | b),
  Xor: logical((a, b) => a ^ b),
  BitwiseAnd: bitwise(
    (a, b) => a & b,
    (a, b) => a & b,
  ),
  BitwiseOr: bitwise(
    (a, b) => a | b,
    (a, b) => a | b,
  ),
  BitwiseXor: bitwise(
    (a, b) => a ^ b,
    (a, b) => a ^ b,
  ),
  BitShift: { infer: (c) => [{ dtype: c.in(0).dtype, dims: c.broadcast(c.in(0).dims, c.in(1).dims) }] },
  Equal: comparison(
    (a, b) => a === b,
    (a, b) => a === b,
  ),
  Greater: comparison(
    (a, b) => a > b,
    (a, b) => a > b,
  ),
  GreaterOrEqual: comparison(
    (a, b) => a >= b,
    (a, b) => a >= b,
  ),
  Less: comparison(
    (a, b) => a < b,
    (a, b) => a < b,
  ),
  LessOrEqual: comparison(
    (a, b) => a <= b,
    (a, b) => a <= b,
  ),
  Min: variadic(Math.min, smaller),
  Max: variadic(Math.max, larger),
  Sum: variadic((a, b) => a + b, null),
  Mean: variadic(
    (a, b) => a + b,
    null,
    (sum, count) => sum / count,
  ),
  Clip: clip,
  Where: where,
  Dropout: {
    infer: (c) => [c.in(0), { dtype: 'bool', dims: c.in(0).dims }],
    passesThrough: (c) => {
      const training = c.opt(2);
      return !c.node.outputs[1] && (!training || (training.value !== null && !elements(training.value.data)[0]));
    },
  },
  Identity: { infer: (c) => [c.in(0)], passesThrough: () => true },
};
