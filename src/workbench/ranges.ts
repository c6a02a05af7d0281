/** Half-open range of numbers: instructions, nodes, elements, bytes. Lists of them are sorted and do not touch. */
export type Range = readonly [from: number, to: number];

export const NO_RANGES: readonly Range[] = [];

export function rangeCount(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

/** The numbers of ranges, one by one. */
export function valuesOf(ranges: readonly Range[]): number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i));
}

/** Whether `value` lies in sorted `ranges`. */
export function inRanges(ranges: readonly Range[], value: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const mid = (low + high) >> 1;
    const [from, to] = ranges[mid]!;
    if (value < from) high = mid - 1;
    else if (value >= to) low = mid + 1;
    else return true;
  }
  return false;
}

/** Any ranges, sorted and joined. */
export function united(ranges: readonly Range[]): readonly Range[] {
  if (ranges.length < 2) return ranges;
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const out: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = out.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

/** Numbers in increasing order as ranges. */
export function rangesOf(values: Iterable<number>): readonly Range[] {
  const out: [number, number][] = [];
  for (const value of values) {
    const last = out.at(-1);
    if (last && last[1] === value) last[1]++;
    else out.push([value, value + 1]);
  }
  return out;
}

/** `ranges` of things of `size` parts each, as ranges of the things that they touch; the other way round with {@link widened}. */
export function narrowed(ranges: readonly Range[], size: number): readonly Range[] {
  return united(ranges.map(([from, to]) => [Math.floor(from / size), Math.ceil(to / size)] as const));
}

export function widened(ranges: readonly Range[], size: number): readonly Range[] {
  return ranges.map(([from, to]) => [from * size, to * size] as const);
}

/** Ranges as text: `3, 8–15`; at most `most` of them. */
export function rangesText(ranges: readonly Range[], most = 4): string {
  const shown = ranges.slice(0, most).map(([from, to]) => (to - from === 1 ? String(from) : `${from}–${to - 1}`));
  return ranges.length > most ? `${shown.join(', ')}, …` : shown.join(', ');
}

/** For each dimension the coordinates that belong to a set: the product of sorted ranges. */
export type Box = readonly (readonly Range[])[];

/** Flat row-major ranges as boxes of a shape. */
export function boxesOf(dims: readonly number[], ranges: readonly Range[]): Box[] {
  const boxes: Box[] = [];
  for (const [from, to] of ranges) cut(dims, 0, from, to, [], boxes);
  return boxes;
}

/** One range inside the sub-tensor of the dimensions from `axis` on: a part of the first row, whole rows, a part of the last. */
function cut(dims: readonly number[], axis: number, from: number, to: number, lead: Box, boxes: Box[]): void {
  if (from >= to) return;
  if (axis === dims.length) {
    boxes.push(lead);
    return;
  }
  let inner = 1;
  for (let i = axis + 1; i < dims.length; i++) inner *= dims[i]!;
  const first = Math.floor(from / inner);
  const last = Math.floor((to - 1) / inner);
  const whole = (a: number, b: number): void => {
    const rest = dims.slice(axis + 1).map((n): readonly Range[] => [[0, n]]);
    if (a < b) boxes.push([...lead, [[a, b]], ...rest]);
  };
  if (first === last) {
    if (to - from === inner) whole(first, first + 1);
    else cut(dims, axis + 1, from - first * inner, to - first * inner, [...lead, [[first, first + 1]]], boxes);
    return;
  }
  const begin = from === first * inner ? first : first + 1;
  const end = to === (last + 1) * inner ? last + 1 : last;
  if (begin > first) cut(dims, axis + 1, from - first * inner, inner, [...lead, [[first, first + 1]]], boxes);
  whole(begin, end);
  if (end <= last) cut(dims, axis + 1, 0, to - last * inner, [...lead, [[last, last + 1]]], boxes);
}

/** A set of this many pieces is rounded up to what encloses it. */
const MOST_PIECES = 20_000;

/** Boxes of a shape as flat ranges; `exact` is false where they were rounded up. */
export function flatRanges(dims: readonly number[], boxes: readonly Box[]): { readonly ranges: readonly Range[]; readonly exact: boolean } {
  const all: Range[] = [];
  let exact = true;
  for (const box of boxes) {
    let pieces: Range[] = [[0, 1]];
    for (let axis = 0; axis < dims.length; axis++) {
      const n = dims[axis]!;
      const part = box[axis]!;
      const whole = part.length === 1 && part[0]![0] === 0 && part[0]![1] === n;
      if (whole) {
        pieces = pieces.map(([from, to]) => [from * n, to * n] as const);
        continue;
      }
      const next: Range[] = [];
      for (const [from, to] of pieces)
        for (let row = from; row < to; row++) for (const [a, b] of part) next.push([row * n + a, row * n + b]);
      pieces = next;
      if (pieces.length > MOST_PIECES) {
        exact = false;
        pieces = pieces.length > 0 ? [[pieces[0]![0], pieces.at(-1)![1]]] : [];
      }
    }
    all.push(...pieces);
  }
  return { ranges: united(all), exact };
}
