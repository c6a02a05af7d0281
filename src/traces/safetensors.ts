import { InputError } from '../base/errors.ts';
import { shown } from '../base/shown.ts';
import type { DType, Tensor } from '../onnx/model.ts';
import { dtypeCode, tensorOf } from '../onnx/tensor.ts';

// The safetensors format: u64 length of a JSON header, the header (name → dtype, shape, byte range), the bytes of all tensors.

const DTYPES: Readonly<Record<string, DType>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
};
const LENGTH_BYTES = 8;
/** The format's own limit. */
const MAX_HEADER = 100_000_000;
const METADATA = '__metadata__';

/** Whether the file begins as a safetensors file does: a length that it can have, then an object. */
export function isSafetensors(bytes: Uint8Array): boolean {
  if (bytes.length < LENGTH_BYTES + 2 || bytes[LENGTH_BYTES] !== 0x7b) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(4, true) === 0 && view.getUint32(0, true) <= MAX_HEADER;
}

/** The tensors of a file under their names; they stay views of it where alignment allows. Throws {@link InputError} with the tensor and the byte. */
export function readSafetensors(bytes: Uint8Array, where = ''): Map<string, Tensor> {
  const fail = (what: string): never => {
    throw new InputError(what, where);
  };
  if (!isSafetensors(bytes)) fail('this is no .safetensors file');
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  const start = LENGTH_BYTES + length;
  if (start > bytes.length) fail(`its header claims ${length} bytes at byte ${LENGTH_BYTES}, and ${bytes.length - LENGTH_BYTES} are left`);
  let header: Record<string, { dtype?: unknown; shape?: unknown; data_offsets?: unknown }> = {};
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(LENGTH_BYTES, start)));
  } catch (error) {
    fail(`its header (bytes ${LENGTH_BYTES} to ${start}) is not JSON: ${(error as Error).message}`);
  }
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) continue;
    const at = `tensor \`${name}\``;
    const { dtype: type, shape, data_offsets: range } = (typeof entry === 'object' ? entry : null) ?? {};
    const dtype = typeof type === 'string' && Object.hasOwn(DTYPES, type) ? DTYPES[type] : undefined;
    if (!dtype) throw new InputError(`${at} has element type ${shown(type)}, which is not supported`, where);
    const whole = (list: unknown): list is number[] => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!whole(shape)) fail(`${at} has the shape ${shown(shape)}`);
    if (!whole(range) || range.length !== 2 || range[0]! > range[1]! || start + range[1]! > bytes.length)
      fail(`${at} claims the bytes ${shown(range)} of ${bytes.length - start} behind the header`);
    const [from, to] = range as [number, number];
    const empty = { floatData: [], int32Data: [], int64Data: [], doubleData: [], uint64Data: [], external: null };
    const rawData = bytes.subarray(start + from, start + to);
    const dims = (shape as number[]).map(BigInt);
    tensors.set(name, tensorOf({ ...empty, name, dims, dataType: dtypeCode(dtype), rawData }, [where, at].filter(Boolean).join(', ')));
  }
  if (tensors.size === 0) fail('it holds no tensor');
  return tensors;
}
