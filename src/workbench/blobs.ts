import type { BlobRef } from './document.ts';

/** Bytes by SHA-256. Documents name them; undo and workers ask for them. */
const blobs = new Map<string, Uint8Array<ArrayBuffer>>();

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // A page served over plain HTTP from another host has no crypto.subtle; a name that is unique in this tab will do there.
  if (!globalThis.crypto?.subtle) return `local-${bytes.length}-${blobs.size}`;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function putBlob(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<BlobRef> {
  const hash = await sha256(bytes);
  if (!blobs.has(hash)) blobs.set(hash, bytes);
  return { hash, name, size: bytes.length };
}

export function getBlob(ref: BlobRef): Uint8Array<ArrayBuffer> {
  const bytes = blobs.get(ref.hash);
  if (!bytes) throw new Error(`the bytes of ${ref.name} are no longer held`);
  return bytes;
}
