import type { IrFunc, OriginId } from '../ir/ir.ts';
import { maxInto } from './arith.ts';
import { extentOf, kernelFunc, type Layout, lanes, MAP_OF, walk } from './frame.ts';
import type { RowShape } from './rows.ts';

/** exp(−u) for u from 0 to 16 in steps of 1/256, as 16-bit fractions. */
const STEPS = 4096;
export const EXP_PER_UNIT = 256;
/** The last entry of the table, which stands for everything beyond. */
export const EXP_LIMIT = STEPS - 1;
const ONE = 65535;
/** Fraction bits of the quotient that turns exponentials into probabilities. */
const QUOTIENT = 30;
/** The integer that stands for a probability of one. */
export const PROBABILITY_ONE = 32767;

export const EXP_TABLE_BYTES = 2 * STEPS;

/** The table, entries of `bits` bits. */
export function expTable(bits = 16): Uint8Array {
  const table = new Uint16Array(STEPS);
  // The last entry stands for everything beyond.
  for (let i = 0; i < STEPS - 1; i++) table[i] = Math.round((bits === 16 ? ONE : 2 ** bits - 1) * Math.exp(-i / EXP_PER_UNIT));
  return new Uint8Array(table.buffer);
}

/** Multiplier and shift that turn a difference of scores into a table position: 31 bits of multiplier whatever the scale. */
export function expParams(scale: number): BigInt64Array {
  const wanted = scale * EXP_PER_UNIT;
  const shift = Math.max(0, Math.min(62, 30 - Math.ceil(Math.log2(wanted))));
  return BigInt64Array.of(BigInt(Math.max(1, Math.round(wanted * 2 ** shift))), BigInt(shift), shift > 0 ? 1n << BigInt(shift - 1) : 0n);
}

/**
 * Probabilities in units of 1/32767: maximum, table, sum, one division a row. Exponentials wait in the packing area. Scores are
 * int16, or the 32-bit sums of a matrix product.
 */
export function softmaxKernel(name: string, s: RowShape, scoreBytes: 2 | 4, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    { space: s.spaces[0], extent: extentOf(s.levels, 0, 2) + (s.lanes - 1) * s.laneStrides[0] },
    { space: s.spaces[1], extent: extentOf(s.levels, 1, scoreBytes) + (s.lanes - 1) * s.laneStrides[1] },
    { space: 'weights' as const, extent: 24 },
  ];
  let tail = 1;
  const levels = [...s.levels]
    .reverse()
    .map((l) => {
      const made = { n: l.n, strides: [l.strides[0], l.strides[1], 2 * tail] };
      tail *= l.n;
      return made;
    })
    .reverse();
  return kernelFunc(name, layout, ports, { origin, pack: true }, ({ b, ptrs, pack }) => {
    const m = b.load(ptrs[2], 0, 8);
    const shift = b.and(b.load(ptrs[2], 8, 8), 63);
    const half = b.load(ptrs[2], 16, 8);
    lanes(b, s.lanes, ptrs.slice(0, 2), s.laneStrides, ([out, x]) => {
      const top = b.copy(scoreBytes === 2 ? -32768 : -0x8000_0000);
      walk(b, levels, [out, x, pack], 4, (p, off) => maxInto(b, top, b.load(p[1], off[1], scoreBytes, true)));
      const sum = b.copy(0);
      const table = b.mapValue(MAP_OF.weights, layout.expOff);
      walk(b, levels, [out, x, pack], 4, (p, off) => {
        const d = b.sub(top, b.load(p[1], off[1], scoreBytes, true));
        b.aluTo(d, 'mul', d, m);
        b.aluTo(d, 'add', d, half);
        b.aluTo(d, 'rsh', d, shift);
        b.when('ugt', d, EXP_LIMIT, () => b.assign(d, EXP_LIMIT));
        b.aluTo(d, 'lsh', d, 1);
        b.aluTo(d, 'add', table, d);
        const e = b.load(d, 0, 2);
        b.aluTo(sum, 'add', sum, e);
        b.store(p[2], off[2], e, 2);
      });
      // The largest element contributes 65,535, so no quotient reaches one.
      const inverse = b.const(BigInt(PROBABILITY_ONE) << BigInt(QUOTIENT));
      b.aluTo(inverse, 'div', inverse, sum);
      walk(b, levels, [out, x, pack], 4, (p, off) => {
        const e = b.load(p[2], off[2], 2);
        b.aluTo(e, 'mul', e, inverse);
        b.aluTo(e, 'add', e, 1 << (QUOTIENT - 1));
        b.aluTo(e, 'rsh', e, QUOTIENT);
        b.store(p[0], off[0], e, 2);
      });
    });
  });
}
