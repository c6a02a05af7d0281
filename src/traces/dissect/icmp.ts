import { fieldId } from './fields.ts';
import type { Walk } from './walk.ts';

const id = fieldId;
const ICMP = id('icmp');
const TYPE = id('icmp.type');
const CODE = id('icmp.code');
const CHECKSUM = id('icmp.checksum');
const IDENT = id('icmp.ident');
const SEQ = id('icmp.seq');
const SEQ_LE = id('icmp.seq_le');
const MTU = id('icmp.mtu');
const GATEWAY = id('icmp.redir_gw');
const ICMPV6 = id('icmpv6');
const TYPE6 = id('icmpv6.type');
const CODE6 = id('icmpv6.code');
const CHECKSUM6 = id('icmpv6.checksum');
const IDENT6 = id('icmpv6.echo.identifier');
const SEQ6 = id('icmpv6.echo.sequence_number');
const MTU6 = id('icmpv6.mtu');
const NS_TARGET = id('icmpv6.nd.ns.target_address');
const NA_TARGET = id('icmpv6.nd.na.target_address');
const NA_R = id('icmpv6.nd.na.flag.r');
const NA_S = id('icmpv6.nd.na.flag.s');
const NA_O = id('icmpv6.nd.na.flag.o');
const OPT_TYPE = id('icmpv6.opt.type');
const OPT_LENGTH = id('icmpv6.opt.length');
const OPT_LINKADDR = id('icmpv6.opt.linkaddr');
const RA_HOPS = id('icmpv6.nd.ra.cur_hop_limit');
const RA_LIFETIME = id('icmpv6.nd.ra.router_lifetime');

const ECHO_REPLY = 0;
const UNREACHABLE = 3;
const QUENCH = 4;
const REDIRECT = 5;
const ECHO = 8;
const TIME_EXCEEDED = 11;
/** RFC 8335. */
const EXTENDED_ECHO = 42;
const EXTENDED_ECHO_REPLY = 43;
const PARAMETER_PROBLEM = 12;
const ERRORS = new Set([UNREACHABLE, QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM]);
/** Echo, time stamp, information and address mask carry an identifier and a sequence number. */
const NUMBERED = new Set([ECHO_REPLY, ECHO, 13, 14, 15, 16, 17, 18]);
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const NO_ETHERTYPE = 0;

/** RFC 792. Errors quote the beginning of the packet that they are about, which is dissected too. */
export function icmp(walk: Walk, at: number): void {
  const { out } = walk;
  walk.need(at, 6);
  const item = walk.open(ICMP, at);
  const type = walk.add8(TYPE, at);
  const code = walk.add8(CODE, at + 1);
  walk.add16(CHECKSUM, at + 2);
  if (NUMBERED.has(type)) {
    walk.add16(IDENT, at + 4);
    const sequence = walk.add16(SEQ, at + 6);
    out.add(SEQ_LE, at + 6, 2, ((sequence & 0xff) << 8) | (sequence >> 8));
  } else if (type === EXTENDED_ECHO || type === EXTENDED_ECHO_REPLY) walk.add16(IDENT, at + 4);
  else if (type === UNREACHABLE && code === 4) walk.add16(MTU, at + 6);
  else if (type === REDIRECT) walk.addIpv4(GATEWAY, at + 4);
  walk.need(at + 4, 4);
  out.close(item, at + 8);
  if (ERRORS.has(type)) walk.within(at + 8, quotedLength(walk, at, type), () => quote(walk, at + 8, ETHERTYPE_IPV4));
  else if (type === ECHO || type === ECHO_REPLY) walk.data(at + 8);
}

const LONGEST = 65_535;

/** How much is quoted, and not extensions behind it: redirects quote eight bytes behind the header, other errors may say how many words (RFC 4884). */
function quotedLength(walk: Walk, at: number, type: number): number {
  if (walk.end < at + 12) return LONGEST;
  const header = (walk.u8(at + 8) & 15) * 4;
  if (type === REDIRECT) return header + 8;
  const told = type === QUENCH ? 0 : walk.u8(at + 5) * 4;
  const fits = told > 0 && walk.wire - at > 8 + told && walk.u16(at + 10) > told;
  return fits ? header + told : LONGEST;
}

function quote(walk: Walk, at: number, etherType: number): void {
  if (walk.wire <= at) return;
  const { quoted } = walk;
  walk.out.level++;
  walk.guard(() => {
    walk.quoted = true;
    walk.next.etherType(walk, etherType, at);
  }, true);
  walk.out.level--;
  walk.quoted = quoted;
}

/** Quotes a packet, or what is none. */
function quoteV6(walk: Walk, at: number): void {
  if (walk.wire > at) quote(walk, at, walk.u8(at) >> 4 === 6 ? ETHERTYPE_IPV6 : NO_ETHERTYPE);
}

const V6_ECHO = 128;
const V6_ECHO_REPLY = 129;
const V6_EXTENDED_ECHO = 160;
const V6_EXTENDED_ECHO_REPLY = 161;
const V6_ROUTER_SOLICITATION = 133;
const V6_ROUTER_ADVERTISEMENT = 134;
const V6_NEIGHBOUR_SOLICITATION = 135;
const V6_NEIGHBOUR_ADVERTISEMENT = 136;
const V6_REDIRECT = 137;
/** Option with the packet that was sent elsewhere (RFC 4861 section 4.6.3). */
const REDIRECTED_HEADER = 4;

/** RFC 4443 and, for neighbours and routers, RFC 4861. */
export function icmpv6(walk: Walk, at: number): void {
  const { out } = walk;
  walk.need(at, 1);
  const item = walk.open(ICMPV6, at);
  const type = walk.add8(TYPE6, at);
  walk.add8(CODE6, at + 1);
  walk.add16(CHECKSUM6, at + 2);
  if (type >= 1 && type <= 4) {
    if (type === 2) walk.add32(MTU6, at + 4);
    out.close(item, at + 8);
    quoteV6(walk, at + 8);
    return;
  }
  if (type === V6_ECHO || type === V6_ECHO_REPLY) {
    walk.add16(IDENT6, at + 4);
    walk.add16(SEQ6, at + 6);
    out.close(item, at + 8);
    walk.data(at + 8);
    return;
  }
  if (type === V6_EXTENDED_ECHO || type === V6_EXTENDED_ECHO_REPLY) {
    walk.add16(IDENT6, at + 4);
    out.close(item, walk.end);
    return;
  }
  let behind = at + 4;
  if (type === V6_ROUTER_SOLICITATION) behind = at + 8;
  else if (type === V6_ROUTER_ADVERTISEMENT) {
    walk.add8(RA_HOPS, at + 4);
    walk.add16(RA_LIFETIME, at + 6);
    behind = at + 16;
  } else if (type === V6_NEIGHBOUR_SOLICITATION) {
    walk.addBytes(NS_TARGET, at + 8, 16);
    behind = at + 24;
  } else if (type === V6_NEIGHBOUR_ADVERTISEMENT) {
    const flags = walk.u32(at + 4);
    out.add(NA_R, at + 4, 4, flags >>> 31);
    out.add(NA_S, at + 4, 4, (flags >>> 30) & 1);
    out.add(NA_O, at + 4, 4, (flags >>> 29) & 1);
    walk.addBytes(NA_TARGET, at + 8, 16);
    behind = at + 24;
  } else if (type === V6_REDIRECT) {
    walk.need(at + 4, 36);
    behind = at + 40;
  } else {
    out.close(item, walk.end);
    return;
  }
  while (behind < walk.wire) {
    const length = walk.u8(behind + 1) * 8;
    const kind = walk.u8(behind);
    const option = out.group(behind, Math.max(2, length), `Option ${kind}`);
    walk.add8(OPT_TYPE, behind);
    walk.add8(OPT_LENGTH, behind + 1);
    if (length === 0) break;
    // Source and target link-layer addresses.
    if ((kind === 1 || kind === 2) && length > 2) walk.addBytes(OPT_LINKADDR, behind + 2, length - 2);
    else if (kind === REDIRECTED_HEADER) {
      const packet = behind + 8;
      walk.need(packet, length - 8);
      walk.within(packet, length - 8, () => quoteV6(walk, packet));
    }
    out.close(option, behind + length);
    behind += length;
  }
  out.close(item, walk.end);
}
