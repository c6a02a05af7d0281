import { InputError } from '../../base/errors.ts';
import type { Attr, DType, Node, Tensor, TensorData } from '../model.ts';
import { elementCount } from '../tensor.ts';

export interface Shaped {
  readonly dtype: DType;
  readonly dims: readonly number[];
}
/** What import knows about a value: always its shape, and its contents when they are constant. */
export interface Known extends Shaped {
  readonly value: Tensor | null;
}

/** What import does with one operator. */
export interface OpDef {
  /** Types and shapes of the outputs, in order. */
  readonly infer: (c: OpContext) => readonly Shaped[];
  /** Contents of the outputs when all inputs are constant; null when this case is not computed here. */
  readonly evaluate?: (c: OpContext, outs: readonly Shaped[]) => readonly TensorData[] | null;
  /** True when output 0 equals input 0, so that the node can go. */
  readonly passesThrough?: (c: OpContext, outs: readonly Shaped[]) => boolean;
  /** Output depends on shapes only, so it is constant although the inputs are not. */
  readonly shapeOnly?: boolean;
}

/** A node under inference: its attributes and what is known about its inputs. */
export class OpContext {
  readonly node: Node;
  readonly opset: number;
  readonly #file: string;
  readonly #lookup: (name: string) => Known | undefined;

  constructor(node: Node, opset: number, file: string, lookup: (name: string) => Known | undefined) {
    this.node = node;
    this.opset = opset;
    this.#file = file;
    this.#lookup = lookup;
  }

  get where(): string {
    return `${this.#file}: node \`${this.node.name}\` (${this.node.op})`;
  }
  fail(what: string, advice = ''): never {
    throw new InputError(what, this.where, advice);
  }

  get inputCount(): number {
    return this.node.inputs.length;
  }
  /** Input `i`, which the operator needs. */
  in(i: number): Known {
    return this.opt(i) ?? this.fail(`input ${i} is missing`);
  }
  /** Input `i` or null when it is omitted. */
  opt(i: number): Known | null {
    const name = this.node.inputs[i];
    if (!name) return null;
    return this.#lookup(name) ?? this.fail(`it reads \`${name}\`, which nothing before it produces`);
  }
  /** All inputs, none of them omitted. */
  all(): Known[] {
    return this.node.inputs.map((_, i) => this.in(i));
  }

  attr(name: string): Attr | undefined {
    return this.node.attrs.get(name);
  }
  int(name: string, fallback: number): number;
  int(name: string): number | undefined;
  int(name: string, fallback?: number): number | undefined {
    const value = this.attr(name);
    if (value === undefined) return fallback;
    if (typeof value === 'bigint' || typeof value === 'number') return Number(value);
    return this.fail(`attribute \`${name}\` should be an integer`);
  }
  float(name: string, fallback: number): number {
    return this.int(name, fallback);
  }
  str(name: string, fallback: string): string {
    const value = this.attr(name);
    if (value === undefined) return fallback;
    return typeof value === 'string' ? value : this.fail(`attribute \`${name}\` should be a string`);
  }
  ints(name: string): number[] | undefined {
    const value = this.attr(name);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((v) => typeof v === 'bigint' || typeof v === 'number')) return value.map(Number);
    return this.fail(`attribute \`${name}\` should be a list of integers`);
  }

  /** The integers in constant input `i`; a shape that depends on data is refused here. */
  constInts(i: number, what: string): number[] {
    const { value, dtype } = this.in(i);
    if (!value) {
      this.fail(
        `${what} depends on the data (input \`${this.node.inputs[i]}\` is not constant), so shapes cannot be known before the program runs`,
        'Export the model with fixed shapes, or compute that value in Python before exporting',
      );
    }
    if (dtype === 'string') this.fail(`${what} should be integers`);
    return Array.from(value.data as Iterable<number | bigint>, Number);
  }
  /** Ints from attribute `name` (older opsets) or constant input `i` (newer ones). */
  intsFrom(name: string, i: number, what: string): number[] | undefined {
    return this.ints(name) ?? (this.node.inputs[i] ? this.constInts(i, what) : undefined);
  }

  /** A possibly negative axis of a tensor of `rank`, made positive and checked. */
  axis(value: number, rank: number): number {
    const axis = value < 0 ? value + rank : value;
    if (!Number.isInteger(axis) || axis < 0 || axis >= rank) this.fail(`axis ${value} is outside a tensor of ${rank} dimensions`);
    return axis;
  }
  /** `axes` made positive, checked, in ascending order. */
  axes(values: readonly number[], rank: number): number[] {
    const axes = values.map((value) => this.axis(value, rank)).sort((a, b) => a - b);
    if (new Set(axes).size !== axes.length) this.fail(`axes [${values.join(', ')}] name a dimension twice`);
    return axes;
  }

  /** Broadcast of shapes by ONNX's (NumPy's) rule. */
  broadcast(...shapes: readonly (readonly number[])[]): number[] {
    const rank = Math.max(0, ...shapes.map((dims) => dims.length));
    const out = Array.from({ length: rank }, () => 1);
    for (const dims of shapes) {
      dims.forEach((dim, i) => {
        const at = rank - dims.length + i;
        if (dim === out[at] || dim === 1) return;
        if (out[at] !== 1) this.fail(`shapes ${shapes.map((s) => `[${s.join(', ')}]`).join(' and ')} do not fit together`);
        out[at] = dim;
      });
    }
    return out;
  }
}

export const sameDims = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((dim, i) => dim === b[i]);
export const product = elementCount;
