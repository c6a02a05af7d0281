/** A `union bpf_attr` under construction: zeros except for what is set. */
export class Attr {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  u32(off: number, value: number): this {
    this.#view.setUint32(off, value, true);
    return this;
  }

  u64(off: number, value: number): this {
    this.#view.setBigUint64(off, BigInt(value), true);
    return this;
  }

  /** A map's or program's name: the kernel takes 15 letters, digits, `_` and `.`. */
  name(off: number, text: string): this {
    const clean = text.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, 15);
    this.bytes.set(new TextEncoder().encode(clean), off);
    return this;
  }
}
