import type { Damage } from './source.ts';

/** What a frame says of its content. */
export interface FrameEnd {
  /** Of its checksum, or of the byte behind it. */
  readonly offset: number;
  readonly checksum: number | null;
  /** Bytes that it unpacks to; null where its header does not tell. */
  readonly size: number | null;
}

/** Bytes that a block unpacks to at most (RFC 8878 section 3.1.1.2.4). */
export const MOST_BLOCK_BYTES = 128 * 1024;
/** What a frame may ask to be kept of what it unpacked to: as much as `zstd` itself allows without being told to. */
export const MOST_WINDOW_BYTES = 128 << 20;

/**
 * Follows the frames of a Zstandard stream by their headers alone (RFC 8878 section 3.1) and gives what each says of its content, with its place.
 * What is no frame ends it: the decoder says why.
 */
export class ZstdFrames {
  #at = 0;
  #need = 5;
  #buffer = new Uint8Array(32);
  #have = 0;
  #part: 'magic' | 'header' | 'block' | 'checksum' | 'lost' = 'magic';
  #skip = 0;
  #checks = false;
  #last = false;
  #size: number | null = null;
  #sizeBytes = 0;
  #flags = 0;
  /** Offset of the frame. */
  #frame = 0;
  /** Frames that were passed and not taken yet. */
  readonly passed: FrameEnd[] = [];
  /** What headers ask for that no decoder should do, and where; nothing behind it is followed. */
  wrong: Damage | null = null;

  /** Where what is no frame begins; null as long as nothing was lost. */
  get lostAt(): number | null {
    return this.#part === 'lost' ? (this.wrong?.offset ?? this.#at - this.#have) : null;
  }

  /** As this one is now; what was passed stays with this one. */
  copy(): ZstdFrames {
    const other = new ZstdFrames();
    [other.#at, other.#need, other.#have, other.#part, other.#skip] = [this.#at, this.#need, this.#have, this.#part, this.#skip];
    [other.#checks, other.#last, other.#size, other.#sizeBytes] = [this.#checks, this.#last, this.#size, this.#sizeBytes];
    [other.#flags, other.#frame, other.wrong] = [this.#flags, this.#frame, this.wrong];
    other.#buffer.set(this.#buffer);
    return other;
  }

  /** Follows up to `blocks` blocks; returns how many of the bytes belong to what was followed, all of them where it stopped to be frames. */
  push(bytes: Uint8Array, blocks = Number.POSITIVE_INFINITY): number {
    let from = 0;
    let left = blocks;
    while (from < bytes.length && this.#part !== 'lost') {
      if (this.#skip === 0 && this.#have === 0 && left <= 0 && (this.#part === 'block' || this.#part === 'magic')) return from;
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - from);
        this.#skip -= skipped;
        this.#at += skipped;
        from += skipped;
        continue;
      }
      const taken = Math.min(this.#need - this.#have, bytes.length - from);
      this.#buffer.set(bytes.subarray(from, from + taken), this.#have);
      this.#have += taken;
      this.#at += taken;
      from += taken;
      if (this.#have < this.#need) continue;
      if (this.#part === 'block') left--;
      this.#step();
      if (this.wrong) return Math.max(0, from - (this.#at - this.wrong.offset));
    }
    return bytes.length;
  }

  #refuse(offset: number, what: string): void {
    this.#part = 'lost';
    this.wrong = { offset, what };
  }

  #expect(part: 'magic' | 'header' | 'block' | 'checksum', need: number): void {
    this.#part = part;
    this.#need = need;
    this.#have = 0;
  }

  #step(): void {
    const view = new DataView(this.#buffer.buffer);
    switch (this.#part) {
      case 'magic': {
        const magic = view.getUint32(0, true);
        if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
          // A skippable frame: its size follows the magic, of which one byte is here.
          if (this.#need === 5) this.#need = 8;
          else {
            this.#skip = view.getUint32(4, true);
            this.#expect('magic', 5);
          }
          return;
        }
        if (magic !== 0xfd2fb528) {
          this.#part = 'lost';
          return;
        }
        const flags = view.getUint8(4);
        this.#flags = flags;
        this.#frame = this.#at - 5;
        const [single, dictionary, size] = [(flags >> 5) & 1, flags & 3, flags >> 6];
        this.#checks = (flags & 4) !== 0;
        this.#size = null;
        this.#sizeBytes = size === 0 ? single : 1 << size;
        const bytes = (single ? 0 : 1) + (dictionary === 3 ? 4 : dictionary) + this.#sizeBytes;
        if (bytes === 0) this.#expect('block', 3);
        else this.#expect('header', bytes);
        return;
      }
      case 'header': {
        this.#size = sizeOf(view, this.#need - this.#sizeBytes, this.#sizeBytes);
        const window = (this.#flags >> 5) & 1 ? (this.#size ?? 0) : windowOf(view.getUint8(0));
        if (window > MOST_WINDOW_BYTES)
          this.#refuse(
            this.#frame,
            `a frame asks for a window of ${(window / 2 ** 20).toFixed(0)} MiB, more than ${MOST_WINDOW_BYTES >> 20}`,
          );
        else this.#expect('block', 3);
        return;
      }
      case 'block': {
        const header = view.getUint16(0, true) | (view.getUint8(2) << 16);
        if (header >> 3 > MOST_BLOCK_BYTES) {
          this.#refuse(this.#at - 3, 'the compressed data is damaged: a block is longer than 128 KiB');
          return;
        }
        this.#last = (header & 1) === 1;
        // A block of one repeated byte holds that byte alone.
        this.#skip = ((header >> 1) & 3) === 1 ? 1 : header >> 3;
        if (!this.#last) this.#expect('block', 3);
        else if (this.#checks) this.#expect('checksum', 4);
        else this.#pass({ offset: this.#at + this.#skip, checksum: null, size: this.#size });
        return;
      }
      case 'checksum':
        this.#pass({ offset: this.#at - 4, checksum: view.getUint32(0, true), size: this.#size });
        return;
      case 'lost':
    }
  }

  #pass(frame: FrameEnd): void {
    this.passed.push(frame);
    this.#expect('magic', 5);
  }
}

/** Bytes of the window that a descriptor asks for (RFC 8878 section 3.1.1.1.2). */
function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** The frame's content size (RFC 8878 section 3.1.1.1.4). */
function sizeOf(view: DataView, at: number, bytes: number): number | null {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  if (bytes === 4) return view.getUint32(at, true);
  return bytes === 8 ? view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32 : null;
}
