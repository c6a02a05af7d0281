import { InputError } from '../base/errors.ts';

/** The protobuf wire types ONNX uses (protobuf encoding guide, "Message Structure"). */
type WireType = 0 | 1 | 2 | 5;

const UTF8 = new TextDecoder();

/** Walks the fields of one protobuf message inside `bytes`; nested messages are views, nothing is copied. */
export class WireReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #end: number;
  #pos: number;
  field = 0;
  wireType: WireType = 0;

  constructor(bytes: Uint8Array, file: string, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
    this.#pos = start;
    this.#end = end;
  }

  get pos(): number {
    return this.#pos;
  }
  get end(): number {
    return this.#end;
  }

  /** Moves to the next field's header; false at the end of the message. */
  next(): boolean {
    if (this.#pos >= this.#end) return false;
    const key = this.#varintNumber();
    this.field = Math.floor(key / 8);
    const type = key % 8;
    if (this.field === 0 || (type !== 0 && type !== 1 && type !== 2 && type !== 5)) {
      throw new InputError(`damaged ONNX file: no field can start with these bytes at byte ${this.#pos}`, this.#file);
    }
    this.wireType = type;
    return true;
  }

  /** An int64 field (also enums and int32, which protobuf sends sign-extended). */
  int64(): bigint {
    this.#want(0);
    return BigInt.asIntN(64, this.#varint());
  }
  /** An integer field whose meaning fits a double exactly. */
  int(): number {
    const value = this.int64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < -BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new InputError(`integer ${value} out of range at byte ${this.#pos}`, this.#file);
    }
    return Number(value);
  }
  float(): number {
    this.#want(5);
    this.#need(4);
    const value = this.#view.getFloat32(this.#pos, true);
    this.#pos += 4;
    return value;
  }
  /** The bytes of a length-delimited field as a view. */
  slice(): Uint8Array {
    this.#want(2);
    const length = this.#varintNumber();
    this.#need(length);
    const view = this.bytes.subarray(this.#pos, this.#pos + length);
    this.#pos += length;
    return view;
  }
  string(): string {
    return UTF8.decode(this.slice());
  }
  /** A reader over a nested message. */
  message(): WireReader {
    this.#want(2);
    const length = this.#varintNumber();
    this.#need(length);
    const start = this.#pos;
    this.#pos += length;
    return new WireReader(this.bytes, this.#file, start, start + length);
  }
  /** A repeated int64: packed or one at a time. */
  int64s(into: bigint[]): void {
    if (this.wireType === 2) {
      const packed = this.message();
      while (packed.#pos < packed.#end) into.push(BigInt.asIntN(64, packed.#varint()));
    } else into.push(this.int64());
  }
  /** A repeated float: packed or one at a time. */
  floats(into: number[]): void {
    if (this.wireType === 2) {
      const packed = this.message();
      packed.wireType = 5;
      while (packed.#pos < packed.#end) into.push(packed.float());
    } else into.push(this.float());
  }
  /** A repeated double: packed or one at a time. */
  doubles(into: number[]): void {
    const from = this.wireType === 2 ? this.message() : this;
    do {
      if (from !== this && from.#pos >= from.#end) return;
      from.#need(8);
      into.push(from.#view.getFloat64(from.#pos, true));
      from.#pos += 8;
    } while (from !== this);
  }
  skip(): void {
    if (this.wireType === 0) this.#varint();
    else if (this.wireType === 1) this.#advance(8);
    else if (this.wireType === 5) this.#advance(4);
    else this.slice();
  }

  #advance(count: number): void {
    this.#need(count);
    this.#pos += count;
  }
  #want(type: WireType): void {
    if (this.wireType !== type) {
      throw new InputError(
        `damaged ONNX file: field ${this.field} has wire type ${this.wireType} instead of ${type} at byte ${this.#pos}`,
        this.#file,
      );
    }
  }
  #need(count: number): void {
    if (count > this.#end - this.#pos) {
      const whole = this.#end === this.bytes.length;
      throw new InputError(
        whole
          ? `truncated ONNX file: it ends at byte ${this.bytes.length}, but the field at byte ${this.#pos} has ${count} bytes`
          : `damaged ONNX file: the field at byte ${this.#pos} has ${count} bytes, its message only ${this.#end - this.#pos}`,
        this.#file,
        whole ? 'Copy or download the file again' : '',
      );
    }
  }
  #varint(): bigint {
    const start = this.#pos;
    const low = this.#shortVarint();
    if (low >= 0) return BigInt(low);
    let value = 0n;
    this.#pos = start;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      this.#need(1);
      const byte = this.bytes[this.#pos++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new InputError(`damaged ONNX file: a number at byte ${this.#pos} has more than ten bytes`, this.#file);
  }
  #varintNumber(): number {
    const start = this.#pos;
    const short = this.#shortVarint();
    if (short >= 0) return short;
    this.#pos = start;
    return Number(this.#varint());
  }
  /** A number of up to four bytes, which almost all are; -1 when it has more. */
  #shortVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      this.#need(1);
      const byte = this.bytes[this.#pos++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return -1;
  }
}
