import { allOffsets, type Dim, denseMap, dimSize, type IndexMap } from '../graph/view.ts';

/** Indices that are kept along each dimension, in order. */
export type Kept = readonly (readonly number[])[];

/** Loops that come to these offsets (the first is 0); null when none do. */
function fitDim(offsets: readonly number[]): Dim | null {
  const n = offsets.length;
  if (n === 1) return [];
  const stride = offsets[1]!;
  let run = 2;
  while (run < n && offsets[run] === run * stride) run++;
  if (run === n) return [{ n, stride }];
  for (; run > 1; run--) {
    if (n % run !== 0) continue;
    if (!offsets.every((at, i) => at === offsets[i - (i % run)]! + (i % run) * stride)) continue;
    const outer = fitDim(offsets.filter((_, i) => i % run === 0));
    return outer && [...outer, { n: run, stride }];
  }
  return null;
}

/** The map that has these offsets in row-major order of `dims`; null when no loops come to them. */
export function fitMap(dims: readonly number[], offsets: ArrayLike<number>): IndexMap | null {
  const off = offsets[0]!;
  const out: Dim[] = [];
  let inner = offsets.length;
  for (const n of dims) {
    inner /= n;
    const dim = fitDim(Array.from({ length: n }, (_, i) => offsets[i * inner]! - off));
    if (!dim) return null;
    out.push(dim);
  }
  const map = { off, dims: out };
  return allOffsets(map).every((at, i) => at === offsets[i]) ? map : null;
}

/** Offsets in a dense tensor of `dims` of the elements that are kept. */
export const keptOffsets = (dims: readonly number[], kept: Kept): Int32Array => offsetsOf(denseMap(dims), kept);

/** Offsets of the elements of a map that are kept, in row-major order. */
export function offsetsOf(map: IndexMap, kept: Kept): Int32Array {
  let offs = Int32Array.of(map.off);
  for (const [axis, dim] of map.dims.entries()) {
    const along = allOffsets({ off: 0, dims: [dim] });
    const places = kept[axis]!;
    const next = new Int32Array(offs.length * places.length);
    for (let i = 0; i < offs.length; i++) for (const [j, at] of places.entries()) next[i * places.length + j] = offs[i]! + along[at]!;
    offs = next;
  }
  return offs;
}

/** Every index of each dimension. */
export const allOf = (map: IndexMap): number[][] => map.dims.map((dim) => Array.from({ length: dimSize(dim) }, (_, i) => i));
