import type { Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { kernelFunc, type Layout, type Space, walk } from './frame.ts';
import { inverseRoot, ROOT_UNIT } from './norm.ts';
import { formBytes, type PairForm } from './pair.ts';

/** Elements that are unrolled at once. */
const UNROLL = 8;
/** Normalised values have no more than √d in magnitude, so that nothing has to be tested for range; rounding may add this share. */
export const NORM_MARGIN = 1 + 2 ** -9;
/** Above this many columns √d would waste bits on values that never come. */
export const NORM_PAIR_COLUMNS = 256;
/** Fraction bits of the factor in the parameters, and of results before they are rounded. */
const FACTOR = 16;
const UNIT = 32;
/** Epsilon and factor. */
export const NORM_PAIR_BYTES = 16;

export interface NormPairShape {
  readonly d: number;
  readonly center: boolean;
  readonly xSpace: Space;
  readonly x: PairForm;
  readonly out: PairForm;
  /** What integers of words are raised by, before and after. */
  readonly xZero: number;
  readonly outZero: number;
}

const kind = (form: PairForm): string => (form.words ? 'w' : 'r');
export const normPairName = (s: NormPairShape): string => `norm_${s.d}_${kind(s.x)}${kind(s.out)}`;

/** Epsilon in the kernel's units, and results' units in one deviation. */
export const normPairParams = (d: number, eps: number, xScale: number, outScale: number): BigInt64Array =>
  BigInt64Array.of(
    BigInt(Math.max(1, Math.round((eps * d * d) / (xScale * xScale)))),
    BigInt(Math.round((Math.sign(xScale) / outScale) * 2 ** FACTOR)),
  );

/**
 * Normalisation of a pair of rows without gamma and beta, which went into the product that reads it. With D values x of sum S and `f` a unit's inverse over
 * `√(D·Σx² − S² + eps)`, the result `(D·x − S)·f` is `x·(D·f) − S·f`: one multiplication each. Both terms may wrap; their difference never does.
 * Arguments: results, values, parameters.
 */
export function normPairKernel(name: string, s: NormPairShape, layout: Layout, origin: OriginId): IrFunc {
  const { d } = s;
  const ports = [
    { space: 'scratch' as const, extent: formBytes(s.out, d) },
    { space: s.xSpace, extent: formBytes(s.x, d) },
    { space: 'weights' as const, extent: NORM_PAIR_BYTES },
  ];
  const [step, upper] = s.x.words ? [8, 4] : [2, s.x.lane];
  const zero = s.center ? 0 : s.x.words ? s.xZero : 0;
  const signed = !s.x.words;
  const outStep = s.out.words ? 8 : 2;
  const outZero = s.out.words ? s.outZero : 0;
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, x, params] = ptrs as [Reg, Reg, Reg];
    const both = [0, upper];
    const value = (from: Reg, off: number) => {
      const v = b.load(from, off, 2, signed);
      if (zero) b.aluTo(v, 'sub', v, zero);
      return v;
    };
    const sums = both.map(() => b.copy(0));
    const squares = both.map(() => b.copy(0));
    walk(b, [{ n: d, strides: [step] }], [x], UNROLL, ([from], [off]) => {
      for (const [lane, at] of both.entries()) {
        const v = value(from!, off! + at);
        if (s.center) b.aluTo(sums[lane]!, 'add', sums[lane]!, v);
        b.aluTo(v, 'mul', v, v);
        b.aluTo(squares[lane]!, 'add', squares[lane]!, v);
      }
    });
    const made = both.map((_, lane) => {
      const q = squares[lane]!;
      const sum = sums[lane]!;
      b.aluTo(q, 'mul', q, d);
      if (s.center) b.aluTo(q, 'sub', q, b.mul(sum, sum));
      b.aluTo(q, 'add', q, b.load(params, 0, 8));
      const { root, shift } = inverseRoot(b, q, layout);
      // `root >> shift` is 2²⁰ / √q, and the factor has 16 fraction bits.
      b.aluTo(root, 'mul', root, b.load(params, 8, 8));
      b.aluTo(shift, 'add', shift, ROOT_UNIT + FACTOR - UNIT);
      b.aluTo(root, 'arsh', root, shift);
      b.aluTo(sum, 'mul', sum, root);
      const add = b.const((1n << BigInt(UNIT - 1)) + (BigInt(outZero) << BigInt(UNIT)));
      b.aluTo(add, 'sub', add, sum);
      b.aluTo(root, 'mul', root, d);
      return { add, factor: root };
    });
    walk(b, [{ n: d, strides: [step, outStep] }], [x, out], UNROLL, ([from, to], [off, toOff]) => {
      const [low, high] = both.map((at, lane) => {
        const v = value(from!, off! + at);
        b.aluTo(v, 'mul', v, made[lane]!.factor);
        b.aluTo(v, 'add', v, made[lane]!.add);
        if (lane === 0 || !s.out.words) b.aluTo(v, 'rsh', v, UNIT);
        return v;
      }) as [Reg, Reg];
      if (s.out.words) {
        // The upper half of a word is where the result of the second row lies already; that of the first goes over the rest.
        b.store(to!, toOff!, high, 8);
        b.store(to!, toOff!, low, 4);
      } else {
        b.store(to!, toOff!, low, 2);
        b.store(to!, toOff! + s.out.lane, high, 2);
      }
    });
  });
}
