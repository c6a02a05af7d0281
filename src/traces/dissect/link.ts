import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  RAW_IP,
} from '../capture/link-types.ts';
import { fieldId } from './fields.ts';
import type { Walk } from './walk.ts';

const ETH = fieldId('eth');
const ETH_DST = fieldId('eth.dst');
const ETH_SRC = fieldId('eth.src');
const ETH_ADDR = fieldId('eth.addr');
const ETH_LG = fieldId('eth.lg');
const ETH_IG = fieldId('eth.ig');
const ETH_TYPE = fieldId('eth.type');
const ETH_LEN = fieldId('eth.len');
const VLAN = fieldId('vlan');
const VLAN_PRIORITY = fieldId('vlan.priority');
const VLAN_DEI = fieldId('vlan.dei');
const VLAN_ID = fieldId('vlan.id');
const VLAN_ETYPE = fieldId('vlan.etype');
const VLAN_LEN = fieldId('vlan.len');
const QINQ = fieldId('ieee8021ad');
const QINQ_PRIORITY = fieldId('ieee8021ad.priority');
const QINQ_DEI = fieldId('ieee8021ad.dei');
const QINQ_ID = fieldId('ieee8021ad.id');
const LLC = fieldId('llc');
const LLC_DSAP = fieldId('llc.dsap');
const LLC_SSAP = fieldId('llc.ssap');
const LLC_CONTROL = fieldId('llc.control');
const LLC_OUI = fieldId('llc.oui');
const LLC_TYPE = fieldId('llc.type');
const SLL = fieldId('sll');
const SLL_PKTTYPE = fieldId('sll.pkttype');
const SLL_HATYPE = fieldId('sll.hatype');
const SLL_HALEN = fieldId('sll.halen');
const SLL_SRC = fieldId('sll.src.eth');
const SLL_ETYPE = fieldId('sll.etype');
const SLL_IFINDEX = fieldId('sll.ifindex');
const SLL_UNUSED = fieldId('sll.unused');
const NULL = fieldId('null');
const NULL_FAMILY = fieldId('null.family');
const NULL_TYPE = fieldId('null.type');

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** Values of a type field up to this are lengths (IEEE 802.3). */
const MAX_LENGTH = 1500;
const MIN_TYPE = 1536;

/** Dissects a frame of a link type; types without a dissector are bytes. */
export function linkLayer(walk: Walk, linkType: number): void {
  if (linkType === LINKTYPE_ETHERNET) ethernet(walk, 0);
  else if (RAW_IP.has(linkType)) rawIp(walk, linkType);
  else if (linkType === LINKTYPE_LINUX_SLL) cooked(walk);
  else if (linkType === LINKTYPE_LINUX_SLL2) cooked2(walk);
  else if (linkType === LINKTYPE_NULL || linkType === LINKTYPE_LOOP) loopback(walk, linkType === LINKTYPE_LOOP);
  else walk.data(0);
}

export function ethernet(walk: Walk, at: number): void {
  const { out } = walk;
  if (isInterSwitch(walk, at)) {
    interSwitch(walk, at);
    return;
  }
  const item = walk.open(ETH, at, 14);
  walk.need(at, 14);
  addressesOf(walk, at);
  const type = walk.u16(at + 12);
  if (type > MAX_LENGTH && type < MIN_TYPE) {
    out.close(item, at + 14);
    walk.data(at + 14);
    return;
  }
  if (type <= MAX_LENGTH && type > 0) {
    out.add(ETH_LEN, at + 12, 2, type);
    out.close(item, at + 14);
    walk.within(at + 14, type, () => logicalLink(walk, at + 14));
    return;
  }
  out.add(ETH_TYPE, at + 12, 2, type);
  out.close(item, at + 14);
  walk.next.etherType(walk, type, at + 14);
}

const ISL_HEADER = 26;
/** Of its header, what its length counts. */
const ISL_COUNTED = 12;

/** Frames of Cisco's Inter-Switch Link are told by the first five bytes of their destination. */
function isInterSwitch(walk: Walk, at: number): boolean {
  const { bytes, end } = walk;
  if (end < at + 14 || walk.u16(at + 12) > MAX_LENGTH) return false;
  return (bytes[at] === 1 || bytes[at] === 12) && bytes[at + 1] === 0 && bytes[at + 2] === 12 && bytes[at + 3] === 0 && bytes[at + 4] === 0;
}

/** A header that has no fields here, and the frame in it. */
function interSwitch(walk: Walk, at: number): void {
  const inner = at + ISL_HEADER;
  const item = walk.out.group(at, ISL_HEADER, 'Inter-Switch Link');
  walk.need(at, ISL_HEADER);
  const length = (walk.u16(at + 12) || walk.wire - at - 14) - ISL_COUNTED;
  walk.out.close(item, inner);
  if (walk.u8(at + 5) >> 4 === 0 && length >= 0) walk.within(inner, length, () => ethernet(walk, inner));
  else walk.data(inner);
}

/** Destination, then source; bits of the first byte tell locally administered and group addresses. */
function addressesOf(walk: Walk, at: number): void {
  const { out } = walk;
  for (const [field, from] of [
    [ETH_DST, at],
    [ETH_SRC, at + 6],
  ] as const) {
    walk.addBytes(field, from, 6);
    out.level++;
    walk.addBytes(ETH_ADDR, from, 6);
    const first = walk.bytes[from]!;
    out.add(ETH_LG, from, 3, (first >> 1) & 1);
    out.add(ETH_IG, from, 3, first & 1);
    out.level--;
  }
}

/** A tag of 802.1Q, or of 802.1ad with fields of its own name; its type may be a length. */
export function vlan(walk: Walk, at: number): void {
  const tag = walk.u16(at);
  const item = walk.open(VLAN, at, 4);
  walk.out.add(VLAN_PRIORITY, at, 2, tag >> 13);
  walk.out.add(VLAN_DEI, at, 2, (tag >> 12) & 1);
  walk.out.add(VLAN_ID, at, 2, tag & 0xfff);
  const type = walk.u16(at + 2);
  if (type <= MAX_LENGTH) {
    walk.out.add(VLAN_LEN, at + 2, 2, type);
    walk.out.close(item, at + 4);
    walk.within(at + 4, type, () => logicalLink(walk, at + 4));
    return;
  }
  walk.out.add(VLAN_ETYPE, at + 2, 2, type);
  walk.out.close(item, at + 4);
  walk.next.etherType(walk, type, at + 4);
}

export function serviceVlan(walk: Walk, at: number): void {
  const item = walk.open(QINQ, at, 4);
  walk.need(at, 4);
  const tag = walk.u16(at);
  walk.out.add(QINQ_PRIORITY, at, 2, tag >> 13);
  walk.out.add(QINQ_DEI, at, 2, (tag >> 12) & 1);
  walk.out.add(QINQ_ID, at, 2, tag & 0xfff);
  const type = walk.u16(at + 2);
  walk.out.close(item, at + 4);
  walk.next.etherType(walk, type, at + 4);
}

const SAP_SNAP = 0xaa;
const UNNUMBERED = 0x03;

/** IEEE 802.2, with the type behind it where it is SNAP (RFC 1042). */
function logicalLink(walk: Walk, at: number): void {
  // Novell's old frames have no LLC header: their checksum of ones comes first.
  if (walk.u8(at) === 0xff && walk.u8(at + 1) === 0xff) {
    walk.data(at);
    return;
  }
  const { out } = walk;
  const item = walk.open(LLC, at);
  const dsap = walk.add8(LLC_DSAP, at);
  const ssap = walk.add8(LLC_SSAP, at + 1);
  const first = walk.u8(at + 2);
  const wide = (first & 3) !== UNNUMBERED;
  // Numbered formats have a second control byte.
  const control = wide ? first | (walk.u8(at + 3) << 8) : first;
  out.add(LLC_CONTROL, at + 2, wide ? 2 : 1, control);
  const behind = at + (wide ? 4 : 3);
  if (dsap !== SAP_SNAP || (ssap & 0xfe) !== SAP_SNAP) {
    out.close(item, behind);
    walk.data(behind);
    return;
  }
  const oui = walk.add24(LLC_OUI, behind);
  const type = walk.u16(behind + 3);
  if (oui === 0) out.add(LLC_TYPE, behind + 3, 2, type);
  out.close(item, behind + 5);
  if (oui === 0) walk.next.etherType(walk, type, behind + 5);
  else walk.data(behind + 5);
}

function rawIp(walk: Walk, linkType: number): void {
  const version = linkType === LINKTYPE_IPV6 ? 6 : walk.wire > 0 ? walk.u8(0) >> 4 : 0;
  // What is called IPv4 and is neither is shown as IP of that version.
  if (version === 4 || (linkType === LINKTYPE_IPV4 && version !== 6)) walk.next.etherType(walk, ETHERTYPE_IPV4, 0);
  else if (version === 6) walk.next.etherType(walk, ETHERTYPE_IPV6, 0);
  else walk.data(0);
}

const HARDWARE_GRE = 778;
const HARDWARE_NETLINK = 824;
/** Frames of Novell's kind, and logical links, by Linux's own numbers for them. */
const COOKED_8023 = 3;
const COOKED_LLC = 4;

/** Linux cooked capture: what `any` captures (https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html). */
function cooked(walk: Walk): void {
  if (walk.u16(2) === HARDWARE_NETLINK) {
    walk.data(0);
    return;
  }
  const item = walk.open(SLL, 0, 16);
  walk.add16(SLL_PKTTYPE, 0);
  const hardware = walk.add16(SLL_HATYPE, 2);
  const length = walk.add16(SLL_HALEN, 4);
  cookedAddress(walk, 6, length);
  const type = walk.u16(14);
  cookedPayload(walk, item, { type, hardware, typeAt: 14, behind: 16 });
}

const COOKED_ADDRESS = 8;

/** Ethernet addresses; what a shorter address leaves of its eight bytes. */
function cookedAddress(walk: Walk, at: number, length: number): void {
  if (length === 6) walk.addBytes(SLL_SRC, at, 6);
  if (length < COOKED_ADDRESS) walk.addBytes(SLL_UNUSED, at + length, COOKED_ADDRESS - length);
}

/** The second version, with the interface and the fields in another order. */
function cooked2(walk: Walk): void {
  const { out } = walk;
  if (walk.u16(8) === HARDWARE_NETLINK) {
    walk.data(0);
    return;
  }
  const item = walk.open(SLL, 0, 20);
  const type = walk.u16(0);
  walk.add32(SLL_IFINDEX, 4);
  const hardware = walk.add16(SLL_HATYPE, 8);
  out.add(SLL_PKTTYPE, 10, 1, walk.u8(10));
  const length = walk.u8(11);
  out.add(SLL_HALEN, 11, 1, length);
  cookedAddress(walk, 12, length);
  cookedPayload(walk, item, { type, hardware, typeAt: 0, behind: 20 });
}

interface CookedType {
  readonly type: number;
  /** Of the kind of interface, as ARP numbers them. */
  readonly hardware: number;
  readonly typeAt: number;
  readonly behind: number;
}

function cookedPayload(walk: Walk, item: number, { type, hardware, typeAt, behind }: CookedType): void {
  const { out } = walk;
  const isType = type > MIN_TYPE;
  // Of GRE it is a field of another name.
  if (isType && hardware !== HARDWARE_GRE) out.add(SLL_ETYPE, typeAt, 2, type);
  out.close(item, behind);
  if (isType) walk.next.etherType(walk, type, behind);
  else if (type === COOKED_8023) walk.next.ethernet(walk, behind);
  else if (type === COOKED_LLC) logicalLink(walk, behind);
  else walk.data(behind);
}

const FAMILY_IPV4 = 2;
/** NetBSD, FreeBSD, macOS and Linux number IPv6 as they please. */
const FAMILIES_IPV6 = new Set([10, 23, 24, 28, 30]);

/** What PPP begins with in frames of HDLC (RFC 1662). */
const PPP_IN_HDLC = 0xff03;
const swap16 = (value: number): number => ((value & 0xff) << 8) | (value >> 8);

/** The address family in the byte order of the machine that captured, or in that of the network. */
function loopback(walk: Walk, network: boolean): void {
  if (!network && walk.u16(0) === PPP_IN_HDLC) {
    walk.data(0);
    return;
  }
  const { out } = walk;
  const big = walk.u32(0);
  const item = walk.open(NULL, 0, 4);
  const family = network ? big : familyOf(swap16(big & 0xffff) * 0x10000 + swap16(big >>> 16));
  // Some write the type of Ethernet instead.
  if (!network && family > MAX_LENGTH) {
    out.add(NULL_TYPE, 0, 4, family & 0xffff);
    out.close(item, 4);
    walk.next.etherType(walk, family & 0xffff, 4);
    return;
  }
  out.add(NULL_FAMILY, 0, 4, family);
  out.close(item, 4);
  if (family === FAMILY_IPV4) walk.next.etherType(walk, ETHERTYPE_IPV4, 4);
  else if (FAMILIES_IPV6.has(family)) walk.next.etherType(walk, ETHERTYPE_IPV6, 4);
  else walk.data(4);
}

/** Of a little-endian header: families are small, and IRIX and UNICOS write theirs into the first two bytes alone. */
function familyOf(header: number): number {
  const [high, low] = [header >>> 16, header & 0xffff];
  if (high !== 0) return high < 6 ? high : swap16(low) * 0x10000 + swap16(high);
  return (low & 0xff) === 0 && low < 0x600 ? swap16(low) : low;
}
