import type { BlobRef } from './document.ts';

/** Bytes by SHA-256, in this tab's memory. Documents name them; undo and workers ask for them; `projects/` keeps them beyond the tab. */
const blobs = new Map<string, Uint8Array<ArrayBuffer>>();

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // A page served over plain HTTP from another host has no crypto.subtle.
  const digest = globalThis.crypto?.subtle
    ? new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    : (await import('./projects/sha256.ts')).sha256Digest(bytes);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function putBlob(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<BlobRef> {
  const hash = await sha256(bytes);
  if (!blobs.has(hash)) blobs.set(hash, bytes);
  return { hash, name, size: bytes.length };
}

/** Takes bytes whose hash was checked where they came from. */
export function holdBlob(hash: string, bytes: Uint8Array<ArrayBuffer>): void {
  if (!blobs.has(hash)) blobs.set(hash, bytes);
}

export const hasBlob = (hash: string): boolean => blobs.has(hash);

export function getBlob(ref: BlobRef): Uint8Array<ArrayBuffer> {
  const bytes = blobs.get(ref.hash);
  if (!bytes) throw new Error(`the bytes of ${ref.name} are no longer held`);
  return bytes;
}
