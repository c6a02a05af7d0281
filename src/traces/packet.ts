import { type ByteRange, ETHERTYPE_IPV4, ETHERTYPE_IPV6, layerRange, MAX_VLAN_TAGS, PROTO_TCP, VLAN_TAGS } from '../hooks/layers.ts';
import { ipv4Text, ipv6Text, macText } from './addresses.ts';
import { payloadInfo } from './payload-info.ts';

/** What a list of packets shows of a frame, and where its layers lie. */
export interface PacketSummary {
  /** The layers as a binding sees them; null where the frame has none. */
  readonly l2: ByteRange;
  readonly l3: ByteRange | null;
  readonly l4: ByteRange | null;
  readonly payload: ByteRange | null;
  readonly vlanIds: readonly number[];
  /** IP addresses, or Ethernet ones where there is no IP; empty in frames without a header. */
  readonly source: string;
  readonly destination: string;
  /** Of TCP and UDP. */
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  /** `TCP`, `UDP`, `ICMP`, `ARP`, `IPv6 58`, `0x88cc`… */
  readonly protocol: string;
  /** One line: `HTTP GET /index.html`, `TCP SYN`, `DNS query example.com`. */
  readonly info: string;
}

const ARP = 0x0806;
const PROTOCOL_NAMES: Record<number, string> = {
  1: 'ICMP',
  2: 'IGMP',
  6: 'TCP',
  17: 'UDP',
  47: 'GRE',
  50: 'ESP',
  51: 'AH',
  58: 'ICMPv6',
  132: 'SCTP',
};
const ICMP_TYPES: Record<number, string> = { 0: 'echo reply', 3: 'unreachable', 5: 'redirect', 8: 'echo request', 11: 'time exceeded' };
const ICMPV6_TYPES: Record<number, string> = {
  1: 'unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  128: 'echo request',
  129: 'echo reply',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbour solicitation',
  136: 'neighbour advertisement',
};
/** Flags of the TCP header, lowest bit first. */
const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];

/** Reads an Ethernet frame. Never throws: what cannot be read is left out. */
export function summarizePacket(frame: Uint8Array): PacketSummary {
  const layers = {
    l2: layerRange(frame, 'l2')!,
    l3: layerRange(frame, 'l3'),
    l4: layerRange(frame, 'l4'),
    payload: layerRange(frame, 'l4_payload'),
  };
  const { vlanIds, etherType } = ethernet(frame);
  const base = { ...layers, vlanIds, sourcePort: null, destinationPort: null };
  if (!layers.l3) return { ...base, ...withoutIp(frame, etherType) };
  const { source, destination, protocol, carried } = internet(frame, layers.l3);
  const name = PROTOCOL_NAMES[protocol] ?? `protocol ${protocol}`;
  if (!layers.l4) return { ...base, source, destination, protocol: name, info: carriedInfo(frame, layers.l3, protocol, carried, name) };
  const at = layers.l4.start;
  const ports = { sourcePort: u16(frame, at), destinationPort: u16(frame, at + 2) };
  const payload = layers.payload ? frame.subarray(layers.payload.start, layers.payload.end) : new Uint8Array(0);
  const isTcp = protocol === PROTO_TCP;
  const fallback = isTcp ? tcpInfo(frame, at, payload.length) : `UDP, ${payload.length} bytes`;
  const info = payloadInfo(payload, isTcp, ports.sourcePort, ports.destinationPort) ?? fallback;
  return { ...layers, vlanIds, source, destination, ...ports, protocol: name, info };
}

function ethernet(frame: Uint8Array): { vlanIds: number[]; etherType: number } {
  const vlanIds: number[] = [];
  if (frame.length < 14) return { vlanIds, etherType: -1 };
  let at = 12;
  while (vlanIds.length < MAX_VLAN_TAGS && VLAN_TAGS.includes(u16(frame, at)) && at + 6 <= frame.length) {
    vlanIds.push(u16(frame, at + 2) & 0xfff);
    at += 4;
  }
  return { vlanIds, etherType: u16(frame, at) };
}

function withoutIp(frame: Uint8Array, etherType: number) {
  if (etherType < 0)
    return { source: '', destination: '', protocol: 'Ethernet', info: `a frame of ${frame.length} bytes, shorter than its header` };
  const addresses = { source: macText(frame, 6), destination: macText(frame, 0) };
  if (etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6) {
    return { ...addresses, protocol: etherType === ETHERTYPE_IPV4 ? 'IPv4' : 'IPv6', info: 'a damaged IP header' };
  }
  // ARP for IPv4 over Ethernet (RFC 826): operation at 6, sender's address at 14, target's at 24.
  const arp = 14 + 4 * ethernet(frame).vlanIds.length;
  if (etherType === ARP && frame.length >= arp + 28) {
    const info =
      u16(frame, arp + 6) === 1
        ? `ARP who has ${ipv4Text(frame, arp + 24)}`
        : `ARP ${ipv4Text(frame, arp + 14)} is at ${macText(frame, arp + 8)}`;
    return { ...addresses, protocol: 'ARP', info };
  }
  const name = etherType === ARP ? 'ARP' : etherType < 0x600 ? '802.3' : `0x${etherType.toString(16).padStart(4, '0')}`;
  return { ...addresses, protocol: name, info: `${name}, ${frame.length} bytes` };
}

/** Addresses and what an IP packet carries at which offset; `carried` is null for later fragments. */
function internet(frame: Uint8Array, l3: ByteRange): { source: string; destination: string; protocol: number; carried: number | null } {
  const at = l3.start;
  if (frame[at] >> 4 === 4) {
    const carried = u16(frame, at + 6) & 0x1fff ? null : at + (frame[at] & 15) * 4;
    return { source: ipv4Text(frame, at + 12), destination: ipv4Text(frame, at + 16), protocol: frame[at + 9], carried };
  }
  let protocol = frame[at + 6];
  let next = at + 40;
  // Hop-by-hop, routing, fragment and destination headers (RFC 8200 section 4).
  while ([0, 43, 44, 60].includes(protocol) && next + 8 <= l3.end) {
    if (protocol === 44 && u16(frame, next + 2) & 0xfff8) {
      return { source: ipv6Text(frame, at + 8), destination: ipv6Text(frame, at + 24), protocol: frame[next], carried: null };
    }
    const size = protocol === 44 ? 8 : (frame[next + 1] + 1) * 8;
    protocol = frame[next];
    next += size;
  }
  return { source: ipv6Text(frame, at + 8), destination: ipv6Text(frame, at + 24), protocol, carried: next };
}

function carriedInfo(frame: Uint8Array, l3: ByteRange, protocol: number, carried: number | null, name: string): string {
  if (carried === null) return `${name}, a later fragment`;
  const types = protocol === 1 ? ICMP_TYPES : protocol === 58 ? ICMPV6_TYPES : null;
  if (types && carried < l3.end) return `${name} ${types[frame[carried]] ?? `type ${frame[carried]}`}`;
  return `${name}, ${Math.max(0, l3.end - carried)} bytes`;
}

function tcpInfo(frame: Uint8Array, at: number, payloadBytes: number): string {
  const flags = TCP_FLAGS.filter((_, bit) => frame[at + 13] & (1 << bit));
  return `TCP ${flags.join(' ') || 'without flags'}${payloadBytes > 0 ? `, ${payloadBytes} bytes` : ''}`;
}
