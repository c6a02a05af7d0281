/** One row a packet. Arrays are exactly `count` long once a capture is open. */
export interface PacketColumns {
  /** Where the packet's bytes begin: in the capture as unpacked. */
  readonly offset: Float64Array;
  /** Bytes that the capture holds. */
  readonly captured: Uint32Array;
  /** Bytes on the wire. */
  readonly original: Uint32Array;
  /** Since 1970; NaN where the capture has no time (simple packet blocks). */
  readonly seconds: Float64Array;
  readonly nanoseconds: Uint32Array;
  /** Row of `Capture.interfaces`. */
  readonly interfaceIndex: Uint16Array;
}

/** Bytes of one row. */
export const ROW_BYTES = 8 + 4 + 4 + 8 + 4 + 2;

/** Columns that grow as packets are found. */
export class GrowingColumns {
  count = 0;
  #room = 0;
  offset = new Float64Array(0);
  captured = new Uint32Array(0);
  original = new Uint32Array(0);
  seconds = new Float64Array(0);
  nanoseconds = new Uint32Array(0);
  interfaceIndex = new Uint16Array(0);

  add(offset: number, captured: number, original: number, seconds: number, nanoseconds: number, interfaceIndex: number): void {
    this.reserve(1);
    const at = this.count++;
    this.offset[at] = offset;
    this.captured[at] = captured;
    this.original[at] = original;
    this.seconds[at] = seconds;
    this.nanoseconds[at] = nanoseconds;
    this.interfaceIndex[at] = interfaceIndex;
  }

  /** Makes room for `rows` more, to be written behind `count` and counted by whoever writes them. */
  reserve(rows: number): void {
    if (this.count + rows > this.#room) this.#resize(Math.max(1024, this.#room * 2, this.count + rows));
  }

  /** Gives back the room that is not used. */
  finish(): PacketColumns {
    this.#resize(this.count);
    return this;
  }

  #resize(room: number): void {
    const grown = <T extends Float64Array | Uint32Array | Uint16Array>(old: T, next: T): T => {
      next.set(old.length > room ? old.subarray(0, room) : old);
      return next;
    };
    this.offset = grown(this.offset, new Float64Array(room));
    this.captured = grown(this.captured, new Uint32Array(room));
    this.original = grown(this.original, new Uint32Array(room));
    this.seconds = grown(this.seconds, new Float64Array(room));
    this.nanoseconds = grown(this.nanoseconds, new Uint32Array(room));
    this.interfaceIndex = grown(this.interfaceIndex, new Uint16Array(room));
    this.#room = room;
  }
}
