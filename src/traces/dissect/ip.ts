import { hexText } from '../addresses.ts';
import { fieldId } from './fields.ts';
import type { Walk } from './walk.ts';

const id = fieldId;
const IP = id('ip');
const VERSION = id('ip.version');
const HDR_LEN = id('ip.hdr_len');
const DSFIELD = id('ip.dsfield');
const DSCP = id('ip.dsfield.dscp');
const ECN = id('ip.dsfield.ecn');
const LEN = id('ip.len');
const ID = id('ip.id');
const FLAGS = id('ip.flags');
const RB = id('ip.flags.rb');
const DF = id('ip.flags.df');
const MF = id('ip.flags.mf');
const FRAG_OFFSET = id('ip.frag_offset');
const TTL = id('ip.ttl');
const PROTO = id('ip.proto');
const CHECKSUM = id('ip.checksum');
const SRC = id('ip.src');
const DST = id('ip.dst');
const ADDR = id('ip.addr');
const OPT_TYPE = id('ip.opt.type');
const OPT_LEN = id('ip.opt.len');
const OPT_RA = id('ip.opt.ra');

const ETHERTYPE_IPV6 = 0x86dd;

const OPTION_NAMES: Readonly<Record<number, string>> = {
  0: 'End of options',
  1: 'No-operation',
  7: 'Record route',
  68: 'Time stamp',
  130: 'Security',
  131: 'Loose source route',
  136: 'Stream identifier',
  137: 'Strict source route',
  148: 'Router alert',
};

const LOOSE_ROUTE = 131;
const STRICT_ROUTE = 137;
/** Bytes that options cannot do without; a shorter one ends the packet. What is not among these is unknown to Wireshark and has no fields. */
const SHORTEST: Readonly<Record<number, number>> = {
  7: 3,
  11: 4,
  12: 4,
  25: 8,
  68: 4,
  82: 12,
  130: 3,
  131: 3,
  133: 3,
  134: 6,
  136: 4,
  137: 3,
  148: 4,
  149: 2,
};

/** RFC 791. */
export function ipv4(walk: Walk, at: number): void {
  const { out } = walk;
  const first = walk.u8(at);
  const item = walk.open(IP, at, (first & 15) * 4);
  out.add(VERSION, at, 1, first >> 4);
  const header = (first & 15) * 4;
  if (first >> 4 !== 4) {
    out.close(item, at + header);
    // Some Linux captures call IPv6 so.
    if (first >> 4 === 6) walk.next.etherType(walk, ETHERTYPE_IPV6, at);
    return;
  }
  out.add(HDR_LEN, at, 1, header);
  if (header < 20) {
    out.close(item, at + header);
    return;
  }
  const service = walk.add8(DSFIELD, at + 1);
  out.level++;
  out.add(DSCP, at + 1, 1, service >> 2);
  out.add(ECN, at + 1, 1, service & 3);
  out.level--;
  // Cards that segment for the kernel leave the length zero.
  const total = walk.u16(at + 2);
  const length = total || walk.wire - at;
  out.add(LEN, at + 2, 2, length);
  if (total >= header && at + total <= walk.wire) walk.trim(item, at + total);
  if (total !== 0 && total < header) {
    out.close(item, at + header);
    return;
  }
  const identification = walk.add16(ID, at + 4);
  const fragment = walk.u16(at + 6);
  out.add(FLAGS, at + 6, 1, fragment >> 13);
  out.level++;
  out.add(RB, at + 6, 1, fragment >> 15);
  out.add(DF, at + 6, 1, (fragment >> 14) & 1);
  out.add(MF, at + 6, 1, (fragment >> 13) & 1);
  out.level--;
  const offset = (fragment & 0x1fff) * 8;
  out.add(FRAG_OFFSET, at + 6, 2, fragment & 0x1fff);
  walk.add8(TTL, at + 8);
  const protocol = walk.add8(PROTO, at + 9);
  walk.add16(CHECKSUM, at + 10);
  walk.addIpv4(SRC, at + 12);
  walk.addIpv4(ADDR, at + 12);
  const { destination, told } = destinationOf(walk, at + 16, at + 20, at + header);
  if (told) {
    walk.addIpv4(DST, destination);
    walk.addIpv4(ADDR, destination);
  }
  if (header > 20) options(walk, at + 20, at + header);
  out.close(item, at + header);
  walk.source = at + 12;
  walk.destination = destination;
  walk.addressLength = 4;
  walk.within(at, length, () => {
    const more = (fragment & 0x2000) !== 0;
    if (!more && offset === 0) {
      walk.fragmented = false;
      walk.next.ipProtocol(walk, protocol, at + header);
      return;
    }
    const pair = hexText(walk.bytes, at + 12, at + 20);
    fragmentOf(walk, at + header, `4 ${pair} ${identification} ${protocol}`, { offset, more, protocol, end: at + length });
  });
}

interface Piece {
  readonly offset: number;
  readonly more: boolean;
  readonly protocol: number;
  /** Where its packet ends, as its header says. */
  readonly end: number;
}

/**
 * A piece of a datagram. The piece that completes it carries the whole; the others carry bytes, except that the first one of a datagram that
 * never completes shows its header.
 */
export function fragmentOf(walk: Walk, at: number, key: string, { offset, more, protocol, end: claimed }: Piece): void {
  const { around, out } = walk;
  // Only whole pieces count, as Wireshark has it.
  const whole = walk.end === claimed;
  const datagram = whole && around ? around.reassemble({ key, offset, more, data: walk.bytes.subarray(at, walk.end) }) : null;
  if (!datagram) {
    walk.fragmented = true;
    // What the capture cut, or an error quotes, is shown in IPv4 alone.
    if (offset === 0 && (!around || (!whole && walk.addressLength === 4))) walk.next.ipProtocol(walk, protocol, at);
    else walk.data(at);
    return;
  }
  const { bytes, end, wire, source, destination } = walk;
  // The transport header needs the addresses, which stay in the frame: they are put in front of the datagram, unseen.
  const addresses = walk.addressLength * 2;
  const joined = new Uint8Array(addresses + datagram.length);
  joined.set(bytes.subarray(source, source + walk.addressLength));
  joined.set(bytes.subarray(destination, destination + walk.addressLength), walk.addressLength);
  joined.set(datagram, addresses);
  out.sources.push(joined);
  const from = out.from;
  out.from = out.sources.length - 1;
  walk.bytes = joined;
  walk.end = joined.length;
  walk.wire = joined.length;
  walk.source = 0;
  walk.destination = walk.addressLength;
  walk.fragmented = false;
  walk.next.ipProtocol(walk, protocol, addresses);
  out.from = from;
  walk.bytes = bytes;
  walk.end = end;
  walk.wire = wire;
}

/**
 * Where the destination stands: at the end of a route among the options, or in the header (RFC 791); at the end of what is no row of addresses it is not told.
 * All options before it must be there.
 */
function destinationOf(walk: Walk, header: number, from: number, to: number): { destination: number; told: boolean } {
  for (let at = from; at < to; ) {
    const type = walk.u8(at);
    if (type === 0) break;
    if (type === 1) {
      at++;
      continue;
    }
    const length = at + 1 < to ? walk.u8(at + 1) : 0;
    if (length < 2 || at + length > to) break;
    if (type === LOOSE_ROUTE || type === STRICT_ROUTE) {
      const pointer = walk.u8(at + 2);
      if (pointer < 4 || pointer % 4 !== 0 || pointer > length) break;
      return { destination: at + length - 4, told: (length - 3) % 4 === 0 };
    }
    at += length;
  }
  return { destination: header, told: true };
}

function options(walk: Walk, from: number, to: number): void {
  const { out } = walk;
  let at = from;
  walk.need(from, to - from);
  const all = out.group(from, to - from, 'Options');
  while (at < to) {
    const type = walk.u8(at);
    const single = type === 0 || type === 1;
    const length = single ? 1 : at + 1 < to ? walk.u8(at + 1) : 0;
    const option = out.group(at, single ? 1 : Math.min(Math.max(2, length), to - at), OPTION_NAMES[type] ?? `Option ${type}`);
    if (single) out.add(OPT_TYPE, at, 1, type);
    else {
      if (length < 2 || at + length > to) break;
      const shortest = SHORTEST[type];
      if (shortest !== undefined) {
        out.add(OPT_TYPE, at, 1, type);
        out.add(OPT_LEN, at + 1, 1, length);
        walk.within(at, length, () => walk.need(at, shortest));
        if (type === 148) walk.add16(OPT_RA, at + 2);
      }
    }
    out.close(option, at + length);
    if (type === 0) break;
    at += length;
  }
  out.close(all, to);
}
