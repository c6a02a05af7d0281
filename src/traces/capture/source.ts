import { InputError } from '../../base/errors.ts';

/** Bytes that can be read anywhere: a file on disk, a File of the page, or what a compressed one unpacks to. */
export interface ByteSource {
  /** What messages call it. */
  readonly name: string;
  /** In bytes; null for compressed data whose end has not been reached. */
  readonly size: number | null;
  /** Up to `length` bytes from `offset`; fewer only at the end. The bytes may be a view: do not change them. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** What is wrong with bytes, and from which one on. */
export interface Damage {
  /** In the file as it is on disk. */
  readonly offset: number;
  readonly what: string;
}

export function memorySource(bytes: Uint8Array, name = ''): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

export function blobSource(blob: Blob, name = ''): ByteSource {
  return {
    name,
    size: blob.size,
    async read(offset, length) {
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch {
        // A File is as it was when it was chosen, or nothing (File API section 4).
        throw new InputError('the file cannot be read any more: it has changed on disk, or it is gone', name, 'Open it again');
      }
    },
  };
}

/** Bytes that were asked for before they are needed. */
interface Ahead {
  readonly at: number;
  readonly length: number;
  readonly bytes: Promise<Uint8Array>;
}

/** Asks for bytes and lets them come: a File answers after a while, in which the reader works on those before. Who awaits them hears of errors. */
export function ahead(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  const bytes = source.read(offset, length);
  bytes.catch(() => {});
  return bytes;
}

/**
 * Bytes that are read of a large source at once. Measured in Chromium: the page's longest frame while a capture opens is shorter than with a
 * megabyte. Its allocator maps what is larger than its largest bucket anew for each read (`kMaxBucketed` of PartitionAlloc).
 */
export const PIECE_BYTES = 768 * 1024;

/** A window over a source that moves forward, the next one on its way; reads far behind or ahead cost one read of the source. */
export class Cursor {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  /** Offset of `bytes` in the source. */
  base = 0;
  readonly #source: ByteSource;
  readonly #chunk: number;
  #next: Ahead | null = null;
  /** Bytes that were asked for at once: as many may begin before the window's end and go on behind it. */
  #longest = 0;

  constructor(source: ByteSource, chunk = PIECE_BYTES) {
    this.#source = source;
    this.#chunk = chunk;
  }

  /** Whether [at, at + length) is in the window. */
  holds(at: number, length: number): boolean {
    return at >= this.base && at + length <= this.base + this.bytes.length;
  }

  /** Moves the window to `at`; returns how many bytes there are from there, at least `length` unless the source ends. */
  async load(at: number, length: number): Promise<number> {
    this.#longest = Math.max(this.#longest, length);
    if (!this.holds(at, length)) {
      const next = this.#next;
      const known = next !== null && at >= next.at && at + length <= next.at + next.length;
      this.base = known ? next.at : at;
      this.#next = null;
      this.bytes = await (known ? next.bytes : this.#source.read(at, Math.max(length, this.#chunk)));
      this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
      const end = this.base + this.bytes.length;
      if (this.bytes.length >= this.#chunk && end !== this.#source.size) {
        const from = Math.max(this.base, end - this.#longest);
        this.#next = { at: from, length: this.#chunk, bytes: ahead(this.#source, from, this.#chunk) };
      }
    }
    return Math.max(0, this.base + this.bytes.length - at);
  }

  /** Whether the source reaches `end`. */
  async reaches(end: number): Promise<boolean> {
    if (end <= this.base + this.bytes.length) return true;
    if (this.#source.size !== null) return end <= this.#source.size;
    return (await this.#source.read(end - 1, 1)).length === 1;
  }
}
