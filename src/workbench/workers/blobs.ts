import type { BlobRef } from '../document.ts';

/** Bytes that the page has handed to this worker. */
const held = new Map<string, Uint8Array<ArrayBuffer>>();

export function hold({ hash, bytes }: { hash: string; bytes: Uint8Array<ArrayBuffer> }): void {
  held.set(hash, bytes);
}

/** Forgets bytes that the page no longer shows. */
export function drop({ hash }: { hash: string }): void {
  held.delete(hash);
}

export function bytesOf(ref: BlobRef): Uint8Array<ArrayBuffer> {
  const bytes = held.get(ref.hash);
  if (!bytes) throw new Error(`the bytes of ${ref.name} never arrived`);
  return bytes;
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

  set(key: string, value: T): T {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value!);
    return value;
  }
}
