import { wasm } from './layout.ts';

/** Grows as WebAssembly is written into it. */
export class Bytes {
  #buffer = new Uint8Array(1024);
  length = 0;
  /** Places of instructions that {@link ifUnlikely} wrote. */
  readonly unlikely: number[] = [];

  #room(size: number): void {
    if (this.length + size <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.length + size));
    larger.set(this.#buffer.subarray(0, this.length));
    this.#buffer = larger;
  }

  u8(...values: readonly number[]): this {
    this.#room(values.length);
    for (const value of values) this.#buffer[this.length++] = value;
    return this;
  }

  /** Begins an `if` that is hardly ever entered. */
  ifUnlikely(type: number): this {
    this.unlikely.push(this.length);
    return this.u8(wasm.if, type);
  }

  /** Unsigned LEB128. */
  u32(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 128);
    }
    return this.u8(rest);
  }

  /** Signed LEB128 of a 32-bit number. */
  s32(value: number): this {
    let rest = value;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return this.u8(low);
      this.u8(low | 0x80);
    }
  }

  /** Signed LEB128 of a 64-bit number. */
  s64(value: bigint): this {
    let rest = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) return this.u8(low);
      this.u8(low | 0x80);
    }
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.u32(bytes.length).append(bytes);
  }

  append(bytes: Uint8Array): this {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** What was written, as a view. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.length);
  }
}
