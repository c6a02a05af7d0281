import { InputError } from '../base/errors.ts';

// The capture format of libpcap: a 24-byte file header, then packets behind 16-byte record headers
// (IETF draft-ietf-opsawg-pcap).

export const MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const MAGIC_NANOSECONDS = 0xa1b23c4d;
const MAGIC_PCAPNG = 0x0a0d0d0a;
export const FILE_HEADER = 24;
export const RECORD_HEADER = 16;
/** No capture tool writes longer packets (MAXIMUM_SNAPLEN of libpcap is 262,144); a larger length is damage. */
const MAX_CAPTURED = 1 << 24;

export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;
const LINKTYPE_IPV4 = 228;
const LINKTYPE_IPV6 = 229;
/** BSD's and old Linux's own numbers for raw IP. */
const RAW_IP = new Set([LINKTYPE_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6, 12, 14]);

export interface PcapHeader {
  readonly bigEndian: boolean;
  readonly nanoseconds: boolean;
  readonly snapLength: number;
  readonly linkType: number;
}

export interface PcapPacket {
  /** From 0. */
  readonly index: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Length on the wire; more than `data` holds when the capture was told to cut packets. */
  readonly originalLength: number;
  /** A view of the bytes that were given, not a copy. */
  readonly data: Uint8Array;
}

/**
 * Takes a capture in pieces of any size and gives back its packets. Damage ends the capture early: the whole packets before it
 * are given, and `damage` says what is wrong.
 */
export class PcapReader {
  #rest: Uint8Array = new Uint8Array(0);
  /** Offset of `#rest` in the file. */
  #offset = 0;
  #count = 0;
  #header: PcapHeader | null = null;
  #damage: InputError | null = null;
  readonly #name: string;

  /** `name` is what errors call the file. */
  constructor(name = '') {
    this.#name = name;
  }

  /** Known once the first 24 bytes are. */
  get header(): PcapHeader | null {
    return this.#header;
  }

  /** Why the capture ends early; null while all is well. */
  get damage(): InputError | null {
    return this.#damage;
  }

  /** The packets that `chunk` completes. Throws {@link InputError} when the file is no capture of Ethernet or IP. */
  push(chunk: Uint8Array): PcapPacket[] {
    if (this.#damage) return [];
    const bytes = this.#rest.length === 0 ? chunk : joined(this.#rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    if (!this.#header) {
      if (bytes.length < FILE_HEADER) {
        this.#rest = bytes;
        return [];
      }
      this.#header = parseHeader(view, this.#name);
      at = FILE_HEADER;
    }
    const little = !this.#header.bigEndian;
    const packets: PcapPacket[] = [];
    while (at + RECORD_HEADER <= bytes.length) {
      const length = view.getUint32(at + 8, little);
      if (length > MAX_CAPTURED) {
        this.#damage = this.#error(
          `packet ${this.#count + 1} claims ${length} bytes at offset ${this.#offset + at}: the capture is damaged there`,
        );
        break;
      }
      const from = at + RECORD_HEADER;
      if (from + length > bytes.length) break;
      packets.push({
        index: this.#count++,
        seconds: view.getUint32(at, little),
        nanoseconds: view.getUint32(at + 4, little) * (this.#header.nanoseconds ? 1 : 1000),
        originalLength: view.getUint32(at + 12, little),
        data: bytes.subarray(from, from + length),
      });
      at = from + length;
    }
    this.#rest = bytes.subarray(at);
    this.#offset += at;
    return packets;
  }

  /** Says that no more bytes follow. Throws when not even the file header was there; a cut last packet is {@link damage}. */
  end(): void {
    if (!this.#header) throw this.#error(`${this.#rest.length} bytes are too short for a capture`, 'Open a .pcap file');
    const left = this.#rest.length;
    if (this.#damage || left === 0) return;
    const view = new DataView(this.#rest.buffer, this.#rest.byteOffset, left);
    const needs = left < RECORD_HEADER ? RECORD_HEADER : view.getUint32(8, !this.#header.bigEndian);
    const offset = this.#offset + (left < RECORD_HEADER ? 0 : RECORD_HEADER);
    const have = left < RECORD_HEADER ? left : left - RECORD_HEADER;
    const part = left < RECORD_HEADER ? 'its header ' : '';
    this.#damage = this.#error(`packet ${this.#count + 1} is cut: ${part}needs ${needs} bytes at offset ${offset}, ${have} are left`);
  }

  #error(what: string, advice = ''): InputError {
    return new InputError(what, this.#name, advice);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

function parseHeader(view: DataView, name: string): PcapHeader {
  const magic = view.getUint32(0);
  const swapped = view.getUint32(0, true);
  const bigEndian = magic === MAGIC_MICROSECONDS || magic === MAGIC_NANOSECONDS;
  if (magic === MAGIC_PCAPNG) {
    throw new InputError('this capture is in the pcapng format', name, 'Open it in the Capture panel, and use it as trace from there');
  }
  if (!bigEndian && swapped !== MAGIC_MICROSECONDS && swapped !== MAGIC_NANOSECONDS) {
    throw new InputError(`this is no capture: it begins with 0x${magic.toString(16).padStart(8, '0')}`, name, 'Open a .pcap file');
  }
  // The upper bits of the last word describe a frame check sequence.
  const linkType = view.getUint32(20, !bigEndian) & 0xffff;
  if (linkType !== LINKTYPE_ETHERNET && !RAW_IP.has(linkType)) {
    throw new InputError(
      `the capture holds frames of link type ${linkType}`,
      name,
      'Capture Ethernet or raw IP, on one interface rather than on "any"',
    );
  }
  return {
    bigEndian,
    nanoseconds: (bigEndian ? magic : swapped) === MAGIC_NANOSECONDS,
    snapLength: view.getUint32(16, !bigEndian),
    linkType,
  };
}

export interface Capture {
  readonly header: PcapHeader;
  readonly packets: readonly PcapPacket[];
  /** Why the capture ends early, or null. */
  readonly damage: InputError | null;
}

/** All packets of a capture in memory. */
export function readPcap(bytes: Uint8Array, name = ''): Capture {
  const reader = new PcapReader(name);
  const packets = reader.push(bytes);
  reader.end();
  return { header: reader.header!, packets, damage: reader.damage };
}
