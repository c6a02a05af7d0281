import { InputError } from '../../base/errors.ts';
import type { DType, Tensor, TensorData } from '../../onnx/model.ts';
import { allocate, elementCount, floatToHalf, halfToFloat } from '../../onnx/tensor.ts';

/** Bytes of an element in device memory; halves are held as halves there. Throws {@link InputError} for strings. */
export function elementBytes(dtype: DType, where: string): number {
  if (dtype === 'string') throw new InputError('the units hold no strings', where);
  return dtype === 'float16' || dtype === 'bfloat16' ? 2 : allocate(dtype, 0).BYTES_PER_ELEMENT;
}

const word = new DataView(new ArrayBuffer(4));

/** The nearest bfloat16, even ones of two that are equally near. */
function floatToBrain(value: number): number {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function brainToFloat(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

const HALVES = {
  float16: { pack: floatToHalf, unpack: halfToFloat },
  bfloat16: { pack: floatToBrain, unpack: brainToFloat },
} as const;
const halvesOf = (dtype: DType) => (dtype === 'float16' || dtype === 'bfloat16' ? HALVES[dtype] : null);

/** A tensor's elements as they lie in device memory: row-major, little-endian. */
export function bytesOf({ dtype, data }: Pick<Tensor, 'dtype' | 'data'>): Uint8Array {
  const halves = halvesOf(dtype);
  const held = halves ? Uint16Array.from(data as Float32Array, halves.pack) : data;
  return new Uint8Array(held.buffer, held.byteOffset, held.byteLength).slice();
}

/** The tensor whose elements are `bytes`, which it shares where it can. */
export function tensorFrom(dtype: DType, dims: readonly number[], bytes: Uint8Array): Tensor {
  const halves = halvesOf(dtype);
  const count = elementCount(dims);
  if (halves) {
    const bits = new Uint16Array(bytes.slice().buffer, 0, count);
    return { dtype, dims, data: Float32Array.from(bits, halves.unpack) };
  }
  const empty = allocate(dtype, 0);
  const aligned = bytes.byteOffset % empty.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  const ArrayOf = empty.constructor as new (buffer: ArrayBufferLike, byteOff: number, count: number) => TensorData;
  return { dtype, dims, data: new ArrayOf(aligned.buffer, aligned.byteOffset, count) };
}

/** Elements as memory would give them back: halves are rounded, all else is as it was. */
export function roundedAsHeld(dtype: DType, data: TensorData): TensorData {
  const halves = halvesOf(dtype);
  return halves ? Float32Array.from(data as Float32Array, (x) => halves.unpack(halves.pack(x))) : data;
}

/** Bytes from one element to the next along each dimension of a dense tensor. */
export function denseStrides(dims: readonly number[], element: number): number[] {
  const strides: number[] = [];
  let step = element;
  for (let at = dims.length - 1; at >= 0; at--) {
    strides[at] = step;
    step *= dims[at]!;
  }
  return strides;
}
