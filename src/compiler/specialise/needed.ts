import type { Buf, HGraph, HOp, View } from '../graph/hops.ts';
import { isView, opViews } from '../graph/hops.ts';
import { allOffsets, denseMap, mapDims, product, sliceMap } from '../graph/view.ts';

/** Columns of a product's weights that are read where these results are needed: 1 for each. */
export type ColumnsRead = (op: HOp & { kind: 'linear' }, need: Uint8Array) => Uint8Array;

/** All of them, whatever the weights are. */
export const everyColumn: ColumnsRead = ({ weights }) => new Uint8Array(weights.dims[1]!).fill(1);

/** Which elements of each buffer anything reads that has a part in the results. 1 for each that is needed. */
export function neededElements(graph: HGraph, columnsRead: ColumnsRead): Map<Buf, Uint8Array> {
  const needed = new Map<Buf, Uint8Array>();
  const maskOf = (buf: Buf): Uint8Array => {
    let mask = needed.get(buf);
    if (!mask) {
      mask = new Uint8Array(product(buf.dims));
      needed.set(buf, mask);
    }
    return mask;
  };
  /** Marks the elements of a view for which `wanted` of their place in row-major order holds. */
  const mark = (view: View, wanted: (index: number) => boolean): void => {
    const mask = maskOf(view.buf);
    for (const [i, at] of allOffsets(view.map).entries()) if (mask[at] === 0 && wanted(i)) mask[at] = 1;
  };
  for (const { view } of graph.outputs) mark(view, () => true);
  for (const op of [...graph.ops].reverse()) markReads(op, maskOf(op.out), mark, columnsRead);
  return needed;
}

type Mark = (view: View, wanted: (index: number) => boolean) => void;

function markReads(op: HOp, need: Uint8Array, mark: Mark, columnsRead: ColumnsRead): void {
  if (!need.includes(1)) return;
  switch (op.kind) {
    case 'linear': {
      const [n, k] = op.weights.dims as [number, number];
      const used = columnsRead(op, need);
      const rows = Uint8Array.from({ length: need.length / n }, (_, m) => (need.subarray(m * n, (m + 1) * n).includes(1) ? 1 : 0));
      mark(op.a, (i) => rows[Math.floor(i / k)] === 1 && used[i % k] === 1);
      if (op.residual) mark(op.residual, (i) => need[i] === 1);
      return;
    }
    case 'matmul': {
      const [m, n] = op.out.dims.slice(-2) as [number, number];
      const k = mapDims(op.a.map).at(-1)!;
      const groups = need.length / (m * n);
      const [rows, columns] = [new Uint8Array(groups * m), new Uint8Array(groups * n)];
      for (const [at, wanted] of need.entries()) {
        if (!wanted) continue;
        rows[Math.floor(at / n)] = 1;
        columns[Math.floor(at / (m * n)) * n + (at % n)] = 1;
      }
      mark(op.a, (i) => rows[Math.floor(i / k)] === 1);
      mark(op.b, (i) => columns[Math.floor(i / (k * n)) * n + (i % n)] === 1);
      return;
    }
    case 'softmax':
    case 'norm': {
      const d = mapDims(op.x.map).at(-1)!;
      mark(op.x, (i) => {
        const from = i - (i % d);
        return need.subarray(from, from + d).includes(1);
      });
      return;
    }
    case 'unary':
    case 'affine':
      mark(op.x, (i) => need[i] === 1);
      return;
    case 'add':
    case 'mul':
    case 'div':
      for (const view of [op.a, op.b]) mark(view, (i) => need[i] === 1);
      return;
    case 'embed':
      mark(op.tokens, () => true);
      return;
    case 'concat': {
      let start = 0;
      for (const part of op.parts) {
        const dims = isView(part) ? mapDims(part.map) : part.dims;
        const piece = sliceMap(denseMap(op.out.dims), op.axis, start, dims[op.axis]!);
        start += dims[op.axis]!;
        if (!isView(part)) continue;
        const places = piece && allOffsets(piece);
        mark(part, (i) => !places || need[places[i]!] === 1);
      }
      return;
    }
    default:
      for (const view of opViews(op)) mark(view, () => true);
  }
}

/** Columns that are not zero in every row that is needed; the first where all are, for a product must have a term. */
export function columnsUsed({ weights }: HOp & { kind: 'linear' }, need: Uint8Array): Uint8Array {
  const [n, k] = weights.dims as [number, number];
  const used = new Uint8Array(k);
  for (let i = 0; i < n; i++) {
    let wanted = false;
    for (let at = i; at < need.length && !wanted; at += n) wanted = need[at] === 1;
    if (!wanted) continue;
    for (let j = 0; j < k; j++) if (weights.data[i * k + j] !== 0) used[j] = 1;
  }
  if (!used.includes(1)) used[0] = 1;
  return used;
}
