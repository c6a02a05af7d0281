import type { Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp } from './arith.ts';
import { ELEM_BYTES, type Elem, FACTOR_BYTES, operand, times } from './floats.ts';
import { kernelFunc, type Layout, type Port, type Space } from './frame.ts';
import { ARG_BITS, argument, decay, ONE_BITS, SIGMOID_BYTES, sigmoidOf } from './scores.ts';

const ONE = 2 ** ONE_BITS;
/** Bits that a square of an element gives up, so that its product with a factor fits in 64: floats have significands of 24 bits. */
const SQUARE_SHIFT = { f32: 17, i32: 31, i16: 0 } as const;

/** `out = Σ x[c]²·factor` in 64 bits. Arguments: out, x, factor. */
export function squaresKernel(
  name: string,
  s: { readonly count: number; readonly space: Space; readonly elem: Elem },
  layout: Layout,
  origin: OriginId,
): IrFunc {
  const size = ELEM_BYTES[s.elem];
  const ports: Port[] = [
    { space: 'scratch', extent: 8 },
    { space: s.space, extent: size * s.count },
    { space: 'weights', extent: FACTOR_BYTES },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, x, factor] = ptrs as [Reg, Reg, Reg];
    const sum = b.copy(0);
    b.strided(s.count, [[x, size]], ([from]) => {
      const { significand, exponent } = operand(b, from!, s.elem);
      b.aluTo(significand, 'mul', significand, significand);
      const shift = SQUARE_SHIFT[s.elem];
      if (shift > 0) b.aluTo(significand, 'rsh', significand, shift);
      if (s.elem === 'f32') b.aluTo(exponent, 'lsh', exponent, 1);
      b.aluTo(exponent, 'add', exponent, s.elem === 'f32' ? shift - 150 : shift);
      b.aluTo(sum, 'add', sum, times(b, { significand, exponent }, factor));
    });
    b.store(out, 0, sum, 8);
  });
}

/** What a machine makes of a product with a support vector. */
export type SvmKernel = 'RBF' | 'SIGMOID' | 'POLY';

export interface SvmShape {
  readonly kernel: SvmKernel;
  /** Of POLY. */
  readonly degree: number;
  readonly count: number;
}

/**
 * Values of a row's kernels as 32-bit integers from 64-bit arguments `z` of 2⁻²⁴. RBF: `e^(z + s)` in 2⁻³⁰, with `s` the same for all; SIGMOID:
 * `2σ(z) − 1` in 2⁻³⁰; POLY: `(z / 2³⁰)^degree · 2³⁰` for z that were shifted into 30 bits. Arguments: out, z, then s and the table of `e^-x`,
 * the table of `σ(−x)`, or the shift.
 */
export function svmKernel(name: string, s: SvmShape, layout: Layout, origin: OriginId): IrFunc {
  const ports: Port[] = [
    { space: 'scratch', extent: 4 * s.count },
    { space: 'scratch', extent: 8 * s.count },
    ...(s.kernel === 'RBF' ? [{ space: 'scratch' as const, extent: 8 }] : []),
    { space: 'weights', extent: s.kernel === 'POLY' ? 8 : SIGMOID_BYTES },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, from] = ptrs as [Reg, Reg];
    const last = ptrs.at(-1)!;
    const fixed = s.kernel === 'RBF' ? b.load(ptrs[2]!, 0, 8) : s.kernel === 'POLY' ? b.and(b.load(last, 0, 8), 63) : null;
    b.strided(
      s.count,
      [
        [out, 4],
        [from, 8],
      ],
      ([to, at]) => {
        const z = b.load(at!, 0, 8);
        if (s.kernel === 'RBF') {
          b.aluTo(z, 'add', z, fixed!);
          b.aluTo(z, 'sub', 0, z);
          // Rounding may leave less than nothing.
          b.when('slt', z, 0, () => b.assign(z, 0));
          argument(b, z);
          b.store(to!, 0, decay(b, last, z), 4);
          return;
        }
        if (s.kernel === 'SIGMOID') {
          const y = sigmoidOf(b, last, z);
          b.aluTo(y, 'lsh', y, 1);
          b.aluTo(y, 'sub', y, ONE);
          b.store(to!, 0, y, 4);
          return;
        }
        b.aluTo(z, 'arsh', z, fixed!);
        clamp(b, z, -ONE, ONE);
        const y = b.copy(z);
        for (let i = 1; i < s.degree; i++) {
          b.aluTo(y, 'mul', y, z);
          b.aluTo(y, 'arsh', y, ONE_BITS);
        }
        b.store(to!, 0, y, 4);
      },
    );
  });
}

/** Votes of machines for each pair of classes, the first of a pair where the score is above zero, as 64-bit numbers. Arguments: out, scores. */
export function votesKernel(name: string, s: { readonly classes: number }, layout: Layout, origin: OriginId): IrFunc {
  const pairs = (s.classes * (s.classes - 1)) / 2;
  const ports: Port[] = [
    { space: 'scratch', extent: 8 * s.classes },
    { space: 'scratch', extent: 8 * pairs },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, scores] = ptrs as [Reg, Reg];
    for (let c = 0; c < s.classes; c++) b.store(out, 8 * c, b.copy(0), 8);
    let pair = 0;
    const add = (c: number, vote: Reg): void => b.store(out, 8 * c, b.add(b.load(out, 8 * c, 8), vote), 8);
    for (let i = 0; i < s.classes - 1; i++)
      for (let j = i + 1; j < s.classes; j++) {
        const first = b.sub(0, b.load(scores, 8 * pair++, 8));
        b.aluTo(first, 'rsh', first, 63);
        add(i, first);
        add(j, b.xor(first, 1));
      }
  });
}

/** Fraction bits of arguments. */
export const SVM_BITS = ARG_BITS;
