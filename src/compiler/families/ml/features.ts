import type { Node } from '../../../onnx/model.ts';
import { attrNumber, attrString } from '../../graph/attrs.ts';
import { cast } from '../../graph/elementwise.ts';
import type { Buf, View } from '../../graph/hops.ts';
import { joinNodes, type Walk } from '../../graph/lazy.ts';
import type { OwnPasses } from '../../graph/own.ts';
import { concat } from '../../graph/shapes.ts';
import { denseMap, mapDims, sliceMap } from '../../graph/view.ts';
import { ELEM_BYTES, type FloatChange, floatCopyKernel } from '../../kernels/floats.ts';
import { NORMAL_BITS, normalizeKernel } from '../../kernels/scores.ts';
import type { KernelCall } from '../../stages.ts';
import { numbers, refuse, strings } from './attrs.ts';
import { bitsOf, keyOf } from './floats.ts';
import {
  callOf,
  elemOf,
  emitEncode,
  integerRows,
  narrowCopy,
  operandsOf,
  type Rows,
  readRows,
  rowLoops,
  rowsOf,
  rowsStep,
  seenBy,
} from './rows.ts';

/** One value for each column: a list of one counts for all. */
function byColumn(node: Node, values: readonly number[], features: number, what: string): Float64Array {
  if (values.length !== 1 && values.length !== features)
    refuse(node, `it has ${values.length} ${what} for ${features} features`, 'Export the model again');
  return Float64Array.from({ length: features }, (_, c) => values[values.length === 1 ? 0 : c]!);
}

/** `(x − offset)·scale`. */
export function scaler(walk: Walk, node: Node): void {
  const rows = rowsOf(walk, node);
  const offset = byColumn(node, numbers(node, 'offset'), rows.features, 'offsets');
  const scale = byColumn(node, numbers(node, 'scale'), rows.features, 'scales');
  const input = rows.affine ? integerRows(walk, node) : rows;
  walk.set(node.outputs[0]!, { k: 'view', view: emitEncode(walk, node, input, { offset, scale }), nodes: [] });
}

/** Floats with one value of each column replaced, or compared with a threshold. */
function emitFloats(
  walk: Walk,
  node: Node,
  rows: Rows,
  change: FloatChange,
  nan: boolean,
  params: Int32Array | null,
  evaluate: (x: number, c: number) => number,
): void {
  if (!rows.float || rows.affine) refuse(node, 'it reads values that were computed before', 'Put it first, on the features as they come');
  const name = node.outputs[0]!;
  const dims = walk.model.values.get(name)?.dims ?? [rows.n, rows.features];
  const out = walk.buf(name, dims, 'act', {
    bytes: 4,
    float: true,
    narrow: narrowCopy,
    ...(change === 'binarize' ? { known: { min: 0, max: 1 } } : {}),
  });
  const passes: OwnPasses = {
    wide: true,
    takesMissing: nan ? 'replaced' : true,
    steps: (op) => [rowsStep(op, rows, rows.features)],
    calls: (op, at, step, group) => {
      const { out: to, reads, space } = operandsOf(at, step, group);
      const shape = { count: rows.features, space, change, nan };
      const build: KernelCall['build'] = (n, l, o) => floatCopyKernel(n, shape, l, o);
      return [callOf(op, change, shape, rows.features, build, [to, reads[0]!, ...(params ? [at.param(params)] : [])])];
    },
    evaluate: (_, [x]) => x!.map((v, i) => evaluate(v, i % rows.features)),
  };
  walk.ops.push({ kind: 'own', out, views: [rows.view], nodes: [node], passes });
  walk.set(name, { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 }, nodes: [] });
}

/** Replaces missing features, or those that have one particular value, by a constant of their column. */
export function imputer(walk: Walk, node: Node): void {
  const rows = rowsOf(walk, node);
  const values = numbers(node, 'imputed_value_floats', 'imputed_value_int64s');
  const imputed = byColumn(node, values, rows.features, 'imputed values');
  const replaced = attrNumber(node, 'replaced_value_float') ?? attrNumber(node, 'replaced_value_int64') ?? 0;
  const nan = Number.isNaN(replaced);
  const params = Int32Array.from({ length: 2 * rows.features }, (_, i) => bitsOf(i % 2 ? imputed[i >> 1]! : replaced) | 0);
  emitFloats(walk, node, rows, 'impute', nan, params, (x, c) => ((nan ? Number.isNaN(x) : x === Math.fround(replaced)) ? imputed[c]! : x));
}

/** 1 above the threshold, 0 elsewhere. */
export function binarizer(walk: Walk, node: Node): void {
  const rows = rowsOf(walk, node);
  const threshold = attrNumber(node, 'threshold') ?? 0;
  const params = Int32Array.from({ length: 2 * rows.features }, (_, i) => (i % 2 ? 0 : keyOf(threshold)));
  emitFloats(walk, node, rows, 'binarize', false, params, (x) => (x > Math.fround(threshold) ? 1 : 0));
}

/** Cast: floats that become whole numbers are cut there, bits and all; everything else is the compiler's Cast. */
export function wholeNumbers(walk: Walk, node: Node): void {
  const lazy = walk.get(node.inputs[0]!, node);
  const toInt = [2, 3, 4, 5, 6, 7, 12, 13].includes(attrNumber(node, 'to') ?? 1);
  const float = lazy.k === 'view' && lazy.view.buf.float && lazy.view.gain === 1 && lazy.view.map.dims.length <= 2;
  if (toInt && float) emitFloats(walk, node, rowsOf(walk, node), 'truncate', false, null, Math.trunc);
  else cast(walk, node);
}

/** Rows divided by their norm. */
export function normalizer(walk: Walk, node: Node): void {
  const norm = attrString(node, 'norm') ?? 'MAX';
  if (norm !== 'L1' && norm !== 'L2' && norm !== 'MAX') refuse(node, `norm ${norm} is not supported`, 'Use L1, L2 or MAX');
  const rows = integerRows(walk, node);
  if (rows.view.gain < 0) refuse(node, 'its input is stored with the opposite sign', 'Negate after it');
  const name = node.outputs[0]!;
  const dims = walk.model.values.get(name)?.dims ?? [rows.n, rows.features];
  const out = walk.buf(name, dims, 'act', { bytes: 4, narrow: narrowCopy, known: { min: -1, max: 1 } });
  const passes: OwnPasses = {
    wide: true,
    scale: () => ({ scale: 2 ** -NORMAL_BITS, max: 2 ** NORMAL_BITS }),
    steps: (op) => [rowsStep(op, rows, rows.features)],
    calls: (op, at, step, group) => {
      const { out: to, reads, space } = operandsOf(at, step, group);
      const bytes = ELEM_BYTES[elemOf(seenBy(op, rows))];
      const shape = { norm: norm as 'L1' | 'L2' | 'MAX', count: rows.features, bytes, space };
      const build: KernelCall['build'] = (n, l, o) => normalizeKernel(n, shape, l, o);
      return [callOf(op, 'normalize', shape, rows.features, build, [to, reads[0]!])];
    },
    evaluate: (_, [x]) => {
      const result = new Float64Array(x!.length);
      for (let r = 0; r < rows.n; r++) {
        const row = x!.subarray(r * rows.features, (r + 1) * rows.features);
        const total =
          norm === 'MAX'
            ? Math.max(...row)
            : norm === 'L1'
              ? row.reduce((s, v) => s + Math.abs(v), 0)
              : Math.sqrt(row.reduce((s, v) => s + v * v, 0));
        result.set(
          row.map((v) => (total === 0 ? v : v / total)),
          r * rows.features,
        );
      }
      return result;
    },
  };
  walk.ops.push({ kind: 'own', out, views: [rows.view], nodes: [node], passes });
  walk.set(name, { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 }, nodes: [] });
}

/** Concat and FeatureVectorizer: floats beside floats stay floats; everything else is the compiler's Concat. */
export function join(walk: Walk, node: Node): void {
  const name = node.outputs[0]!;
  const dims = walk.model.values.get(name)?.dims ?? [];
  const parts = node.inputs.map((input) => {
    const lazy = walk.get(input, node);
    return lazy.k === 'view' && lazy.view.buf.float && lazy.view.gain === 1 ? lazy.view : null;
  });
  const width = dims.at(-1) ?? 1;
  const axis = attrNumber(node, 'axis') ?? dims.length - 1;
  const lastAxis = axis === -1 || axis === dims.length - 1;
  if (node.op === 'Concat' && (parts.some((part) => part === null) || !lastAxis)) {
    concat(walk, node);
    return;
  }
  if (parts.some((part) => part === null)) refuse(node, 'it joins values that were computed before', 'Use Concat');
  const pieces = parts.map((_, i) => rowsOf(walk, node, i));
  emitJoin(walk, node, name, dims, width, pieces);
}

/** Columns of float views side by side. */
function emitJoin(walk: Walk, node: Node, name: string, dims: readonly number[], width: number, pieces: readonly Rows[]): void {
  const out = walk.buf(name, dims, 'act', { bytes: 4, float: true, narrow: narrowCopy });
  const n = pieces[0]!.n;
  const starts = pieces.map((_, i) => pieces.slice(0, i).reduce((sum, piece) => sum + piece.features, 0));
  const passes: OwnPasses = {
    wide: true,
    takesMissing: true,
    steps: (op) =>
      pieces.map((piece, part) => ({
        op,
        part,
        nodes: op.nodes,
        outer: rowLoops(n),
        lanes: 1 as const,
        inner: [piece.features],
        out: { buf: op.out, off: starts[part]!, outer: n > 1 ? [width] : [], inner: [1] },
        reads: [readRows({ ...piece, view: op.views[part]! })],
      })),
    calls: (op, at, step, group) => {
      const { out: to, reads, space } = operandsOf(at, step, group);
      const count = pieces[step.part]!.features;
      const shape = { count, space, change: 'copy' as const, nan: false };
      const build: KernelCall['build'] = (k, l, o) => floatCopyKernel(k, shape, l, o);
      return [callOf(op, 'floats', shape, count, build, [to, reads[0]!])];
    },
    evaluate: (_, inputs) => {
      const result = new Float64Array(n * width);
      inputs.forEach((x, i) => {
        const { features } = pieces[i]!;
        for (let r = 0; r < n; r++) result.set(x.subarray(r * features, (r + 1) * features), r * width + starts[i]!);
      });
      return result;
    },
  };
  walk.ops.push({ kind: 'own', out, views: pieces.map(({ view }) => view), nodes: joinNodes([node]), passes });
  walk.set(name, { k: 'view', view: { buf: out, map: denseMap(dims), gain: 1 }, nodes: [] });
}

/** Chosen columns of features, or the labels that an index chooses. */
export function arrayFeatureExtractor(walk: Walk, node: Node): void {
  const [source, index] = node.inputs.map((name) => walk.get(name, node));
  const name = node.outputs[0]!;
  if (source!.k === 'const' || walk.model.initializers.get(node.inputs[0]!)?.dtype === 'string') {
    const labels =
      source!.k === 'const' ? [...source!.t.data] : refuse(node, 'labels that are texts are not supported', 'Use numbers as labels');
    relabel(walk, node, node.inputs[1]!, name, labels);
    return;
  }
  if (index!.k !== 'const') refuse(node, 'which features it takes depends on the data', 'Use constant indices');
  const rows = rowsOf(walk, node);
  const columns = [...(index as { t: { data: Float64Array } }).t.data];
  const step = columns.length > 1 ? columns[1]! - columns[0]! : 1;
  const { view } = rows.affine ? walk.view(node.inputs[0]!, node) : rows;
  if (columns.every((c, i) => c === columns[0]! + i * step) && step > 0) {
    const map = sliceMap(view.map, view.map.dims.length - 1, columns[0]!, columns.length, step);
    if (map && (step === 1 || !view.buf.float)) {
      walk.set(name, { k: 'view', view: { ...view, map }, nodes: [] });
      return;
    }
  }
  if (!rows.float || rows.affine)
    refuse(node, 'it takes computed features that are not evenly spaced', 'Reorder the columns before exporting');
  const pieces = columns.map((c): Rows => {
    const map = sliceMap(view.map, view.map.dims.length - 1, c, 1);
    return { ...rows, features: 1, view: { ...view, map: map ?? refuse(node, `it has no feature ${c}`, 'Export the model again') } };
  });
  emitJoin(walk, node, name, walk.model.values.get(name)?.dims ?? [rows.n, columns.length], columns.length, pieces);
}

/** Gives the classes that an index stands for other labels: nothing is computed. */
export function relabel(walk: Walk, node: Node, from: string, to: string, labels: readonly (number | string)[]): void {
  const lazy = walk.get(from, node);
  const { view } = lazy.k === 'view' ? lazy : walk.view(from, node);
  const dims = walk.model.values.get(to)?.dims ?? mapDims(view.map);
  const isIndex = view.buf.bytes === 4 && !view.buf.float && view.buf.known?.min === 0 && view.gain === 1;
  if (!isIndex || view.buf.classes?.some((label, i) => label !== i))
    refuse(node, 'it takes labels by a value that is no class index', 'Take the label outside of the model');
  keepOutput(walk, node, from);
  const at = walk.ops.findIndex((op) => op.out === view.buf);
  const plain = labels.every((label, i) => label === i);
  const { narrow: _, ...rest } = view.buf;
  const buf: Buf = { ...rest, name: to, dims, classes: labels, ...(plain ? { narrow: narrowCopy } : {}) };
  // The same integers, under other labels.
  walk.ops[at] = { ...walk.ops[at]!, out: buf };
  const renamed: View = { buf, map: denseMap(dims), gain: 1 };
  walk.set(to, { k: 'view', view: renamed, nodes: [node] });
  walk.set(from, { k: 'view', view: { ...renamed, map: view.map }, nodes: lazy.nodes });
}

/** A label cannot leave the model twice under different names. */
function keepOutput(walk: Walk, node: Node, name: string): void {
  if (walk.model.outputs.some((output) => output.name === name))
    refuse(node, 'the label that it changes is an output of the model too', 'Keep one of the two outputs');
}

/** Other labels for labels. */
export function labelEncoder(walk: Walk, node: Node): void {
  const keys = [...strings(node, 'keys_strings'), ...numbers(node, 'keys_int64s', 'keys_floats', 'keys_tensor')];
  const values = [...strings(node, 'values_strings'), ...numbers(node, 'values_int64s', 'values_floats', 'values_tensor')];
  const lazy = walk.get(node.inputs[0]!, node);
  const classes = lazy.k === 'view' ? lazy.view.buf.classes : undefined;
  if (!classes || keys.length !== values.length)
    refuse(node, 'it encodes something other than the label of a classifier', 'Encode features before they come to the model');
  const other = node.attrs.get('default_string') ?? attrNumber(node, 'default_int64') ?? attrNumber(node, 'default_float') ?? -1;
  const labels = classes.map((label) => {
    const at = keys.indexOf(label);
    return at < 0 ? (typeof other === 'string' ? other : Number(other)) : values[at]!;
  });
  const { view } = lazy as { view: View };
  keepOutput(walk, node, node.inputs[0]!);
  const at = walk.ops.findIndex((op) => op.out === view.buf);
  const { narrow: _, ...rest } = view.buf;
  const buf: Buf = { ...rest, name: node.outputs[0]!, classes: labels };
  walk.ops[at] = { ...walk.ops[at]!, out: buf };
  walk.set(node.inputs[0]!, { k: 'view', view: { ...view, buf }, nodes: lazy.nodes });
  walk.set(node.outputs[0]!, { k: 'view', view: { ...view, buf }, nodes: [node] });
}
