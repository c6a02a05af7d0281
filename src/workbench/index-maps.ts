import type { Node } from '../onnx/model.ts';
import { type Box, boxesOf, flatRanges, type Range, rangesOf } from './ranges.ts';

/**
 * Along one dimension of an input: every coordinate is used (a sum, a softmax, a broadcast 1), or the coordinate follows from that
 * of an output dimension by a table (-1: none there).
 */
export type Axis = 'all' | { readonly out: number; readonly at: Int32Array };

/** Which elements of an input an element of an output depends on: the same one in order, or coordinate by coordinate. */
export type IndexMap =
  | { readonly kind: 'flat' }
  | { readonly kind: 'axes'; readonly inDims: readonly number[]; readonly outDims: readonly number[]; readonly axes: readonly Axis[] };

/** What a rule may ask about a node's values. */
export interface Values {
  dims(name: string): readonly number[] | null;
  /** Contents of a constant, or of a value that is known for the event at hand. */
  contents(name: string): ArrayLike<number | bigint> | null;
  readonly opset: number;
}

/** The elements of the input that `ranges` of the output depend on. */
export function backward(map: IndexMap, ranges: readonly Range[]): { readonly ranges: readonly Range[]; readonly exact: boolean } {
  if (map.kind === 'flat') return { ranges, exact: true };
  const { inDims, outDims, axes } = map;
  const boxes = boxesOf(outDims, ranges).flatMap((box): Box[] => {
    const mapped = axes.map((axis, at): readonly Range[] => {
      if (axis === 'all') return [[0, inDims[at]!]];
      const used = new Set<number>();
      for (const [from, to] of box[axis.out]!) for (let o = from; o < to; o++) if (axis.at[o]! >= 0) used.add(axis.at[o]!);
      return rangesOf([...used].sort((a, b) => a - b));
    });
    return mapped.every((part) => part.length > 0) ? [mapped] : [];
  });
  return flatRanges(inDims, boxes);
}

/** The elements of the output that depend on `ranges` of the input. */
export function forward(map: IndexMap, ranges: readonly Range[]): { readonly ranges: readonly Range[]; readonly exact: boolean } {
  if (map.kind === 'flat') return { ranges, exact: true };
  const { inDims, outDims, axes } = map;
  const boxes = boxesOf(inDims, ranges).flatMap((box): Box[] => {
    const allowed: (readonly Range[])[] = outDims.map((n) => [[0, n]]);
    axes.forEach((axis, at) => {
      if (axis === 'all') return;
      const inside = (value: number): boolean => box[at]!.some(([from, to]) => value >= from && value < to);
      const before = allowed[axis.out]!;
      const kept = Array.from({ length: outDims[axis.out]! }, (_, o) => o).filter(
        (o) => inside(axis.at[o]!) && before.some(([from, to]) => o >= from && o < to),
      );
      allowed[axis.out] = rangesOf(kept);
    });
    return allowed.every((part) => part.length > 0) ? [allowed] : [];
  });
  return flatRanges(outDims, boxes);
}

const bound = (out: number, n: number, of: (o: number) => number = (o) => o): Axis => ({
  out,
  at: Int32Array.from({ length: n }, (_, o) => of(o)),
});

/** Every dimension bound to the output's with the same place from the end; ones repeat. */
function broadcast(inDims: readonly number[], outDims: readonly number[]): IndexMap {
  const lead = outDims.length - inDims.length;
  const axes = inDims.map((n, at): Axis => (n === 1 ? 'all' : bound(at + lead, outDims[at + lead]!)));
  return { kind: 'axes', inDims, outDims, axes };
}

const count = (dims: readonly number[]): number => dims.reduce((n, dim) => n * dim, 1);
const whole = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function number(node: Node, name: string, otherwise: number): number {
  const value = node.attrs.get(name);
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : otherwise;
}

/** A list from an attribute or, in later operator sets, from an input. */
function list(node: Node, values: Values, name: string, input: number): number[] | null {
  const attr = node.attrs.get(name);
  if (Array.isArray(attr)) return attr.map(Number);
  const from = node.inputs[input];
  const contents = from ? values.contents(from) : null;
  return contents ? Array.from(contents, Number) : null;
}

interface Context {
  readonly node: Node;
  readonly values: Values;
  /** Place among the node's inputs and outputs. */
  readonly input: number;
  readonly output: number;
  readonly inDims: readonly number[];
  readonly outDims: readonly number[];
}

type Rule = (context: Context) => IndexMap | null;

const flat: Rule = ({ input, inDims, outDims }) => (input === 0 && count(inDims) === count(outDims) ? { kind: 'flat' } : null);
const elementwise: Rule = ({ inDims, outDims }) => broadcast(inDims, outDims);

/** Same coordinates but along `free` dimensions of the input, which are used whole. */
function freeAlong(inDims: readonly number[], outDims: readonly number[], free: (axis: number) => boolean): IndexMap {
  return { kind: 'axes', inDims, outDims, axes: inDims.map((n, at) => (free(at) || n === 1 ? 'all' : bound(at, outDims[at]!))) };
}

const softmax: Rule = ({ node, values, inDims, outDims }) => {
  const old = values.opset < 13;
  const axis = whole(number(node, 'axis', old ? 1 : -1), inDims.length);
  // Before operator set 13, all dimensions from the axis on are one row.
  return freeAlong(inDims, outDims, (at) => (old ? at >= axis : at === axis));
};

const layerNorm: Rule = ({ node, input, inDims, outDims }) => {
  const axis = whole(number(node, 'axis', -1), outDims.length);
  return input === 0 ? freeAlong(inDims, outDims, (at) => at >= axis) : broadcast(inDims, outDims);
};

const reduce: Rule = ({ node, values, input, inDims, outDims }) => {
  if (input !== 0) return null;
  const given = node.op.startsWith('Arg') ? [number(node, 'axis', 0)] : list(node, values, 'axes', 1);
  const axes = new Set((given ?? inDims.map((_, at) => at)).map((axis) => whole(axis, inDims.length)));
  const keep = number(node, 'keepdims', 1) !== 0;
  let next = 0;
  const mapped = inDims.map((_, at): Axis => {
    const out = keep ? at : axes.has(at) ? -1 : next++;
    return axes.has(at) ? 'all' : bound(out, outDims[out]!);
  });
  return { kind: 'axes', inDims, outDims, axes: mapped };
};

const globalPool: Rule = ({ inDims, outDims }) => freeAlong(inDims, outDims, (at) => at >= 2);

const matMul: Rule = ({ node, values, input, inDims, outDims }) => {
  const a = values.dims(node.inputs[0]!);
  const b = values.dims(node.inputs[1]!);
  if (!a || !b) return null;
  const columns = b.length > 1 ? 1 : 0;
  const row = outDims.length - 1 - columns;
  const batch = outDims.length - columns - (a.length > 1 ? 1 : 0);
  const rank = inDims.length;
  const axes = inDims.map((n, at): Axis => {
    const lead = at < rank - 2;
    if (lead) {
      const out = batch - (rank - 2) + at;
      return n === 1 ? 'all' : bound(out, outDims[out]!);
    }
    if (input === 0) return rank > 1 && at === rank - 2 ? bound(row, outDims[row]!) : 'all';
    return rank > 1 && at === rank - 1 ? bound(outDims.length - 1, outDims.at(-1)!) : 'all';
  });
  return { kind: 'axes', inDims, outDims, axes };
};

const gemm: Rule = ({ node, input, inDims, outDims }) => {
  if (input === 2) return broadcast(inDims, outDims);
  const turned = number(node, input === 0 ? 'transA' : 'transB', 0) !== 0;
  const kept = input === 0 ? (turned ? 1 : 0) : turned ? 0 : 1;
  const axes = inDims.map((_, at): Axis => (at === kept ? bound(input, outDims[input]!) : 'all'));
  return { kind: 'axes', inDims, outDims, axes };
};

const transpose: Rule = ({ node, inDims, outDims }) => {
  const given = node.attrs.get('perm');
  const perm = Array.isArray(given) ? given.map(Number) : inDims.map((_, at) => inDims.length - 1 - at);
  return { kind: 'axes', inDims, outDims, axes: inDims.map((n, at) => bound(perm.indexOf(at), n)) };
};

const slice: Rule = ({ node, values, input, inDims, outDims }) => {
  if (input !== 0) return null;
  const starts = list(node, values, 'starts', 1);
  if (!starts) return null;
  const named = list(node, values, 'axes', 3) ?? starts.map((_, at) => at);
  const steps = list(node, values, 'steps', 4) ?? starts.map(() => 1);
  const from = inDims.map(() => 0);
  const step = inDims.map(() => 1);
  named.forEach((name, i) => {
    const axis = whole(name, inDims.length);
    const size = inDims[axis]!;
    const start = starts[i]! < 0 ? starts[i]! + size : starts[i]!;
    step[axis] = steps[i]!;
    from[axis] = Math.min(Math.max(start, 0), steps[i]! > 0 ? size : size - 1);
  });
  return { kind: 'axes', inDims, outDims, axes: inDims.map((_, at) => bound(at, outDims[at]!, (o) => from[at]! + o * step[at]!)) };
};

const split: Rule = ({ node, values, input, output, inDims, outDims }) => {
  if (input !== 0) return null;
  const axis = whole(number(node, 'axis', 0), inDims.length);
  let start = 0;
  for (const name of node.outputs.slice(0, output)) start += values.dims(name)?.[axis] ?? Number.NaN;
  if (Number.isNaN(start)) return null;
  return { kind: 'axes', inDims, outDims, axes: inDims.map((_, at) => bound(at, outDims[at]!, (o) => (at === axis ? start + o : o))) };
};

const concat: Rule = ({ node, values, input, inDims, outDims }) => {
  const axis = whole(number(node, 'axis', 0), inDims.length);
  let start = 0;
  for (const name of node.inputs.slice(0, input)) start += values.dims(name)?.[axis] ?? Number.NaN;
  if (Number.isNaN(start)) return null;
  const size = inDims[axis]!;
  const moved = (o: number): number => (o >= start && o < start + size ? o - start : -1);
  return { kind: 'axes', inDims, outDims, axes: inDims.map((_, at) => bound(at, outDims[at]!, at === axis ? moved : undefined)) };
};

const gather: Rule = ({ node, values, input, inDims, outDims }) => {
  const data = values.dims(node.inputs[0]!);
  const indices = values.dims(node.inputs[1]!);
  if (!data || !indices) return null;
  const axis = whole(number(node, 'axis', 0), data.length);
  if (input === 1) return { kind: 'axes', inDims, outDims, axes: inDims.map((n, at) => (n === 1 ? 'all' : bound(axis + at, n))) };
  const contents = values.contents(node.inputs[1]!);
  const axes = inDims.map((n, at): Axis => {
    if (at < axis) return bound(at, n);
    if (at > axis) return bound(at + indices.length - 1, n);
    return 'all';
  });
  if (!contents) return { kind: 'axes', inDims, outDims, axes };
  const at = Int32Array.from(contents as ArrayLike<number>, (value) => whole(Number(value), inDims[axis]!));
  const varying = indices.filter((n) => n > 1).length;
  // Indices that vary along one dimension bind it; more than one would need pairs of coordinates.
  if (varying > 1) return { kind: 'axes', inDims, outDims, axes };
  const out = varying === 0 ? -1 : axis + indices.findIndex((n) => n > 1);
  if (out < 0) {
    // One index: any dimension of the output can carry it.
    if (outDims.length === 0) return null;
    axes[axis] = { out: 0, at: new Int32Array(outDims[0]!).fill(at[0] ?? 0) };
  } else axes[axis] = { out, at };
  return { kind: 'axes', inDims, outDims, axes };
};

const einsum: Rule = ({ node, input, inDims, outDims }) => {
  const given = node.attrs.get('equation');
  const equation = typeof given === 'string' ? given.replaceAll(' ', '') : '';
  const [left, right] = equation.split('->');
  const term = left?.split(',')[input];
  if (!term || right === undefined || equation.includes('.')) return null;
  return {
    kind: 'axes',
    inDims,
    outDims,
    axes: inDims.map((n, at) => {
      const out = right.indexOf(term[at]!);
      return out < 0 || n === 1 ? 'all' : bound(out, outDims[out]!);
    }),
  };
};

const NAMES = (names: string, rule: Rule): [string, Rule][] => names.split(' ').map((name) => [name, rule]);

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...NAMES('Reshape Flatten Squeeze Unsqueeze Identity Dropout', flat),
  ...NAMES('Softmax LogSoftmax Hardmax', softmax),
  ...NAMES('LayerNormalization SimplifiedLayerNormalization RMSNormalization', layerNorm),
  ...NAMES('ReduceSum ReduceMean ReduceProd ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ArgMax ArgMin', reduce),
  ...NAMES('GlobalAveragePool GlobalMaxPool', globalPool),
  ...NAMES('MatMul FusedMatMul', matMul),
  ['Gemm', gemm],
  ['Transpose', transpose],
  ['Slice', slice],
  ['Split', split],
  ['Concat', concat],
  ['Gather', gather],
  ['Einsum', einsum],
  ...NAMES(
    'Abs Neg Sign Relu Exp Log Sqrt Reciprocal Floor Ceil Round Sin Cos Tan Tanh Sigmoid Softplus Softsign HardSwish Mish Erf Gelu FastGelu BiasGelu QuickGelu LeakyRelu ThresholdedRelu Elu Celu Selu HardSigmoid Not IsNaN IsInf Cast Clip Add Sub Mul Div Mod Pow PRelu And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual Min Max Sum Mean Where Expand',
    elementwise,
  ),
]);

/** How output `output` of a node depends on its input `input`; null where there is no rule. */
export function indexMap(node: Node, input: number, output: number, values: Values): IndexMap | null {
  const [from, to] = [node.inputs[input], node.outputs[output]];
  const inDims = from ? values.dims(from) : null;
  const outDims = to ? values.dims(to) : null;
  if (!inDims || !outDims) return null;
  if (node.op === 'Expand' && input !== 0) return null;
  return RULES.get(node.op)?.({ node, values, input, output, inDims, outDims }) ?? null;
}

/** Whether an operator's elements can be followed. */
export const hasRule = (op: string): boolean => RULES.has(op);
