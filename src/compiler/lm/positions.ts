import type { Buf, Const, View } from '../graph/hops.ts';
import { broadcastMap, type Dim, denseMap, type Factor, type IndexMap, normalDim, product } from '../graph/view.ts';

/** Where positions stand among logical dimensions: dimension `dim` counts (outer, position, `inner` steps). */
export interface Where {
  readonly dim: number;
  readonly inner: number;
}

/** A dimension taken apart at the positions: factors before, of the positions, and after. */
export interface Cut {
  readonly before: Factor[];
  readonly mid: Factor[];
  readonly after: Factor[];
}

/** Takes the last `inner` steps of a dimension off; null when that cuts a factor unevenly. */
function takeInner(dim: readonly Factor[], inner: number): { rest: Factor[]; taken: Factor[] } | null {
  const rest = [...dim];
  const taken: Factor[] = [];
  let need = inner;
  while (need > 1) {
    const f = rest.pop();
    if (!f) return null;
    if (need % f.n === 0) {
      taken.unshift(f);
      need /= f.n;
    } else if (f.n % need === 0) {
      taken.unshift({ n: need, stride: f.stride });
      rest.push({ n: f.n / need, stride: f.stride * need });
      need = 1;
    } else return null;
  }
  return { rest, taken };
}

/** `dim` as (before, `positions`, `inner`); null when it cannot be seen that way. */
export function cut(dim: Dim, inner: number, positions: number): Cut | null {
  const last = takeInner(dim, inner);
  const mid = last && takeInner(last.rest, positions);
  return mid && { before: mid.rest, mid: mid.taken, after: last.taken };
}

/** Where the map walks through the positions of its buffer, which lie `stride` elements apart; null when it stays at one. */
export function positionIn(map: IndexMap, stride: number, positions: number): Where | null {
  for (const [dim, factors] of map.dims.entries()) {
    let inner = 1;
    for (const f of [...factors].reverse()) {
      const reach = f.n * f.stride;
      if (f.stride > 0 && f.stride <= stride && reach > stride && stride % f.stride === 0) {
        const below = stride / f.stride;
        if (f.n % below === 0 && (f.n / below) % positions === 0) return { dim, inner: inner * below };
      }
      inner *= f.n;
    }
  }
  return null;
}

/** The places of `positions` values, or why a view of them has no form for one position. */
export type Reduced = { readonly map: IndexMap; readonly fixed: boolean } | string;

/**
 * The map of one position: positions (`where`, if the view walks through them) are taken out of the logical dimensions, and the buffer holds
 * one position only. `stride`: elements between two positions of the buffer; null for a buffer without positions. `fixed`: it looks at the
 * last position alone.
 */
export function reduceMap(map: IndexMap, where: Where | null, stride: number | null, positions: number): Reduced {
  const dims: Factor[][] = [];
  for (const [i, dim] of map.dims.entries()) {
    if (where?.dim !== i) {
      dims.push([...dim]);
      continue;
    }
    const parts = cut(dim, where.inner, positions);
    if (!parts) return 'its dimensions cut across the positions';
    const walks = parts.mid.filter((f) => f.n > 1 && f.stride !== 0);
    if (walks.length && (stride === null || walks.length > 1 || walks[0].stride !== stride || walks[0].n !== positions))
      return 'it pairs one position with another';
    dims.push([...parts.before, ...parts.after]);
  }
  if (stride === null) return { map: { off: map.off, dims: dims.map(normalDim) }, fixed: false };
  const whole = stride * positions;
  const at = Math.floor((map.off % whole) / stride);
  for (const dim of dims) {
    for (const [i, f] of dim.entries()) {
      if (f.n === 1 || f.stride === 0) continue;
      if (f.stride % whole === 0) dim[i] = { n: f.n, stride: f.stride / positions };
      else if (f.stride * f.n > stride || stride % f.stride !== 0) return 'it looks at several positions';
    }
  }
  const walked = where !== null && (cut(map.dims[where.dim], where.inner, positions)?.mid.some((f) => f.stride !== 0) ?? false);
  if (walked ? at !== 0 : at !== positions - 1) return walked ? 'it leaves positions out' : `it looks at position ${at} alone`;
  return { map: { off: Math.floor(map.off / whole) * stride + (map.off % stride), dims: dims.map(normalDim) }, fixed: !walked };
}

/** Dimensions without the positions. */
export const reduceDims = (dims: readonly number[], where: Where | null, positions: number): number[] =>
  dims.map((n, i) => (i === where?.dim ? n / positions : n));

/** Elements between two positions in a dense value of these dimensions. */
export const strideOf = (dims: readonly number[], where: Where): number => where.inner * product(dims.slice(where.dim + 1));

/** A constant that an op broadcasts to `outDims`: one row for each position, or the same for all. */
export function constByPosition(
  t: Const,
  outDims: readonly number[],
  where: Where | null,
  positions: number,
): { readonly t: Const; readonly varies: boolean } | null {
  const map = broadcastMap(denseMap(t.dims), outDims);
  if (!where) return { t, varies: false };
  const parts = cut(map.dims[where.dim], where.inner, positions);
  if (!parts) return null;
  const step = parts.mid.length ? parts.mid[parts.mid.length - 1].stride : 0;
  const dims = map.dims.map((dim, i) => (i === where.dim ? [...parts.before, ...parts.after] : [...dim]));
  // Broadcast factors stay broadcast: only those that walk are stored.
  const stored = dims.map((dim) => (dim.some((f) => f.stride !== 0) ? dim.filter((f) => f.stride !== 0) : []));
  const sizes = dims.map((dim, i) => (stored[i].length === dim.length ? product(dim.map((f) => f.n)) : stored[i].length === 0 ? 1 : -1));
  if (sizes.includes(-1)) return null;
  const rows = step === 0 ? 1 : positions;
  const width = product(sizes);
  const data = new Float64Array(rows * width);
  let offs = [map.off];
  for (const f of stored.flat()) offs = offs.flatMap((o) => Array.from({ length: f.n }, (_, j) => o + j * f.stride));
  for (let row = 0; row < rows; row++) for (let i = 0; i < width; i++) data[row * width + i] = t.data[offs[i] + row * step];
  return { t: { dims: step === 0 ? sizes : [positions, ...sizes], data }, varies: step !== 0 };
}

/** The same buffer for one position. */
export const reducedView = (view: View, buf: Buf, map: IndexMap): View => ({ buf, map, gain: view.gain });
