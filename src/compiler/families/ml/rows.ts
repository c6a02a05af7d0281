import type { Node, ValueInfo } from '../../../onnx/model.ts';
import type { Buf, View } from '../../graph/hops.ts';
import type { Walk } from '../../graph/lazy.ts';
import type { OwnOp, OwnPasses } from '../../graph/own.ts';
import { denseMap, mapDims, product } from '../../graph/view.ts';
import { type Elem, ENCODE_BITS, encodeKernel, packFactors } from '../../kernels/floats.ts';
import type { Space } from '../../kernels/frame.ts';
import { keysKernel } from '../../kernels/trees.ts';
import type { Places } from '../../lower/places.ts';
import type { Group } from '../../plan/groups.ts';
import type { Access, Step } from '../../plan/steps.ts';
import type { KernelCall } from '../../stages.ts';
import { refuse } from './attrs.ts';

/** What a Scaler does to each column. */
export interface Affine {
  readonly offset: Float64Array;
  readonly scale: Float64Array;
}

/** Rows of features: `n` of `features` side by side, `stride` elements apart. */
export interface Rows {
  readonly view: View;
  readonly n: number;
  readonly features: number;
  readonly stride: number;
  /** Bits of float32; otherwise integers of the view's unit. */
  readonly float: boolean;
  /** What the columns of a float view go through before they are the node's input. */
  readonly affine: Affine | null;
}

/** Results of Scalers whose input is floats: readers that can take the floats themselves need no rounding. */
const SCALED = new WeakMap<Buf, { readonly source: View; readonly affine: Affine }>();

/** Inputs of a model with operators of this family stay floats, because features of one row differ in size by orders of magnitude. */
export function floatInput({ dtype }: ValueInfo): Partial<Buf> | null {
  if (dtype === 'string' || dtype === 'bool') return null;
  return { bytes: 4, float: true, narrow: narrowCopy };
}

/** The rows that a node's input `slot` gives. */
export function rowsOf(walk: Walk, node: Node, slot = 0): Rows {
  const name = node.inputs[slot] ?? '';
  if (walk.model.values.get(name)?.dtype === 'float64')
    refuse(node, 'float64 features are not supported', 'Convert the model with float32 inputs (FloatTensorType)');
  const lazy = walk.get(name, node);
  const { view } = lazy.k === 'view' ? lazy : walk.view(name, node);
  const scaled = SCALED.get(view.buf);
  const isWhole = view.gain === 1 && view.map.off === 0 && product(mapDims(view.map)) === product(view.buf.dims);
  if (scaled && isWhole) return { ...shapeOf(node, { ...scaled.source }), float: true, affine: scaled.affine };
  if (view.buf.float && view.gain !== 1) return { ...shapeOf(node, narrowed(walk, view)), float: false, affine: null };
  return { ...shapeOf(node, view), float: view.buf.float === true, affine: null };
}

/** As {@link rowsOf}, but integers always. */
export function integerRows(walk: Walk, node: Node, slot = 0): Rows {
  const rows = rowsOf(walk, node, slot);
  if (!rows.float) return rows;
  const name = node.inputs[slot]!;
  const { view } = walk.view(name, node);
  return { ...shapeOf(node, view.buf.float ? narrowed(walk, view) : view), float: false, affine: null };
}

const narrowed = (walk: Walk, view: View): View => ({ ...view, buf: narrowCopy(view.buf, (op) => walk.ops.push(op)) });

function shapeOf(node: Node, view: View): Pick<Rows, 'view' | 'n' | 'features' | 'stride'> {
  const { dims } = view.map;
  const columns = dims.at(-1) ?? [];
  const rows = dims.slice(0, -1).flat();
  if (rows.length > 1 || columns.length > 1 || (columns.length === 1 && columns[0].stride !== 1))
    refuse(node, 'its features do not lie side by side in memory', 'Insert an Identity copy, or reorder the columns before exporting');
  return { view, n: rows[0]?.n ?? 1, features: columns[0]?.n ?? 1, stride: rows[0]?.stride ?? 0 };
}

/** Type of the elements as kernels of this family read them. */
export const elemOf = ({ float, view }: Rows): Elem => (float ? 'f32' : view.buf.bytes === 4 ? 'i32' : 'i16');

/** How a step reads rows. */
export const readRows = ({ view, stride, n }: Rows): Access => ({
  buf: view.buf,
  off: view.map.off,
  outer: n > 1 ? [stride] : [],
  inner: [1],
});
/** Loops over rows: none for one. */
export const rowLoops = (n: number): number[] => (n > 1 ? [n] : []);
/** How a step writes dense rows of `width`. */
export const writeRows = (buf: Buf, width: number, n: number): Access => ({ buf, off: 0, outer: n > 1 ? [width] : [], inner: [1] });

/** A step that does one row after the other. */
export function rowsStep(op: OwnOp, rows: Rows, width: number): Step {
  return {
    op,
    part: 0,
    nodes: op.nodes,
    outer: rowLoops(rows.n),
    lanes: 1,
    inner: [rows.features],
    out: writeRows(op.out, width, rows.n),
    reads: [readRows({ ...rows, view: op.views[0]! })],
  };
}

/** The rows of an op whose views may have been replaced by later passes. */
export const seenBy = (op: OwnOp, rows: Rows): Rows => ({ ...rows, view: op.views[0]! });

/** Operands of a step: what it writes, then what it reads. */
export function operandsOf(at: Places, step: Step, group: Group) {
  const out = at.operand(step.out as Access, group).operand;
  const reads = step.reads.map((read) => at.operand(read, group).operand);
  return { out, reads, space: (reads[0]?.space ?? 'scratch') as Space };
}

/** A kernel call with a name that says what and how much. */
export function callOf(
  op: OwnOp,
  kind: string,
  shape: unknown,
  size: string | number,
  build: KernelCall['build'],
  args: KernelCall['args'],
): KernelCall {
  return { key: JSON.stringify([kind, shape]), name: `${kind}_${size}`, build, args, nodes: op.nodes };
}

/** Keys of float features, in the order of the floats. */
export function emitKeys(walk: Walk, node: Node, rows: Rows): View {
  const out = walk.buf(`${node.outputs[0] ?? node.name}.keys`, [rows.n, rows.features], 'act', { bytes: 4 });
  const passes: OwnPasses = {
    wide: true,
    takesMissing: true,
    steps: (op) => [rowsStep(op, rows, rows.features)],
    calls: (op, at, step, group) => {
      const { out: to, reads, space } = operandsOf(at, step, group);
      const count = rows.features;
      return [callOf(op, 'keys', { count, space }, count, (n, l, o) => keysKernel(n, count, space, l, o), [to, reads[0]!])];
    },
    evaluate: (_, [x]) => x!,
    scale: () => ({ scale: 1, max: 2 ** 31 - 1 }),
  };
  walk.ops.push({ kind: 'own', out, views: [rows.view], nodes: [node], passes });
  return { buf: out, map: denseMap(out.dims), gain: 1 };
}

/** int16 values of float features: `(x − offset)·scale` by column. */
export function emitEncode(walk: Walk, node: Node, rows: Rows, affine: Affine): View {
  const dims = walk.model.values.get(node.outputs[0]!)?.dims ?? [rows.n, rows.features];
  const out = walk.buf(node.outputs[0]!, dims, 'act');
  walk.ops.push({ kind: 'own', out, views: [rows.view], nodes: [node], passes: encodePasses(rows, affine) });
  SCALED.set(out, { source: rows.view, affine });
  return { buf: out, map: denseMap(dims), gain: 1 };
}

function encodePasses(rows: Rows, { offset, scale }: Affine): OwnPasses {
  const count = rows.features;
  return {
    wide: true,
    steps: (op) => [rowsStep(op, rows, count)],
    calls: (op, at, step, group) => {
      const { out, reads, space } = operandsOf(at, step, group);
      const { scale: unit, max } = at.scales.of(op.out);
      const elem = elemOf(seenBy(op, rows));
      const from = rows.float ? 1 : at.scales.unit(op.views[0]!);
      const factors = packFactors(Array.from(scale, (s) => ((s * from) / unit) * 2 ** ENCODE_BITS));
      const offsets = BigInt64Array.from(scale, (s, c) => {
        const shifted = ((-offset[c]! * s) / unit) * 2 ** ENCODE_BITS;
        return BigInt(Math.round(Math.max(-(2 ** 60), Math.min(2 ** 60, shifted))));
      });
      const shape = { count, space, elem, max };
      const build: KernelCall['build'] = (n, l, o) => encodeKernel(n, shape, l, o);
      return [callOf(op, 'encode', shape, count, build, [out, reads[0]!, at.param(factors), at.param(offsets)])];
    },
    evaluate: (_, [x]) => x!.map((v, i) => (v - offset[i % count]!) * scale[i % count]!),
  };
}

/** int16 copies of buffers with wider elements, one for each. */
const NARROW = new WeakMap<Buf, Buf>();

/** The int16 copy of a buffer of floats or 32-bit integers, for operators that know only int16. */
export function narrowCopy(buf: Buf, push: (op: OwnOp) => void): Buf {
  const done = NARROW.get(buf);
  if (done) return done;
  const { bytes: _, float, narrow: __, ...rest } = buf;
  const out: Buf = { ...rest, id: -1 - buf.id, kind: 'act' };
  NARROW.set(buf, out);
  const count = buf.dims.at(-1) ?? 1;
  const n = product(buf.dims) / count;
  const view: View = { buf, map: denseMap([n, count]), gain: 1 };
  const rows: Rows = { view, n, features: count, stride: count, float: float === true, affine: null };
  const affine = { offset: new Float64Array(count), scale: new Float64Array(count).fill(1) };
  push({ kind: 'own', out, views: [view], nodes: [], passes: encodePasses(rows, affine) });
  return out;
}
