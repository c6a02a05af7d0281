import type { Dissection } from './dissection.ts';
import { type FieldId, fieldId } from './fields.ts';
import type { Application } from './framing.ts';

/** Thrown inside dissectors only: a field lies behind the end of its packet, or behind what was captured of it. */
export class OutOfBounds {
  readonly captured: boolean;

  constructor(captured: boolean) {
    this.captured = captured;
  }
}
const MALFORMED = new OutOfBounds(false);
const SHORT = new OutOfBounds(true);

/** What a TCP or UDP header says, for whoever keeps track of flows. */
export interface Segment {
  readonly protocol: number;
  readonly bytes: Uint8Array;
  /** Offsets of the two addresses, and their length. */
  readonly source: number;
  readonly destination: number;
  readonly addressLength: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Of TCP; 0 elsewhere. */
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly window: number;
  /** Shift of the window scale option; -1 without one. */
  readonly windowScale: number;
  /** An option of accurate ECN is there. */
  readonly accurateEcn: boolean;
  /** Bytes behind the header; -1 where the header does not tell. */
  readonly payload: number;
  /** The header is all there and as long as it must be. */
  readonly complete: boolean;
}

/** What one application reads: bytes [from, to) of a segment's payload, or of `bytes`, which were put together of several. */
export interface ReadPortion {
  readonly application: Application;
  /** Both as of a `Part`. */
  readonly state: number;
  readonly begun: Uint8Array | null;
  readonly bytes: Uint8Array | null;
  readonly from: number;
  readonly to: number;
}

/** What is read with a segment. */
export interface Payload {
  readonly portions: readonly ReadPortion[];
  /** The segment ends its stream, and with it a message that goes on up to the end. */
  readonly ends: boolean;
}

/** What is known of the stream that a segment belongs to. */
export interface StreamInfo {
  readonly stream: number;
  /** Sequence numbers count from these; null as long as they are unknown. */
  readonly sequenceBase: number | null;
  readonly acknowledgmentBase: number | null;
  /** Shift of the window; -1 unknown, -2 not in use. */
  readonly windowShift: number;
  /** Both sides count marks of congestion, as far as segments before this one tell. */
  readonly accurateEcn: boolean;
  /** What the segment is to those before it (`tcp-analysis.ts`); 0 of UDP. */
  readonly found: number;
}

/** A piece of a datagram that was sent in several. */
export interface Fragment {
  /** Tells the datagrams of one capture apart. */
  readonly key: string;
  readonly offset: number;
  readonly more: boolean;
  readonly data: Uint8Array;
}

/** What one packet needs to know of others. */
export interface Surroundings {
  /** The stream of a TCP or UDP header; null where nobody keeps track. */
  stream(segment: Segment): StreamInfo | null;
  /** The whole datagram when this piece completes it. */
  reassemble(fragment: Fragment): Uint8Array | null;
  /**
   * What applications read with the payload of the segment that {@link stream} was asked about last; `whole` where all of it was captured and it
   * stands for itself. Null where nobody keeps track.
   */
  payload(bytes: Uint8Array, whole: boolean): Payload | null;
}

/** Protocols of applications that can be left out when nobody asks for their fields. */
export interface Wanted {
  readonly dns: boolean;
  readonly http: boolean;
  readonly tls: boolean;
}

export const EVERYTHING: Wanted = { dns: true, http: true, tls: true };

export interface Next {
  ethernet(walk: Walk, at: number): void;
  etherType(walk: Walk, type: number, at: number): void;
  ipProtocol(walk: Walk, protocol: number, at: number): void;
}

const MALFORMED_FIELD = fieldId('_ws.malformed');
const SHORT_FIELD = fieldId('_ws.short');
const DATA = fieldId('data');
const DATA_DATA = fieldId('data.data');
const DATA_LEN = fieldId('data.len');

/** Where a dissector stands: the bytes, the limits of the packet that is being read, and the addresses around it. */
export class Walk {
  out!: Dissection;
  bytes: Uint8Array = new Uint8Array(0);
  /** End of what was captured. */
  end = 0;
  /** End of the packet as it was sent. */
  wire = 0;
  /** Of the innermost IP header. */
  source = 0;
  destination = 0;
  addressLength = 0;
  /** The datagram was put together from pieces, or is one of them. */
  fragmented = false;
  /** Inside an ICMP error, which quotes the beginning of another packet. */
  quoted = false;
  /** Tunnels around this header. */
  nesting = 0;
  wanted: Wanted = EVERYTHING;
  around: Surroundings | null = null;
  readonly next: Next;

  constructor(next: Next) {
    this.next = next;
  }

  /** Begins a protocol; `length` is that of its header where it is known beforehand, whether all of it was captured or not. */
  open(protocol: FieldId, at: number, length = 0): number {
    return this.out.open(protocol, at, length, Math.max(at, this.end));
  }

  /** A protocol carries less than what is left: padding stands behind it. */
  trim(item: number, end: number): void {
    this.out.value[item] = Math.min(this.out.value[item]!, end);
  }

  need(at: number, length: number): void {
    if (at + length <= this.end) return;
    throw at + length > this.wire ? MALFORMED : SHORT;
  }

  u8(at: number): number {
    if (at >= this.end) this.need(at, 1);
    return this.bytes[at]!;
  }

  u16(at: number): number {
    if (at + 2 > this.end) this.need(at, 2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  u24(at: number): number {
    this.need(at, 3);
    return (this.bytes[at]! << 16) | (this.bytes[at + 1]! << 8) | this.bytes[at + 2]!;
  }

  u32(at: number): number {
    if (at + 4 > this.end) this.need(at, 4);
    return ((this.bytes[at]! << 24) | (this.bytes[at + 1]! << 16) | (this.bytes[at + 2]! << 8) | this.bytes[at + 3]!) >>> 0;
  }

  /** Each adds the field that is there and returns its value. */
  add8(field: FieldId, at: number): number {
    const value = this.u8(at);
    this.out.add(field, at, 1, value);
    return value;
  }

  add16(field: FieldId, at: number): number {
    const value = this.u16(at);
    this.out.add(field, at, 2, value);
    return value;
  }

  add24(field: FieldId, at: number): number {
    const value = this.u24(at);
    this.out.add(field, at, 3, value);
    return value;
  }

  add32(field: FieldId, at: number): number {
    const value = this.u32(at);
    this.out.add(field, at, 4, value);
    return value;
  }

  /** Addresses and other bytes. */
  addBytes(field: FieldId, at: number, length: number): void {
    this.need(at, length);
    this.out.add(field, at, length, 0);
  }

  addIpv4(field: FieldId, at: number): void {
    this.out.add(field, at, 4, this.u32(at));
  }

  /** What nobody here reads. */
  data(at: number): void {
    const length = Math.min(this.end, this.wire) - at;
    if (this.wire <= at) return;
    const item = this.open(DATA, at);
    if (length > 0) this.out.add(DATA_DATA, at, length, 0);
    this.out.add(DATA_LEN, at, Math.max(0, length), this.wire - at);
    this.out.close(item, at + Math.max(0, length));
  }

  /** Runs `inner` on [at, end) of the packet as sent; afterwards the limits are as before. */
  within(at: number, length: number, inner: () => void): void {
    const { end, wire } = this;
    this.wire = Math.min(wire, at + length);
    this.end = Math.min(end, this.wire);
    inner();
    this.end = end;
    this.wire = wire;
  }

  /**
   * Runs `inner`; what ends beyond its bytes keeps what was read, and is marked, unless it is a piece, or `quoted` by an ICMP error: then only
   * what the capture cut is told, by whoever guards around it.
   */
  guard(inner: () => void, quoted = false): void {
    const { out, bytes, end, wire, source, destination, addressLength, quoted: before } = this;
    const { level, from } = out;
    try {
      inner();
    } catch (error) {
      if (!(error instanceof OutOfBounds) || (quoted && error.captured)) throw error;
      // Items that were begun end with the bytes.
      for (let at = out.count - 1, open = out.level; at >= 0 && open > level; at--) {
        if (out.depth[at]! !== open - 1) continue;
        open--;
        if (out.length[at] === 0) out.length[at] = Math.max(0, out.sources[out.source[at]!]!.length - out.start[at]!);
      }
      out.level = 0;
      out.from = 0;
      if (error.captured || !(quoted || this.fragmented))
        out.add(error.captured ? SHORT_FIELD : MALFORMED_FIELD, 0, 0, out.sources[0]!.length);
      out.level = level;
      out.from = from;
      Object.assign(this, { bytes, end, wire, source, destination, addressLength, quoted: before });
    }
  }
}
