import { InputError } from '../base/errors.ts';

// NumPy's array file format (numpy/lib/format.py documents it; NEP 1): a magic string, a Python dictionary as text, the elements.

export type NpyDtype = 'f4' | 'f8' | 'i1' | 'i2' | 'i4' | 'i8' | 'u1' | 'u2' | 'u4' | 'u8' | 'b1';

export type NpyData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

export interface NpyArray {
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  /** Elements in row-major order; booleans as 0 and 1. */
  readonly data: NpyData;
}

interface ArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): NpyData;
}

const ARRAY_TYPES: Record<NpyDtype, ArrayType> = {
  f4: Float32Array,
  f8: Float64Array,
  i1: Int8Array,
  i2: Int16Array,
  i4: Int32Array,
  i8: BigInt64Array,
  u1: Uint8Array,
  u2: Uint16Array,
  u4: Uint32Array,
  u8: BigUint64Array,
  b1: Uint8Array,
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** The dictionary of a plain array is far shorter; more is a record type or hostile. */
const MAX_HEADER = 1 << 16;
/** NumPy's own limit is 64 as of version 2. */
const MAX_DIMENSIONS = 64;

/** An array file of version 1 to 3. Bytes behind the elements are ignored, as NumPy does. */
export function readNpy(bytes: Uint8Array, name = ''): NpyArray {
  const fail = (what: string, advice = '') => new InputError(what, name, advice);
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw fail('this is no .npy file', "Write one with numpy.save('inputs.npy', array)");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  if (version < 1 || version > 3) throw fail(`version ${version} of the .npy format is unknown`);
  const headerAt = version === 1 ? 10 : 12;
  if (bytes.length < headerAt) throw fail(`the file ends after ${bytes.length} bytes, within its header`);
  const headerLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerLength > MAX_HEADER) throw fail(`its header claims ${headerLength} bytes`);
  const from = headerAt + headerLength;
  if (from > bytes.length) throw fail(`the file ends after ${bytes.length} bytes, within its header of ${headerLength}`);
  const { dtype, bigEndian, fortranOrder, shape } = parseHeader(new TextDecoder().decode(bytes.subarray(headerAt, from)), fail);
  const Type = ARRAY_TYPES[dtype];
  const count = shape.reduce((product, size) => product * size, 1);
  const size = count * Type.BYTES_PER_ELEMENT;
  if (!(size <= bytes.length - from)) {
    throw fail(
      `shape (${shape.join(', ')}) of ${dtype} needs ${size} bytes, ${bytes.length - from} follow the header`,
      'The file is cut or damaged',
    );
  }
  // A copy: elements in the file need not be aligned, and slices of a Node Buffer share its memory.
  const elements = new Uint8Array(bytes.subarray(from, from + size));
  if (bigEndian) swapBytes(elements, Type.BYTES_PER_ELEMENT);
  const data = new Type(elements.buffer as ArrayBuffer);
  return { dtype, shape, data: fortranOrder ? rowMajor(data, shape) : data };
}

function parseHeader(text: string, fail: (what: string, advice?: string) => InputError) {
  const descr = /(['"])descr\1\s*:\s*(['"])([^'"]*)\2/.exec(text)?.[3];
  const order = /(['"])fortran_order\1\s*:\s*(True|False)/.exec(text)?.[2];
  const shapeText = /(['"])shape\1\s*:\s*\(([^()]*)\)/.exec(text)?.[2];
  if (/(['"])descr\1\s*:\s*\[/.test(text)) throw fail('arrays of records cannot be read', 'Save one plain array for each input');
  if (descr === undefined || order === undefined || shapeText === undefined) throw fail('its header does not describe an array');
  const type = /^([<>|=])([fiub][1248])$/.exec(descr);
  if (!type || !Object.hasOwn(ARRAY_TYPES, type[2])) {
    throw fail(
      `elements of type ${JSON.stringify(descr.slice(0, 20))} cannot be read`,
      'Convert with array.astype("float32") or an integer type',
    );
  }
  const parts = shapeText.split(',').map((part) => part.trim());
  // A tuple of one ends with a comma, and so may others.
  if (parts.at(-1) === '') parts.pop();
  // Python 2 wrote long integers with an L.
  if (parts.length > MAX_DIMENSIONS || parts.some((part) => !/^\d{1,15}L?$/.test(part)))
    throw fail(`its shape (${shapeText.slice(0, 60)}) is none`);
  return {
    dtype: type[2] as NpyDtype,
    bigEndian: type[1] === '>',
    fortranOrder: order === 'True',
    shape: parts.map((part) => Number.parseInt(part, 10)),
  };
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; width > 1 && at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

/** Column-major elements in row-major order. */
function rowMajor(data: NpyData, shape: readonly number[]): NpyData {
  if (shape.length < 2 || data.length === 0) return data;
  const out = data.slice();
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, size) => product * size, 1));
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    (out as { [at: number]: number | bigint })[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

/** An array file of version 1, little-endian, row-major, with the header padded as NumPy pads it. */
export function writeNpy(array: NpyArray): Uint8Array {
  const { dtype, shape, data } = array;
  const mark = ARRAY_TYPES[dtype].BYTES_PER_ELEMENT === 1 ? '|' : '<';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dictionary = `{'descr': '${mark}${dtype}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const headerLength = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const out = new Uint8Array(10 + headerLength + data.byteLength);
  out.set(MAGIC);
  out[6] = 1;
  new DataView(out.buffer).setUint16(8, headerLength, true);
  out.set(new TextEncoder().encode(`${dictionary.padEnd(headerLength - 1)}\n`), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + headerLength);
  return out;
}
