import { InputError } from '../base/errors.ts';
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

/** Bytes, or a file that is too large to be held and is read where it lies. */
export type Content = Uint8Array<ArrayBuffer> | Blob;

/** Files that stay on disk, by the hash of their reference. */
const files = new Map<string, Blob>();

export function holdFile(hash: string, file: Blob): void {
  files.set(hash, file);
}

export const hasBlob = (hash: string): boolean => blobs.has(hash) || files.has(hash);

/** What `ref` names. Throws {@link InputError} for a file that the browser does not give back by itself. */
export function contentOf(ref: BlobRef): Content {
  const file = files.get(ref.hash);
  if (file || ref.modified === undefined) return file ?? getBlob(ref);
  throw new InputError(
    'this file stayed on disk, and after a reload a page may not open files by itself',
    ref.name,
    'Choose it again: settings and project are as they were',
  );
}

export function getBlob(ref: BlobRef): Uint8Array<ArrayBuffer> {
  const bytes = blobs.get(ref.hash);
  if (!bytes) throw new Error(`the bytes of ${ref.name} are no longer held`);
  return bytes;
}
