import { InputError } from '../../base/errors.ts';
import type { Node } from '../../onnx/model.ts';
import type { Buf, View } from '../graph/hops.ts';
import { place, type Walk } from '../graph/lazy.ts';
import type { OwnOp } from '../graph/own.ts';
import { allOffsets, denseMap, type IndexMap, mapDims, product } from '../graph/view.ts';
import { isWhole } from '../graph/whole.ts';
import { copyKernel, ROW_SHIFT, rowName } from '../kernels/rows.ts';
import { placeBytes, type TakeShape, takeKernel } from '../kernels/take.ts';
import type { Places } from '../lower/places.ts';
import type { Group } from '../plan/groups.ts';
import { type Access, rowStep, type Step } from '../plan/steps.ts';
import { int64s } from '../plan/weights.ts';
import type { KernelCall } from '../stages.ts';

/** Elements that one call of the kernel moves at most: the verifier walks them. */
const RUN = 256;

/** A computed index: one for each element that moves, into dimension `axis` of the indexed value. */
export interface Index {
  readonly view: View;
  readonly axis: number;
}

/** How many elements a call moves, of `count`. */
function runOf(count: number): number {
  for (let n = Math.min(count, RUN); n > 1; n--) if (count % n === 0) return n;
  return 1;
}

/** The loops of a kernel over `count` elements in order: `along` moves with them, `still` is reached by places. */
function runs(op: OwnOp, part: number, count: number, out: 'along' | 'still', source: Buf, indices: readonly Buf[]): Step {
  const run = runOf(count);
  const along = (buf: Buf): Access => ({ buf, off: 0, outer: [run], inner: [1] });
  const still = (buf: Buf): Access => ({ buf, off: 0, outer: [0], inner: [] });
  return {
    op,
    part,
    nodes: op.nodes,
    outer: [count / run],
    lanes: 1,
    inner: [run],
    out: out === 'along' ? along(op.out) : still(op.out),
    reads: [out === 'along' ? still(source) : along(source), ...indices.map(along)],
  };
}

/** Strides of the dimensions of a map that computed indices walk, in elements. */
const strideOf = (map: IndexMap, { axis }: Index): number => map.dims[axis]?.[0]?.stride ?? 0;

/** A copy of `view` that lies as it is read. */
export function dense(walk: Walk, view: View, name: string, nodes: readonly Node[]): View {
  const dims = mapDims(view.map);
  const offsets = allOffsets(view.map);
  if (offsets.length === product(view.buf.dims) && offsets.every((at, i) => at === i)) return { ...view, map: denseMap(dims) };
  const { known, unmasked, whole, masked, grid } = view.buf;
  const out = walk.buf(name, dims, 'act', {
    bound: (_, top) => top({ ...view, gain: 1 }),
    ...(known ? { known } : {}),
    ...(masked ? { masked } : {}),
    ...(grid ? { grid } : {}),
    unmasked,
    whole,
  });
  walk.ops.push({ kind: 'concat', parts: [{ ...view, gain: 1 }], axis: 0, out, nodes });
  return { buf: out, map: denseMap(dims), gain: view.gain };
}

/** Indices as a kernel reads them: whole numbers in units of one, one after the other. */
function indexBuf(walk: Walk, node: Node, view: View, name: string, nodes: readonly Node[]): View {
  if (!isWhole(view))
    throw new InputError(
      'indices depend on values that are no whole numbers',
      place(node),
      'Index by constants, by tokens, or by ArgMax or TopK',
    );
  const dims = mapDims(view.map);
  const out = walk.buf(name, dims, 'act', { whole: true, known: { min: -32767, max: 32767 } });
  walk.ops.push({ kind: 'concat', parts: [view], axis: 0, out, nodes });
  return { buf: out, map: denseMap(dims), gain: 1 };
}

interface Taken {
  readonly name: string;
  readonly dims: readonly number[];
  readonly nodes: readonly Node[];
  /** For each element of the result: which of `x`, counted in row-major order; where there are computed indices, with those as zero. */
  readonly places: Int32Array;
  readonly indices?: readonly Index[];
}

/** Elements of `x` in other places: constant ones, or computed along some dimensions. */
export function emitTake(walk: Walk, node: Node, x: View, { name, dims, nodes, places, indices = [] }: Taken): View {
  const split = indices.some(({ axis }) => (x.map.dims[axis]?.length ?? 0) > 1);
  const from = split ? dense(walk, x, `${name}.source`, nodes) : x;
  const at = indices.map(({ view, axis }, i): Index => ({ view: indexBuf(walk, node, view, `${name}.index${i}`, nodes), axis }));
  const { known, masked, grid, whole, unmasked } = from.buf;
  const out = walk.buf(name, dims, 'act', {
    ...(known ? { known } : {}),
    ...(masked ? { masked } : {}),
    ...(grid ? { grid } : {}),
    whole,
    unmasked,
  });
  walk.ops.push({
    kind: 'own',
    out,
    views: [from, ...at.map(({ view }) => view)],
    nodes,
    passes: {
      steps: (op) => {
        const [from, ...rest] = op.views.map((v) => v.buf);
        return [runs(op, 0, product(op.out.dims), 'along', from!, rest)];
      },
      calls: (op, where, step, group) => [call(op, where, step, group, op.views[0]!, places, at, 'take')],
      evaluate: (op, [values, ...chosen]) => {
        const source = mapDims(op.views[0]!.map);
        return Float64Array.from(places, (first, e) => values![first + reached(source, at, chosen, e)]! / op.views[0]!.gain);
      },
      scale: (op, scales) => scales.of(op.views[0]!.buf),
    },
  });
  return { buf: out, map: denseMap(dims), gain: from.gain };
}

/** How far computed indices reach from the place of element `e`, in row-major order of the indexed value. */
function reached(dims: readonly number[], indices: readonly Index[], chosen: readonly Float64Array[], e: number): number {
  return indices.reduce((sum, { axis }, i) => {
    const n = dims[axis]!;
    const index = chosen[i]![e]!;
    const inside = Math.max(0, Math.min(n - 1, index < 0 ? index + n : index));
    return sum + inside * product(dims.slice(axis + 1));
  }, 0);
}

function call(
  op: OwnOp,
  at: Places,
  step: Step,
  group: Group,
  reachedView: View,
  places: Int32Array,
  indices: readonly Index[],
  mode: TakeShape['mode'],
  param: readonly ArrayBufferView[] = [],
): KernelCall {
  const offsets = allOffsets(reachedView.map);
  const elements = product(reachedView.buf.dims);
  const entry = placeBytes(elements);
  const offset = (i: number): number => offsets[i]!;
  const table = entry === 2 ? Uint16Array.from(places, offset) : Uint32Array.from(places, offset);
  const [source, ...chosen] = step.reads;
  const dims = mapDims(reachedView.map);
  const [count] = step.inner;
  const shape: TakeShape = {
    mode,
    count: count!,
    elements,
    space: at.operand(source!, group).operand.space,
    indices: chosen.map((access, i) => ({
      space: at.operand(access, group).operand.space,
      n: dims[indices[i]!.axis]!,
      stride: strideOf(reachedView.map, indices[i]!),
    })),
    outMax: at.scales.limit(op.out),
  };
  return {
    key: JSON.stringify(['take', shape]),
    name: `${mode}_${count}_of_${shape.elements}`,
    build: (fn, layout, origin) => takeKernel(fn, shape, layout, origin),
    args: [
      at.operand(step.out!, group).operand,
      at.operand(source!, group).operand,
      { ...at.param(table), strides: [entry * count!] },
      ...chosen.map((access) => at.operand(access, group).operand),
      ...param.map((data) => at.param(data)),
    ],
    nodes: op.nodes,
  };
}

/** A copy of `x` in which the elements of `updates` stand at other places, later ones over earlier ones. The result's range is calibrated, or follows from masks. */
export function emitPut(
  walk: Walk,
  node: Node,
  x: View,
  updates: View,
  { name, dims, nodes, places, indices = [] }: Taken,
  extra: Partial<Buf>,
): View {
  const added = dense(walk, updates, `${name}.updates`, nodes);
  const at = indices.map(({ view, axis }, i): Index => ({ view: indexBuf(walk, node, view, `${name}.index${i}`, nodes), axis }));
  const out = walk.buf(name, dims, 'act', extra);
  const whole: View = { buf: out, map: denseMap(dims), gain: 1 };
  walk.ops.push({
    kind: 'own',
    out,
    views: [x, added, ...at.map(({ view }) => view)],
    nodes,
    passes: {
      steps(op) {
        const [first, second, ...more] = op.views;
        return [
          rowStep(op, 0, op.nodes, [denseMap(dims).dims, first!.map.dims], [0, first!.map.off], [op.out, first!.buf], place(node)),
          runs(
            op,
            1,
            places.length,
            'still',
            second!.buf,
            more.map((v) => v.buf),
          ),
        ];
      },
      calls(op, where, step, group) {
        const unit = where.scales.of(op.out).scale;
        const factor = (view: View): number => (where.scales.unit(view) / unit) * 2 ** ROW_SHIFT;
        if (step.part === 1) return [call(op, where, step, group, whole, places, at, 'put', [int64s(factor(op.views[1]!))])];
        return [copyOf(op, where, step, group, factor(op.views[0]!))];
      },
      evaluate(op, [values, changes, ...chosen]) {
        const result = Float64Array.from(values!);
        places.forEach((first, e) => {
          result[first + reached(op.out.dims, at, chosen, e)] = changes![e]!;
        });
        return result;
      },
    },
  });
  return whole;
}

function copyOf(op: OwnOp, at: Places, step: Step, group: Group, factor: number): KernelCall {
  const { shape, args } = at.shape(step, group);
  return {
    key: JSON.stringify(['copy', shape]),
    name: rowName('copy', shape),
    build: (name, layout, origin) => copyKernel(name, shape, layout, origin),
    args: [...args, at.param(int64s(factor))],
    nodes: op.nodes,
  };
}
