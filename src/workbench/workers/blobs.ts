import { Cancelled } from '../../base/progress.ts';
import { type ByteSource, blobSource, memorySource } from '../../traces/capture/source.ts';
import type { Content } from '../blobs.ts';
import type { BlobRef } from '../document.ts';

/** What the page has handed to this worker: bytes, or a file that stays on disk. */
const held = new Map<string, Content>();
/** What was held for a project that was left, here or in a worker before this one. */
const left = new Set<string>();
const MOST_LEFT = 64;

export function hold({ hash, bytes }: { hash: string; bytes: Content }): void {
  held.set(hash, bytes);
  left.delete(hash);
}

/** Forgets bytes that the page no longer shows. */
export function drop({ hash }: { hash: string }): void {
  held.delete(hash);
}

/** Forgets bytes of a project that was left, and whatever was made of them or was not asked for within the last `unusedMs`. */
export function leave({ gone, unusedMs }: { gone: readonly string[]; unusedMs: number }): void {
  for (const hash of gone) {
    held.delete(hash);
    left.add(hash);
    if (left.size > MOST_LEFT) left.delete(left.values().next().value!);
  }
  for (const cache of caches) cache.leave(gone, unusedMs);
}

export function bytesOf(ref: BlobRef): Uint8Array<ArrayBuffer> {
  const bytes = held.get(ref.hash);
  // What was asked for before the project was left, and not begun by then: nobody waits for its answer any more.
  if (!bytes && left.has(ref.hash)) throw new Cancelled();
  if (!(bytes instanceof Uint8Array)) throw new Error(`the bytes of ${ref.name} never arrived`);
  return bytes;
}

/** Bytes or a file, to be read piece by piece. */
export function sourceOf(ref: BlobRef): ByteSource {
  const content = held.get(ref.hash);
  if (!(content instanceof Blob)) return memorySource(bytesOf(ref), ref.name);
  // A file that was chosen again takes the place of the one before.
  const file = () => blobSource(held.get(ref.hash) as Blob, ref.name);
  return { name: ref.name, size: content.size, read: (offset, length) => file().read(offset, length) };
}

const caches: { leave(gone: readonly string[], unusedMs: number): void }[] = [];

/** Remembers the last few results by key. Made once for each kind of result: it lives as long as its worker. */
export class Recent<T> {
  readonly #most: number;
  readonly #entries = new Map<string, { readonly value: T; readonly usedAt: number }>();

  constructor(most: number) {
    this.#most = most;
    caches.push(this);
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    return entry && this.set(key, entry.value);
  }

  drop(key: string): void {
    this.#entries.delete(key);
  }

  /** Keys name the blobs that a result was made of by their hashes (`keys.ts`): whoever asked for one late does not keep it. */
  leave(gone: readonly string[], unusedMs: number): void {
    for (const [key, { usedAt }] of this.#entries)
      if (performance.now() - usedAt > unusedMs || gone.some((hash) => key.includes(hash))) this.#entries.delete(key);
  }

  set(key: string, value: T): T {
    this.#entries.delete(key);
    this.#entries.set(key, { value, usedAt: performance.now() });
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value!);
    return value;
  }
}
