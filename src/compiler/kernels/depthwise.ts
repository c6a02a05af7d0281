import type { Const } from '../graph/hops.ts';
import type { IrFunc, OriginId } from '../ir/ir.ts';
import { rowSteps } from '../plan/weight-quant.ts';
import { notNegative, requant } from './arith.ts';
import { extentOf, kernelFunc, type Layout, type Level } from './frame.ts';
import { type RowShape, saturated } from './rows.ts';

/** Largest magnitude of a weight: sums have 64 bits to themselves. */
const MOST = 32767;
/** Sums are shifted by this before the multiplier, so that their product stays in 64 bits. */
const SUM_SHIFT = 8;
const SHIFT = 32;

/** A kernel for each channel over a row of positions; the last inner level is the channels. */
export interface DepthwiseShape extends RowShape {
  /** Bytes from a window's first element to each tap. */
  readonly taps: readonly number[];
  readonly channels: number;
  readonly relu: boolean;
}

/** Bytes of a channel: its weights, then rounding term with bias and multiplier. */
const weightBytes = (taps: number): number => Math.ceil((taps * 2) / 8) * 8;
const channelBytes = (taps: number): number => weightBytes(taps) + 16;

/** Weights of [channels, taps] as the kernel reads them, one scale a channel. */
export function packDepthwise(weights: Const, bias: Float64Array | null, unit: number, outScale: number): Uint8Array {
  const [channels, taps] = weights.dims;
  const bytes = new Uint8Array(channels * channelBytes(taps));
  const view = new DataView(bytes.buffer);
  const steps = rowSteps(weights, { most: MOST, binary: false });
  const whole = (v: number, bound: number): bigint => BigInt(Math.max(-bound, Math.min(bound, Math.round(v))));
  for (let c = 0; c < channels; c++) {
    const row = weights.data.subarray(c * taps, (c + 1) * taps);
    const step = steps[c];
    const at = c * channelBytes(taps);
    for (const [t, w] of row.entries()) view.setInt16(at + 2 * t, Math.round(w / step), true);
    const params = at + weightBytes(taps);
    view.setBigInt64(params, whole(((bias?.[c] ?? 0) / outScale) * 2 ** SHIFT + 2 ** (SHIFT - 1), 2 ** 61), true);
    view.setBigInt64(params + 8, whole(((unit * step) / outScale) * 2 ** (SHIFT + SUM_SHIFT), 2 ** 40), true);
  }
  return bytes;
}

/** `out[p, c] = clamp((Σt x[p + t, c]·w[c, t] s>> 8)·m[c] + add[c] s>> 32)`. */
export function depthwiseKernel(name: string, s: DepthwiseShape, layout: Layout, origin: OriginId): IrFunc {
  const taps = s.taps.length;
  const reach = Math.max(...s.taps);
  const levels = s.levels.map((level): Level => ({ n: level.n, strides: [...level.strides, 0] }));
  const last = levels.length - 1;
  if (s.channels > 1) levels[last] = { n: s.channels, strides: [...s.levels[last].strides, channelBytes(taps)] };
  const ports = [
    { space: s.spaces[0], extent: extentOf(s.levels, 0, 2) },
    { space: s.spaces[1], extent: extentOf(s.levels, 1, 2) + reach },
    { space: 'weights' as const, extent: s.channels * channelBytes(taps) },
  ];
  return kernelFunc(name, layout, ports, { origin, pack: false }, ({ b, ptrs }) => {
    saturated(b, { levels, outMax: s.outMax }, ptrs, taps > 16 ? 2 : 4, (p, off) => {
      const sum = b.copy(0);
      s.taps.forEach((tap, t) => {
        const x = b.load(p[1], off[1] + tap, 2, true);
        b.aluTo(x, 'mul', x, b.load(p[2], off[2] + 2 * t, 2, true));
        b.aluTo(sum, 'add', sum, x);
      });
      b.aluTo(sum, 'arsh', sum, SUM_SHIFT);
      const at = off[2] + weightBytes(taps);
      requant(b, sum, b.load(p[2], at + 8, 8), b.load(p[2], at, 8), SHIFT);
      if (s.relu) notNegative(b, sum);
      return sum;
    });
  });
}
