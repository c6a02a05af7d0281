import type { FuncBuilder, Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp } from './arith.ts';
import { kernelFunc, type Layout, type Port, type Space } from './frame.ts';

/** Bytes of a factor: 31-bit integer and what its exponent adds to the shift. */
export const FACTOR_BYTES = 8;
/** Fraction bits that encoded values carry until the offset is added. */
export const ENCODE_BITS = 8;

/** A real factor as `integer · 2^-(bias − 150)` for products with the 24-bit significand of a float. Zero has no bits. */
export function factorOf(value: number): { integer: number; bias: number } {
  if (value === 0 || !Number.isFinite(value)) return { integer: 0, bias: 150 };
  const exponent = 30 - Math.floor(Math.log2(Math.abs(value)));
  const integer = Math.max(-(2 ** 31) + 1, Math.min(2 ** 31 - 1, Math.round(value * 2 ** exponent)));
  return { integer, bias: Math.max(-(2 ** 20), Math.min(2 ** 20, 150 + exponent)) };
}

/** Factors as the kernels read them. */
export function packFactors(values: ArrayLike<number>): Int32Array {
  const out = new Int32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const { integer, bias } = factorOf(values[i]!);
    out[2 * i] = integer;
    out[2 * i + 1] = bias;
  }
  return out;
}

/** What an operand's elements are: bits of a float32, or integers. */
export type Elem = 'f32' | 'i16' | 'i32';
export const ELEM_BYTES = { f32: 4, i16: 2, i32: 4 } as const;

/** Significand with its sign, and biased exponent, of the float32 whose bits are `bits`. */
function unpack(b: FuncBuilder, bits: Reg): { significand: Reg; exponent: Reg } {
  const exponent = b.rsh(bits, 23);
  b.aluTo(exponent, 'and', exponent, 255);
  const sign = b.rsh(bits, 31);
  const significand = b.and(bits, 0x7f_ffff);
  b.aluTo(significand, 'or', significand, 0x80_0000);
  const flip = b.sub(0, sign);
  b.aluTo(significand, 'xor', significand, flip);
  b.aluTo(significand, 'add', significand, sign);
  return { significand, exponent };
}

/** An element as a significand and an exponent. */
export function operand(b: FuncBuilder, from: Reg, elem: Elem): { significand: Reg; exponent: Reg } {
  const value = b.load(from, 0, ELEM_BYTES[elem], elem !== 'f32');
  return elem === 'f32' ? unpack(b, value) : { significand: value, exponent: b.copy(150) };
}

/** `significand · factor` as a 64-bit integer; what is too large for it keeps its sign and is at least 2⁵⁴ high. */
export function times(b: FuncBuilder, { significand, exponent }: { significand: Reg; exponent: Reg }, factor: Reg): Reg {
  const product = b.load(factor, 0, 4, true);
  b.aluTo(product, 'mul', product, significand);
  const shift = b.sub(b.load(factor, 4, 4, true), exponent);
  clamp(b, shift, 0, 63);
  b.aluTo(product, 'arsh', product, shift);
  return product;
}

/**
 * `out[c] = clamp((x[c]·factor[c] + offset[c] + half) s>> 8)` of float32 bits or integers: every column has its own factor, so that features of very
 * different sizes become int16 without loss. Arguments: out, x, factors, offsets (64-bit).
 */
export function encodeKernel(
  name: string,
  s: { readonly count: number; readonly space: Space; readonly elem: Elem; readonly max: number },
  layout: Layout,
  origin: OriginId,
): IrFunc {
  const { count, space, elem, max } = s;
  const size = ELEM_BYTES[elem];
  const ports: Port[] = [
    { space: 'scratch', extent: 2 * count },
    { space, extent: size * count },
    { space: 'weights', extent: FACTOR_BYTES * count },
    { space: 'weights', extent: 8 * count },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const steps = [2, size, FACTOR_BYTES, 8];
    b.strided(
      count,
      ptrs.map((p, i) => [p, steps[i]!] as const),
      ([to, from, factor, offset]) => {
        const value = times(b, operand(b, from!, elem), factor!);
        b.aluTo(value, 'add', value, b.load(offset!, 0, 8));
        b.aluTo(value, 'add', value, 1 << (ENCODE_BITS - 1));
        b.aluTo(value, 'arsh', value, ENCODE_BITS);
        clamp(b, value, -max, max);
        b.store(to!, 0, value, 2);
      },
    );
  });
}

/**
 * `scores[n] += Σ x[c]·factor[c, n]` in 64-bit integers: exact products of a significand (or an integer) and 31 bits. Arguments: scores, x,
 * factors (column by column).
 */
export function floatLinearKernel(
  name: string,
  s: { readonly columns: number; readonly scores: number; readonly space: Space; readonly elem: Elem },
  layout: Layout,
  origin: OriginId,
): IrFunc {
  const row = FACTOR_BYTES * s.scores;
  const size = ELEM_BYTES[s.elem];
  const ports: Port[] = [
    { space: 'scratch', extent: 8 * s.scores },
    { space: s.space, extent: size * s.columns },
    { space: 'weights', extent: row * s.columns },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [scores, x, factors] = ptrs as [Reg, Reg, Reg];
    b.strided(
      s.columns,
      [
        [x, size],
        [factors, row],
      ],
      ([from, first]) => {
        const float = operand(b, from!, s.elem);
        b.strided(
          s.scores,
          [
            [scores, 8],
            [first!, FACTOR_BYTES],
          ],
          ([score, factor]) => {
            const term = times(b, float, factor!);
            b.aluTo(term, 'add', term, b.load(score!, 0, 8));
            b.store(score!, 0, term, 8);
          },
        );
      },
    );
  });
}

/** What a column of floats becomes: its bits, with one value of them replaced, 1 where they are above a threshold, or a whole number. */
export type FloatChange = 'copy' | 'impute' | 'binarize' | 'truncate';

/**
 * Copies float32 bits. `impute`: a column's NaN (or the bits given) becomes the column's constant; `binarize`: 1 above a key, else 0;
 * `truncate`: the fraction is cut off. Arguments: out, x, parameters of each column (two 32-bit words: what is replaced or the threshold's key, and the replacement).
 */
export function floatCopyKernel(
  name: string,
  s: { readonly count: number; readonly space: Space; readonly change: FloatChange; readonly nan: boolean },
  layout: Layout,
  origin: OriginId,
): IrFunc {
  const ports: Port[] = [
    { space: 'scratch', extent: 4 * s.count },
    { space: s.space, extent: 4 * s.count },
    ...(s.change === 'copy' || s.change === 'truncate' ? [] : [{ space: 'weights' as const, extent: 8 * s.count }]),
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const steps = [4, 4, 8];
    b.strided(
      s.count,
      ptrs.map((p, i) => [p, steps[i]!] as const),
      ([to, from, parameter]) => {
        const bits = b.load(from!, 0, 4);
        if (s.change === 'impute') {
          // 1 where the value is to be replaced.
          const hit = s.nan ? b.sub(0x7f80_0000, b.and(bits, 0x7fff_ffff)) : b.xor(bits, b.load(parameter!, 0, 4));
          if (!s.nan) b.aluTo(hit, 'sub', hit, 1);
          b.aluTo(hit, 'rsh', hit, 63);
          const other = b.load(parameter!, 4, 4);
          b.aluTo(other, 'xor', other, bits);
          b.aluTo(other, 'mul', other, hit);
          b.aluTo(bits, 'xor', bits, other);
        } else if (s.change === 'binarize') {
          const sign = b.rsh(bits, 31);
          b.aluTo(bits, 'and', bits, 0x7fff_ffff);
          const flip = b.sub(0, sign);
          b.aluTo(bits, 'xor', bits, flip);
          b.aluTo(bits, 'add', bits, sign);
          const above = b.sub(b.load(parameter!, 0, 4, true), bits);
          b.aluTo(above, 'rsh', above, 63);
          b.aluTo(above, 'mul', above, 0x3f80_0000);
          b.assign(bits, above);
        }
        if (s.change === 'truncate') {
          // 150 is the exponent of 2²³, from which on floats are whole; below 127 nothing but the sign is left.
          const cut = b.sub(150, b.and(b.rsh(bits, 23), 255));
          clamp(b, cut, 0, 31);
          const small = b.sub(23, cut);
          b.aluTo(small, 'rsh', small, 63);
          b.aluTo(small, 'xor', small, 1);
          b.aluTo(bits, 'rsh', bits, cut);
          b.aluTo(bits, 'lsh', bits, cut);
          b.aluTo(bits, 'mul', bits, small);
        }
        b.store(to!, 0, bits, 4);
      },
    );
  });
}

/**
 * For each of `count` categories 1.0 where the float `x` has its bits, else 0. Arguments: out, x, bits of the categories.
 */
export function oneHotKernel(name: string, s: { readonly count: number; readonly space: Space }, layout: Layout, origin: OriginId): IrFunc {
  const ports: Port[] = [
    { space: 'scratch', extent: 4 * s.count },
    { space: s.space, extent: 4 },
    { space: 'weights', extent: 4 * s.count },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const [out, x, categories] = ptrs as [Reg, Reg, Reg];
    const bits = b.load(x, 0, 4);
    b.strided(
      s.count,
      [
        [out, 4],
        [categories, 4],
      ],
      ([to, category]) => {
        const hit = b.xor(bits, b.load(category!, 0, 4));
        b.aluTo(hit, 'sub', hit, 1);
        b.aluTo(hit, 'rsh', hit, 63);
        b.aluTo(hit, 'mul', hit, 0x3f80_0000);
        b.store(to!, 0, hit, 4);
      },
    );
  });
}
