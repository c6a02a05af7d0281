import { InputError } from '../base/errors.ts';
import { type NpyArray, readNpy } from './npy.ts';

// numpy.savez writes a zip archive of .npy files without compression (numpy/lib/npyio.py; PKWARE's APPNOTE 4.3 for the records).

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const MAX_COMMENT = 65_535;

export const isNpz = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b;

/** The arrays of an .npz file under their names. Throws {@link InputError} for damaged and for compressed archives. */
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
    if (method !== 0) throw fail(`array \`${file}\` is compressed`, 'Write it with numpy.savez instead of savez_compressed');
    const local = view.getUint32(at + 42, true);
    if (local + LOCAL_BYTES > bytes.length) throw fail(`array \`${file}\` lies beyond the end of the file`);
    const data = local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const size = view.getUint32(at + 24, true);
    if (data + size > bytes.length) throw fail(`array \`${file}\` lies beyond the end of the file`);
    arrays.set(file.replace(/\.npy$/, ''), readNpy(bytes.slice(data, data + size), `${name}: ${file}`));
    at += ENTRY_BYTES + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return arrays;
}
