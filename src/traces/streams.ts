import { type Application, Conversation, type FramingContext, frame, type Missing } from './dissect/framing.ts';
import { KEEP_ALIVE, OUT_OF_ORDER, RETRANSMISSION, SPURIOUS_RETRANSMISSION } from './tcp-analysis.ts';

// TCP streams put together for their applications: a message is read with the segment that completes it. The rules for what belongs to which
// message, and what is left alone, are Wireshark's (desegment_tcp of 4.0, without reassembly of segments out of order, its default).

/** Bytes [from, to) of a segment's payload; `header` tells the TCP headers of one packet apart. */
export interface Piece {
  readonly packet: number;
  readonly header: number;
  readonly from: number;
  readonly to: number;
}

/** What an application reads with a segment: bytes [from, to) of the segment's payload, or of the pieces put together. */
export interface Portion {
  readonly application: Application;
  readonly state: number;
  /** As of a `Part`. */
  readonly begun: Uint8Array | null;
  readonly pieces: readonly Piece[] | null;
  readonly from: number;
  readonly to: number;
}

export interface PortionWithBytes extends Portion {
  /** Of the pieces put together; null where they are the segment's own. */
  readonly bytes: Uint8Array | null;
}

export interface StreamSegment {
  readonly packet: number;
  readonly header: number;
  /** Relative to where the stream began. */
  readonly sequence: number;
  readonly payload: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Port that the connection was opened to; 0 unknown. */
  readonly serverPort: number;
  /** Of its analysis. */
  readonly found: number;
  readonly fin: boolean;
  /** All of it was captured, and it is no piece of a datagram and no quotation. */
  readonly whole: boolean;
}

/** What is read with a segment; as of a `Payload` of `dissect/walk.ts`. */
export interface StreamPayload {
  readonly portions: readonly PortionWithBytes[];
  readonly ends: boolean;
}

/** A message that spans segments. */
interface Pdu {
  seq: number;
  /** Behind it, as far as that is known. */
  next: number;
  readonly first: number;
  last: number;
  /** The next segment belongs to it whatever its length. */
  segment: boolean;
  /** Contiguous bytes from `seq` on, with room behind them; null when they are no longer wanted. */
  data: Uint8Array | null;
  length: number;
  /** Where the last piece ends, as soon as it has come; -1 before. */
  end: number;
  done: boolean;
  readonly pieces: { readonly offset: number; readonly piece: Piece; readonly bytes: Uint8Array | null }[];
}

/** Longer messages are given up. */
const MAX_PDU = 16 << 20;
/** Bytes of messages that wait; the connections that wait longest are given up beyond it. */
const MAX_HELD = 64 << 20;
/** Wireshark begins no message of which one segment holds more. */
const MAX_FIRST = 1 << 20;
/** Messages of one direction that are remembered, for segments that come again. */
const REMEMBERED = 32;
const UNTIL_END = 0x40000000;

const less = (a: number, b: number): boolean => ((a - b) | 0) < 0;

interface Side {
  pdus: Pdu[];
  untilEnd: boolean;
  /** Packet of the FIN; -1 before. */
  fin: number;
}

interface Connection {
  readonly conversation: Conversation;
  readonly sides: readonly [Side, Side];
}

export class Streams {
  /** By the flow's row, those that wait longest first. */
  readonly #connections = new Map<number, Connection>();
  #held = 0;

  #connection(flow: number): Connection {
    let found = this.#connections.get(flow);
    if (!found) {
      const side = (): Side => ({ pdus: [], untilEnd: false, fin: -1 });
      found = { conversation: new Conversation(), sides: [side(), side()] };
      this.#connections.set(flow, found);
    }
    return found;
  }

  /** What applications read with a segment of a flow, of which `way` is the direction. */
  add(flow: number, way: number, segment: StreamSegment): StreamPayload {
    const { conversation, sides } = this.#connection(flow);
    const side = sides[way]!;
    const { packet, sourcePort, destinationPort, fin, found } = segment;
    conversation.serverPort = segment.serverPort;
    const context: FramingContext = { conversation, way, packet, sourcePort, destinationPort, mayWait: segment.whole, fin };
    const reader = new Reader(side, segment, context);
    const before = held(side);
    if (found & KEEP_ALIVE) {
      const data: PortionWithBytes = {
        application: 'data',
        state: 0,
        begun: null,
        pieces: null,
        bytes: null,
        from: 0,
        to: segment.payload.length,
      };
      return { portions: [data], ends: false };
    }
    const last = reader.atEnd();
    const portions = last ?? (segment.payload.length === 0 ? [] : segment.whole ? reader.read() : reader.alone());
    this.#held += held(side) - before;
    if (this.#held > MAX_HELD) this.#giveUp();
    return { portions, ends: last !== null };
  }

  #giveUp(): void {
    for (const { sides } of this.#connections.values()) {
      for (const side of sides) {
        this.#held -= held(side);
        for (const pdu of side.pdus) drop(pdu);
      }
      if (this.#held <= MAX_HELD / 2) return;
    }
  }
}

const held = (side: Side): number => side.pdus.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);

function drop(pdu: Pdu): void {
  pdu.data = null;
  pdu.pieces.length = 0;
}

class Reader {
  readonly #side: Side;
  readonly #segment: StreamSegment;
  readonly #context: FramingContext;
  readonly #portions: PortionWithBytes[] = [];

  constructor(side: Side, segment: StreamSegment, context: FramingContext) {
    this.#side = side;
    this.#segment = segment;
    this.#context = context;
  }

  /** A segment that nobody can put together with others. */
  alone(): PortionWithBytes[] {
    this.#frame(this.#segment.payload, 0, this.#segment.payload.length, null);
    return this.#portions;
  }

  /** Ends a message that goes on to the end of the stream, when this is it; null when it is not. */
  atEnd(): PortionWithBytes[] | null {
    const side = this.#side;
    const { fin, whole, packet, sequence, payload } = this.#segment;
    if (!fin || !whole || !side.untilEnd || side.fin >= 0) return null;
    side.fin = packet;
    const pdu = this.#before(sequence);
    if (!pdu || !this.#add(pdu, (sequence - pdu.seq) >>> 0, 0, payload.length, false)) return null;
    this.#frame(pdu.data!, 0, pdu.end, pdu, false);
    drop(pdu);
    return this.#portions;
  }

  read(): PortionWithBytes[] {
    const { payload, sequence, packet, found } = this.#segment;
    const end = (sequence + payload.length) >>> 0;
    let offset = 0;
    while (offset < payload.length) {
      const seq = (sequence + offset) >>> 0;
      const exact = this.#side.pdus.findLast((one) => one.seq === seq);
      // The beginning of a message again, or of one that goes on.
      if (exact && end <= exact.next && exact.last !== packet) break;
      if (found & (SPURIOUS_RETRANSMISSION | RETRANSMISSION)) break;
      const pdu = exact ?? this.#before(seq);
      if (!pdu || less(seq, pdu.seq) || !less(seq, pdu.next)) {
        this.#begin(offset, seq, end);
        break;
      }
      pdu.last = packet;
      const left = payload.length - offset;
      const length = pdu.segment ? left : Math.min(left, (pdu.next - seq) >>> 0);
      const complete = this.#add(pdu, (seq - pdu.seq) >>> 0, offset, length, less(end, pdu.next));
      if (complete && pdu.segment) {
        pdu.segment = false;
        if (less(pdu.next, end)) pdu.next = end;
      }
      const follows = pdu.next < end && pdu.next >= seq ? (pdu.next - seq) >>> 0 : 0;
      if (complete && this.#goOn(pdu, seq, length, left)) {
        offset += length;
        continue;
      }
      if (follows === 0) break;
      offset += follows;
    }
    return this.#portions;
  }

  /** A segment, or the rest of one, that continues nothing. */
  #begin(offset: number, seq: number, end: number): void {
    const { payload, packet } = this.#segment;
    const { done, missing } = this.#frame(payload, offset, payload.length, null);
    if (missing === 0) return;
    const first = (seq + done - offset) >>> 0;
    const length = payload.length - done;
    if (length > MAX_FIRST) return;
    const pdu = this.#store(first, (end + atLeast(missing)) >>> 0);
    pdu.segment = missing === 'segment';
    if (missing === 'end') this.#side.untilEnd = true;
    pdu.last = packet;
    this.#add(pdu, 0, done, length, less(end, pdu.next));
  }

  /** Reads a message that is complete; true when more of it is wanted after all, or when another one begins behind it. */
  #goOn(pdu: Pdu, seq: number, length: number, left: number): boolean {
    const { done, missing } = this.#frame(pdu.data!, 0, pdu.end, pdu);
    if (missing === 0) {
      drop(pdu);
      return false;
    }
    let open = pdu;
    if (done > 0 && less(seq, (pdu.seq + done) >>> 0)) open = this.#split(pdu, done);
    else {
      pdu.done = false;
      pdu.end = -1;
    }
    if (missing === 'segment') {
      const behind = (seq + left) >>> 0;
      open.next = ((less(behind, open.next) ? open.next : behind) + 1) >>> 0;
      open.segment = true;
    } else if (missing === 'end') {
      this.#side.untilEnd = true;
      open.next = (open.seq + UNTIL_END) >>> 0;
    } else if ((seq + length) >>> 0 >= open.next) open.next = (seq + length + missing) >>> 0;
    else open.next = (open.next + missing) >>> 0;
    return true;
  }

  /** What lies behind `at` begins a message of its own. */
  #split(pdu: Pdu, at: number): Pdu {
    const next = this.#store((pdu.seq + at) >>> 0, pdu.next);
    next.last = this.#segment.packet;
    next.data = pdu.data!.slice(at, pdu.end);
    next.length = pdu.end - at;
    for (const { offset, piece } of pdu.pieces) {
      const cut = Math.max(0, at - offset);
      if (offset + piece.to - piece.from > at)
        next.pieces.push({ offset: offset + cut - at, piece: { ...piece, from: piece.from + cut }, bytes: null });
    }
    pdu.next = next.seq;
    drop(pdu);
    return next;
  }

  #store(seq: number, next: number): Pdu {
    const { packet } = this.#segment;
    const pdu: Pdu = {
      seq,
      next,
      first: packet,
      last: packet,
      segment: false,
      data: new Uint8Array(0),
      length: 0,
      end: -1,
      done: false,
      pieces: [],
    };
    this.#side.pdus = this.#side.pdus.filter((one) => one.seq !== seq).slice(1 - REMEMBERED);
    this.#side.pdus.push(pdu);
    return pdu;
  }

  /** The last message that begins before a sequence number. */
  #before(seq: number): Pdu | undefined {
    let found: Pdu | undefined;
    for (const pdu of this.#side.pdus) if (pdu.seq <= seq - 1 && (!found || pdu.seq > found.seq)) found = pdu;
    return found;
  }

  /** Puts bytes [from, from + length) of the payload at `offset` of a message; true when that completes it. */
  #add(pdu: Pdu, offset: number, from: number, length: number, more: boolean): boolean {
    if (pdu.done || pdu.data === null) return false;
    const { payload, packet, header } = this.#segment;
    if (offset + length > MAX_PDU) {
      drop(pdu);
      return false;
    }
    if (!more) pdu.end = Math.max(pdu.end, offset + length);
    const piece: Piece = { packet, header, from, to: from + length };
    const bytes = payload.subarray(from, from + length);
    if (offset > pdu.length) pdu.pieces.push({ offset, piece, bytes: bytes.slice() });
    else {
      append(pdu, offset, piece, bytes);
      for (let again = true; again; ) {
        const waiting = pdu.pieces.findIndex((one) => one.bytes !== null && one.offset <= pdu.length);
        again = waiting >= 0;
        if (!again) break;
        const [one] = pdu.pieces.splice(waiting, 1);
        append(pdu, one!.offset, one!.piece, one!.bytes!);
      }
    }
    if (pdu.end < 0 || pdu.length < pdu.end) return false;
    pdu.done = true;
    return true;
  }

  /** Reads messages in [from, to) of `bytes`, which are the segment's or those of `pdu`. */
  #frame(bytes: Uint8Array, from: number, to: number, pdu: Pdu | null, mayWait = true): { done: number; missing: Missing } {
    if (this.#segment.found & (RETRANSMISSION | OUT_OF_ORDER)) return { done: to, missing: 0 };
    const { parts, done, missing } = frame(bytes, from, to, mayWait ? this.#context : { ...this.#context, mayWait });
    for (const { application, state, begun, from: first, to: last } of parts) {
      if (!pdu) this.#portions.push({ application, state, begun, pieces: null, bytes: null, from: first, to: last });
      else {
        const pieces = pdu.pieces.filter((one) => one.bytes === null && one.offset < pdu.end).map(({ piece }) => piece);
        this.#portions.push({ application, state, begun, pieces, bytes: bytes.slice(0, pdu.end), from: first, to: last });
      }
    }
    return { done, missing };
  }
}

/** How many bytes behind the segment belong to the message at least. */
const atLeast = (missing: Missing): number => (missing === 'segment' ? 1 : missing === 'end' ? UNTIL_END : missing);

/** Adds what is new of a piece that touches what is there; what came first stays. */
function append(pdu: Pdu, offset: number, piece: Piece, bytes: Uint8Array): void {
  const known = pdu.length - offset;
  if (known >= bytes.length) return;
  const fresh = bytes.subarray(known);
  const length = pdu.length + fresh.length;
  if (length > pdu.data!.length) {
    const grown = new Uint8Array(Math.max(length, Math.min(2 * pdu.data!.length, MAX_PDU)));
    grown.set(pdu.data!.subarray(0, pdu.length));
    pdu.data = grown;
  }
  pdu.data!.set(fresh, pdu.length);
  pdu.pieces.push({ offset: pdu.length, piece: { ...piece, from: piece.from + known }, bytes: null });
  pdu.length = length;
}
