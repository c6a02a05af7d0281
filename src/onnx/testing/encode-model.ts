import type { DType, Tensor } from '../model.ts';
import { dtypeCode } from '../tensor.ts';
import { WireWriter } from '../write.ts';

/** An attribute as {@link encodeModel} takes it: its kind says which field and type it gets. */
export type AttrSpec =
  | { readonly int: number | bigint }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
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
  } else if ('strings' in attr) {
    for (const value of attr.strings) w.string(9, value);
    w.int(20, 8);
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
