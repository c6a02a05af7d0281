import { allocate, isFloat, isWide } from '../tensor.ts';
import { type OpDef, product } from './context.ts';
import { arithmetic, type Big2, binary, binaryData, type Num2, plain, unary } from './elementwise.ts';
import { broadcastMap, elements, larger, smaller } from './indexing.ts';

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const softplus = (x: number) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);

/** Round half to even, as ONNX Round does. */
const roundEven = (x: number) => {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
};

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

/** Functions, comparisons, logic and choices, element by element. */
export const FUNCTIONS: Readonly<Record<string, OpDef>> = {
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
  Asinh: plain(Math.asinh),
  Acosh: plain(Math.acosh),
  Atanh: plain(Math.atanh),
  Sigmoid: plain(sigmoid),
  Softplus: plain(softplus),
  Softsign: plain((x) => x / (1 + Math.abs(x))),
  HardSwish: plain((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  Mish: plain((x) => x * Math.tanh(softplus(x))),
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
  Mod: mod,
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
};
