import { type ByteRange, layerRange, PROTO_TCP } from '../layers.ts';
import { ADDRESS_BYTES, COUNTED_BYTES, FIELD, type FieldWord, MAX_OPTIONS, recordWords } from './words.ts';

/** What a packet's headers say, as the reference reads them: the rules are docs/binding.md, "Features". */
export interface PacketRecord {
  /** 3: an IP packet; 4: TCP or UDP in it. */
  readonly level: 3 | 4;
  readonly words: Float64Array;
  /** Of 16 bytes each; IPv4 addresses take the first four. */
  readonly source: Uint8Array;
  readonly target: Uint8Array;
}

const VERSION_6 = 6;

/** The record of a frame, with room for a sequence of `length` packets; null for what is no IP packet. */
export function packetRecord(frame: Uint8Array, length: number): PacketRecord | null {
  const l3 = layerRange(frame, 'l3');
  if (!l3) return null;
  const words = new Float64Array(recordWords(length));
  const set = (word: FieldWord, value: number) => {
    words[FIELD[word]] = value;
  };
  const u8 = (at: number): number => frame[at]!;
  const u16 = (at: number): number => (u8(at) << 8) | u8(at + 1);
  const at = l3.start;
  const version = u8(at) >> 4;
  const source = new Uint8Array(ADDRESS_BYTES);
  const target = new Uint8Array(ADDRESS_BYTES);
  set('frameLen', frame.length);
  set('etherType', u16(at - 2));
  set('vlanTags', (at - 14) / 4);
  set('ipVersion', version);
  const isV6 = version === VERSION_6;
  const traffic = isV6 ? ((u8(at) & 15) << 4) | (u8(at + 1) >> 4) : u8(at + 1);
  const header = isV6 ? 40 : (u8(at) & 15) * 4;
  set('ipHeader', header);
  set('dscp', traffic >> 2);
  set('ecn', traffic & 3);
  set('ipLen', isV6 ? 40 + u16(at + 4) : u16(at + 2));
  set('ttl', u8(at + (isV6 ? 7 : 8)));
  set('proto', u8(at + (isV6 ? 6 : 9)));
  if (isV6) {
    source.set(frame.subarray(at + 8, at + 24));
    target.set(frame.subarray(at + 24, at + 40));
  } else {
    const fragment = u16(at + 6);
    set('ipId', u16(at + 4));
    set('dontFragment', (fragment >> 14) & 1);
    set('fragment', (fragment & 0x3fff) === 0 ? 0 : 1);
    set('ipOptions', header - 20);
    source.set(frame.subarray(at + 12, at + 16));
    target.set(frame.subarray(at + 16, at + 20));
  }
  const l4 = layerRange(frame, 'l4');
  if (!l4) return { level: 3, words, source, target };
  set('ipOptions', l4.start - at - (isV6 ? 40 : 20));
  transport(frame, l4, transportOf(frame, at, l4.start), set);
  return { level: 4, words, source, target };
}

/** TCP or UDP, as the last header before `start` says. */
function transportOf(frame: Uint8Array, ip: number, start: number): number {
  if (frame[ip]! >> 4 !== VERSION_6) return frame[ip + 9]!;
  let protocol = frame[ip + 6]!;
  for (let at = ip + 40; at < start; ) {
    const length = protocol === 51 ? (frame[at + 1]! + 2) * 4 : (frame[at + 1]! + 1) * 8;
    protocol = frame[at]!;
    at += length;
  }
  return protocol;
}

function transport(frame: Uint8Array, { start, end }: ByteRange, protocol: number, set: (word: FieldWord, value: number) => void): void {
  const u16 = (at: number): number => (frame[at]! << 8) | frame[at + 1]!;
  set('proto', protocol);
  set('sport', u16(start));
  set('dport', u16(start + 2));
  const isTcp = protocol === PROTO_TCP;
  const header = isTcp ? (frame[start + 12]! >> 4) * 4 : 8;
  set('l4Header', header);
  if (isTcp) {
    set('tcpFlags', frame[start + 13]!);
    set('window', u16(start + 14));
    set('urgent', u16(start + 18));
  } else set('udpLen', u16(start + 4));
  // A TCP header that says it is shorter than itself has no options and no payload.
  if (isTcp && header < 20) return;
  const payload = Math.max(0, end - start - header);
  set('payloadLen', payload);
  if (isTcp) {
    set('tcpOptions', header - 20);
    options(frame, start + 20, start + header, set);
  }
  const counted = frame.subarray(start + header, start + header + Math.min(payload, COUNTED_BYTES));
  const count = (is: (byte: number) => boolean): number => counted.reduce((sum, byte) => sum + (is(byte) ? 1 : 0), 0);
  set(
    'printable',
    count((byte) => byte >= 0x20 && byte <= 0x7e),
  );
  set(
    'digits',
    count((byte) => byte >= 0x30 && byte <= 0x39),
  );
  set(
    'zeros',
    count((byte) => byte === 0),
  );
  set(
    'high',
    count((byte) => byte >= 0x80),
  );
}

/** TCP options (RFC 9293 section 3.1, RFC 7323, RFC 2018): the walk ends at their end, at the frame's, or at one of impossible length. */
function options(frame: Uint8Array, from: number, to: number, set: (word: FieldWord, value: number) => void): void {
  let at = from;
  for (let n = 0; n < MAX_OPTIONS && at < to && at < frame.length; n++) {
    const kind = frame[at]!;
    if (kind === 0) return;
    if (kind === 1) {
      at++;
      continue;
    }
    if (at + 2 > to || at + 2 > frame.length) return;
    const length = frame[at + 1]!;
    if (length < 2 || at + length > to || at + length > frame.length) return;
    if (kind === 2 && length === 4) set('mss', (frame[at + 2]! << 8) | frame[at + 3]!);
    if (kind === 3 && length === 3) set('windowScale', frame[at + 2]!);
    if (kind === 4) set('sackPermitted', 1);
    if (kind === 8) set('timestamps', 1);
    at += length;
  }
}
