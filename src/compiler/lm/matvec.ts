import type { Const } from '../graph/hops.ts';
import type { FuncBuilder, Reg } from '../ir/builder.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { notNegative, requant, saturator } from '../kernels/arith.ts';
import { DOT_SHIFT } from '../kernels/dot.ts';
import { type Layout, MAP_OF } from '../kernels/frame.ts';
import { HALF } from '../plan/weights.ts';
import { decoderFunc } from './frame.ts';

/** Rows of a matrix that share one load of the vector. */
export const ROWS = 4;
const PARAM_BYTES = 16;
/** Sums of int16 weights are taken in units of 2⁸, so that their multiplier fits. */
const WIDE_SHIFT = 8;
/** Instructions that the verifier walks in one function: it goes through every round of every loop. */
const WALK = 40_000;
const UNROLL = 32;
/** Largest magnitude of a score. */
export const SCORE_MAX = 2 ** 30 - 1;

export interface MatvecShape {
  readonly k: number;
  /** Blocks of four rows that one call does. */
  readonly blocks: number;
  readonly weightBytes: 1 | 2;
  readonly relu: boolean;
  /** Results go to scratch as int16, or to the scores as 32 bits. */
  readonly scores: boolean;
  readonly outMax: number;
  readonly outBytes: number;
}

/** Weights of four rows side by side, then rounding term and multiplier of each. */
export const blockBytes = (k: number, weightBytes: 1 | 2): number => Math.ceil((ROWS * k * weightBytes) / 8) * 8 + ROWS * PARAM_BYTES;

/** Blocks of four rows in one call: a divisor of all `blocks`, as many as the verifier walks in {@link WALK} instructions. */
export function blocksPerCall(k: number, blocks: number): number {
  const most = Math.max(1, Math.floor(WALK / (13 * k + 60)));
  for (let n = Math.min(most, blocks); n > 1; n--) if (blocks % n === 0) return n;
  return 1;
}

export const matvecName = (s: MatvecShape): string =>
  `${s.scores ? 'scores' : 'matvec'}_k${s.k}_n${s.blocks * ROWS}${s.weightBytes === 1 ? '' : '_w16'}${s.relu ? '_relu' : ''}`;

/** `blocks` times four rows of a matrix times one vector of int16, sums in 64 bits. Arguments: vector, results, weights. */
export function matvecKernel(name: string, s: MatvecShape, layout: Layout, origin: OriginId): IrFunc {
  const block = blockBytes(s.k, s.weightBytes);
  const elem = s.scores ? 4 : 2;
  const ports = [
    { map: MAP_OF.scratch, bytes: layout.bytes.scratch, extent: 2 * s.k },
    { map: s.scores ? 'scores' : MAP_OF.scratch, bytes: s.outBytes, extent: elem * ROWS * s.blocks },
    { map: MAP_OF.weights, bytes: layout.bytes.weights, extent: block * s.blocks },
  ];
  return decoderFunc(name, layout, ports, [], origin, (b, [x, out, w]) => {
    b.strided(
      s.blocks,
      [
        [out, elem * ROWS],
        [w, block],
      ],
      ([to, rows]) => {
        const sums = sumRows(b, s, x, rows);
        const results = saturator(b, ROWS, s.scores ? SCORE_MAX : s.outMax);
        const params = block - ROWS * PARAM_BYTES;
        // Blocks of a long vector reach further than an instruction's offset.
        const at = b.add(rows, params);
        for (const [r, sum] of sums.entries()) {
          if (s.weightBytes === 2) b.aluTo(sum, 'arsh', sum, WIDE_SHIFT);
          requant(b, sum, b.load(at, r * PARAM_BYTES + 8, 8), b.load(at, r * PARAM_BYTES, 8), DOT_SHIFT);
          if (s.relu) notNegative(b, sum);
          results.put(sum, (value) => b.store(to, elem * r, value, elem));
        }
        results.finish();
      },
    );
  });
}

function sumRows(b: FuncBuilder, s: MatvecShape, x: Reg, w: Reg): Reg[] {
  const sums = Array.from({ length: ROWS }, () => b.copy(0));
  const run = (count: number, p: Reg, q: Reg): void => {
    for (let k = 0; k < count; k++) {
      const v = b.load(p, 2 * k, 2, true);
      for (let r = 0; r < ROWS; r++) {
        const t = b.load(q, (ROWS * k + r) * s.weightBytes, s.weightBytes, true);
        b.aluTo(t, 'mul', t, v);
        b.aluTo(sums[r], 'add', sums[r], t);
      }
    }
  };
  const full = Math.floor(s.k / UNROLL);
  const rest = s.k % UNROLL;
  if (full === 0) run(rest, x, w);
  else {
    const [p, q] = b.strided(
      full,
      [
        [x, 2 * UNROLL],
        [w, ROWS * UNROLL * s.weightBytes],
      ],
      ([from, rows]) => run(UNROLL, from, rows),
    );
    if (rest) run(rest, p, q);
  }
  return sums;
}

const largest = (weightBytes: 1 | 2): number => (weightBytes === 1 ? 127 : 127 << WIDE_SHIFT);

/** Real value of a unit of the widest row's sum, as the kernel multiplies it. */
export function sumUnit(weights: Const, unit: number, weightBytes: 1 | 2): number {
  let top = 0;
  for (const w of weights.data) if (w > top || -w > top) top = Math.abs(w);
  return (unit * top * (weightBytes === 2 ? 1 << WIDE_SHIFT : 1)) / largest(weightBytes);
}

/** The matrix as {@link matvecKernel} reads it: one scale a row. */
export function packMatrix(weights: Const, bias: Float64Array | null, unit: number, outScale: number, weightBytes: 1 | 2): Uint8Array {
  const [n, k] = weights.dims;
  const block = blockBytes(k, weightBytes);
  const bytes = new Uint8Array(Math.ceil(n / ROWS) * block);
  const view = new DataView(bytes.buffer);
  const bytes8 = new Int8Array(bytes.buffer);
  const bytes16 = new Int16Array(bytes.buffer);
  const { data } = weights;
  const most = largest(weightBytes);
  for (let row = 0; row < n; row++) {
    const from = row * k;
    let top = 0;
    for (let j = from; j < from + k; j++) {
      const a = Math.abs(data[j]);
      if (a > top) top = a;
    }
    const step = top / most || 1;
    const base = Math.floor(row / ROWS) * block;
    const lane = row % ROWS;
    if (weightBytes === 1) for (let j = 0; j < k; j++) bytes8[base + ROWS * j + lane] = Math.round(data[from + j] / step);
    else for (let j = 0; j < k; j++) bytes16[base / 2 + ROWS * j + lane] = Math.round(data[from + j] / step);
    const params = base + block - (ROWS - lane) * PARAM_BYTES;
    const add = ((bias?.[row] ?? 0) / outScale) * 2 ** DOT_SHIFT + HALF;
    view.setBigInt64(params, BigInt(Math.round(Math.max(-(2 ** 61), Math.min(2 ** 61, add)))), true);
    const factor = ((unit * step * (weightBytes === 2 ? 1 << WIDE_SHIFT : 1)) / outScale) * 2 ** DOT_SHIFT;
    view.setBigInt64(params + 8, BigInt(Math.round(Math.max(-(2 ** 32), Math.min(2 ** 32, factor)))), true);
  }
  return bytes;
}
