import type { PayloadInput } from './binding.ts';

export type Layer = PayloadInput['layer'];

/** Byte offsets within a frame; `end` is exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;
/** IEEE 802.1Q and 802.1ad tags. */
export const VLAN_TAGS: readonly number[] = [0x8100, 0x88a8];
export const MAX_VLAN_TAGS = 2;
export const PROTO_TCP = 6;
export const PROTO_UDP = 17;
/** IPv6 extension headers whose length is (second byte + 1) × 8 (RFC 8200 section 4): hop-by-hop options, routing, destination options. */
export const IPV6_OPTION_HEADERS: readonly number[] = [0, 43, 60];
/** The authentication header's length is (second byte + 2) × 4 (RFC 4302). */
export const IPV6_AUTHENTICATION = 51;
export const MAX_EXTENSION_HEADERS = 4;
/** More fragments flag and fragment offset of an IPv4 header (RFC 791). */
export const IPV4_FRAGMENT = 0x3fff;
const ETHERNET_HEADER = 14;

interface IpPacket {
  readonly start: number;
  /** First byte behind the packet's IP length: what follows is link-layer padding. */
  readonly end: number;
  /** Protocol and offset of what the packet carries; null for fragments and unreadable headers. */
  readonly carries: { readonly protocol: number; readonly offset: number } | null;
}

/**
 * Where `layer` lies in an Ethernet frame, or null when the frame has no such layer (docs/binding.md, "Layers"). The compiled
 * program follows the same rules (`range-code.ts`), and tests hold the two together.
 */
export function layerRange(frame: Uint8Array, layer: Layer): ByteRange | null {
  if (layer === 'l2') return { start: 0, end: frame.length };
  const ip = ipPacket(frame);
  if (!ip) return null;
  const end = Math.min(ip.end, frame.length);
  if (layer === 'l3') return { start: ip.start, end };
  if (!ip.carries) return null;
  const start = transportStart(frame, ip.carries.protocol, ip.carries.offset, layer);
  return start === null || start > end ? null : { start, end };
}

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];

function ipPacket(frame: Uint8Array): IpPacket | null {
  if (frame.length < ETHERNET_HEADER) return null;
  let type = u16(frame, 12);
  let at = ETHERNET_HEADER;
  for (let tag = 0; tag < MAX_VLAN_TAGS && VLAN_TAGS.includes(type); tag++) {
    if (at + 4 > frame.length) return null;
    type = u16(frame, at + 2);
    at += 4;
  }
  if (type === ETHERTYPE_IPV4) return ipv4(frame, at);
  return type === ETHERTYPE_IPV6 ? ipv6(frame, at) : null;
}

function ipv4(frame: Uint8Array, start: number): IpPacket | null {
  if (start + 20 > frame.length || frame[start] >> 4 !== 4) return null;
  const header = (frame[start] & 15) * 4;
  const total = u16(frame, start + 2);
  if (header < 20 || total < header) return null;
  const fragment = (u16(frame, start + 6) & IPV4_FRAGMENT) !== 0;
  return { start, end: start + total, carries: fragment ? null : { protocol: frame[start + 9], offset: start + header } };
}

function ipv6(frame: Uint8Array, start: number): IpPacket | null {
  if (start + 40 > frame.length || frame[start] >> 4 !== 6) return null;
  const end = start + 40 + u16(frame, start + 4);
  let protocol = frame[start + 6];
  let offset = start + 40;
  for (let header = 0; header < MAX_EXTENSION_HEADERS && protocol !== PROTO_TCP && protocol !== PROTO_UDP; header++) {
    const options = IPV6_OPTION_HEADERS.includes(protocol);
    if ((!options && protocol !== IPV6_AUTHENTICATION) || offset + 8 > frame.length) return { start, end, carries: null };
    protocol = frame[offset];
    offset += options ? (frame[offset + 1] + 1) * 8 : (frame[offset + 1] + 2) * 4;
  }
  return { start, end, carries: { protocol, offset } };
}

/** First byte of the TCP or UDP header (`l4`) or of what it carries (`l4_payload`). */
function transportStart(frame: Uint8Array, protocol: number, offset: number, layer: Layer): number | null {
  const header = protocol === PROTO_TCP ? 20 : protocol === PROTO_UDP ? 8 : 0;
  if (header === 0 || offset + header > frame.length) return null;
  if (layer === 'l4') return offset;
  if (protocol === PROTO_UDP) return offset + header;
  const length = (frame[offset + 12] >> 4) * 4;
  return length < header ? null : offset + length;
}
