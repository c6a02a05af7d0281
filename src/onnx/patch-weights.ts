import { InputError } from '../base/errors.ts';
import { rewrite } from './rewrite.ts';
import { WireReader } from './wire.ts';
import { WireWriter } from './write.ts';

/** One entry of an initializer with another value; `index` counts in row-major order. */
export interface WeightEdit {
  readonly tensor: string;
  readonly index: number;
  readonly value: number;
}

/** `TensorProto.DataType.FLOAT` of `onnx.proto`. */
const FLOAT = 1;

/**
 * The same model with other values for some entries of float32 initializers of its main graph; the last edit of an entry counts. Nothing else of
 * the file changes. Throws {@link InputError} for an initializer that is not there, is of another type or lies outside of the file.
 */
export function patchWeights(bytes: Uint8Array, file: string, edits: readonly WeightEdit[]): Uint8Array<ArrayBuffer> {
  const byTensor = new Map<string, WeightEdit[]>();
  for (const edit of edits) byTensor.set(edit.tensor, [...(byTensor.get(edit.tensor) ?? []), edit]);
  const patched = rewrite(new WireReader(bytes, file), (field, graph, to) => {
    if (field !== 7) return false;
    to.bytes(
      7,
      rewrite(graph.message(), (part, tensor, tensors) => part === 5 && patchTensor(tensor.message(), tensors, file, byTensor)),
    );
    return true;
  });
  const [missing] = byTensor.keys();
  if (missing !== undefined) throw new InputError(`the file has no initializer ${missing} whose entries could be changed`, file);
  return patched as Uint8Array<ArrayBuffer>;
}

/** Fields of a TensorProto: data_type 2, float_data 4, name 8, raw_data 9, external_data 13, data_location 14. */
function patchTensor(tensor: WireReader, to: WireWriter, file: string, edits: Map<string, WeightEdit[]>): boolean {
  const { bytes, pos, end } = tensor;
  let [name, type, raw] = ['', 0, null as Uint8Array | null];
  const floats: number[] = [];
  while (tensor.next()) {
    if (tensor.field === 8) name = tensor.string();
    else if (tensor.field === 2) type = tensor.int();
    else if (tensor.field === 9) raw = tensor.slice();
    else if (tensor.field === 4) tensor.floats(floats);
    else tensor.skip();
  }
  const own = edits.get(name);
  if (!own) return false;
  edits.delete(name);
  if (type !== FLOAT) throw new InputError(`entries of ${name} are not float32: only those can be changed`, file);
  const data = raw ? raw.slice() : new Uint8Array(Float32Array.from(floats).buffer);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (const { index, value } of own) {
    if (!Number.isInteger(index) || index < 0 || index * 4 + 4 > data.length)
      throw new InputError(`initializer ${name} has ${data.length / 4} entries in the file, and none of number ${index}`, file);
    view.setFloat32(index * 4, value, true);
  }
  to.bytes(5, withData(new WireReader(bytes, file, pos, end), data));
  return true;
}

/** The tensor's other fields, and its data as raw bytes where they stood first. */
function withData(tensor: WireReader, data: Uint8Array): Uint8Array {
  const to = new WireWriter();
  let written = false;
  for (;;) {
    const start = tensor.pos;
    if (!tensor.next()) return to.finish();
    const { field } = tensor;
    tensor.skip();
    if (field !== 9 && field !== 4) to.raw(tensor.bytes.subarray(start, tensor.pos));
    else if (!written) to.bytes(9, data);
    written ||= field === 9 || field === 4;
  }
}
