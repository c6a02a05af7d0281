import { hexText } from '../addresses.ts';
import { fieldId } from './fields.ts';
import { fragmentOf } from './ip.ts';
import type { Walk } from './walk.ts';

const id = fieldId;
const IPV6 = id('ipv6');
const VERSION = id('ipv6.version');
/** Filters may ask either protocol for the version. */
const IP_VERSION = id('ip.version');
const TCLASS = id('ipv6.tclass');
const DSCP = id('ipv6.tclass.dscp');
const ECN = id('ipv6.tclass.ecn');
const FLOW = id('ipv6.flow');
const PLEN = id('ipv6.plen');
const NXT = id('ipv6.nxt');
const HLIM = id('ipv6.hlim');
const SRC = id('ipv6.src');
const DST = id('ipv6.dst');
const ADDR = id('ipv6.addr');
const ROUTING = id('ipv6.routing');
const ROUTING_NXT = id('ipv6.routing.nxt');
const ROUTING_LEN = id('ipv6.routing.len');
const ROUTING_TYPE = id('ipv6.routing.type');
const ROUTING_LEFT = id('ipv6.routing.segleft');
const FRAG = id('ipv6.fraghdr');
const FRAG_NXT = id('ipv6.fraghdr.nxt');
const FRAG_OFFSET = id('ipv6.fraghdr.offset');
const FRAG_MORE = id('ipv6.fraghdr.more');
const FRAG_IDENT = id('ipv6.fraghdr.ident');
const OPT_TYPE = id('ipv6.opt.type');
const OPT_LENGTH = id('ipv6.opt.length');
const AH = id('ah');
const AH_NEXT = id('ah.next_header');
const AH_LENGTH = id('ah.length');
const AH_SPI = id('ah.spi');
const AH_SEQUENCE = id('ah.sequence');

const OPTION_HEADERS: Readonly<Record<number, { item: number; next: number; length: number }>> = {
  0: { item: id('ipv6.hopopts'), next: id('ipv6.hopopts.nxt'), length: id('ipv6.hopopts.len') },
  60: { item: id('ipv6.dstopts'), next: id('ipv6.dstopts.nxt'), length: id('ipv6.dstopts.len') },
};
const ROUTING_HEADER = 43;
const FRAGMENT_HEADER = 44;
const NO_NEXT_HEADER = 59;

/** RFC 8200. */
export function ipv6(walk: Walk, at: number): void {
  const { out } = walk;
  const item = walk.open(IPV6, at, 40);
  const version = walk.u8(at) >> 4;
  out.add(VERSION, at, 1, version);
  out.add(IP_VERSION, at, 1, version);
  if (version !== 6) {
    out.close(item, at + 40);
    return;
  }
  const first = walk.u32(at);
  out.add(TCLASS, at, 4, (first >>> 20) & 0xff);
  out.level++;
  out.add(DSCP, at, 4, (first >>> 22) & 0x3f);
  out.add(ECN, at, 4, (first >>> 20) & 3);
  out.level--;
  out.add(FLOW, at + 1, 3, first & 0xfffff);
  walk.need(at + 4, 3);
  const payload = walk.add16(PLEN, at + 4);
  const next = walk.add8(NXT, at + 6);
  walk.add8(HLIM, at + 7);
  walk.addBytes(SRC, at + 8, 16);
  walk.addBytes(ADDR, at + 8, 16);
  walk.addBytes(DST, at + 24, 16);
  walk.addBytes(ADDR, at + 24, 16);
  out.close(item, at + 40);
  walk.source = at + 8;
  walk.destination = at + 24;
  walk.addressLength = 16;
  walk.fragmented = false;
  // A jumbogram says zero, and how long it is in an option (RFC 2675).
  if (payload > 0 && at + 40 + payload <= walk.wire) walk.trim(item, at + 40 + payload);
  const length = payload === 0 && next === 0 ? jumboLength(walk, at + 40) : payload;
  walk.within(at + 40, length, () => headers(walk, next, at + 40, at));
}

const JUMBO = 0xc2;
/** RFC 6275 section 6.3. */
const HOME_ADDRESS = 0xc9;
/** RFC 5570 section 5.1. */
const CALIPSO = 7;
/** What is not longer is told by the header. */
const MAX_PAYLOAD = 0xffff;

/** The length that an option of the first header tells; 0 without one. */
function jumboLength(walk: Walk, from: number): number {
  const end = from + (walk.u8(from + 1) + 1) * 8;
  for (let at = from + 2; at + 2 <= end; at += walk.u8(at) === 0 ? 1 : 2 + walk.u8(at + 1)) {
    if (walk.u8(at) !== JUMBO || walk.u8(at + 1) !== 4) continue;
    const length = walk.u32(at + 2);
    return length > MAX_PAYLOAD ? length : 0;
  }
  return 0;
}

/** Extension headers in a row, then what the packet carries; `packet` is where its header stands, -1 where pieces are not put together. */
function headers(walk: Walk, first: number, from: number, packet: number): void {
  let next = first;
  let at = from;
  const { out } = walk;
  for (;;) {
    const options = OPTION_HEADERS[next];
    if (options) {
      walk.need(at, 2);
      const item = walk.open(options.item, at, (walk.u8(at + 1) + 1) * 8);
      next = walk.add8(options.next, at);
      const length = (walk.u8(at + 1) + 1) * 8;
      out.add(options.length, at + 1, 1, walk.u8(at + 1));
      optionsOf(walk, at + 2, at + length);
      out.close(item, at + length);
      at += length;
    } else if (next === ROUTING_HEADER) {
      const item = walk.open(ROUTING, at);
      next = walk.add8(ROUTING_NXT, at);
      const length = (walk.add8(ROUTING_LEN, at + 1) + 1) * 8;
      walk.add8(ROUTING_TYPE, at + 2);
      walk.add8(ROUTING_LEFT, at + 3);
      out.close(item, at + length);
      at += length;
    } else if (next === FRAGMENT_HEADER) {
      walk.need(at, 8);
      const item = walk.open(FRAG, at, 8);
      next = walk.add8(FRAG_NXT, at);
      const word = walk.u16(at + 2);
      out.add(FRAG_OFFSET, at + 2, 2, word >> 3);
      out.add(FRAG_MORE, at + 2, 2, word & 1);
      const identification = walk.add32(FRAG_IDENT, at + 4);
      out.close(item, at + 8);
      at += 8;
      const offset = word & 0xfff8;
      if (packet >= 0 && (offset !== 0 || word & 1) && walk.u16(packet + 4) > 0) {
        const pair = hexText(walk.bytes, packet + 8, packet + 40);
        const end = packet + 40 + walk.u16(packet + 4);
        fragmentOf(walk, at, `6 ${pair} ${identification}`, { offset, more: (word & 1) !== 0, protocol: next, end });
        return;
      }
    } else {
      if (next !== NO_NEXT_HEADER) walk.next.ipProtocol(walk, next, at);
      else walk.data(at);
      return;
    }
  }
}

function optionsOf(walk: Walk, from: number, to: number): void {
  const { out } = walk;
  let at = from;
  while (at < to) {
    const type = walk.u8(at);
    const single = type === 0;
    // Even behind padding of one byte another one is read.
    const second = walk.u8(at + 1);
    // These have lengths of their own, whatever is told.
    const own = type === JUMBO ? 4 : type === HOME_ADDRESS ? 16 : type === CALIPSO ? 8 + 4 * walk.u8(at + 6) : 0;
    const length = single ? 0 : Math.max(second, own);
    const item = out.group(at, single ? 1 : 2 + length, single ? 'Pad1' : type === 1 ? 'PadN' : `Option ${type}`);
    out.add(OPT_TYPE, at, 1, type);
    if (!single) {
      out.add(OPT_LENGTH, at + 1, 1, second);
      walk.need(at + 2, length);
    }
    out.level = out.depth[item]!;
    at += single ? 1 : 2 + length;
  }
}

/** The authentication header (RFC 4302), in IPv4 as in IPv6. */
export function authentication(walk: Walk, at: number): void {
  const { out } = walk;
  walk.need(at, 2);
  const item = walk.open(AH, at);
  const next = walk.add8(AH_NEXT, at);
  const length = (walk.add8(AH_LENGTH, at + 1) + 2) * 4;
  walk.add32(AH_SPI, at + 4);
  walk.add32(AH_SEQUENCE, at + 8);
  out.close(item, at + length);
  walk.next.ipProtocol(walk, next, at + length);
}

/** Extension headers that stand where a protocol is expected, as behind an authentication header. */
export function extensionHeaders(walk: Walk, protocol: number, at: number): void {
  // Only pieces of IPv6 are put together, and what was put together is no piece.
  headers(walk, protocol, at, walk.addressLength === 16 ? Math.max(-1, walk.source - 8) : -1);
}
