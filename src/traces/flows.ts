import { ipv4Text, ipv6Text } from './addresses.ts';
import type { Application } from './dissect/framing.ts';
import { ACK_FLAG, FIN, RST, SYN } from './dissect/tcp.ts';
import type { Fragment, Segment, StreamInfo, Surroundings } from './dissect/walk.ts';
import { Reassembly } from './reassembly.ts';
import { type Portion, type StreamPayload, Streams } from './streams.ts';
import { analyse, beginSide, REUSED_PORTS, restoreNext, SIDE_COLUMNS } from './tcp-analysis.ts';
import { Unacknowledged } from './unacknowledged.ts';

/** What happened to a TCP connection, as far as the capture shows; UDP has no states. */
export type FlowState = 'opening' | 'open' | 'closing' | 'closed' | 'reset' | 'seen' | '';

/** One conversation: both directions of a pair of addresses and ports. `forward` is the direction of its first packet. */
export interface Flow {
  readonly index: number;
  readonly protocol: 'TCP' | 'UDP';
  /** Number among the flows of its protocol: `tcp.stream` and `udp.stream`. */
  readonly stream: number;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly packets: readonly [forward: number, backward: number];
  /** Of the frames, as they were on the wire. */
  readonly bytes: readonly [forward: number, backward: number];
  /** Of first and last packet; NaN without times. */
  readonly first: number;
  readonly last: number;
  /** TCP flags that occurred, in each direction. */
  readonly flags: readonly [forward: number, backward: number];
  readonly state: FlowState;
  readonly firstPacket: number;
}

class Grown {
  length = 0;
  values = new Float64Array(1024);

  push(value: number): void {
    if (this.length === this.values.length) {
      const next = new Float64Array(this.length * 2);
      next.set(this.values);
      this.values = next;
    }
    this.values[this.length++] = value;
  }
}

/** Numbers of a flow, one row each; two directions side by side. */
const COLUMNS = 23 + 2 * SIDE_COLUMNS;
const PROTOCOL = 0;
const STREAM = 1;
const SOURCE_PORT = 2;
const DESTINATION_PORT = 3;
const PACKETS = 4;
const BYTES = 6;
const FLAGS = 8;
/** First sequence number; NaN unknown. */
const BASE = 10;
/** Shift of the window; -1 unknown, -2 not in use. */
const SHIFT = 12;
const FIRST = 14;
const LAST = 15;
const FIRST_PACKET = 16;
const ADDRESS_LENGTH = 17;
/** Time of the last SYN, and from it to the first acknowledgment, in seconds; 0 unknown. */
const SYN_TIME = 18;
const ROUND_TRIP = 19;
/** Port that a SYN was sent to; 0 unknown. */
const SERVER_PORT = 20;
/** A bit for each direction that sent a SYN and nothing without one yet. */
const UNACKED = 21;
/** What told of accurate ECN, as bits: SYN, the answer to it, an option. */
const ECN = 22;
const ECN_SYN = 1;
const ECN_ANSWER = 2;
const ECN_OPTION = 4;
/** What {@link analyse} remembers of both directions. */
const ANALYSED = 23;
const ADDRESSES = 32;
const NOTHING_READ = { portions: [], ends: false };
/** Who reads a payload, by the number that is kept of it. */
const APPLICATIONS: readonly Application[] = ['data', 'http', 'http body', 'tls', 'dns'];
/** Above them, the state of its session. */
const STATE = 8;
const ABOVE = 65_536;
/** Beside what the analysis found: both sides count marks of congestion. */
const ACCURATE_ECN = 32_768;

/**
 * Follows packets in the order of the capture: which flow each belongs to, where its sequence numbers begin, and which pieces make up a
 * datagram. Answers what a dissection needs to know of other packets, while it goes and, of packets that it has seen, ever after.
 */
export class FlowTracker implements Surroundings {
  #rows = new Float64Array(COLUMNS * 256);
  #addresses = new Uint8Array(ADDRESSES * 256);
  #count = 0;
  #numbers = [0, 0];
  /** Open addressing by a hash that is the same in both directions; 0 is free, else a flow's row + 1. */
  #slots = new Int32Array(1024);
  readonly #reassembly = new Reassembly();
  readonly #streams = new Streams();
  readonly #unacknowledged = new Unacknowledged();
  /** Of each packet's first TCP header: what its analysis found, and above 16 bits who reads all of its payload. */
  readonly #said = new Grown();
  /** Of packets whose payload is not read as it is by one application: what is read with each of its TCP headers. */
  readonly #payloads = new Map<number, { readonly portions: readonly Portion[]; readonly ends: boolean }[]>();
  #segment: Segment | null = null;
  #side = -1;
  #found = 0;
  /** The segment began a flow on ports that had one. */
  #reopened = false;
  /** Of TCP headers behind a packet's first, from the second on. */
  readonly #foundLater = new Map<number, number[]>();
  #tcpHeader = 0;
  /** Of each packet: twice the flow's row and the direction of its first TCP or UDP header, or -1; the headers inside a tunnel follow in `#more`. */
  readonly #flowOf = new Grown();
  readonly #more = new Map<number, number[]>();
  #packet = 0;
  #header = 0;
  #bytes = 0;
  #time = Number.NaN;

  get count(): number {
    return this.#count;
  }

  /** Packets followed so far. */
  get packets(): number {
    return this.#flowOf.length;
  }

  /** Call it before the dissection of each packet, in order. */
  begin(original: number, time: number): void {
    this.#packet = this.#flowOf.length;
    this.#flowOf.push(-1);
    this.#said.push(0);
    this.#header = 0;
    this.#tcpHeader = 0;
    this.#bytes = original;
    this.#time = time;
  }

  stream(segment: Segment): StreamInfo {
    const side = this.#find(segment);
    const row = side >> 1;
    const way = side & 1;
    if (this.#header++ === 0) this.#flowOf.values[this.#packet] = side;
    else this.#more.set(this.#packet, [...(this.#more.get(this.#packet) ?? []), side]);
    const rows = this.#rows;
    const at = row * COLUMNS;
    rows[at + PACKETS + way]!++;
    rows[at + BYTES + way]! += this.#bytes;
    if (rows[at + PACKETS]! + rows[at + PACKETS + 1]! === 1) rows[at + FIRST] = this.#time;
    rows[at + LAST] = this.#time;
    if (segment.protocol === 6) {
      this.#found = this.#follow(at, way, segment);
      this.#segment = segment;
      this.#side = side;
    }
    return this.#info(row, way, segment.protocol === 6 ? this.#found : 0);
  }

  payload(bytes: Uint8Array, whole: boolean): StreamPayload | null {
    const segment = this.#segment;
    if (!segment) return null;
    const [row, way] = [this.#side >> 1, this.#side & 1];
    const { flags, sourcePort, destinationPort, sequence } = segment;
    const base = this.#rows[row * COLUMNS + BASE + way]!;
    const payload = this.#streams.add(row, way, {
      packet: this.#packet,
      header: this.#tcpHeader - 1,
      sequence: (sequence - (Number.isNaN(base) ? 0 : base) + (flags & SYN ? 1 : 0)) >>> 0,
      payload: flags & RST ? bytes.subarray(0, 0) : bytes,
      sourcePort,
      destinationPort,
      serverPort: this.#rows[row * COLUMNS + SERVER_PORT]!,
      found: this.#found,
      fin: (flags & FIN) !== 0,
      whole,
    });
    this.#remember(payload, bytes.length);
    return payload;
  }

  #remember({ portions, ends }: StreamPayload, length: number): void {
    const [only] = portions;
    const plain = portions.length === 1 && only!.pieces === null && only!.begun === null && only!.from === 0 && only!.to === length;
    if (this.#tcpHeader === 1 && plain) {
      this.#said.values[this.#packet]! += (1 + APPLICATIONS.indexOf(only!.application) + STATE * only!.state) * ABOVE;
      return;
    }
    const all = this.#payloads.get(this.#packet) ?? [];
    all[this.#tcpHeader - 1] = {
      portions: portions.map(({ application, state, begun, pieces, from, to }) => ({ application, state, begun, pieces, from, to })),
      ends,
    };
    this.#payloads.set(this.#packet, all);
  }

  reassemble(fragment: Fragment): Uint8Array | null {
    return this.#reassembly.add(this.#packet, fragment);
  }

  /**
   * What {@link stream}, {@link reassemble} and {@link payload} said of a packet that was followed; `datagram` and `joined` are what was put together
   * for it.
   */
  recall(packet: number, datagram: Uint8Array | null, joined: ReadonlyMap<Portion, Uint8Array> = new Map()): Surroundings {
    const sides = [this.#flowOf.values[packet]!, ...(this.#more.get(packet) ?? [])];
    const said = this.#said.values[packet]!;
    const [found, application] = [said % ABOVE, Math.floor(said / ABOVE)];
    const payloads = this.#payloads.get(packet) ?? [];
    let header = 0;
    let tcpHeader = 0;
    return {
      stream: ({ protocol }) => {
        const side = sides[header++] ?? -1;
        if (protocol === 6) tcpHeader++;
        return side < 0
          ? null
          : this.#info(
              side >> 1,
              side & 1,
              protocol === 6 ? (tcpHeader === 1 ? found : (this.#foundLater.get(packet)?.[tcpHeader] ?? 0)) : 0,
            );
      },
      reassemble: () => datagram,
      payload: (bytes) => {
        if (tcpHeader === 1 && application > 0)
          return {
            portions: [
              {
                application: APPLICATIONS[(application % STATE) - 1]!,
                state: Math.floor(application / STATE),
                begun: null,
                bytes: null,
                from: 0,
                to: bytes.length,
              },
            ],
            ends: false,
          };
        const { portions, ends } = payloads[tcpHeader - 1] ?? NOTHING_READ;
        const read = portions
          .map((portion) => ({ ...portion, bytes: joined.get(portion) ?? null }))
          .filter(({ pieces, bytes: own }) => !pieces || own);
        return { portions: read, ends };
      },
    };
  }

  /** What applications read with a packet that lies in several; empty where that is nothing. */
  joinedPortions(packet: number): readonly Portion[] {
    return (this.#payloads.get(packet) ?? []).flatMap(({ portions }) => portions).filter(({ pieces }) => pieces !== null);
  }

  /** Packets whose pieces make up the datagram that a packet completes; null where it completes none. */
  piecesOf(packet: number): readonly number[] | null {
    return this.#reassembly.piecesOf(packet);
  }

  /** The flow of a packet's first TCP or UDP header; -1 without one. */
  flowOf(packet: number): number {
    const side = this.#flowOf.values[packet] ?? -1;
    return side < 0 ? -1 : side >> 1;
  }

  /** 0 in the direction of the flow's first packet, 1 against it. */
  directionOf(packet: number): number {
    return Math.max(0, this.#flowOf.values[packet] ?? -1) & 1;
  }

  flow(index: number): Flow {
    const row = this.#rows.subarray(index * COLUMNS, (index + 1) * COLUMNS);
    const bytes = this.#addresses;
    const text = (at: number) => (row[ADDRESS_LENGTH] === 16 ? ipv6Text(bytes, at) : row[ADDRESS_LENGTH] === 4 ? ipv4Text(bytes, at) : '');
    const tcp = row[PROTOCOL] === 6;
    return {
      index,
      protocol: tcp ? 'TCP' : 'UDP',
      stream: row[STREAM]!,
      source: text(index * ADDRESSES),
      destination: text(index * ADDRESSES + 16),
      sourcePort: row[SOURCE_PORT]!,
      destinationPort: row[DESTINATION_PORT]!,
      packets: [row[PACKETS]!, row[PACKETS + 1]!],
      bytes: [row[BYTES]!, row[BYTES + 1]!],
      first: row[FIRST]!,
      last: row[LAST]!,
      flags: [row[FLAGS]!, row[FLAGS + 1]!],
      state: tcp ? stateOf(row[FLAGS]!, row[FLAGS + 1]!) : '',
      firstPacket: row[FIRST_PACKET]!,
    };
  }

  #info(row: number, way: number, found: number): StreamInfo {
    const at = row * COLUMNS;
    const base = this.#rows[at + BASE + way]!;
    const other = this.#rows[at + BASE + 1 - way]!;
    return {
      stream: this.#rows[at + STREAM]!,
      sequenceBase: Number.isNaN(base) ? null : base,
      acknowledgmentBase: Number.isNaN(other) ? null : other,
      windowShift: this.#rows[at + SHIFT + way]!,
      accurateEcn: (found & ACCURATE_ECN) !== 0,
      found: found & ~ACCURATE_ECN,
    };
  }

  /** Learns from a TCP header where sequence numbers begin and how windows are scaled (packet-tcp.c of Wireshark has the same rules); says what the segment is. */
  #follow(at: number, way: number, segment: Segment): number {
    const { flags, sequence, acknowledgment, payload, window } = segment;
    const rows = this.#rows;
    const syn = (flags & SYN) !== 0;
    const acks = (flags & ACK_FLAG) !== 0;
    const time = Number.isNaN(this.#time) ? 0 : this.#time;
    const known = rows[at + BASE + way]!;
    const own = at + ANALYSED + way * SIDE_COLUMNS;
    const other = at + ANALYSED + (1 - way) * SIDE_COLUMNS;
    let found = (this.#reopened ? REUSED_PORTS : 0) | (this.#accurateEcn(at, segment) ? ACCURATE_ECN : 0);
    if (syn && !acks && known === sequence) restoreNext(rows, own);
    if (syn && acks && !Number.isNaN(known) && known !== sequence) found |= REUSED_PORTS;
    rows[at + FLAGS + way]! |= flags;
    if (payload >= 0) {
      if (Number.isNaN(known) || (syn && acks)) rows[at + BASE + way] = syn ? sequence : (sequence - 1) >>> 0;
      if (Number.isNaN(rows[at + BASE + 1 - way]!) && acks) rows[at + BASE + 1 - way] = (acknowledgment - 1) >>> 0;
      // A side's first window is not scaled yet.
      const first = (rows[at + UNACKED]! >> (1 - way)) & 1;
      const otherShift = first && rows[at + SHIFT + 1 - way] !== -1 ? 0 : rows[at + SHIFT + 1 - way]!;
      const analysed = { sequence, acknowledgment, flags, window, payload, time };
      found |= analyse(rows, own, other, analysed, otherShift, rows[at + ROUND_TRIP]!, this.#unacknowledged);
    }
    this.#tcpHeader++;
    if (this.#tcpHeader === 1) this.#said.values[this.#packet] = found;
    else this.#foundLater.set(this.#packet, [...(this.#foundLater.get(this.#packet) ?? [0, 0]), found]);
    if (segment.complete) this.#handshake(at, way, segment, time);
    return found;
  }

  /** Whether both sides count marks of congestion: agreed on by flags (RFC 9768 section 3.1.1), or an option of it came before. */
  #accurateEcn(at: number, { flags, accurateEcn }: Segment): boolean {
    const rows = this.#rows;
    const set = (bit: number, on: boolean): void => {
      rows[at + ECN] = (rows[at + ECN]! & ~bit) | (on ? bit : 0);
    };
    if (flags & SYN) {
      const [ae, cwr, ece] = [256, 128, 64].map((bit) => (flags & bit) !== 0);
      if (flags & ACK_FLAG) set(ECN_ANSWER, ae ? !ece : cwr!);
      else set(ECN_SYN, ae! && cwr! && ece!);
    }
    const told = rows[at + ECN]!;
    if (accurateEcn) set(ECN_OPTION, true);
    return (told & ECN_OPTION) !== 0 || (told & ECN_SYN && told & ECN_ANSWER) !== 0;
  }

  #handshake(at: number, way: number, { flags, windowScale, sourcePort, destinationPort }: Segment, time: number): void {
    const rows = this.#rows;
    const acks = (flags & ACK_FLAG) !== 0;
    if (!(flags & SYN)) {
      if (!acks) return;
      rows[at + UNACKED]! &= ~(1 << way);
      if (rows[at + SYN_TIME] !== 0 && rows[at + ROUND_TRIP] === 0) rows[at + ROUND_TRIP] = time - rows[at + SYN_TIME]!;
      return;
    }
    rows[at + SERVER_PORT] = acks ? sourcePort : destinationPort;
    rows[at + UNACKED]! |= 1 << way;
    if (!acks) rows[at + SYN_TIME] = time;
    if (windowScale >= 0) rows[at + SHIFT + way] = windowScale;
    if (rows[at + SHIFT + way] === -1) {
      rows[at + SHIFT + way] = -2;
      rows[at + SHIFT + 1 - way] = -2;
    } else if (acks && rows[at + SHIFT + 1 - way] === -2) rows[at + SHIFT + way] = -2;
  }

  /** Twice the row of the flow and the direction. */
  #find(segment: Segment): number {
    const { bytes, source, destination, addressLength, sourcePort, destinationPort, protocol } = segment;
    const hash =
      (hashOf(bytes, source, addressLength, sourcePort) + hashOf(bytes, destination, addressLength, destinationPort) + protocol) | 0;
    const mask = this.#slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const row = this.#slots[slot]! - 1;
      const at = row * COLUMNS;
      const rows = this.#rows;
      if (rows[at + PROTOCOL] !== protocol || rows[at + ADDRESS_LENGTH] !== addressLength) continue;
      const same = rows[at + SOURCE_PORT] === sourcePort && rows[at + DESTINATION_PORT] === destinationPort;
      const forward = same && this.#matches(row, bytes, source, destination, addressLength);
      const turned = rows[at + SOURCE_PORT] === destinationPort && rows[at + DESTINATION_PORT] === sourcePort;
      if (!forward && !(turned && this.#matches(row, bytes, destination, source, addressLength))) continue;
      const way = forward ? 0 : 1;
      const base = rows[at + BASE + way]!;
      const reopened = protocol === 6 && (segment.flags & (SYN | ACK_FLAG)) === SYN && !Number.isNaN(base) && base !== segment.sequence;
      this.#reopened = reopened;
      if (!reopened) return row * 2 + way;
      // The ports are used again: a new flow takes the place of the old one.
      this.#slots[slot] = this.#add(segment) + 1;
      return (this.#slots[slot]! - 1) * 2;
    }
    this.#reopened = false;
    const row = this.#add(segment);
    this.#slots[slot] = row + 1;
    if (this.#count * 2 > this.#slots.length) this.#rehash();
    return row * 2;
  }

  #matches(row: number, bytes: Uint8Array, first: number, second: number, length: number): boolean {
    const at = row * ADDRESSES;
    for (let i = 0; i < length; i++) {
      if (this.#addresses[at + i] !== bytes[first + i] || this.#addresses[at + 16 + i] !== bytes[second + i]) return false;
    }
    return true;
  }

  #add({ protocol, bytes, source, destination, addressLength, sourcePort, destinationPort }: Segment): number {
    const row = this.#count++;
    if (this.#count * COLUMNS > this.#rows.length) {
      const rows = new Float64Array(this.#rows.length * 2);
      rows.set(this.#rows);
      this.#rows = rows;
      const addresses = new Uint8Array(this.#addresses.length * 2);
      addresses.set(this.#addresses);
      this.#addresses = addresses;
    }
    const at = row * COLUMNS;
    const rows = this.#rows;
    rows[at + PROTOCOL] = protocol;
    rows[at + STREAM] = this.#numbers[protocol === 6 ? 0 : 1]!++;
    rows[at + SOURCE_PORT] = sourcePort;
    rows[at + DESTINATION_PORT] = destinationPort;
    rows[at + BASE] = Number.NaN;
    rows[at + BASE + 1] = Number.NaN;
    rows[at + SHIFT] = -1;
    rows[at + SHIFT + 1] = -1;
    for (const column of [SYN_TIME, ROUND_TRIP, SERVER_PORT, UNACKED, ECN]) rows[at + column] = 0;
    for (const way of [0, 1]) beginSide(rows, at + ANALYSED + way * SIDE_COLUMNS);
    rows[at + FIRST_PACKET] = this.#packet;
    rows[at + ADDRESS_LENGTH] = addressLength;
    this.#addresses.set(bytes.subarray(source, source + addressLength), row * ADDRESSES);
    this.#addresses.set(bytes.subarray(destination, destination + addressLength), row * ADDRESSES + 16);
    return row;
  }

  #rehash(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    const mask = this.#slots.length - 1;
    for (const value of old) {
      if (value === 0) continue;
      const row = value - 1;
      const at = row * COLUMNS;
      const length = this.#rows[at + ADDRESS_LENGTH]!;
      const near = hashOf(this.#addresses, row * ADDRESSES, length, this.#rows[at + SOURCE_PORT]!);
      const far = hashOf(this.#addresses, row * ADDRESSES + 16, length, this.#rows[at + DESTINATION_PORT]!);
      const hash = (near + far + this.#rows[at + PROTOCOL]!) | 0;
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = value;
    }
  }
}

/** FNV-1a over an address and a port. */
function hashOf(bytes: Uint8Array, from: number, length: number, port: number): number {
  let hash = Math.imul(0x811c9dc5 ^ port, 0x01000193);
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[from + i]!, 0x01000193);
  return hash ^ (hash >>> 13);
}

function stateOf(forward: number, backward: number): FlowState {
  const both = forward | backward;
  if (both & RST) return 'reset';
  if (forward & FIN && backward & FIN) return 'closed';
  if (both & FIN) return 'closing';
  if (forward & SYN) return backward & SYN ? 'open' : 'opening';
  return 'seen';
}
