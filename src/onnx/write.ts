import type { DType, Tensor } from './model.ts';
import { dtypeCode } from './tensor.ts';

/** Writes protobuf messages; nested ones are written into writers of their own. */
export class WireWriter {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  int(field: number, value: number | bigint): this {
    this.#push(varint(BigInt(field * 8)));
    this.#push(varint(BigInt.asUintN(64, BigInt(value))));
    return this;
  }
  float(field: number, value: number): this {
    this.#push(varint(BigInt(field * 8 + 5)));
    this.#push(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }
  bytes(field: number, value: Uint8Array): this {
    this.#push(varint(BigInt(field * 8 + 2)));
    this.#push(varint(BigInt(value.length)));
    this.#push(value);
    return this;
  }
  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }
  message(field: number, write: (w: WireWriter) => void): this {
    const inner = new WireWriter();
    write(inner);
    return this.bytes(field, inner.finish());
  }
  finish(): Uint8Array {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }
  #push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }
}

function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  let rest = value;
  do {
    out.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(out);
}

/** An attribute as {@link encodeModel} takes it: its kind says which field and type it gets. */
export type AttrSpec =
  | { readonly int: number | bigint }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly tensor: Tensor }
  | { readonly graph: GraphSpec };
export interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attrs?: Readonly<Record<string, AttrSpec>>;
}
/** A value with a shape; a string is a symbolic dimension, null one without a name. No dims: no shape in the file. */
export interface ValueSpec {
  readonly name: string;
  readonly dtype?: DType;
  readonly dims?: readonly (number | string | null)[];
}
export interface GraphSpec {
  readonly nodes: readonly NodeSpec[];
  readonly inputs?: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  readonly initializers?: Readonly<Record<string, Tensor>>;
}
export interface ModelSpec extends GraphSpec {
  readonly opset: number;
  readonly domains?: Readonly<Record<string, number>>;
}

/** Encodes a small ONNX file. float16 and bfloat16 tensors cannot be written. */
export function encodeModel(spec: ModelSpec): Uint8Array {
  const w = new WireWriter().int(1, 8).string(2, 'bpformer');
  for (const [domain, version] of Object.entries({ '': spec.opset, ...spec.domains })) {
    w.message(8, (opset) => opset.string(1, domain).int(2, version));
  }
  return w.message(7, (graph) => writeGraph(graph, spec)).finish();
}

function writeGraph(w: WireWriter, spec: GraphSpec): void {
  for (const node of spec.nodes) w.message(1, (inner) => writeNode(inner, node));
  w.string(2, 'graph');
  for (const [name, tensor] of Object.entries(spec.initializers ?? {})) w.message(5, (inner) => writeTensor(inner, tensor, name));
  for (const value of spec.inputs ?? []) w.message(11, (inner) => writeValue(inner, value));
  for (const value of spec.outputs) w.message(12, (inner) => writeValue(inner, value));
}

function writeNode(w: WireWriter, node: NodeSpec): void {
  for (const name of node.inputs) w.string(1, name);
  for (const name of node.outputs) w.string(2, name);
  if (node.name) w.string(3, node.name);
  w.string(4, node.op);
  for (const [name, attr] of Object.entries(node.attrs ?? {})) w.message(5, (inner) => writeAttr(inner.string(1, name), attr));
  if (node.domain) w.string(7, node.domain);
}

function writeAttr(w: WireWriter, attr: AttrSpec): void {
  if ('float' in attr) w.float(2, attr.float).int(20, 1);
  else if ('int' in attr) w.int(3, attr.int).int(20, 2);
  else if ('string' in attr) w.string(4, attr.string).int(20, 3);
  else if ('tensor' in attr) w.message(5, (inner) => writeTensor(inner, attr.tensor, '')).int(20, 4);
  else if ('graph' in attr) w.message(6, (inner) => writeGraph(inner, attr.graph)).int(20, 5);
  else if ('floats' in attr) {
    for (const value of attr.floats) w.float(7, value);
    w.int(20, 6);
  } else {
    for (const value of attr.ints) w.int(8, value);
    w.int(20, 7);
  }
}

function writeTensor(w: WireWriter, { dtype, dims, data }: Tensor, name: string): void {
  if (dtype === 'float16' || dtype === 'bfloat16' || dtype === 'string') throw new Error(`cannot write ${dtype} tensors`);
  for (const dim of dims) w.int(1, dim);
  w.int(2, dtypeCode(dtype)).string(8, name);
  w.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeValue(w: WireWriter, { name, dtype, dims }: ValueSpec): void {
  w.string(1, name);
  if (!dtype) return;
  w.message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.int(1, dtypeCode(dtype));
      if (!dims) return;
      tensor.message(2, (shape) => {
        for (const dim of dims) shape.message(1, (inner) => writeDim(inner, dim));
      });
    }),
  );
}

function writeDim(w: WireWriter, dim: number | string | null): void {
  if (typeof dim === 'number') w.int(1, dim);
  else if (dim !== null) w.string(2, dim);
}

/** The same model with more graph outputs, so that a runtime returns intermediate values. Nothing else of the file changes. */
export function appendOutputs(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  const tail = new WireWriter().message(7, (graph) => {
    for (const name of names) graph.message(12, (value) => value.string(1, name));
  });
  const added = tail.finish();
  const out = new Uint8Array(bytes.length + added.length);
  out.set(bytes);
  out.set(added, bytes.length);
  return out;
}
