/** Writes protobuf messages; nested ones are written into writers of their own. */
export class WireWriter {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  int(field: number, value: number | bigint): this {
    this.#push(varint(BigInt(field * 8)));
    this.#push(varint(BigInt.asUintN(64, BigInt(value))));
    return this;
  }
  float(field: number, value: number): this {
    this.#push(varint(BigInt(field * 8 + 5)));
    this.#push(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }
  bytes(field: number, value: Uint8Array): this {
    this.#push(varint(BigInt(field * 8 + 2)));
    this.#push(varint(BigInt(value.length)));
    this.#push(value);
    return this;
  }
  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }
  message(field: number, write: (w: WireWriter) => void): this {
    const inner = new WireWriter();
    write(inner);
    return this.bytes(field, inner.finish());
  }
  /** Fields that are encoded already. */
  raw(bytes: Uint8Array): this {
    this.#push(bytes);
    return this;
  }
  finish(): Uint8Array {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }
  #push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }
}

function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  let rest = value;
  do {
    out.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(out);
}

/** The same model with more graph outputs, so that a runtime returns intermediate values. Nothing else of the file changes. */
export function appendOutputs(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  const tail = new WireWriter().message(7, (graph) => {
    for (const name of names) graph.message(12, (value) => value.string(1, name));
  });
  const added = tail.finish();
  const out = new Uint8Array(bytes.length + added.length);
  out.set(bytes);
  out.set(added, bytes.length);
  return out;
}
