/** Longer messages are passed over, with the record that ends them. */
const LONGEST = 0x10000;
/** Its type and its length. */
const HEADER = 4;

/** A handshake message that began in a record and goes on in others (RFC 8446 section 5.1). */
export class OpenMessage {
  readonly #pieces: Uint8Array[] = [];
  /** Of what came. */
  length = 0;
  /** With its header; unknown before that has come. */
  #needed = Number.POSITIVE_INFINITY;

  constructor(bytes: Uint8Array) {
    this.take(bytes, 0, bytes.length);
  }

  /** All of it has come. */
  get whole(): boolean {
    return this.length === this.#needed;
  }

  /** It is longer than what is put together. */
  get tooLong(): boolean {
    return this.#needed > LONGEST && this.#needed !== Number.POSITIVE_INFINITY;
  }

  /** What came, unless it is too long. */
  get bytes(): Uint8Array {
    const joined = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.#pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }

  /** Adds what belongs to it of a record's content in [from, to); returns where that ends. */
  take(content: Uint8Array, from: number, to: number): number {
    const header = Math.min(to, from + Math.max(0, HEADER - this.length));
    this.#append(content, from, header);
    if (this.length === HEADER) {
      const [, high, middle, low] = this.bytes;
      this.#needed = HEADER + ((high! << 16) | (middle! << 8) | low!);
    }
    const end = Math.min(to, header + this.#needed - this.length);
    this.#append(content, header, end);
    return end;
  }

  #append(content: Uint8Array, from: number, to: number): void {
    if (from === to) return;
    this.length += to - from;
    if (!this.tooLong) this.#pieces.push(content.slice(from, to));
  }
}
