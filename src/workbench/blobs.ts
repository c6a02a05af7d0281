import { InputError } from '../base/errors.ts';
import type { BlobRef } from './document.ts';

/** Bytes by SHA-256, in this tab's memory. Documents name them; undo and workers ask for them; `projects/` keeps them beyond the tab. */
const blobs = new Map<string, Uint8Array<ArrayBuffer>>();

/** Blobs that may go, and when each was asked for last, by `performance.now()`. Whoever looks for one or brings it means to use it: it stays. */
const left = new Map<string, number>();
/** Blobs that something names which is no project: they stay. */
const pinned = new Set<string>();

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // A page served over plain HTTP from another host has no crypto.subtle.
  const digest = globalThis.crypto?.subtle
    ? new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    : (await import('./projects/sha256.ts')).sha256Digest(bytes);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function putBlob(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<BlobRef> {
  const hash = await sha256(bytes);
  holdBlob(hash, bytes);
  return { hash, name, size: bytes.length };
}

/** Takes bytes whose hash was checked where they came from. */
export function holdBlob(hash: string, bytes: Uint8Array<ArrayBuffer>): void {
  left.delete(hash);
  if (!blobs.has(hash)) blobs.set(hash, bytes);
}

/** Bytes, or a file that is too large to be held and is read where it lies. */
export type Content = Uint8Array<ArrayBuffer> | Blob;

/** Files that stay on disk, by the hash of their reference. */
const files = new Map<string, Blob>();

export function holdFile(hash: string, file: Blob): void {
  files.set(hash, file);
}

export function hasBlob(hash: string): boolean {
  left.delete(hash);
  return blobs.has(hash) || files.has(hash);
}

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
  if (left.has(ref.hash)) left.set(ref.hash, performance.now());
  return bytes;
}

/** Keeps a blob for as long as the tab lives. */
export function pinBlob({ hash }: BlobRef): void {
  pinned.add(hash);
}

/** Says that what named `refs` is gone or lies in storage: they go with the next {@link releaseBlobs} that finds them unused. */
export function leaveBlobs(refs: Iterable<BlobRef>): void {
  for (const { hash } of refs) if (blobs.has(hash) && !pinned.has(hash)) left.set(hash, performance.now());
}

/**
 * Forgets the blobs that were left, apart from those of `named`, and those that somebody asked for within `quietMs`: they wait.
 * Gives the hashes of what went.
 */
export function releaseBlobs(named: ReadonlySet<string>, quietMs: number): { readonly gone: readonly string[]; readonly waiting: number } {
  const gone: string[] = [];
  for (const [hash, asked] of left) {
    if (!named.has(hash)) {
      if (performance.now() - asked < quietMs) continue;
      blobs.delete(hash);
      gone.push(hash);
    }
    left.delete(hash);
  }
  return { gone, waiting: left.size };
}
