import { Inflate } from 'fflate';
import type { Damage } from './source.ts';
import type { Decoder, Snapshot } from './unpacked.ts';

// gzip (RFC 1952): members, each a header, a deflate stream, the CRC-32 of what it unpacks to and its length.

/** What fflate keeps of a stream between two pieces: the tables of its block, the last 32 kB and the bits not used yet. */
interface InflateState {
  s: { f?: number; l?: unknown; p?: number; i: number };
  o: Uint8Array;
  p: Uint8Array;
}

type Part = 'header' | 'data' | 'trailer' | 'end';

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function crc32(crc: number, bytes: Uint8Array): number {
  let value = ~crc;
  for (let at = 0; at < bytes.length; at++) value = CRC_TABLE[(value ^ bytes[at]!) & 0xff]! ^ (value >>> 8);
  return ~value;
}

export class GzipDecoder implements Decoder {
  consumed = 0;
  damage: Damage | null = null;
  #part: Part = 'header';
  #member = 0;
  #crc = 0;
  #length = 0;
  /** Bytes of a header or trailer that is not complete yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #out: Uint8Array[] = [];
  #inflate = this.#fresh();

  get ended(): boolean {
    return this.#part === 'end';
  }

  push(bytes: Uint8Array): Uint8Array[] {
    this.#out = [];
    const from = this.consumed;
    this.consumed += bytes.length;
    if (bytes.length === 0) {
      this.#finish();
      return this.#out;
    }
    let left = bytes;
    while (left.length > 0 && !this.damage && !this.ended) {
      if (this.#part === 'data') left = this.#data(left, from);
      else left = this.#frame(left);
    }
    return this.#out;
  }

  snapshot(): Snapshot {
    const { s, o, p } = this.#inflate as unknown as InflateState;
    const inflate = { s: { ...s }, o, p };
    const state = { inflate, part: this.#part, member: this.#member, crc: this.#crc, length: this.#length, rest: this.#rest };
    return { consumed: this.consumed, bytes: o.length + p.length + 128 * 1024, state };
  }

  restore({ consumed, state }: Snapshot): void {
    const old = state as { inflate: InflateState; part: Part; member: number; crc: number; length: number; rest: Uint8Array };
    this.consumed = consumed;
    this.damage = null;
    this.#inflate = this.#fresh();
    this.#set(old.inflate);
    this.#part = old.part;
    this.#member = old.member;
    this.#crc = old.crc;
    this.#length = old.length;
    this.#rest = old.rest;
  }

  #set({ s, o, p }: InflateState): void {
    Object.assign(this.#inflate, { s: { ...s }, o, p });
  }

  #fresh(): Inflate {
    return new Inflate((piece) => {
      if (piece.length === 0) return;
      this.#out.push(piece);
      this.#crc = crc32(this.#crc, piece);
      this.#length = (this.#length + piece.length) >>> 0;
    });
  }

  /** Feeds the deflate stream; returns what lies behind its end. */
  #data(bytes: Uint8Array, from: number): Uint8Array {
    const inflate = this.#inflate as unknown as InflateState;
    const before = { s: { ...inflate.s }, o: inflate.o, p: inflate.p };
    try {
      this.#inflate.push(bytes);
    } catch {
      // What comes before the wrong bits still counts: the same bytes one by one.
      this.#inflate = this.#fresh();
      this.#set(before);
      let at = 0;
      try {
        for (; at < bytes.length; at++) this.#inflate.push(bytes.subarray(at, at + 1));
      } catch {}
      this.damage = { offset: from + at, what: 'the compressed data is damaged' };
      return new Uint8Array(0);
    }
    const { s, p } = this.#inflate as unknown as InflateState;
    if (!s.f || s.l) return new Uint8Array(0);
    this.#part = 'trailer';
    // The stream ends within a byte; what follows begins with the next.
    return p.subarray((s.p ?? 0) > 0 ? 1 : 0);
  }

  /** Takes a header or a trailer; returns what lies behind it. */
  #frame(bytes: Uint8Array): Uint8Array {
    const all = joined(this.#rest, bytes);
    const wrong = this.#part === 'header' ? wrongHeader(all) : null;
    if (wrong) {
      this.damage = { offset: this.consumed - bytes.length - this.#rest.length + wrong.at, what: wrong.what };
      return new Uint8Array(0);
    }
    const size = this.#part === 'trailer' ? (all.length >= 8 ? 8 : -1) : headerLength(all);
    if (size < 0) {
      this.#rest = all;
      return new Uint8Array(0);
    }
    this.#rest = new Uint8Array(0);
    if (this.#part === 'trailer') {
      this.#check(all);
      this.#part = 'header';
    } else if (size === 0) {
      // Behind the last member anything may follow; the first one is a gzip header, or this decoder would not have been chosen.
      this.#part = 'end';
      return new Uint8Array(0);
    } else {
      this.#part = 'data';
      this.#member++;
      this.#crc = 0;
      this.#length = 0;
      this.#inflate = this.#fresh();
    }
    return all.subarray(size);
  }

  #check(trailer: Uint8Array): void {
    const view = new DataView(trailer.buffer, trailer.byteOffset, 8);
    const offset = this.consumed;
    if (view.getUint32(0, true) !== this.#crc >>> 0) this.damage = { offset, what: 'the checksum of the compressed data is wrong' };
    else if (view.getUint32(4, true) !== this.#length) this.damage = { offset, what: 'the length behind the compressed data is wrong' };
  }

  #finish(): void {
    if (this.ended || this.damage) return;
    if (this.#part === 'header' && this.#member > 0) this.#part = 'end';
    else this.damage = { offset: this.consumed, what: 'the compressed data is cut' };
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

/** What makes a member's header one that nobody can read: its method is deflate, and there are no flags beyond five. */
function wrongHeader(bytes: Uint8Array): { readonly at: number; readonly what: string } | null {
  if (bytes.length < 4 || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return null;
  if (bytes[2] !== 8) return { at: 2, what: `the compressed data uses method ${bytes[2]}, which gzip does not have` };
  return bytes[3]! & 0xe0 ? { at: 3, what: 'the compressed data has flags that gzip does not have' } : null;
}

/** Of a member's header; 0 when `bytes` begin no member, -1 when they are too few to tell. */
function headerLength(bytes: Uint8Array): number {
  if (bytes.length < 10) return bytes.length >= 2 && (bytes[0] !== 0x1f || bytes[1] !== 0x8b) ? 0 : -1;
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return 0;
  const flags = bytes[3]!;
  let at = 10;
  if (flags & 4) {
    if (bytes.length < at + 2) return -1;
    at += 2 + (bytes[at]! | (bytes[at + 1]! << 8));
  }
  // File name and comment end with a zero.
  for (const flag of [8, 16]) {
    if (!(flags & flag)) continue;
    const zero = bytes.indexOf(0, at);
    if (zero < 0) return -1;
    at = zero + 1;
  }
  if (flags & 2) at += 2;
  return at <= bytes.length ? at : -1;
}
