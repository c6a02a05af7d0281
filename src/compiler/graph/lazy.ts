import { InputError } from '../../base/errors.ts';
import type { Model, Node, Tensor } from '../../onnx/model.ts';
import type { Buf, Const, HOp, View } from './hops.ts';
import { isMaskValue, moderate, storable } from './masks.ts';
import { allOffsets, broadcastMap, denseMap, type IndexMap, mapDims, product, reshapeMap, transposeMap } from './view.ts';
import { isWhole, wholeFunction } from './whole.ts';

/**
 * What is known about an ONNX value before any integer op is emitted for it. Most nodes only change this description; an op
 * appears when another op has to read the value. That is how a decomposed GELU becomes one table, a decomposed
 * LayerNormalization one kernel and a bias part of its matrix.
 */
export type Lazy = { readonly nodes: readonly Node[] } & (
  | { readonly k: 'const'; readonly t: Const }
  | { readonly k: 'view'; readonly view: View }
  /** A function of one element of `base`. */
  | { readonly k: 'fn'; readonly base: View; readonly fn: (x: number) => number }
  | {
      readonly k: 'linear';
      readonly a: View;
      readonly weights: Const;
      readonly bias: Float64Array | null;
      readonly dims: readonly number[];
      /** Which of `dims` the columns are; the last without it. */
      readonly axis?: number;
      /** Makes the op where it is no plain product (channels in groups). */
      readonly op?: (parts: LinearParts) => HOp;
      /** Integers that stand for a real value only once the factor behind them is folded in. */
      readonly unscaled?: boolean;
    }
  /** Mean over the last dimension (kept as 1, or dropped). */
  | { readonly k: 'mean'; readonly of: View; readonly keep: boolean }
  /** `(x − mean x)·gamma`. */
  | { readonly k: 'centered'; readonly of: View; readonly gamma: Float64Array | null }
  /** Squares, of `x − mean x` or of `x` itself. */
  | { readonly k: 'square'; readonly of: View; readonly center: boolean }
  /** A function of the mean of those squares. */
  | { readonly k: 'variance'; readonly of: View; readonly center: boolean; readonly fn: (v: number) => number }
  | {
      readonly k: 'norm';
      readonly of: View;
      readonly center: boolean;
      readonly eps: number;
      readonly gamma: Float64Array;
      readonly beta: Float64Array;
    }
);

/** What an op with constant weights is made of once biases, factors and clamps around it are folded in. */
export type LinearParts = Pick<HOp & { kind: 'linear' }, 'a' | 'weights' | 'bias' | 'relu' | 'out' | 'nodes'>;

const identity = (x: number): number => x;

/** Name of the result of the first (or a later) of the nodes that has one of these operators. */
function nodeName(nodes: readonly Node[], ops: readonly string[], skip = 0): string | null {
  return nodes.filter(({ op }) => ops.includes(op))[skip]?.outputs[0] ?? null;
}

/** Nodes without repetition, in file order. */
export function joinNodes(...lists: (readonly Node[])[]): Node[] {
  return [...new Set(lists.flat())].sort((a, b) => a.index - b.index);
}

/** Constants of more elements stay as they are in the file: a language model's weights in double precision would not fit in memory. */
const LARGE = 2 ** 18;

export function constOf(tensor: Tensor): Const {
  const { data } = tensor;
  // Consumers read elements and take parts; single precision holds the file's values exactly.
  if (data instanceof Float32Array && data.length > LARGE) return { dims: tensor.dims, data: data as unknown as Float64Array };
  const out = new Float64Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(data[i]);
  return { dims: tensor.dims, data: out };
}

/** Elements of a constant in an index map's order. */
export function gatherConst(t: Const, offs: Int32Array): Float64Array {
  return Float64Array.from(offs, (o) => t.data[o]);
}

export const sameMap = (a: IndexMap, b: IndexMap): boolean =>
  a.off === b.off &&
  a.dims.length === b.dims.length &&
  a.dims.every((d, i) => d.length === b.dims[i].length && d.every((f, j) => f.n === b.dims[i][j].n && f.stride === b.dims[i][j].stride));

export const sameView = (a: View, b: View): boolean => a.buf === b.buf && a.gain === b.gain && sameMap(a.map, b.map);

/** State of the walk over the graph: values as they are known so far, ops emitted so far. */
export class Walk {
  readonly model: Model;
  readonly ops: HOp[] = [];
  readonly #values = new Map<string, Lazy>();
  readonly #uses = new Map<string, number>();
  #bufCount = 0;

  constructor(model: Model) {
    this.model = model;
    for (const node of model.nodes) for (const name of node.inputs) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
    for (const { name } of model.outputs) this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
  }

  buf(name: string, dims: readonly number[], kind: Buf['kind'], extra: Partial<Buf> = {}): Buf {
    return { id: this.#bufCount++, name, dims, kind, ...extra };
  }
  /** Values that stand in a buffer as they are. */
  views(): { name: string; view: View }[] {
    return [...this.#values].flatMap(([name, lazy]) => (lazy.k === 'view' ? [{ name, view: lazy.view }] : []));
  }
  usedOnce(name: string): boolean {
    return this.#uses.get(name) === 1;
  }
  unused(name: string): boolean {
    return !this.#uses.has(name);
  }
  set(name: string, lazy: Lazy): void {
    this.#values.set(name, lazy);
  }
  get(name: string, node: Node): Lazy {
    const lazy = this.#values.get(name);
    if (lazy) return lazy;
    const tensor = this.model.initializers.get(name);
    if (!tensor) throw new InputError(`input "${name}" is defined nowhere`, place(node));
    if (tensor.dtype === 'string') throw new InputError('string tensors are not supported', place(node));
    const made: Lazy = { k: 'const', t: constOf(tensor), nodes: [] };
    this.#values.set(name, made);
    return made;
  }
  /** Logical dimensions of a value. */
  dims(lazy: Lazy): readonly number[] {
    switch (lazy.k) {
      case 'const':
        return lazy.t.dims;
      case 'view':
        return mapDims(lazy.view.map);
      case 'fn':
        return mapDims(lazy.base.map);
      case 'linear':
        return lazy.dims;
      case 'mean': {
        const dims = mapDims(lazy.of.map).slice(0, -1);
        return lazy.keep ? [...dims, 1] : dims;
      }
      case 'variance':
        return [...mapDims(lazy.of.map).slice(0, -1), 1];
      case 'centered':
      case 'square':
      case 'norm':
        return mapDims(lazy.of.map);
    }
  }

  /** The value as a view of a buffer; emits the op that computes it when there is none yet. */
  view(name: string, node: Node): { view: View; nodes: readonly Node[] } {
    const lazy = this.get(name, node);
    if (lazy.k === 'view' && lazy.view.buf.kind !== 'token') return lazy;
    const view = this.emit(name, lazy, node);
    const made: Lazy = { k: 'view', view, nodes: [] };
    this.#values.set(name, made);
    return { view, nodes: [] };
  }

  /** Emits the op for `lazy` and gives a view of its result. `extra`: what is known of it besides. */
  emit(name: string, lazy: Lazy, node: Node, extra: Partial<Buf> = {}): View {
    const dims = [...this.dims(lazy)];
    const { nodes } = lazy;
    const act = (shape: readonly number[], own: Partial<Buf> = {}): Buf => this.buf(name, shape, 'act', { ...own, ...extra });
    const push = (op: HOp): View => {
      this.ops.push(op);
      return { buf: op.out, map: denseMap(op.out.dims), gain: 1 };
    };
    switch (lazy.k) {
      case 'view':
        if (lazy.view.buf.kind !== 'token') return lazy.view;
        return this.emitTokenFn(name, lazy.view, identity, nodes);
      case 'fn':
        if (lazy.base.buf.kind === 'token') return this.emitTokenFn(name, lazy.base, lazy.fn, nodes, extra);
        {
          const whole = isWhole(lazy.base);
          const fn = whole ? (v: number): number => storable(lazy.fn(v)) : lazy.fn;
          const laid = layout(this, name, dims, [lazy.base], { ...(whole ? wholeFunction(lazy.base, fn) : {}), ...extra });
          this.ops.push({ kind: 'unary', x: laid.turn(lazy.base), fn, out: laid.out, nodes });
          return laid.view;
        }
      case 'linear':
        return this.emitLinear(name, lazy, nodes, false, extra);
      case 'norm':
        return push({
          kind: 'norm',
          x: lazy.of,
          gamma: lazy.gamma,
          beta: lazy.beta,
          eps: lazy.eps,
          center: lazy.center,
          out: act(dims),
          nodes,
        });
      case 'mean': {
        const rank = lazy.of.map.dims.length;
        const out = act(dims.slice(0, rank - 1));
        const view = push({ kind: 'reduce', x: lazy.of, axes: [rank - 1], mode: 'mean', out, nodes });
        return { ...view, map: reshapeMap(view.map, dims) as IndexMap };
      }
      case 'const':
        return push({
          kind: 'concat',
          parts: [lazy.t],
          axis: 0,
          out: act(dims, { known: bounds(lazy.t.data) }),
          nodes: nodes.length ? nodes : [node],
        });
      case 'centered': {
        const { of, gamma } = lazy;
        const centered = this.#centered(gamma ? nodeName(nodes, ['Sub']) : null, name, of, nodes);
        if (!gamma) return centered;
        return push({ kind: 'affine', x: centered, mul: { dims: [gamma.length], data: gamma }, add: null, out: act(dims), nodes });
      }
      case 'square':
        return this.#square(null, name, lazy.of, lazy.center, nodes);
      case 'variance': {
        // Where a file computes a variance for itself, its steps have names of their own, and with them ranges.
        const square = this.#square(nodeName(nodes, ['Pow', 'Mul']), name, lazy.of, lazy.center, nodes);
        const mean = nodeName(nodes, ['ReduceMean'], lazy.center ? 1 : 0) ?? `${name}.mean`;
        const out = this.buf(mean, dims.slice(0, -1), 'act');
        this.ops.push({ kind: 'reduce', x: square, axes: [dims.length - 1], mode: 'mean', out, nodes });
        const x: View = { buf: out, map: reshapeMap(denseMap(out.dims), dims) as IndexMap, gain: 1 };
        if (nodes[nodes.length - 1]?.op === 'ReduceMean') return x;
        return push({ kind: 'unary', x, fn: lazy.fn, out: act(dims), nodes });
      }
    }
  }

  /** A product with constant weights, its columns last in memory. `extra`: bounds that its results are clamped to. */
  emitLinear(name: string, lazy: Lazy & { k: 'linear' }, nodes: readonly Node[], relu: boolean, extra: Partial<Buf> = {}): View {
    const { a, weights, bias, dims } = lazy;
    if (lazy.unscaled)
      throw new InputError(
        'integers of a product are used as they are',
        place(nodes[nodes.length - 1]),
        'Multiply them by their scales right behind the product',
      );
    const axis = lazy.axis ?? dims.length - 1;
    const shape = [...dims.slice(0, axis), ...dims.slice(axis + 1), dims[axis]];
    const out = this.buf(name, shape, 'act', extra);
    const parts: LinearParts = { a, weights, bias, relu, out, nodes };
    this.ops.push(lazy.op?.(parts) ?? { kind: 'linear', ...parts });
    const back = dims.map((_, i) => (i === axis ? dims.length - 1 : i < axis ? i : i - 1));
    return { buf: out, map: transposeMap(denseMap(shape), back), gain: 1 };
  }

  /** `x − mean x` over the last dimension, where it is needed outside of a normalisation; `known` is its name in the file. */
  #centered(known: string | null, name: string, of: View, nodes: readonly Node[]): View {
    const dims = mapDims(of.map);
    const rows = dims.slice(0, -1);
    const mean = this.buf(nodeName(nodes, ['ReduceMean']) ?? `${name}.mean`, rows, 'act');
    this.ops.push({ kind: 'reduce', x: of, axes: [rows.length], mode: 'mean', out: mean, nodes });
    const out = this.buf(known ?? name, dims, 'act');
    const map = broadcastMap(reshapeMap(denseMap(rows), [...rows, 1]) as IndexMap, dims);
    this.ops.push({ kind: 'add', a: of, b: { buf: mean, map, gain: -1 }, relu: false, out, nodes });
    return { buf: out, map: denseMap(dims), gain: 1 };
  }

  #square(known: string | null, name: string, of: View, center: boolean, nodes: readonly Node[]): View {
    const x = center ? this.#centered(nodeName(nodes, ['Sub']) ?? `${name}.centered`, name, of, nodes) : of;
    const dims = mapDims(x.map);
    const out = this.buf(known ?? name, dims, 'act');
    this.ops.push({ kind: 'unary', x, fn: (v) => v * v, out, nodes });
    return { buf: out, map: denseMap(dims), gain: 1 };
  }

  /** A function of a token is a table over the vocabulary. */
  emitTokenFn(name: string, tokens: View, fn: (x: number) => number, nodes: readonly Node[], extra: Partial<Buf> = {}): View {
    const table = new Float64Array(vocabularyOf(tokens.buf));
    for (let t = 0; t < table.length; t++) table[t] = storable(fn(t * tokens.gain));
    const dims = mapDims(tokens.map);
    const whole = table.every(Number.isInteger);
    const out = this.buf(name, dims, 'act', {
      known: bounds(table),
      whole,
      ...(table.some(isMaskValue) ? { unmasked: moderate(table) } : {}),
      ...extra,
    });
    this.ops.push({ kind: 'embed', tokens, table: { dims: [table.length, 1], data: table }, out, nodes });
    return { buf: out, map: denseMap(dims), gain: 1 };
  }
}

function vocabularyOf(buf: Buf): number {
  return buf.vocabulary ?? 256;
}

export function bounds(data: Float64Array): { min: number; max: number } {
  let min = 0;
  let max = 0;
  for (const x of data) {
    if (x < min) min = x;
    if (x > max) max = x;
  }
  return { min, max };
}

export const place = (node: Node): string => `node ${node.name} (${node.op}, #${node.index})`;

/** A view whose shape is `dims` by broadcasting. */
export const broadcastView = (view: View, dims: readonly number[]): View => ({ ...view, map: broadcastMap(view.map, dims) });

/** The value that all elements share, or null. */
export function uniform(t: Const): number | null {
  const first = t.data[0];
  for (const x of t.data) if (x !== first) return null;
  return product(t.dims) > 0 ? first : null;
}

/** Where the result of an elementwise op lies, and how its operands are seen in that order. */
export interface Laid {
  readonly out: Buf;
  readonly view: View;
  readonly turn: (view: View) => View;
  readonly turnConst: (t: Const) => Const;
}

/** Dimensions by their place in memory, largest stride first; as they are where that is not a plain permutation. */
export function memoryOrder(map: IndexMap): number[] {
  const dims = map.dims.map((_, i) => i);
  if (map.dims.some((dim) => dim.length > 1 || dim[0]?.stride === 0)) return dims;
  const stride = (i: number): number => map.dims[i][0]?.stride ?? Number.POSITIVE_INFINITY;
  return dims.sort((a, b) => stride(b) - stride(a) || a - b);
}

/** A result of shape `dims` laid out in memory as the first operand that is not broadcast, so that channels stay where they are. */
export function layout(walk: Walk, name: string, dims: readonly number[], operands: readonly View[], extra: Partial<Buf> = {}): Laid {
  const order = operands.map(({ map }) => memoryOrder(map)).find((o) => o.some((d, i) => d !== i)) ?? dims.map((_, i) => i);
  const shape = order.map((i) => dims[i]);
  const out = walk.buf(name, shape, 'act', extra);
  const back = order.map((_, i) => order.indexOf(i));
  return {
    out,
    view: { buf: out, map: transposeMap(denseMap(shape), back), gain: 1 },
    turn: (view) => ({ ...view, map: transposeMap(view.map, order) }),
    turnConst: (t) => {
      const full = [...dims.slice(t.dims.length).map(() => 1), ...t.dims];
      const map = transposeMap(denseMap(full), order);
      return { dims: order.map((i) => full[i]), data: gatherConst(t, allOffsets(map)) };
    },
  };
}

/** A constant that varies only along dimension `axis` of `dims`, as one value for each of its columns; null otherwise. */
export function alongAxis(t: Const, dims: readonly number[], axis: number): Float64Array | null {
  const n = dims[axis];
  if (t.data.length === 1) return new Float64Array(n).fill(t.data[0]);
  return t.data.length === n && t.dims[axis - dims.length + t.dims.length] === n ? t.data : null;
}

/** A constant that varies only along the last dimension, as one value for each of `n` columns; null otherwise. */
export function lastAxis(t: Const, n: number): Float64Array | null {
  if (t.data.length === 1) return new Float64Array(n).fill(t.data[0]);
  if (t.data.length === n && (t.dims[t.dims.length - 1] ?? 1) === n) return t.data;
  return null;
}
