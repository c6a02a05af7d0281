import { inflateSync } from 'fflate';
import { InputError } from '../base/errors.ts';
import { crc32 } from './crc32.ts';
import { type NpyArray, readNpy } from './npy.ts';

// numpy.savez writes a zip archive of .npy files, savez_compressed a deflated one (numpy/lib/npyio.py; PKWARE's APPNOTE 4.3 for the records).

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const MAX_COMMENT = 65_535;
const [STORED, DEFLATED] = [0, 8];
/** Deflate makes at most so many bytes of one. */
const MOST_OF_A_BYTE = 1032;

export const isNpz = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b;

/** The arrays of an .npz file under their names. Throws {@link InputError} with the array for damaged archives. */
export function readNpz(bytes: Uint8Array, name = ''): Map<string, NpyArray> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (what: string, advice = ''): InputError => new InputError(what, name, advice);
  let end = bytes.length - END_BYTES;
  const first = Math.max(0, end - MAX_COMMENT);
  while (end >= first && view.getUint32(end, true) !== END) end--;
  if (end < first) throw fail('the archive has no directory: it is cut off or no .npz file', 'Write one with numpy.savez');
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  const arrays = new Map<string, NpyArray>();
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_BYTES > bytes.length || view.getUint32(at, true) !== ENTRY) throw fail(`entry ${i} of its directory is damaged`);
    const method = view.getUint16(at + 10, true);
    const nameBytes = view.getUint16(at + 28, true);
    const file = new TextDecoder().decode(bytes.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes));
    if (method !== STORED && method !== DEFLATED)
      throw fail(`array \`${file}\` is packed in a way (${method}) that NumPy does not use`, 'Write it with numpy.savez');
    if (view.getUint16(at + 8, true) & 1) throw fail(`array \`${file}\` is encrypted`);
    const local = view.getUint32(at + 42, true);
    if (local + LOCAL_BYTES > bytes.length) throw fail(`array \`${file}\` lies beyond the end of the file`);
    const data = local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const size = view.getUint32(at + 24, true);
    const stored = method === STORED ? size : view.getUint32(at + 20, true);
    if (data + stored > bytes.length) throw fail(`array \`${file}\` lies beyond the end of the file`);
    const packed = bytes.slice(data, data + stored);
    const array = method === STORED ? packed : unpacked(packed, size);
    if (!array || crc32(array) !== view.getUint32(at + 16, true))
      throw fail(`array \`${file}\` (byte ${data} on) is damaged: its checksum differs`);
    arrays.set(file.replace(/\.npy$/, ''), readNpy(array, `${name}: ${file}`));
    at += ENTRY_BYTES + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return arrays;
}

/** What deflated bytes hold; null where that is not `size` bytes. No more memory is taken than the bytes can need. */
function unpacked(packed: Uint8Array, size: number): Uint8Array | null {
  if (size > packed.length * MOST_OF_A_BYTE) return null;
  try {
    const array = inflateSync(packed, { out: new Uint8Array(size) });
    return array.length === size ? array : null;
  } catch {
    return null;
  }
}
