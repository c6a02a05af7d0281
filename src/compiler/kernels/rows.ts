import type { FuncBuilder, Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { clamp, type Limit, notNegative, requant, saturator } from './arith.ts';
import { extentOf, kernelFunc, type Lanes, type Layout, type Level, lanes, type Port, type Space, walk, walkGroups } from './frame.ts';

/** Fraction bits of multipliers in elementwise kernels. */
export const ROW_SHIFT = 24;
/** Fraction bits that additive constants of `affine` carry. */
export const CONST_SHIFT = 8;

/** Operands of an elementwise kernel over one or two rows; index 0 is the output. */
export interface RowShape {
  readonly lanes: Lanes;
  /** Columns, with a stride in bytes for each operand. */
  readonly levels: readonly Level[];
  readonly laneStrides: readonly number[];
  readonly spaces: readonly Space[];
  readonly outMax: Limit;
}

/** Bytes of an element: activations are int16, constants in the weights are wider. */
const portsOf = (s: RowShape, sizes: readonly number[], params: number): Port[] => [
  ...s.spaces.map((space, i) => ({ space, extent: extentOf(s.levels, i, sizes[i]) + (s.lanes - 1) * s.laneStrides[i] })),
  { space: 'weights', extent: params },
];

export const rowName = (kind: string, s: RowShape): string =>
  `${kind}_${s.levels.map((l) => l.n).join('x') || '1'}${s.lanes === 1 ? '_row' : ''}`;

/** Computes every element of a row and stores it saturated in operand 0. */
export function saturated(
  b: FuncBuilder,
  s: Pick<RowShape, 'levels' | 'outMax'>,
  rows: readonly Reg[],
  unroll: number,
  element: (ptrs: readonly Reg[], offs: readonly number[]) => Reg,
): void {
  walkGroups(b, s.levels, rows, unroll, (p, group) => {
    const outputs = saturator(b, group.length, s.outMax);
    for (const offs of group) outputs.put(element(p, offs), (value) => b.store(p[0], offs[0], value, 2));
    outputs.finish();
  });
}

/** `out = (a·ma + b·mb + half) s>> 24`; parameters ma, mb. */
export function addKernel(name: string, s: RowShape, relu: boolean, layout: Layout, origin: OriginId): IrFunc {
  return kernelFunc(name, layout, portsOf(s, [2, 2, 2], 16), { origin, pack: false }, ({ b, ptrs }) => {
    const ma = b.load(ptrs[3], 0, 8);
    const mb = b.load(ptrs[3], 8, 8);
    lanes(b, s.lanes, ptrs.slice(0, 3), s.laneStrides, (rows) => {
      saturated(b, s, rows, 4, (p, off) => {
        const x = b.load(p[1], off[1], 2, true);
        const y = b.load(p[2], off[2], 2, true);
        b.aluTo(x, 'mul', x, ma);
        b.aluTo(y, 'mul', y, mb);
        b.aluTo(x, 'add', x, y);
        b.aluTo(x, 'add', x, 1 << (ROW_SHIFT - 1));
        b.aluTo(x, 'arsh', x, ROW_SHIFT);
        if (relu) notNegative(b, x);
        return x;
      });
    });
  });
}

/** `out = (a·b·m + half) s>> 32`; parameters m, half. */
export function mulKernel(name: string, s: RowShape, layout: Layout, origin: OriginId): IrFunc {
  return kernelFunc(name, layout, portsOf(s, [2, 2, 2], 16), { origin, pack: false }, ({ b, ptrs }) => {
    const m = b.load(ptrs[3], 0, 8);
    const half = b.load(ptrs[3], 8, 8);
    lanes(b, s.lanes, ptrs.slice(0, 3), s.laneStrides, (rows) => {
      saturated(b, s, rows, 4, (p, off) => {
        const x = b.load(p[1], off[1], 2, true);
        b.aluTo(x, 'mul', x, b.load(p[2], off[2], 2, true));
        requant(b, x, m, half, 32);
        return x;
      });
    });
  });
}

/** `out = ±(|a|·m / |b| + half) >> 24` with unsigned division, which every kernel has; a divisor of zero gives zero. */
export function divKernel(name: string, s: RowShape, layout: Layout, origin: OriginId): IrFunc {
  return kernelFunc(name, layout, portsOf(s, [2, 2, 2], 8), { origin, pack: false }, ({ b, ptrs }) => {
    const m = b.load(ptrs[3], 0, 8);
    lanes(b, s.lanes, ptrs.slice(0, 3), s.laneStrides, (rows) => {
      saturated(b, s, rows, 1, (p, off) => {
        const abs = (v: Reg): Reg => {
          const sign = b.arsh(v, 63);
          b.aluTo(v, 'xor', v, sign);
          b.aluTo(v, 'sub', v, sign);
          return sign;
        };
        const x = b.load(p[1], off[1], 2, true);
        b.aluTo(x, 'mul', x, m);
        const sign = abs(x);
        const y = b.load(p[2], off[2], 2, true);
        b.aluTo(sign, 'xor', sign, abs(y));
        b.aluTo(x, 'div', x, y);
        b.aluTo(x, 'add', x, 1 << (ROW_SHIFT - 1));
        b.aluTo(x, 'rsh', x, ROW_SHIFT);
        b.aluTo(x, 'xor', x, sign);
        b.aluTo(x, 'sub', x, sign);
        return x;
      });
    });
  });
}

/** `out = (x·m·mul? + (add? << 16) + half) s>> 24`, constants of 32 bits each; parameter m when there is no mul. */
export function affineKernel(
  name: string,
  s: RowShape,
  has: { readonly mul: boolean; readonly add: boolean },
  layout: Layout,
  origin: OriginId,
): IrFunc {
  const ports = portsOf(s, [2, 2, ...s.spaces.slice(2).map(() => 4)], 8);
  const addAt = has.mul ? 3 : 2;
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    const m = has.mul ? null : b.load(ptrs[ptrs.length - 1], 0, 8);
    lanes(b, s.lanes, ptrs.slice(0, -1), s.laneStrides, (rows) => {
      saturated(b, s, rows, 4, (p, off) => {
        const x = b.load(p[1], off[1], 2, true);
        b.aluTo(x, 'mul', x, m ?? b.load(p[2], off[2], 4, true));
        if (has.add) {
          const c = b.load(p[addAt], off[addAt], 4, true);
          b.aluTo(c, 'lsh', c, ROW_SHIFT - CONST_SHIFT);
          b.aluTo(x, 'add', x, c);
        }
        b.aluTo(x, 'add', x, 1 << (ROW_SHIFT - 1));
        b.aluTo(x, 'arsh', x, ROW_SHIFT);
        return x;
      });
    });
  });
}

/** Bits of a table index; the rest of the 16 interpolates. */
export const TABLE_BITS = 10;
const TABLE_BYTES = ((1 << TABLE_BITS) + 1) * 2;

/** `out = table(x)` by linear interpolation between 1,025 points over the whole int16 range. */
export function tableKernel(name: string, s: RowShape, layout: Layout, origin: OriginId): IrFunc {
  const fraction = 16 - TABLE_BITS;
  return kernelFunc(name, layout, portsOf(s, [2, 2], TABLE_BYTES), { origin, pack: false }, ({ b, ptrs }) => {
    lanes(b, s.lanes, ptrs.slice(0, 2), s.laneStrides, (rows) => {
      walk(b, s.levels, rows, 4, (p, off) => {
        const x = b.load(p[1], off[1], 2);
        b.aluTo(x, 'xor', x, 0x8000);
        const at = b.rsh(x, fraction);
        b.aluTo(at, 'lsh', at, 1);
        b.aluTo(at, 'add', ptrs[2], at);
        b.aluTo(x, 'and', x, (1 << fraction) - 1);
        const y = b.load(at, 0, 2, true);
        const next = b.load(at, 2, 2, true);
        b.aluTo(next, 'sub', next, y);
        b.aluTo(next, 'mul', next, x);
        b.aluTo(next, 'add', next, 1 << (fraction - 1));
        b.aluTo(next, 'arsh', next, fraction);
        b.aluTo(y, 'add', y, next);
        b.store(p[0], off[0], y, 2);
      });
    });
  });
}

/** Bits of the index into a table without interpolation. */
export const DIRECT_BITS = 12;

/** `out = table(x)`, the point in the middle of 4,096 steps: for readers that take no more than the upper bits of a value. */
export function directTableKernel(name: string, s: RowShape, layout: Layout, origin: OriginId): IrFunc {
  return kernelFunc(name, layout, portsOf(s, [2, 2], 2 << DIRECT_BITS), { origin, pack: false }, ({ b, ptrs }) => {
    lanes(b, s.lanes, ptrs.slice(0, 2), s.laneStrides, (rows) => {
      walk(b, s.levels, rows, 8, (p, off) => {
        const x = b.load(p[1], off[1], 2);
        b.aluTo(x, 'xor', x, 0x8000);
        b.aluTo(x, 'rsh', x, 16 - DIRECT_BITS);
        b.aluTo(x, 'lsh', x, 1);
        b.aluTo(x, 'add', ptrs[2], x);
        b.store(p[0], off[0], b.load(x, 0, 2), 2);
      });
    });
  });
}

/** `out = clamp((x·m + half) s>> 24)`: a copy into another place or scale. */
export function copyKernel(name: string, s: RowShape, layout: Layout, origin: OriginId): IrFunc {
  return kernelFunc(name, layout, portsOf(s, [2, 2], 8), { origin, pack: false }, ({ b, ptrs }) => {
    const m = b.load(ptrs[2], 0, 8);
    lanes(b, s.lanes, ptrs.slice(0, 2), s.laneStrides, (rows) => {
      saturated(b, s, rows, 4, (p, off) => {
        const x = b.load(p[1], off[1], 2, true);
        requant(b, x, m, 1 << (ROW_SHIFT - 1), ROW_SHIFT);
        return x;
      });
    });
  });
}

/** Copies int16 constants from the weights. */
export function fillKernel(name: string, s: RowShape, layout: Layout, origin: OriginId): IrFunc {
  const ports = portsOf(s, [2, 2], 0).slice(0, 2);
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    lanes(b, s.lanes, ptrs, s.laneStrides, (rows) => {
      walk(b, s.levels, rows, 8, (p, off) => b.store(p[0], off[0], b.load(p[1], off[1], 2), 2));
    });
  });
}

/** Leaves results of `bytes` each as 32-bit integers in the output map, in the unit that its readers know: `(x·m + half) s>> 24`; parameter m. */
export function emitKernel(name: string, s: RowShape, bytes: 2 | 4, layout: Layout, origin: OriginId): IrFunc {
  return kernelFunc(name, layout, portsOf(s, [4, bytes], 8), { origin, pack: false }, ({ b, ptrs }) => {
    const m = b.load(ptrs[2], 0, 8);
    lanes(b, s.lanes, ptrs.slice(0, 2), s.laneStrides, (rows) => {
      walk(b, s.levels, rows, 4, (p, off) => {
        const x = b.load(p[1], off[1], bytes, true);
        requant(b, x, m, 1 << (ROW_SHIFT - 1), ROW_SHIFT);
        // Weights that were replaced may give results beyond the range that the unit was chosen for.
        if (bytes === 4) clamp(b, x, -(2 ** 31 - 1), 2 ** 31 - 1);
        b.store(p[0], off[0], x, 4);
      });
    });
  });
}

/** Rows of an int16 table in the weights chosen by 16-bit tokens; a token beyond the vocabulary takes the last row. */
export function embedKernel(
  name: string,
  s: RowShape & { readonly rows: number; readonly width: number },
  layout: Layout,
  origin: OriginId,
): IrFunc {
  const rowBytes = s.width * 2;
  const wide = rowBytes % 8 === 0;
  const size = wide ? 8 : 2;
  const ports: Port[] = [
    { space: s.spaces[0], extent: rowBytes + (s.lanes - 1) * s.laneStrides[0] },
    { space: s.spaces[1], extent: 2 + (s.lanes - 1) * s.laneStrides[1] },
    { space: 'weights', extent: s.rows * rowBytes },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    lanes(b, s.lanes, ptrs.slice(0, 2), s.laneStrides, ([out, tokens]) => {
      const token = b.load(tokens, 0, 2);
      b.when('ugt', token, s.rows - 1, () => b.assign(token, s.rows - 1));
      const from = b.mul(token, rowBytes);
      b.aluTo(from, 'add', ptrs[2], from);
      walk(b, [{ n: rowBytes / size, strides: [size, size] }], [out, from], 16, (p, off) =>
        b.store(p[0], off[0], b.load(p[1], off[1], size), size),
      );
    });
  });
}
