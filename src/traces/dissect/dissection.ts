import { FIELDS, type FieldId, TEXT } from './fields.ts';

/** As in Wireshark, which reads no further then. */
const MAX_ITEMS = 1_000_000;

/**
 * What was found in one packet: items in the order of a tree walked from the top, as columns. One object serves packet after packet
 * ({@link reset}), so that a million packets make no garbage.
 */
export class Dissection {
  count = 0;
  #room = 256;
  field = new Uint16Array(this.#room);
  /** Bytes of the item in `sources[source[item]]`. */
  start = new Int32Array(this.#room);
  length = new Int32Array(this.#room);
  /** Numbers, booleans as 0 and 1, IPv4 addresses as u32, whole seconds of times, ends of protocols. */
  value = new Float64Array(this.#room);
  /** Of times: what their seconds leave, with the same sign. */
  nanoseconds = new Int32Array(this.#room);
  depth = new Uint8Array(this.#room);
  source = new Uint8Array(this.#room);
  /** Of strings, and of lines that group others. */
  text: string[] = [];
  /** The frame, then what was put together from several packets. */
  sources: Uint8Array[] = [];
  /** Protocols from the outside in. */
  protocols: FieldId[] = [];
  /** Where items go next. */
  level = 0;
  from = 0;

  reset(frame: Uint8Array): void {
    this.count = 0;
    this.sources = [frame];
    this.protocols = [];
    this.level = 0;
    this.from = 0;
  }

  /** Returns the item's row. */
  add(field: FieldId, start: number, length: number, value: number): number {
    if (this.count === this.#room) this.#grow();
    const at = this.count;
    if (at < MAX_ITEMS) this.count++;
    this.field[at] = field;
    this.start[at] = start;
    this.length[at] = length;
    this.value[at] = value;
    this.depth[at] = this.level;
    this.source[at] = this.from;
    return at;
  }

  addText(field: FieldId, start: number, length: number, text: string): number {
    const at = this.add(field, start, length, 0);
    this.text[at] = text;
    return at;
  }

  /** Adds a time; its parts may have different signs. */
  addTime(field: FieldId, seconds: number, nanoseconds: number): void {
    let [whole, rest] = [seconds, nanoseconds];
    if (whole > 0 && rest < 0) [whole, rest] = [whole - 1, rest + 1e9];
    else if (whole < 0 && rest > 0) [whole, rest] = [whole + 1, rest - 1e9];
    const at = this.add(field, 0, 0, whole);
    this.nanoseconds[at] = rest;
  }

  /** Begins a protocol: what follows lies in it until {@link close}. Its value is the end of all that it carries. */
  open(protocol: FieldId, start: number, length: number, end: number): number {
    this.protocols.push(protocol);
    const at = this.add(protocol, start, length, end);
    this.level++;
    return at;
  }

  /** Begins a line that groups others. */
  group(start: number, length: number, text: string): number {
    const at = this.addText(TEXT, start, length, text);
    this.level++;
    return at;
  }

  close(at: number, end: number): void {
    this.length[at] = Math.max(0, end - this.start[at]!);
    this.level = this.depth[at]!;
  }

  /** The bytes of an item. */
  bytes(at: number): Uint8Array {
    const start = this.start[at]!;
    return this.sources[this.source[at]!]!.subarray(start, start + this.length[at]!);
  }

  /** Rows of a field. */
  rows(field: FieldId): number[] {
    const rows: number[] = [];
    for (let at = 0; at < this.count; at++) if (this.field[at] === field) rows.push(at);
    return rows;
  }

  /** First row of a field; -1 where it is missing. */
  row(field: FieldId): number {
    for (let at = 0; at < this.count; at++) if (this.field[at] === field) return at;
    return -1;
  }

  nameOf(at: number): string {
    return FIELDS[this.field[at]!]!.name;
  }

  #grow(): void {
    this.#room *= 2;
    const grown = <T extends { set(from: T): void }>(old: T, next: T): T => {
      next.set(old);
      return next;
    };
    this.field = grown(this.field, new Uint16Array(this.#room));
    this.start = grown(this.start, new Int32Array(this.#room));
    this.length = grown(this.length, new Int32Array(this.#room));
    this.value = grown(this.value, new Float64Array(this.#room));
    this.nanoseconds = grown(this.nanoseconds, new Int32Array(this.#room));
    this.depth = grown(this.depth, new Uint8Array(this.#room));
    this.source = grown(this.source, new Uint8Array(this.#room));
  }
}
