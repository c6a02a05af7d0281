import { zipSync } from 'fflate';
import { type NpyArray, writeNpy } from './npy.ts';

/** An .npz file as numpy.savez writes it: a zip archive of .npy files, not compressed. */
export function writeNpz(arrays: ReadonlyMap<string, NpyArray>): Uint8Array {
  // Archives of equal arrays are equal bytes; the earliest time that a zip can hold.
  const options = { level: 0, mtime: new Date(1980, 0, 1, 12) } as const;
  return zipSync(Object.fromEntries([...arrays].map(([name, array]) => [`${name}.npy`, [writeNpy(array), options]])));
}

/** A .safetensors file of float32 tensors, in the order given. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>,
): Uint8Array {
  let at = 0;
  const header: Record<string, object> = {};
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
  }
  // Padded with spaces, so that the numbers lie aligned.
  const text = JSON.stringify(header);
  const head = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const out = new Uint8Array(8 + head.length + at);
  new DataView(out.buffer).setUint32(0, head.length, true);
  out.set(head, 8);
  let to = 8 + head.length;
  for (const { data } of tensors.values()) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), to);
    to += data.byteLength;
  }
  return out;
}
