import type { IrFunc, OriginId } from '../ir/ir.ts';
import { maxInto } from './arith.ts';
import { extentOf, kernelFunc, type Layout, lanes, MAP_OF, walk } from './frame.ts';
import type { RowShape } from './rows.ts';

/** exp(−u) for u from 0 to 16 in steps of 1/64, in 20 fraction bits; one entry more for the interpolation. */
const STEPS = 1024;
const PER_UNIT = 64;
const ONE = 1 << 20;
/** Fraction bits of an index into the table. */
const FRACTION = 8;
export const EXP_BYTES = (STEPS + 1) * 4;

export function expTable(): Uint8Array {
  const table = new Uint32Array(STEPS + 1);
  for (let i = 0; i < STEPS; i++) table[i] = Math.round(ONE * Math.exp(-i / PER_UNIT));
  return new Uint8Array(table.buffer);
}

/** Turns a difference of scores into a table position: `(d·m) >> 16`. */
export const expMultiplier = (scale: number): number => Math.max(1, Math.round(scale * PER_UNIT * 2 ** (FRACTION + 16)));

/** Probabilities in units of 2⁻¹⁵: maximum, table, sum, one division a row. Exponentials wait in the packing area. */
export function softmaxKernel(name: string, s: RowShape, layout: Layout, origin: OriginId): IrFunc {
  const ports = [
    { space: s.spaces[0], extent: extentOf(s.levels, 0, 2) + (s.lanes - 1) * s.laneStrides[0] },
    { space: s.spaces[1], extent: extentOf(s.levels, 1, 2) + (s.lanes - 1) * s.laneStrides[1] },
    { space: 'weights' as const, extent: 8 },
  ];
  const limit = (STEPS - 1) << FRACTION;
  let tail = 1;
  const levels = [...s.levels]
    .reverse()
    .map((l) => {
      const made = { n: l.n, strides: [l.strides[0], l.strides[1], 4 * tail] };
      tail *= l.n;
      return made;
    })
    .reverse();
  return kernelFunc(name, layout, ports, { origin, pack: true }, ({ b, ptrs, pack }) => {
    const m = b.load(ptrs[2], 0, 8);
    lanes(b, s.lanes, ptrs.slice(0, 2), s.laneStrides, ([out, x]) => {
      const top = b.copy(-32768);
      walk(b, levels, [out, x, pack], 4, (p, off) => maxInto(b, top, b.load(p[1], off[1], 2, true)));
      const sum = b.copy(0);
      const table = b.mapValue(MAP_OF.weights, layout.expOff);
      walk(b, levels, [out, x, pack], 4, (p, off) => {
        const d = b.sub(top, b.load(p[1], off[1], 2, true));
        b.aluTo(d, 'mul', d, m);
        b.aluTo(d, 'rsh', d, 16);
        b.when('ugt', d, limit, () => b.assign(d, limit));
        const at = b.rsh(d, FRACTION);
        b.aluTo(at, 'lsh', at, 2);
        b.aluTo(at, 'add', table, at);
        b.aluTo(d, 'and', d, (1 << FRACTION) - 1);
        const e = b.load(at, 0, 4);
        const next = b.load(at, 4, 4);
        b.aluTo(next, 'sub', next, e);
        b.aluTo(next, 'mul', next, d);
        b.aluTo(next, 'arsh', next, FRACTION);
        b.aluTo(e, 'add', e, next);
        b.aluTo(sum, 'add', sum, e);
        b.store(p[2], off[2], e, 4);
      });
      // The largest element contributes 2²⁰, so the quotient stays below 2³⁰ and a product below 2⁵⁰.
      const inverse = b.const(1n << 50n);
      b.aluTo(inverse, 'div', inverse, sum);
      walk(b, levels, [out, x, pack], 4, (p, off) => {
        const e = b.load(p[2], off[2], 4);
        b.aluTo(e, 'mul', e, inverse);
        b.aluTo(e, 'rsh', e, 34);
        b.aluTo(e, 'add', e, 1);
        b.aluTo(e, 'rsh', e, 1);
        // A probability of one is 32,767.
        b.aluTo(e, 'sub', e, b.rsh(e, 15));
        b.store(p[0], off[0], e, 2);
      });
    });
  });
}
