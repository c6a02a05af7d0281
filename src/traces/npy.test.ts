import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../base/errors.ts';
import { type NpyArray, readNpy, writeNpy } from './npy.ts';

function file(header: string, elements: readonly number[], version = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, ...length, ...text, ...elements]);
}
const header = (descr: string, order: string, shape: string) => `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

const arrays: NpyArray[] = [
  { dtype: 'f4', shape: [2, 3], data: Float32Array.of(1, -2.5, Number.NaN, Number.POSITIVE_INFINITY, 0, 1e-40) },
  { dtype: 'f8', shape: [2], data: Float64Array.of(Math.PI, -0) },
  { dtype: 'i1', shape: [3], data: Int8Array.of(-128, 0, 127) },
  { dtype: 'i2', shape: [1, 2], data: Int16Array.of(-32768, 32767) },
  { dtype: 'i4', shape: [], data: Int32Array.of(-7) },
  { dtype: 'i8', shape: [2], data: BigInt64Array.of(-(2n ** 63n), 5n) },
  { dtype: 'u1', shape: [0, 4], data: new Uint8Array(0) },
  { dtype: 'u2', shape: [1], data: Uint16Array.of(65535) },
  { dtype: 'u4', shape: [1], data: Uint32Array.of(4294967295) },
  { dtype: 'u8', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
  { dtype: 'b1', shape: [2], data: Uint8Array.of(0, 1) },
];

describe('npy', () => {
  it.each(arrays.map((a): [string, NpyArray] => [a.dtype, a]))('reads back %s as written', (_, array) => {
    const bytes = writeNpy(array);
    expect(readNpy(bytes)).toEqual(array);
    // NumPy aligns elements to 64 bytes.
    expect((bytes.length - array.data.byteLength) % 64).toBe(0);
  });

  it('reads from a Buffer that shares its memory with others', () => {
    const pool = Buffer.alloc(4096);
    const bytes = writeNpy(arrays[0]);
    pool.set(bytes, 3);
    expect(readNpy(pool.subarray(3, 3 + bytes.length))).toEqual(arrays[0]);
  });

  it('reads big-endian elements', () => {
    expect(readNpy(file(header('>i2', 'False', '(2,)'), [1, 2, 255, 254])).data).toEqual(Int16Array.of(258, -2));
    expect(readNpy(file(header('>f4', 'False', '(1,)'), [0x3f, 0x80, 0, 0])).data).toEqual(Float32Array.of(1));
  });

  it('turns column-major arrays of any rank into row-major ones', () => {
    const shape = [2, 3, 4];
    const columnMajor: number[] = [];
    for (let k = 0; k < 4; k++) for (let j = 0; j < 3; j++) for (let i = 0; i < 2; i++) columnMajor.push(i * 12 + j * 4 + k);
    const read = readNpy(file(header('|u1', 'True', '(2, 3, 4)'), columnMajor));
    expect(read).toEqual({ dtype: 'u1', shape, data: Uint8Array.from({ length: 24 }, (_, i) => i) });
  });

  it.each([1, 2, 3])('reads version %d', (version) => {
    expect(readNpy(file(header('|u1', 'False', '(3,)'), [1, 2, 3], version)).data).toEqual(Uint8Array.of(1, 2, 3));
  });

  it.each([
    ['no array file', new TextEncoder().encode('hello, world'), /^t\.npy: this is no \.npy file\. Write one with/],
    ['nothing', new Uint8Array(0), /no \.npy file/],
    ['a cut header', file(header('|u1', 'False', '(3,)'), []).subarray(0, 20), /ends after 20 bytes, within its header of/],
    ['cut elements', file(header('<f4', 'False', '(2, 3)'), [1, 2, 3]), /shape \(2, 3\) of f4 needs 24 bytes, 3 follow/],
    ['a huge shape', file(header('<f8', 'False', '(999999999999999, 999999999999999)'), [1]), /needs 7\.9\d+e\+30 bytes/],
    ['a negative shape', file(header('<f8', 'False', '(-1,)'), [1]), /its shape \(-1,\) is none/],
    ['records', file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", []), /arrays of records/],
    ['objects', file(header('|O', 'False', '(1,)'), [1]), /elements of type "\|O" cannot be read/],
    ['complex numbers', file(header('<c8', 'False', '(1,)'), [1]), /elements of type "<c8" cannot be read/],
    ['no dictionary', file('hello', []), /does not describe an array/],
    ['a later version', file(header('|u1', 'False', '(1,)'), [1], 9), /version 9/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readNpy(bytes, 't.npy')).toThrow(message);
    expect(() => readNpy(bytes, 't.npy')).toThrow(InputError);
  });

  it('survives damage anywhere', () => {
    const good = writeNpy(arrays[0]);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
        const bytes = good.slice(0, length);
        if (at < length) bytes[at] = value;
        try {
          expect(readNpy(bytes).data.length).toBeLessThanOrEqual(24);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
