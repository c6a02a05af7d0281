import type { FuncBuilder, Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { extentOf, kernelFunc, type Layout, lanes, MAP_OF, walk } from './frame.ts';
import { type RowShape, saturated } from './rows.ts';

/** 1/√m for the ten highest bits of a number whose top bit is 30 or 31: 2³¹/√m. */
const FIRST = 256;
const ENTRIES = 1024 - FIRST;

export function rsqrtTable(): Uint8Array {
  const table = new Uint32Array(ENTRIES);
  for (let i = 0; i < ENTRIES; i++) table[i] = Math.round(2 ** 31 / Math.sqrt((i + FIRST + 0.5) * 2 ** 22));
  return new Uint8Array(table.buffer);
}

/** Fraction bits of an inverse root. */
export const ROOT_UNIT = 20;
/** Fraction bits of a normalised value, and of what multiplies it. */
const UNIT = ROOT_UNIT;
const GAMMA = 8;
/** Bytes of shift and factor of each column, after the 8 of epsilon. */
const NORM_COLUMN_BYTES = 16;

/** Epsilon in the kernel's units, then for each column the shift (with the rounding half) and the factor. */
export function normParams(gamma: Float64Array, beta: Float64Array, eps: number, xScale: number, outScale: number): BigInt64Array {
  const d = gamma.length;
  const params = new BigInt64Array(1 + 2 * d);
  params[0] = BigInt(Math.max(1, Math.round((eps * d * d) / (xScale * xScale))));
  for (let i = 0; i < d; i++) {
    params[1 + 2 * i] = BigInt(Math.round((beta[i] / outScale) * 2 ** (UNIT + GAMMA))) + (1n << BigInt(UNIT + GAMMA - 1));
    params[2 + 2 * i] = BigInt(Math.round(((Math.sign(xScale) * gamma[i]) / outScale) * 2 ** GAMMA));
  }
  return params;
}

/**
 * With D values x of sum S, `D·x − S` over `√(D·Σx² − S² + eps·D²/scale²)` is the normalised value, so integers are exact up
 * to the root. The root's inverse comes from a table and one Newton step: relative error below 2⁻¹⁸.
 */
export function normKernel(
  name: string,
  s: RowShape & { readonly d: number; readonly center: boolean },
  layout: Layout,
  origin: OriginId,
): IrFunc {
  const { d } = s;
  const ports = [
    { space: s.spaces[0], extent: extentOf(s.levels, 0, 2) + (s.lanes - 1) * s.laneStrides[0] },
    { space: s.spaces[1], extent: extentOf(s.levels, 1, 2) + (s.lanes - 1) * s.laneStrides[1] },
    { space: 'weights' as const, extent: 8 + d * NORM_COLUMN_BYTES },
  ];
  let tail = 1;
  const levels = [...s.levels]
    .reverse()
    .map((l) => {
      const made = { n: l.n, strides: [l.strides[0], l.strides[1], NORM_COLUMN_BYTES * tail] };
      tail *= l.n;
      return made;
    })
    .reverse();
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    lanes(b, s.lanes, ptrs.slice(0, 2), s.laneStrides, ([out, x]) => {
      const sum = b.copy(0);
      const squares = b.copy(0);
      walk(b, levels, [out, x, ptrs[2]], 4, (p, off) => {
        const v = b.load(p[1], off[1], 2, true);
        if (s.center) b.aluTo(sum, 'add', sum, v);
        b.aluTo(v, 'mul', v, v);
        b.aluTo(squares, 'add', squares, v);
      });
      const q = b.mul(squares, d);
      b.aluTo(q, 'sub', q, b.mul(sum, sum));
      b.aluTo(q, 'add', q, b.load(ptrs[2], 0, 8));
      const { root, shift } = inverseRoot(b, q, layout);
      saturated(b, { levels, outMax: s.outMax }, [out, x, ptrs[2]], 4, (p, off) => {
        const v = b.load(p[1], off[1], 2, true);
        const power = Math.log2(d);
        if (Number.isInteger(power)) b.aluTo(v, 'lsh', v, power);
        else b.aluTo(v, 'mul', v, d);
        if (s.center) b.aluTo(v, 'sub', v, sum);
        b.aluTo(v, 'mul', v, root);
        b.aluTo(v, 'arsh', v, shift);
        b.aluTo(v, 'mul', v, b.load(p[2], off[2] + 16, 8));
        b.aluTo(v, 'add', v, b.load(p[2], off[2] + 8, 8));
        b.aluTo(v, 'arsh', v, UNIT + GAMMA);
        return v;
      });
    });
  });
}

/** `root >> shift` is 2²⁰/√q, for q of at least 1. `q` is lost. */
export function inverseRoot(b: FuncBuilder, q: Reg, layout: Layout): { root: Reg; shift: Reg } {
  // Shift left by even amounts until the top bit is 62 or 63.
  const moved = b.copy(0);
  for (const step of [32, 16, 8, 4, 2]) {
    const free = b.rsh(q, 64 - step);
    b.aluTo(free, 'sub', free, 1);
    b.aluTo(free, 'rsh', free, 63);
    b.aluTo(free, 'mul', free, step);
    b.aluTo(q, 'lsh', q, free);
    b.aluTo(moved, 'add', moved, free);
  }
  b.aluTo(q, 'rsh', q, 32);
  const at = b.rsh(q, 22);
  b.aluTo(at, 'sub', at, FIRST);
  // q's top bit is known to us but not to the verifier.
  b.aluTo(at, 'and', at, 1023);
  b.when('ugt', at, ENTRIES - 1, () => b.assign(at, ENTRIES - 1));
  b.aluTo(at, 'lsh', at, 2);
  const u = b.load(b.add(b.mapValue(MAP_OF.weights, layout.rsqrtOff), at), 0, 4);
  // Newton: u·(3 − q·u²)/2, with q·u² near 2⁶².
  b.aluTo(q, 'mul', q, u);
  b.aluTo(q, 'mul', q, u);
  const root = b.const(3n << 62n);
  b.aluTo(root, 'sub', root, q);
  b.aluTo(root, 'rsh', root, 32);
  b.aluTo(root, 'mul', root, u);
  b.aluTo(root, 'rsh', root, 16);
  const shift = b.rsh(moved, 1);
  const total = b.copy(62 - UNIT);
  b.aluTo(total, 'sub', total, shift);
  b.aluTo(total, 'and', total, 63);
  return { root, shift: total };
}
