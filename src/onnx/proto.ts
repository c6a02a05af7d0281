import { InputError } from '../base/errors.ts';
import { WireReader } from './wire.ts';

/**
 * The messages of an ONNX file that an importer needs, with the field numbers of `onnx.proto` (ONNX IR version 10) beside
 * the cases that read them. Everything else in a file is skipped.
 */
export interface TensorProto {
  dims: bigint[];
  dataType: number;
  floatData: number[];
  int32Data: bigint[];
  int64Data: bigint[];
  doubleData: number[];
  uint64Data: bigint[];
  rawData: Uint8Array | null;
  name: string;
  external: Map<string, string> | null;
}
export interface AttributeProto {
  name: string;
  refName: string;
  type: number;
  f: number;
  i: bigint;
  s: string;
  t: TensorProto | null;
  g: GraphProto | null;
  floats: number[];
  ints: bigint[];
  strings: string[];
  sparse: boolean;
}
export interface NodeProto {
  inputs: string[];
  outputs: string[];
  name: string;
  op: string;
  domain: string;
  attributes: AttributeProto[];
}
/** `dims` is null when the file gives no shape; a dimension is a number, a symbol, or null when it gives neither. */
export interface ValueInfoProto {
  name: string;
  elemType: number;
  dims: (number | string | null)[] | null;
  /** False for sequences, maps, optionals and sparse tensors. */
  isTensor: boolean;
}
export interface GraphProto {
  name: string;
  nodes: NodeProto[];
  initializers: TensorProto[];
  sparseInitializers: number;
  inputs: ValueInfoProto[];
  outputs: ValueInfoProto[];
}
export interface FunctionProto {
  name: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: string[];
  defaults: AttributeProto[];
  nodes: NodeProto[];
}
export interface ModelProto {
  irVersion: number;
  opsets: Map<string, number>;
  producer: string;
  graph: GraphProto | null;
  functions: FunctionProto[];
}

/** Nesting that no exporter reaches; deeper files are hostile. */
const MAX_DEPTH = 64;

/** Reads a ModelProto. Throws {@link InputError} for anything that is not one. */
export function readModelProto(bytes: Uint8Array, file: string): ModelProto {
  refuseForeign(bytes, file);
  // A plain Uint8Array: Node's Buffer has other ideas of slice().
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const model: ModelProto = { irVersion: 0, opsets: new Map(), producer: '', graph: null, functions: [] };
  const r = new WireReader(plain, file);
  while (r.next()) {
    if (r.field === 1) model.irVersion = r.int();
    else if (r.field === 2) model.producer = r.string() + (model.producer && ` ${model.producer}`);
    else if (r.field === 3) model.producer = [model.producer, r.string()].filter(Boolean).join(' ');
    else if (r.field === 7) model.graph = readGraph(r.message(), 0, file, model.graph);
    else if (r.field === 8) readOpset(r.message(), model.opsets);
    else if (r.field === 25) model.functions.push(readFunction(r.message(), file));
    else r.skip();
  }
  return model;
}

function refuseForeign(bytes: Uint8Array, file: string): void {
  if (bytes.length === 0) throw new InputError('the file is empty, not an ONNX model', file);
  const kind = foreignKind(bytes);
  if (!kind) return;
  throw new InputError(`not an ONNX file: its first bytes look like ${kind}`, file, 'Give a model exported as .onnx');
}

function foreignKind(bytes: Uint8Array): string {
  const starts = (...magic: number[]) => magic.every((byte, i) => bytes[i] === byte);
  if (starts(0x7f, 0x45, 0x4c, 0x46)) return 'an ELF object';
  if (starts(0x50, 0x4b, 3, 4)) return 'a zip archive (perhaps a PyTorch checkpoint: export it to ONNX first)';
  if (starts(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)) return 'an .npy array';
  if (starts(0x89, 0x48, 0x44, 0x46)) return 'an HDF5 file';
  if (starts(0x1f, 0x8b)) return 'gzip data (unpack it first)';
  if (starts(0xd4, 0xc3, 0xb2, 0xa1) || starts(0xa1, 0xb2, 0xc3, 0xd4) || starts(0x0a, 0x0d, 0x0d, 0x0a)) return 'a packet capture';
  if (starts(0x89, 0x50, 0x4e, 0x47)) return 'a PNG image';
  if (starts(0x80) && bytes[1] >= 2 && bytes[1] <= 5) return 'a Python pickle (a PyTorch checkpoint: export it to ONNX first)';
  if (String.fromCharCode(...bytes.subarray(4, 8)) === 'TFL3') return 'a TensorFlow Lite model';
  const head = bytes.subarray(0, 64);
  if (starts(0x76, 0x65, 0x72, 0x73, 0x69, 0x6f, 0x6e, 0x20)) return 'a Git LFS pointer (fetch the real file with git lfs pull)';
  const text = head.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127));
  return text ? 'text' : '';
}

function readOpset(r: WireReader, into: Map<string, number>): void {
  let domain = '';
  let version = 0;
  while (r.next()) {
    if (r.field === 1) domain = r.string();
    else if (r.field === 2) version = r.int();
    else r.skip();
  }
  into.set(domain === 'ai.onnx' ? '' : domain, version);
}

/** Protobuf merges a message that occurs twice, which is how `appendOutputs` (write.ts) adds outputs without touching the rest. */
function readGraph(r: WireReader, depth: number, file: string, into: GraphProto | null = null): GraphProto {
  if (depth > MAX_DEPTH) throw new InputError('damaged ONNX file: graphs are nested too deeply', file);
  const graph: GraphProto = into ?? { name: '', nodes: [], initializers: [], sparseInitializers: 0, inputs: [], outputs: [] };
  while (r.next()) {
    if (r.field === 1) graph.nodes.push(readNode(r.message(), depth, file));
    else if (r.field === 2) graph.name = r.string();
    else if (r.field === 5) graph.initializers.push(readTensor(r.message()));
    else if (r.field === 11) graph.inputs.push(readValueInfo(r.message()));
    else if (r.field === 12) graph.outputs.push(readValueInfo(r.message()));
    else if (r.field === 15) {
      graph.sparseInitializers++;
      r.skip();
    } else r.skip();
  }
  return graph;
}

function readNode(r: WireReader, depth: number, file: string): NodeProto {
  const node: NodeProto = { inputs: [], outputs: [], name: '', op: '', domain: '', attributes: [] };
  while (r.next()) {
    if (r.field === 1) node.inputs.push(r.string());
    else if (r.field === 2) node.outputs.push(r.string());
    else if (r.field === 3) node.name = r.string();
    else if (r.field === 4) node.op = r.string();
    else if (r.field === 5) node.attributes.push(readAttribute(r.message(), depth, file));
    else if (r.field === 7) node.domain = r.string();
    else r.skip();
  }
  if (node.domain === 'ai.onnx') node.domain = '';
  return node;
}

function readAttribute(r: WireReader, depth: number, file: string): AttributeProto {
  const attr: AttributeProto = {
    name: '',
    refName: '',
    type: 0,
    f: 0,
    i: 0n,
    s: '',
    t: null,
    g: null,
    floats: [],
    ints: [],
    strings: [],
    sparse: false,
  };
  while (r.next()) {
    if (r.field === 1) attr.name = r.string();
    else if (r.field === 2) attr.f = r.float();
    else if (r.field === 3) attr.i = r.int64();
    else if (r.field === 4) attr.s = r.string();
    else if (r.field === 5) attr.t = readTensor(r.message());
    else if (r.field === 6) attr.g = readGraph(r.message(), depth + 1, file);
    else if (r.field === 7) r.floats(attr.floats);
    else if (r.field === 8) r.int64s(attr.ints);
    else if (r.field === 9) attr.strings.push(r.string());
    else if (r.field === 20) attr.type = r.int();
    else if (r.field === 21) attr.refName = r.string();
    else if (r.field === 22) {
      attr.sparse = true;
      r.skip();
    } else r.skip();
  }
  return attr;
}

/** A file that is one TensorProto, as `onnx.save_tensor` writes it. Throws {@link InputError} with the place of the damage. */
export const readTensorProto = (bytes: Uint8Array, file: string): TensorProto => readTensor(new WireReader(bytes, file));

/** Reads a TensorProto; its raw data stays a view of the file. */
function readTensor(r: WireReader): TensorProto {
  const tensor: TensorProto = {
    dims: [],
    dataType: 0,
    floatData: [],
    int32Data: [],
    int64Data: [],
    doubleData: [],
    uint64Data: [],
    rawData: null,
    name: '',
    external: null,
  };
  while (r.next()) {
    if (r.field === 1) r.int64s(tensor.dims);
    else if (r.field === 2) tensor.dataType = r.int();
    else if (r.field === 4) r.floats(tensor.floatData);
    else if (r.field === 5) r.int64s(tensor.int32Data);
    else if (r.field === 7) r.int64s(tensor.int64Data);
    else if (r.field === 8) tensor.name = r.string();
    else if (r.field === 9) tensor.rawData = r.slice();
    else if (r.field === 10) r.doubles(tensor.doubleData);
    else if (r.field === 11) r.int64s(tensor.uint64Data);
    else if (r.field === 13) {
      tensor.external ??= new Map();
      readEntry(r.message(), tensor.external);
    } else r.skip();
  }
  return tensor;
}

function readEntry(r: WireReader, into: Map<string, string>): void {
  let key = '';
  let value = '';
  while (r.next()) {
    if (r.field === 1) key = r.string();
    else if (r.field === 2) value = r.string();
    else r.skip();
  }
  into.set(key, value);
}

function readValueInfo(r: WireReader): ValueInfoProto {
  const info: ValueInfoProto = { name: '', elemType: 0, dims: null, isTensor: true };
  while (r.next()) {
    if (r.field === 1) info.name = r.string();
    else if (r.field === 2) {
      const type = r.message();
      while (type.next()) {
        if (type.field === 1) readTensorType(type.message(), info);
        else {
          if (type.field !== 6) info.isTensor = false;
          type.skip();
        }
      }
    } else r.skip();
  }
  return info;
}

function readTensorType(r: WireReader, info: ValueInfoProto): void {
  while (r.next()) {
    if (r.field === 1) info.elemType = r.int();
    else if (r.field === 2) {
      info.dims = [];
      const shape = r.message();
      while (shape.next()) {
        if (shape.field === 1) info.dims.push(readDim(shape.message()));
        else shape.skip();
      }
    } else r.skip();
  }
}

function readDim(r: WireReader): number | string | null {
  let dim: number | string | null = null;
  while (r.next()) {
    if (r.field === 1) {
      const value = r.int();
      dim = value < 0 ? null : value;
    } else if (r.field === 2) dim = r.string() || null;
    else r.skip();
  }
  return dim;
}

function readFunction(r: WireReader, file: string): FunctionProto {
  const fn: FunctionProto = { name: '', domain: '', inputs: [], outputs: [], attributes: [], defaults: [], nodes: [] };
  while (r.next()) {
    if (r.field === 1) fn.name = r.string();
    else if (r.field === 4) fn.inputs.push(r.string());
    else if (r.field === 5) fn.outputs.push(r.string());
    else if (r.field === 6) fn.attributes.push(r.string());
    else if (r.field === 7) fn.nodes.push(readNode(r.message(), 0, file));
    else if (r.field === 10) fn.domain = r.string();
    else if (r.field === 11) fn.defaults.push(readAttribute(r.message(), 0, file));
    else r.skip();
  }
  return fn;
}
