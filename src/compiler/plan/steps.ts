import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import type { Buf, HGraph, HOp, View } from '../graph/hops.ts';
import { isView } from '../graph/hops.ts';
import { place } from '../graph/lazy.ts';
import { commonLoops, type Dim, denseMap, dimSize, type IndexMap, type Loop, mapDims, reshapeMap, sliceMap } from '../graph/view.ts';
import type { Lanes } from '../kernels/frame.ts';

/** How one operand of a step is reached: an offset, a stride for each outer loop, a stride for each inner level (elements). */
export interface Access {
  readonly buf: Buf;
  readonly off: number;
  readonly outer: readonly number[];
  readonly inner: readonly number[];
}

/** One op, or one part of a concatenation, or one output, as loops over rows around an integer kernel. */
export interface Step {
  readonly op: HOp | null;
  /** Which part of a concat, or which output. */
  readonly part: number;
  readonly nodes: readonly Node[];
  readonly outer: readonly number[];
  /** Rows of the last outer loop that are done at once. */
  readonly lanes: Lanes;
  /** Sizes of the inner levels. */
  readonly inner: readonly number[];
  /** `null` for the output map. */
  readonly out: Access | null;
  readonly reads: readonly Access[];
}

const REWRITE = 'Insert a Reshape that keeps dimensions whole';

const where = (op: HOp): string => (op.nodes.length ? place(op.nodes[op.nodes.length - 1]) : `value ${op.out.name}`);

/** Loops that are affine for all operands at once, over some logical dimensions. */
export function loopsOver(dims: readonly (readonly Dim[])[], at: string): Loop[] {
  const loops: Loop[] = [];
  for (let i = 0; i < dims[0].length; i++) {
    const made = commonLoops(dims.map((d) => d[i]));
    if (!made) throw new InputError('operands are laid out in ways that do not fit', at, REWRITE);
    loops.push(...made);
  }
  return loops;
}

const outDims = (dims: readonly number[]): readonly Dim[] => denseMap(dims).dims;

/** Steps of all ops and outputs, in order. */
export function stepsOf(graph: HGraph): Step[] {
  const steps: Step[] = [];
  for (const op of graph.ops) steps.push(...stepsOfOp(op));
  graph.outputs.forEach(({ view, nodes, name }, part) => {
    const dims = mapDims(view.map);
    const map = dims.length === 0 ? { off: view.map.off, dims: [[]] } : view.map;
    const dense = outDims(dims.length === 0 ? [1] : dims);
    steps.push(rowStep(null, part, nodes, [dense, map.dims], [0, map.off], [null, view.buf], `output ${name}`));
  });
  return steps;
}

/** A step that takes rows of its operands to rows of its result, the first operand; a null buffer keeps an operand's place. */
export function rowStep(
  op: HOp | null,
  part: number,
  nodes: readonly Node[],
  dims: readonly (readonly Dim[])[],
  offs: readonly number[],
  bufs: readonly (Buf | null)[],
  at: string,
): Step {
  const outer = loopsOver(
    dims.map((d) => d.slice(0, -1)),
    at,
  );
  const inner = loopsOver(
    dims.map((d) => d.slice(-1)),
    at,
  );
  const access = (i: number): Access | null => {
    const buf = bufs[i];
    return buf && { buf, off: offs[i], outer: outer.map((l) => l.strides[i]), inner: inner.map((l) => l.strides[i]) };
  };
  // Operands without a buffer keep a place: the output map and constants.
  const reads = bufs
    .slice(1)
    .map((_, i) => access(i + 1))
    .filter((a): a is Access => a !== null);
  return {
    op,
    part,
    nodes,
    outer: outer.map((l) => l.n),
    lanes: outer.length ? 2 : 1,
    inner: inner.map((l) => l.n),
    out: access(0),
    reads,
  };
}

/** Products of 16 bits by 16 take the whole word: one row at a time. */
const paired = (op: HOp & { kind: 'linear' | 'matmul' }): boolean => op.precision !== 'w16a16';

const viewOperands = (op: HOp, views: readonly View[], outMap: IndexMap): Step =>
  rowStep(
    op,
    0,
    op.nodes,
    [outMap.dims, ...views.map((v) => v.map.dims)],
    [outMap.off, ...views.map((v) => v.map.off)],
    [op.out, ...views.map((v) => v.buf)],
    where(op),
  );

/** Steps of one op, in order. */
export function stepsOfOp(op: HOp): Step[] {
  const out = denseMap(op.out.dims);
  switch (op.kind) {
    case 'softmax':
    case 'norm':
    case 'unary':
    case 'affine':
      return [viewOperands(op, [atLeastOne(op.x)], atLeastOneMap(out))];
    case 'add':
    case 'mul':
    case 'div':
      return [viewOperands(op, [atLeastOne(op.a), atLeastOne(op.b)], atLeastOneMap(out))];
    case 'linear': {
      const last = op.a.map.dims.length - 1;
      const rows = op.a.map.dims.slice(0, -1);
      // A residual brings the shape of what it was added to.
      const shaped = op.residual ? reshapeMap(out, [...mapDims(op.a.map).slice(0, -1), op.weights.dims[0]])! : out;
      const outer = loopsOver([shaped.dims.slice(0, -1), rows, ...(op.residual ? [op.residual.map.dims.slice(0, -1)] : [])], where(op));
      const k = op.a.map.dims[last];
      const residual = op.residual && { buf: op.residual.buf, off: op.residual.map.off, outer: outer.map((l) => l.strides[2]), inner: [1] };
      return [
        {
          op,
          part: 0,
          nodes: op.nodes,
          outer: outer.map((l) => l.n),
          lanes: outer.length && paired(op) ? 2 : 1,
          inner: k.map((f) => f.n),
          out: { buf: op.out, off: 0, outer: outer.map((l) => l.strides[0]), inner: [1] },
          reads: [
            { buf: op.a.buf, off: op.a.map.off, outer: outer.map((l) => l.strides[1]), inner: k.map((f) => f.stride) },
            ...(residual ? [residual] : []),
          ],
        },
      ];
    }
    case 'matmul': {
      const rank = op.a.map.dims.length;
      const bDims = op.b.map.dims.map((d, i): Dim => (i < rank - 2 ? d : [{ n: dimSize(op.a.map.dims[rank - 2]), stride: 0 }]));
      const outer = loopsOver([out.dims.slice(0, -1), op.a.map.dims.slice(0, -1), bDims.slice(0, -1)], where(op));
      const k = op.a.map.dims[rank - 1];
      return [
        {
          op,
          part: 0,
          nodes: op.nodes,
          outer: outer.map((l) => l.n),
          // Rows of a pair share their second operand: two heads of one row each do not.
          lanes: outer.length && paired(op) && outer[outer.length - 1].strides[2] === 0 ? 2 : 1,
          inner: k.map((f) => f.n),
          out: { buf: op.out, off: 0, outer: outer.map((l) => l.strides[0]), inner: [1] },
          reads: [
            { buf: op.a.buf, off: op.a.map.off, outer: outer.map((l) => l.strides[1]), inner: k.map((f) => f.stride) },
            { buf: op.b.buf, off: op.b.map.off, outer: outer.map((l) => l.strides[2]), inner: [] },
          ],
        },
      ];
    }
    case 'embed': {
      const tokens = op.tokens.map.dims;
      const outer = loopsOver([out.dims.slice(0, tokens.length), tokens], where(op));
      return [
        {
          op,
          part: 0,
          nodes: op.nodes,
          outer: outer.map((l) => l.n),
          lanes: outer.length ? 2 : 1,
          inner: [op.table.dims[1]],
          out: { buf: op.out, off: 0, outer: outer.map((l) => l.strides[0]), inner: [1] },
          reads: [{ buf: op.tokens.buf, off: op.tokens.map.off, outer: outer.map((l) => l.strides[1]), inner: [] }],
        },
      ];
    }
    case 'reduce': {
      const kept = op.x.map.dims.filter((_, i) => !op.axes.includes(i));
      const columns = kept.length ? kept : [[]];
      const dense = kept.length ? out.dims : [[]];
      const step = rowStep(op, 0, op.nodes, [dense, columns], [0, op.x.map.off], [op.out, op.x.buf], where(op));
      return [{ ...step, lanes: 1 }];
    }
    case 'own':
      return [...op.passes.steps(op)];
    case 'concat': {
      let start = 0;
      return op.parts.map((part, i) => {
        const dims = isView(part) ? mapDims(part.map) : part.dims;
        const n = dims[op.axis] ?? 1;
        const whole = out.dims.length ? out : { off: 0, dims: [[]] };
        const piece = dims.length ? (sliceMap(whole, op.axis, start, n) as IndexMap) : whole;
        start += n;
        const from = isView(part) ? atLeastOne(part).map : atLeastOneMap(denseMap(dims));
        return rowStep(
          op,
          i,
          op.nodes,
          [piece.dims, from.dims],
          [piece.off, from.off],
          [op.out, isView(part) ? part.buf : null],
          where(op),
        );
      });
    }
  }
}

const atLeastOneMap = (map: IndexMap): IndexMap => (map.dims.length ? map : { off: map.off, dims: [[]] });
const atLeastOne = (view: View): View => ({ ...view, map: atLeastOneMap(view.map) });
