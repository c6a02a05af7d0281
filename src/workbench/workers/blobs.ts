import { type ByteSource, blobSource, memorySource } from '../../traces/capture/source.ts';
import type { Content } from '../blobs.ts';
import type { BlobRef } from '../document.ts';

/** What the page has handed to this worker: bytes, or a file that stays on disk. */
const held = new Map<string, Content>();

export function hold({ hash, bytes }: { hash: string; bytes: Content }): void {
  held.set(hash, bytes);
}

/** Forgets bytes that the page no longer shows. */
export function drop({ hash }: { hash: string }): void {
  held.delete(hash);
}

export function bytesOf(ref: BlobRef): Uint8Array<ArrayBuffer> {
  const bytes = held.get(ref.hash);
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

/** Remembers the last few results by key. */
export class Recent<T> {
  readonly #most: number;
  readonly #entries = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): T | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  drop(key: string): void {
    this.#entries.delete(key);
  }

  set(key: string, value: T): T {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value!);
    return value;
  }
}
