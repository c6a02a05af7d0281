/** Scalar functions of ONNX operators in double precision; booleans are 0 and 1. */
type Fn = (x: number, attr: (name: string, otherwise: number) => number) => number;

/** Error function, by its series near zero and by the continued fraction of erfc beyond. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 80 && Math.abs(term) > 1e-17; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let f = 0;
  for (let n = 60; n > 0; n--) f = n / 2 / (a + f);
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + f) * Math.sqrt(Math.PI)));
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => (x > 30 ? x : Math.log1p(Math.exp(x)));
/** Half to even, as ONNX Round. */
const roundEven = (x: number): number => {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
};
const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));
export const geluTanh = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

export const UNARY: Readonly<Record<string, Fn>> = {
  Abs: Math.abs,
  Ceil: Math.ceil,
  Celu: (x, attr) => Math.max(0, x) + Math.min(0, attr('alpha', 1) * Math.expm1(x / attr('alpha', 1))),
  Cos: Math.cos,
  Elu: (x, attr) => (x < 0 ? attr('alpha', 1) * Math.expm1(x) : x),
  Erf: erf,
  Exp: Math.exp,
  Floor: Math.floor,
  Gelu: gelu,
  HardSigmoid: (x, attr) => Math.max(0, Math.min(1, attr('alpha', 0.2) * x + attr('beta', 0.5))),
  HardSwish: (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)),
  // Fixed-point values are always finite.
  IsInf: () => 0,
  IsNaN: () => 0,
  LeakyRelu: (x, attr) => (x < 0 ? attr('alpha', 0.01) * x : x),
  Log: Math.log,
  Mish: (x) => x * Math.tanh(softplus(x)),
  Neg: (x) => -x,
  Not: (x) => (x === 0 ? 1 : 0),
  Reciprocal: (x) => 1 / x,
  Relu: (x) => Math.max(0, x),
  Round: roundEven,
  Selu: (x, attr) => attr('gamma', 1.0507009873554805) * (x > 0 ? x : attr('alpha', 1.6732632423543772) * Math.expm1(x)),
  Sigmoid: sigmoid,
  Sign: Math.sign,
  Sin: Math.sin,
  Softplus: softplus,
  Softsign: (x) => x / (1 + Math.abs(x)),
  Sqrt: Math.sqrt,
  Tanh: Math.tanh,
  ThresholdedRelu: (x, attr) => (x > attr('alpha', 1) ? x : 0),
};

const bool = (b: boolean): number => (b ? 1 : 0);

export const BINARY: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Mod: (a, b) => a - b * Math.floor(a / b),
  Min: Math.min,
  Max: Math.max,
  Equal: (a, b) => bool(a === b),
  Greater: (a, b) => bool(a > b),
  GreaterOrEqual: (a, b) => bool(a >= b),
  Less: (a, b) => bool(a < b),
  LessOrEqual: (a, b) => bool(a <= b),
  And: (a, b) => bool(a !== 0 && b !== 0),
  Or: (a, b) => bool(a !== 0 || b !== 0),
  Xor: (a, b) => bool((a !== 0) !== (b !== 0)),
};
