/** A packet of a capture that a test makes. */
export interface MadePacket {
  readonly data: Uint8Array;
  readonly original?: number;
  readonly seconds?: number;
  readonly fraction?: number;
  readonly comment?: string;
}

class Bytes {
  readonly #parts: number[] = [];
  readonly #little: boolean;

  constructor(little: boolean) {
    this.#little = little;
  }

  get length(): number {
    return this.#parts.length;
  }

  u8(...values: number[]): this {
    for (const value of values) this.#parts.push(value & 0xff);
    return this;
  }

  u16(value: number): this {
    return this.#little ? this.u8(value, value >> 8) : this.u8(value >> 8, value);
  }

  u32(value: number): this {
    return this.#little ? this.u16(value & 0xffff).u16(value >>> 16) : this.u16(value >>> 16).u16(value & 0xffff);
  }

  bytes(values: Uint8Array): this {
    for (const value of values) this.#parts.push(value);
    return this;
  }

  pad(): this {
    while (this.#parts.length % 4) this.#parts.push(0);
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#parts);
  }
}

export interface PcapOptions {
  readonly little?: boolean;
  readonly magic?: number;
  readonly linkType?: number;
  readonly snapLength?: number;
}

export function pcapFile(packets: readonly MadePacket[], options: PcapOptions = {}): Uint8Array {
  const { little = true, magic = 0xa1b2c3d4, linkType = 1, snapLength = 262_144 } = options;
  const out = new Bytes(little).u32(magic).u16(2).u16(4).u32(0).u32(0).u32(snapLength).u32(linkType);
  for (const { data, original = data.length, seconds = 0, fraction = 0 } of packets) {
    out.u32(seconds).u32(fraction).u32(data.length).u32(original).bytes(data);
  }
  return out.done();
}

export interface PcapngOptions {
  readonly little?: boolean;
  readonly linkType?: number;
  readonly snapLength?: number;
  /** if_tsresol. */
  readonly resolution?: number;
  /** Written as simple packets. */
  readonly simple?: boolean;
}

export function pcapngFile(packets: readonly MadePacket[], options: PcapngOptions = {}): Uint8Array {
  const { little = true, linkType = 1, snapLength = 0, resolution = 6, simple = false } = options;
  const out = new Bytes(little);
  const block = (type: number, body: Bytes) => {
    body.pad();
    out
      .u32(type)
      .u32(body.length + 12)
      .bytes(body.done())
      .u32(body.length + 12);
  };
  const bytes = () => new Bytes(little);
  block(0x0a0d0d0a, bytes().u32(0x1a2b3c4d).u16(1).u16(0).u32(0xffffffff).u32(0xffffffff));
  block(1, bytes().u16(linkType).u16(0).u32(snapLength).u16(9).u16(1).u8(resolution).pad().u32(0));
  for (const { data, original = data.length, seconds = 0, fraction = 0, comment } of packets) {
    if (simple) {
      block(3, bytes().u32(original).bytes(data));
      continue;
    }
    const ticks = BigInt(seconds) * 10n ** BigInt(resolution) + BigInt(fraction);
    const body = bytes()
      .u32(0)
      .u32(Number(ticks >> 32n))
      .u32(Number(ticks & 0xffffffffn))
      .u32(data.length)
      .u32(original)
      .bytes(data)
      .pad();
    if (comment !== undefined) {
      const text = new TextEncoder().encode(comment);
      body.u16(1).u16(text.length).bytes(text).pad().u32(0);
    }
    block(6, body);
  }
  return out.done();
}

/** A Zstandard frame of blocks that are not compressed (RFC 8878 section 3.1.1), with a window of 1 MB, and the checksum if one is given. */
export function zstdFile(bytes: Uint8Array, checksum?: number): Uint8Array {
  const out: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, checksum === undefined ? 0 : 4, 10 << 3)];
  for (let at = 0; at < bytes.length || at === 0; at += 100_000) {
    const part = bytes.subarray(at, at + 100_000);
    const last = at + 100_000 >= bytes.length ? 1 : 0;
    const header = last | (part.length << 3);
    out.push(Uint8Array.of(header & 0xff, (header >> 8) & 0xff, header >> 16), part);
  }
  if (checksum !== undefined) out.push(new Uint8Array(Uint32Array.of(checksum).buffer));
  return new Uint8Array(Buffer.concat(out));
}
