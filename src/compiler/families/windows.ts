import type { Node } from '../../onnx/model.ts';
import { attrInts, attrString } from '../graph/attrs.ts';
import type { View } from '../graph/hops.ts';
import type { Walk } from '../graph/lazy.ts';
import { type Dim, type IndexMap, mapDims, sliceMap } from '../graph/view.ts';
import { PAGE_BYTES } from '../kernels/frame.ts';
import { emitPad } from './pad.ts';

/** A window that slides over one spatial dimension of a convolution or a pool. */
export interface Window {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Elements before the first and after the last that the windows reach. */
  readonly begin: number;
  readonly end: number;
  /** Those after the last that the operator counts as padding; `ceil_mode` may reach further. */
  readonly counted: number;
  readonly out: number;
}

/** Windows of a node over the spatial dimensions `sizes`, with outputs of `outs` (Conv, MaxPool, AveragePool: one set of attributes). */
export function windowsOf(node: Node, sizes: readonly number[], kernel: readonly number[], outs: readonly number[]): Window[] {
  const ones = sizes.map(() => 1);
  const strides = attrInts(node, 'strides') ?? ones;
  const dilations = attrInts(node, 'dilations') ?? ones;
  const pads = attrInts(node, 'pads') ?? sizes.flatMap(() => [0, 0]);
  const auto = attrString(node, 'auto_pad') ?? 'NOTSET';
  return sizes.map((size, i): Window => {
    const [stride, dilation, out] = [strides[i], dilations[i], outs[i]];
    const reach = (out - 1) * stride + dilation * (kernel[i] - 1) + 1;
    const total = Math.max(0, reach - size);
    let begin = pads[i];
    let counted = pads[i + sizes.length];
    if (auto.startsWith('SAME')) {
      begin = auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
      counted = total - begin;
    } else if (auto === 'VALID') {
      begin = 0;
      counted = 0;
    }
    return { size, kernel: kernel[i], stride, dilation, begin, end: Math.max(0, reach - begin - size), counted, out };
  });
}

export const pads = (windows: readonly Window[]): boolean => windows.some(({ begin, end }) => begin > 0 || end > 0);

/**
 * The windows over the last dimensions of `view` as dimensions of their own: `[…, out…, kernel…]`. Windows overlap in memory, so this is a view;
 * where they reach beyond the tensor it is a view of a padded copy. `fill`: what stands there.
 */
export function windowed(walk: Walk, node: Node, view: View, windows: readonly Window[], fill: 'zero' | 'lowest'): View {
  const dims = mapDims(view.map);
  const lead = dims.length - windows.length;
  const begins = dims.map((_, i) => windows[i - lead]?.begin ?? 0);
  const ends = dims.map((_, i) => windows[i - lead]?.end ?? 0);
  const isSingle = view.map.dims.slice(lead).every((dim) => dim.length <= 1);
  const padded = pads(windows) || !isSingle ? emitPad(walk, node, view, begins, ends, fill) : view;
  const outs: Dim[] = [];
  const kernels: Dim[] = [];
  windows.forEach((w, i) => {
    const stride = padded.map.dims[lead + i][0]?.stride ?? 0;
    outs.push(w.out === 1 ? [] : [{ n: w.out, stride: stride * w.stride }]);
    kernels.push(w.kernel === 1 ? [] : [{ n: w.kernel, stride: stride * w.dilation }]);
  });
  const map: IndexMap = { off: padded.map.off, dims: [...padded.map.dims.slice(0, lead), ...outs, ...kernels] };
  return { ...padded, map };
}

/** Some of the rows that windows slide over: output rows from `from`, and the part of the tensor that they reach. */
export interface Band {
  readonly from: number;
  readonly view: View;
  readonly windows: readonly Window[];
}

/**
 * A padded copy must fit in one piece of memory: where it would not, the first spatial dimension is done in bands, each with a copy of the
 * rows that it reaches.
 */
export function bandsOf(view: View, windows: readonly Window[]): Band[] {
  const [first, ...others] = windows;
  const dims = mapDims(view.map);
  const rowBytes = 2 * dims[0] * dims[1] * others.reduce((n, w) => n * (w.size + w.begin + w.end), 1);
  const reach = (rows: number): number => (rows - 1) * first.stride + first.dilation * (first.kernel - 1) + 1;
  const whole = [{ from: 0, view, windows }];
  if (!pads(windows) || dims[0] > 1 || rowBytes * (first.size + first.begin + first.end) <= PAGE_BYTES) return whole;
  let rows = first.out;
  while (rows > 1 && rowBytes * reach(rows) > PAGE_BYTES) rows--;
  const bands: Band[] = [];
  for (let from = 0; from < first.out; from += rows) {
    const n = Math.min(rows, first.out - from);
    const low = from * first.stride - first.begin;
    const start = Math.max(0, low);
    const end = Math.min(first.size, low + reach(n));
    const map = end > start ? sliceMap(view.map, 2, start, end - start) : null;
    if (!map) return whole;
    const cut = { ...first, size: end - start, begin: start - low, end: low + reach(n) - end, out: n };
    bands.push({ from, view: { ...view, map }, windows: [cut, ...others] });
  }
  return bands;
}
