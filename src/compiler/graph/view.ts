/**
 * A view reads a buffer through an affine index map: Reshape, Transpose, Slice, Split, Expand, Squeeze and Identity cost
 * nothing. A logical dimension is a list of factors (outermost first), because a Reshape may join dimensions that are
 * not adjacent in memory: the heads of an attention output, `[S, H·d]` over `[H, S, d]`.
 */

/** `n` steps of `stride` elements. */
export interface Factor {
  readonly n: number;
  readonly stride: number;
}
export type Dim = readonly Factor[];

/** An index map from logical coordinates to element offsets in one buffer. */
export interface IndexMap {
  readonly off: number;
  readonly dims: readonly Dim[];
}

export const dimSize = (dim: Dim): number => dim.reduce((n, f) => n * f.n, 1);
export const mapDims = (map: IndexMap): number[] => map.dims.map(dimSize);
export const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** Row-major strides of a dense tensor. */
export function denseStrides(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length).fill(1);
  for (let i = dims.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * dims[i + 1];
  return strides;
}

/** The identity map of a dense row-major tensor. */
export function denseMap(dims: readonly number[]): IndexMap {
  const strides = denseStrides(dims);
  return { off: 0, dims: dims.map((n, i) => normalDim([{ n, stride: strides[i] }])) };
}

/** Drops factors of one and joins neighbours that continue each other. */
export function normalDim(dim: Dim): Dim {
  const out: Factor[] = [];
  for (const f of dim) {
    if (f.n === 1) continue;
    const last = out[out.length - 1];
    if (last && last.stride === f.stride * f.n) out[out.length - 1] = { n: last.n * f.n, stride: f.stride };
    else out.push(f);
  }
  return out;
}

/** The map for a new shape of the same elements in the same order; null when no factor split gives it. */
export function reshapeMap(map: IndexMap, dims: readonly number[]): IndexMap | null {
  const factors = map.dims.flat();
  // Dimensions that continue each other in memory may be cut anywhere.
  return splitFactors(map.off, factors, dims) ?? splitFactors(map.off, normalDim(factors), dims);
}

function splitFactors(off: number, factors: readonly Factor[], dims: readonly number[]): IndexMap | null {
  const queue = [...factors];
  const out: Dim[] = [];
  let at = 0;
  for (const size of dims) {
    const dim: Factor[] = [];
    let need = size;
    while (need > 1) {
      const f = queue[at];
      if (!f) return null;
      if (need % f.n === 0) {
        dim.push(f);
        need /= f.n;
        at++;
      } else if (f.n % need === 0) {
        const inner = f.n / need;
        dim.push({ n: need, stride: f.stride * inner });
        queue[at] = { n: inner, stride: f.stride };
        need = 1;
      } else {
        return null;
      }
    }
    out.push(normalDim(dim));
  }
  return { off, dims: out };
}

export function transposeMap(map: IndexMap, perm: readonly number[]): IndexMap {
  return { off: map.off, dims: perm.map((p) => map.dims[p]) };
}

/** Offset and factors of `[start, start + n)` in steps of `step`; null when a composite dimension would be cut across. */
function sliceDim(dim: Dim, start: number, n: number, step: number): { off: number; dim: Dim } | null {
  const size = dimSize(dim);
  if (start === 0 && n === size && step === 1) return { off: 0, dim };
  if (n === 1) return { off: offsetIn(dim, start), dim: [] };
  if (dim.length === 1) return { off: start * dim[0].stride, dim: [{ n, stride: dim[0].stride * step }] };
  // Whole multiples of the inner factors, or a run inside one of them.
  const inner = size / dim[0].n;
  if (step === 1 && start % inner === 0 && n % inner === 0) {
    return { off: (start / inner) * dim[0].stride, dim: normalDim([{ n: n / inner, stride: dim[0].stride }, ...dim.slice(1)]) };
  }
  const first = Math.floor(start / inner);
  if (Math.floor((start + (n - 1) * step) / inner) !== first) return null;
  const rest = sliceDim(dim.slice(1), start - first * inner, n, step);
  return rest && { off: first * dim[0].stride + rest.off, dim: rest.dim };
}

export function sliceMap(map: IndexMap, axis: number, start: number, n: number, step = 1): IndexMap | null {
  const cut = sliceDim(map.dims[axis], start, n, step);
  return cut && { off: map.off + cut.off, dims: map.dims.map((d, i) => (i === axis ? cut.dim : d)) };
}

/** Element offset of logical coordinate `index` of one dimension. */
function offsetIn(dim: Dim, index: number): number {
  let off = 0;
  for (let i = dim.length - 1; i >= 0; i--) {
    off += (index % dim[i].n) * dim[i].stride;
    index = Math.floor(index / dim[i].n);
  }
  return off;
}

/** NumPy broadcasting: missing leading dimensions and ones repeat with stride 0. */
export function broadcastMap(map: IndexMap, dims: readonly number[]): IndexMap {
  const lead = dims.length - map.dims.length;
  return {
    off: map.off,
    dims: dims.map((n, i): Dim => {
      const dim: Dim = i < lead ? [] : map.dims[i - lead];
      return dimSize(dim) === n ? dim : n === 1 ? [] : [{ n, stride: 0 }];
    }),
  };
}

/** The shape that two shapes broadcast to, or null. */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] | null {
  const out: number[] = [];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const x = a[a.length - 1 - i] ?? 1;
    const y = b[b.length - 1 - i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    out.unshift(x === 1 ? y : x);
  }
  return out;
}

/** All element offsets in row-major order of the logical dimensions. For tests, constants and small tensors. */
export function allOffsets(map: IndexMap): Int32Array {
  let offs = Int32Array.of(map.off);
  for (const f of map.dims.flat()) {
    const next = new Int32Array(offs.length * f.n);
    for (let i = 0; i < offs.length; i++) for (let j = 0; j < f.n; j++) next[i * f.n + j] = offs[i] + j * f.stride;
    offs = next;
  }
  return offs;
}

/** One loop of an iteration over several operands at once: `n` steps, a stride in elements for each operand. */
export interface Loop {
  readonly n: number;
  readonly strides: readonly number[];
}

/**
 * Splits one logical dimension, seen by several operands, into loops that are affine for all of them; null when the
 * factors do not divide each other.
 */
export function commonLoops(dims: readonly Dim[]): Loop[] | null {
  const queues = dims.map((d) => [...d].reverse());
  const total = dimSize(dims[0]);
  const loops: Loop[] = [];
  let done = 1;
  while (done < total) {
    const n = Math.min(...queues.map((q) => q[0]?.n ?? 1));
    if (n <= 1) return null;
    const strides: number[] = [];
    for (const q of queues) {
      const f = q[0];
      if (f.n % n !== 0) return null;
      strides.push(f.stride);
      if (f.n === n) q.shift();
      else q[0] = { n: f.n / n, stride: f.stride * n };
    }
    loops.unshift({ n, strides });
    done *= n;
  }
  const merged: Loop[] = [];
  for (const loop of loops) {
    const last = merged[merged.length - 1];
    if (last && loop.strides.every((s, i) => last.strides[i] === s * loop.n))
      merged[merged.length - 1] = { n: last.n * loop.n, strides: loop.strides };
    else merged.push(loop);
  }
  return merged;
}
