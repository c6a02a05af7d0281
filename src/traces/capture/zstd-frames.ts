/** What a frame says of its content. */
export interface FrameEnd {
  /** Of its checksum, or of the byte behind it. */
  readonly offset: number;
  readonly checksum: number | null;
  /** Bytes that it unpacks to; null where its header does not tell. */
  readonly size: number | null;
}

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
  /** Frames that were passed and not taken yet. */
  readonly passed: FrameEnd[] = [];

  /** Where what is no frame begins; null as long as nothing was lost. */
  get lostAt(): number | null {
    return this.#part === 'lost' ? this.#at - this.#have : null;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length && this.#part !== 'lost') {
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
      if (this.#have === this.#need) this.#step();
    }
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
        const [single, dictionary, size] = [(flags >> 5) & 1, flags & 3, flags >> 6];
        this.#checks = (flags & 4) !== 0;
        this.#size = null;
        this.#sizeBytes = size === 0 ? single : 1 << size;
        const bytes = (single ? 0 : 1) + (dictionary === 3 ? 4 : dictionary) + this.#sizeBytes;
        if (bytes === 0) this.#expect('block', 3);
        else this.#expect('header', bytes);
        return;
      }
      case 'header':
        this.#size = sizeOf(view, this.#need - this.#sizeBytes, this.#sizeBytes);
        this.#expect('block', 3);
        return;
      case 'block': {
        const header = view.getUint16(0, true) | (view.getUint8(2) << 16);
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

/** The frame's content size (RFC 8878 section 3.1.1.1.4). */
function sizeOf(view: DataView, at: number, bytes: number): number | null {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  if (bytes === 4) return view.getUint32(at, true);
  return bytes === 8 ? view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32 : null;
}
