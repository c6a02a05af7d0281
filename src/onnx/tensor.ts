import { InputError } from '../base/errors.ts';
import type { DType, Tensor, TensorData } from './model.ts';
import type { TensorProto } from './proto.ts';

/** TensorProto.DataType numbers (`onnx.proto`) of the types we hold. */
const DTYPES: ReadonlyMap<number, DType> = new Map([
  [1, 'float32'],
  [2, 'uint8'],
  [3, 'int8'],
  [4, 'uint16'],
  [5, 'int16'],
  [6, 'int32'],
  [7, 'int64'],
  [8, 'string'],
  [9, 'bool'],
  [10, 'float16'],
  [11, 'float64'],
  [12, 'uint32'],
  [13, 'uint64'],
  [16, 'bfloat16'],
  // Two in a byte in the file, one each here.
  [21, 'uint8'],
  [22, 'int8'],
]);
const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [14, 'complex64'],
  [15, 'complex128'],
  [17, 'float8e4m3fn'],
  [18, 'float8e4m3fnuz'],
  [19, 'float8e5m2'],
  [20, 'float8e5m2fnuz'],
  [23, 'float4e2m1'],
]);

/** The element type with TensorProto number `code`; throws {@link InputError} for types that we do not hold. */
export function dtypeOf(code: number, where: string): DType {
  const dtype = DTYPES.get(code);
  if (dtype) return dtype;
  const name = OTHER_TYPES.get(code) ?? `number ${code}`;
  throw new InputError(`element type ${name} is not supported`, where, 'Convert the model to float32');
}
/** The TensorProto number of a dtype. */
export function dtypeCode(dtype: DType): number {
  for (const [code, name] of DTYPES) if (name === dtype) return code;
  throw new Error(`no code for ${dtype}`);
}

export const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
/** True for types whose elements are bigints. */
export const isWide = (dtype: DType): boolean => dtype === 'int64' || dtype === 'uint64';

type ArrayType = {
  new (count: number): TensorData;
  new (buffer: ArrayBufferLike, byteOff: number, count: number): TensorData;
  readonly BYTES_PER_ELEMENT: number;
};
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Float32Array,
  bfloat16: Float32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  string: Uint8Array,
} as unknown as Readonly<Record<DType, ArrayType>>;

/** A zeroed array that holds `count` elements of `dtype`. */
export const allocate = (dtype: DType, count: number): TensorData => new ARRAYS[dtype](count);

/** Number of elements; 1 for a scalar. */
export const elementCount = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** A tensor whose array is made on first use: unaligned or 16-bit data is copied only when someone reads it. */
class LazyTensor implements Tensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  #make: (() => TensorData) | null;
  #data: TensorData | null = null;

  constructor(dtype: DType, dims: readonly number[], make: () => TensorData) {
    this.dtype = dtype;
    this.dims = dims;
    this.#make = make;
  }
  get data(): TensorData {
    if (this.#data === null) {
      this.#data = this.#make!();
      this.#make = null;
    }
    return this.#data;
  }
}

/** Finds the bytes of external data: the location as the file gives it. Null when there is none. */
export type ExternalData = (location: string) => Uint8Array | null;

/** A TensorProto as a {@link Tensor}; raw data stays a view of the file where its alignment allows. */
export function tensorOf(proto: TensorProto, where: string, externalData?: ExternalData): Tensor {
  const dtype = dtypeOf(proto.dataType, where);
  const dims = proto.dims.map(Number);
  const count = elementCount(dims);
  if (dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0) || !Number.isSafeInteger(count)) {
    throw new InputError(`impossible tensor shape [${dims.join(', ')}]`, where);
  }
  if (dtype === 'string') return { dtype, dims, data: new Uint8Array(0) };
  const raw = proto.external ? externalBytes(proto.external, where, externalData) : proto.rawData;
  if (proto.dataType === 21 || proto.dataType === 22) {
    const bytes = raw ?? Uint8Array.from(proto.int32Data, (pair) => Number(pair) & 255);
    return fromRaw(dtype, dims, count, unpacked(bytes, count, dtype === 'int8'), where);
  }
  if (raw) return fromRaw(dtype, dims, count, raw, where);
  return fromFields(proto, dtype, dims, count, where);
}

function externalBytes(entries: ReadonlyMap<string, string>, where: string, externalData?: ExternalData): Uint8Array {
  const location = entries.get('location') ?? '';
  const file = externalData?.(location) ?? null;
  if (!file) {
    throw new InputError(`its data lies in the file \`${location}\`, which is missing`, where, `Put \`${location}\` beside the model`);
  }
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? file.length - offset);
  if (!(offset >= 0 && length >= 0 && offset + length <= file.length)) {
    throw new InputError(`its data should be bytes ${offset} to ${offset + length} of \`${location}\`, which has ${file.length}`, where);
  }
  return file.subarray(offset, offset + length);
}

function fromRaw(dtype: DType, dims: readonly number[], count: number, raw: Uint8Array, where: string): Tensor {
  const half = dtype === 'float16' || dtype === 'bfloat16';
  const Type = ARRAYS[dtype];
  const elementBytes = half ? 2 : Type.BYTES_PER_ELEMENT;
  if (raw.length !== count * elementBytes) {
    throw new InputError(`it has ${raw.length} bytes of data, but its shape [${dims.join(', ')}] needs ${count * elementBytes}`, where);
  }
  if (half) return new LazyTensor(dtype, dims, () => widen(raw, dtype));
  if (raw.byteOffset % elementBytes === 0) return { dtype, dims, data: new Type(raw.buffer, raw.byteOffset, count) };
  return new LazyTensor(dtype, dims, () => new Type(Uint8Array.from(raw).buffer, 0, count));
}

/** Integers of 4 bits, the first of two in the low half of a byte, as bytes; as they are where there are not as many as there should be. */
function unpacked(pairs: Uint8Array, count: number, signed: boolean): Uint8Array {
  if (pairs.length !== Math.ceil(count / 2)) return pairs;
  return Uint8Array.from({ length: count }, (_, i) => {
    const nibble = (pairs[i >> 1] >> (4 * (i & 1))) & 15;
    return signed && nibble > 7 ? nibble + 240 : nibble;
  });
}

function fromFields(proto: TensorProto, dtype: DType, dims: readonly number[], count: number, where: string): Tensor {
  const source: readonly (number | bigint)[] =
    dtype === 'float32'
      ? proto.floatData
      : dtype === 'float64'
        ? proto.doubleData
        : dtype === 'int64'
          ? proto.int64Data
          : dtype === 'uint64' || dtype === 'uint32'
            ? proto.uint64Data
            : proto.int32Data;
  if (source.length !== count) {
    throw new InputError(`it has ${source.length} elements, but its shape [${dims.join(', ')}] needs ${count}`, where);
  }
  if (dtype === 'float16' || dtype === 'bfloat16') {
    const raw = new Uint8Array(count * 2);
    const view = new DataView(raw.buffer);
    source.forEach((value, i) => {
      view.setUint16(i * 2, Number(value) & 0xffff, true);
    });
    return { dtype, dims, data: widen(raw, dtype) };
  }
  const data = allocate(dtype, count) as { [i: number]: number | bigint };
  const wide = isWide(dtype);
  for (let i = 0; i < count; i++) data[i] = wide ? source[i] : Number(source[i]);
  return { dtype, dims, data: data as TensorData };
}

function widen(raw: Uint8Array, dtype: DType): Float32Array {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const out = new Float32Array(raw.length / 2);
  const word = new DataView(new ArrayBuffer(4));
  for (let i = 0; i < out.length; i++) {
    const bits = view.getUint16(i * 2, true);
    if (dtype === 'bfloat16') {
      word.setUint32(0, bits << 16);
      out[i] = word.getFloat32(0);
    } else out[i] = halfToFloat(bits);
  }
  return out;
}

/** IEEE 754 binary16. */
/** The value of the bits of a half float. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const rounding = new DataView(new ArrayBuffer(4));

/** Bits of the half float that is nearest to a number, even ones of two that are equally near. */
export function floatToHalf(value: number): number {
  rounding.setFloat32(0, value);
  const bits = rounding.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below the least normal half, units of 2⁻²⁴.
  if (magnitude < 0x38800000) return sign | roundEven(Math.abs(value) * 2 ** 24);
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

function roundEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor > 0.5 || (x - floor === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
