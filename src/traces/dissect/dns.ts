import { hexText } from '../addresses.ts';
import { type FieldId, fieldId } from './fields.ts';
import { asciiText, printable, utf8Text } from './names.ts';
import type { Walk } from './walk.ts';

const id = fieldId;
const DNS = id('dns');
const MDNS = id('mdns');
const LLMNR = id('llmnr');
const LENGTH = id('dns.length');
const ID = id('dns.id');
const FLAGS = id('dns.flags');
const RESPONSE = id('dns.flags.response');
const AUTHORITATIVE = id('dns.flags.authoritative');
const OPCODE = id('dns.flags.opcode');
const AUTHENTICATED = id('dns.flags.authenticated');
const TRUNCATED = id('dns.flags.truncated');
const RCODE = id('dns.flags.rcode');
/** Field, its place, and whether only responses have it. */
const FLAG_BITS: readonly (readonly [field: FieldId, shift: number, mask: number, responses: boolean])[] = [
  [OPCODE, 11, 15, false],
  [AUTHORITATIVE, 10, 1, true],
  [TRUNCATED, 9, 1, false],
  [id('dns.flags.recdesired'), 8, 1, false],
  [id('dns.flags.recavail'), 7, 1, true],
  [id('dns.flags.z'), 6, 1, false],
  [AUTHENTICATED, 5, 1, true],
  [id('dns.flags.checkdisable'), 4, 1, false],
  [RCODE, 0, 15, true],
];
/** What the other bits mean in link-local multicast is another thing (RFC 4795 section 2.1.1). */
const LLMNR_BITS: ReadonlySet<FieldId> = new Set([OPCODE, TRUNCATED, RCODE]);
const UPDATE = 5;
const COUNTS: readonly FieldId[] = [id('dns.count.queries'), id('dns.count.answers'), id('dns.count.auth_rr'), id('dns.count.add_rr')];
const SECTIONS = ['Queries', 'Answers', 'Authoritative nameservers', 'Additional records'];
const QRY_NAME = id('dns.qry.name');
const QRY_NAME_LEN = id('dns.qry.name.len');
const LABELS = id('dns.count.labels');
const QRY_TYPE = id('dns.qry.type');
const QRY_CLASS = id('dns.qry.class');
const RESP_NAME = id('dns.resp.name');
const RESP_TYPE = id('dns.resp.type');
const RESP_CLASS = id('dns.resp.class');
const RESP_TTL = id('dns.resp.ttl');
const RESP_LEN = id('dns.resp.len');
const A = id('dns.a');
const AAAA = id('dns.aaaa');
const MX_PREFERENCE = id('dns.mx.preference');
const MX_EXCHANGE = id('dns.mx.mail_exchange');
const TXT = id('dns.txt');
const TXT_LENGTH = id('dns.txt.length');
const SOA_MNAME = id('dns.soa.mname');
const SOA_RNAME = id('dns.soa.rname');
const SOA_SERIAL = id('dns.soa.serial_number');
const SRV_PRIORITY = id('dns.srv.priority');
const SRV_WEIGHT = id('dns.srv.weight');
const SRV_PORT = id('dns.srv.port');
const SRV_TARGET = id('dns.srv.target');
/** Types whose data is one name. */
const NAMED: Readonly<Record<number, FieldId>> = { 2: id('dns.ns'), 5: id('dns.cname'), 12: id('dns.ptr.domain_name') };
export const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
  35: 'NAPTR',
  41: 'OPT',
  43: 'DS',
  46: 'RRSIG',
  48: 'DNSKEY',
  64: 'SVCB',
  65: 'HTTPS',
  255: 'ANY',
};
const SRV = 33;
const NSEC = 47;
const NSEC3 = 50;
const OPT = 41;
const A6 = 38;
/** Types without fields here whose data is numbers, so many bytes of them, and names (RFC 1035, 1183, 2163, 2230, 6672 and 6742), which must be there. */
const NAMES_BEHIND: Readonly<Record<number, readonly [bytes: number, names: number]>> = {
  3: [0, 1],
  4: [0, 1],
  7: [0, 1],
  8: [0, 1],
  9: [0, 1],
  14: [0, 2],
  17: [0, 2],
  18: [2, 1],
  21: [2, 1],
  23: [0, 1],
  26: [2, 2],
  36: [2, 1],
  39: [0, 1],
  107: [2, 1],
};
/** Names are at most this long, and have fewer pointers than bytes (RFC 1035 section 3.1). */
const MAX_NAME = 255;
const CACHE_FLUSH = 0x8000;

/** Over TCP a message has its length in front (RFC 1035 section 4.2.2). */
export function dnsOverTcp(walk: Walk, at: number): void {
  walk.u16(at);
  message(walk, at + 2, DNS, at);
}

export function dns(walk: Walk, at: number, protocol: FieldId): void {
  message(walk, at, protocol, -1);
}

const HEADER = 12;
const STANDARD = 0x7800;
const MANY_ANSWERS = 100;
const MANY = 10;

/** On ports of nobody: a query with one question, or a response with counts that may be, as Wireshark tells them. */
export function looksLikeDns(walk: Walk, at: number): boolean {
  if (walk.wire - at <= HEADER) return false;
  const flags = walk.u16(at + 2);
  const [questions, answers, authorities] = [walk.u16(at + 4), walk.u16(at + 6), walk.u16(at + 8)];
  const plausible =
    flags >> 15 === 1
      ? questions <= 1 && answers <= MANY_ANSWERS && authorities <= MANY
      : questions === 1 && answers === 0 && authorities === 0;
  return (flags & STANDARD) === 0 && plausible && walk.u16(at + 10) <= MANY;
}

function message(walk: Walk, at: number, protocol: FieldId, lengthAt: number): void {
  const { out } = walk;
  const multicast = protocol === MDNS;
  walk.need(at, 4);
  const item = walk.open(protocol, lengthAt >= 0 ? lengthAt : at);
  if (lengthAt >= 0) walk.add16(LENGTH, lengthAt);
  walk.add16(ID, at);
  const flags = walk.u16(at + 2);
  const response = flags >> 15 === 1;
  out.add(FLAGS, at + 2, 2, flags);
  out.level++;
  out.add(RESPONSE, at + 2, 2, flags >> 15);
  for (const [field, shift, mask, onlyResponses] of FLAG_BITS) {
    if (protocol === LLMNR && !LLMNR_BITS.has(field)) continue;
    // Queries that set the bit ask for it (RFC 6840 section 5.7).
    const asked = field === AUTHENTICATED && (flags >> shift) & mask;
    if (!onlyResponses || response || asked) out.add(field, at + 2, 2, (flags >> shift) & mask);
  }
  out.level--;
  // The sections of an update have other names (RFC 2136 section 2.2).
  const update = ((flags >> 11) & 15) === UPDATE;
  const counts = COUNTS.map((field, i) => {
    const count = walk.u16(at + 4 + 2 * i);
    if (!update || i === 3) out.add(field, at + 4 + 2 * i, 2, count);
    return count;
  });
  let next = at + HEADER;
  for (const [section, count] of counts.entries()) {
    if (count === 0) continue;
    const group = out.group(next, 0, SECTIONS[section]!);
    for (let i = 0; i < count; i++) next = section === 0 ? question(walk, next, at, multicast) : record(walk, next, at, multicast);
    out.close(group, next);
  }
  out.close(item, walk.end);
}

interface Name {
  readonly text: string;
  /** Bytes of the name as text; labels are counted in them. */
  readonly length: number;
  readonly labels: number;
  /** Behind the name where it stands. */
  readonly end: number;
}

/** What is said in the place of a name that cannot be told. */
const nameless = (text: string, end: number): Name => ({ text, length: text.length, labels: 1, end });

const POINTER = 0xc0;
const EXTENDED = 0x40;
/** A label of bits (RFC 2673). */
const BITS = 0x41;
const DOT = 0x2e;

/** Follows pointers, which count from the beginning of the message; a name that never ends is said to loop. */
function readName(walk: Walk, from: number, message: number): Name {
  let at = from;
  let end = -1;
  let pointers = 0;
  const raw: number[] = [];
  /** Of `raw`, without labels of bits, whose characters Wireshark does not count. */
  let length = 0;
  let [room, first] = [MAX_NAME, true];
  const put = (byte: number): void => {
    if (room <= 0) return;
    raw.push(byte);
    length++;
    room--;
  };
  for (let size = walk.u8(at++); size !== 0; size = walk.u8(at++)) {
    if (size >= POINTER) {
      const target = message + (((size & 0x3f) << 8) | walk.u8(at++));
      if (end < 0) end = at;
      if (++pointers > MAX_NAME || target === at + 2) return nameless('<Name contains a pointer that loops>', end);
      at = target;
    } else if (size < EXTENDED) {
      if (first) room--;
      else put(DOT);
      first = false;
      walk.need(at, size);
      for (let i = 0; i < size; i++) put(walk.bytes[at + i]!);
      at += size;
    } else if (size === BITS) {
      const count = walk.u8(at++);
      const bytes = count === 0 ? 1 : Math.ceil(count / 8);
      walk.need(at, bytes);
      for (const char of `\\[x${hexText(walk.bytes, at, at + bytes)}/${count}]`) if (room-- > 0) raw.push(char.charCodeAt(0));
      first = false;
      at += bytes;
    } else {
      if (size > BITS && size < 2 * EXTENDED && at - from > 1) return nameless('<Unknown extended label>', at);
      // No other kinds of labels came to be (RFC 6891 section 5).
      walk.need(at, walk.wire + 1);
    }
  }
  if (end < 0) end = at;
  if (room <= 0) return nameless('<Name too long>', end);
  if (raw.length === 0 && end - from <= 2) return nameless('<Root>', end);
  if (length === 0) walk.need(at, walk.wire + 1);
  const bytes = Uint8Array.from(raw.slice(0, length));
  return { text: printable(bytes, 0, length), length, labels: bytes.filter((byte) => byte === DOT).length + 1, end };
}

function question(walk: Walk, at: number, message: number, multicast: boolean): number {
  const { out } = walk;
  const name = readName(walk, at, message);
  const type = walk.u16(name.end);
  const classOf = walk.u16(name.end + 2);
  const group = out.group(at, name.end + 4 - at, `${name.text}: type ${TYPE_NAMES[type] ?? type}`);
  out.addText(QRY_NAME, at, name.end - at, name.text);
  out.add(QRY_NAME_LEN, at, name.end - at, name.length > 1 ? name.length : 0);
  out.add(LABELS, at, name.end - at, name.length > 1 ? name.labels : 0);
  out.add(QRY_TYPE, name.end, 2, type);
  out.add(QRY_CLASS, name.end + 2, 2, multicast ? classOf & ~CACHE_FLUSH : classOf);
  out.level = out.depth[group]!;
  return name.end + 4;
}

function record(walk: Walk, at: number, message: number, multicast: boolean): number {
  const { out } = walk;
  const name = readName(walk, at, message);
  const type = walk.u16(name.end);
  const classOf = walk.u16(name.end + 2);
  const data = name.end + 10;
  const length = walk.u16(name.end + 8);
  walk.need(at, data + length - at);
  const group = out.group(at, data + length - at, `${name.text}: type ${TYPE_NAMES[type] ?? type}`);
  // Names of services are fields of another kind.
  if (type !== SRV) out.addText(RESP_NAME, at, name.end - at, name.text);
  out.add(RESP_TYPE, name.end, 2, type);
  // The pseudo-record of EDNS has other meanings in the place of class and time (RFC 6891).
  if (type !== OPT) {
    out.add(RESP_CLASS, name.end + 2, 2, multicast ? classOf & ~CACHE_FLUSH : classOf);
    out.add(RESP_TTL, name.end + 4, 4, walk.u32(name.end + 4));
  }
  out.add(RESP_LEN, name.end + 8, 2, length);
  if (length > 0) recordData(walk, type, data, length, message, multicast);
  out.level = out.depth[group]!;
  return data + length;
}

const SUBNET = 8;
const COOKIE = 10;

/** Options of EDNS (RFC 6891 section 6.1.2) have no fields here; those that are not all there end the message. */
function ednsOptions(walk: Walk, from: number, to: number): void {
  for (let at = from; at < to; ) {
    const code = walk.u16(at);
    const length = walk.u16(at + 2);
    walk.need(at + 4, length);
    // What an option of a shorter length lacks is taken from behind it.
    const lacking = code === COOKIE ? 8 : code === SUBNET ? 4 : 0;
    if (lacking > 0) walk.need(at + 4 + lacking, Math.min((length - lacking) & 0xffff, code === SUBNET ? 16 : 0xffff));
    at += 4 + length;
  }
}

/** The part of an address behind a prefix of so many bits, and the name of who has the prefix (RFC 2874 section 3.1): no fields here, but they must be there. */
function addressPart(walk: Walk, at: number, message: number): void {
  const prefix = walk.u8(at);
  // Behind longer prefixes than there can be Wireshark looks for as much as 16 bits can say.
  const suffix = Math.ceil(((128 - prefix) & 0xffff) / 8);
  walk.need(at + 1, suffix);
  if (prefix > 0) readName(walk, at + 1 + Math.min(16, suffix), message);
}

/** The types that a name has, as bits in windows of 256 types each (RFC 4034 section 4.1.2); windows beyond the record go on to the end of the message. */
function typeBitmaps(walk: Walk, from: number, to: number): void {
  for (let at = from; at !== to; ) {
    const window = walk.u8(at) * 256;
    const size = walk.u8(at + 1);
    at += 2;
    for (let byte = 0; byte < size; byte++, at++) {
      const bits = walk.u8(at);
      for (let bit = 0; bit < 8; bit++) if (bits & (0x80 >> bit)) walk.out.add(RESP_TYPE, at, 1, window + byte * 8 + bit);
    }
  }
}

function recordData(walk: Walk, type: number, at: number, length: number, message: number, multicast: boolean): void {
  const { out } = walk;
  const addName = (field: FieldId, from: number): number => {
    const name = readName(walk, from, message);
    out.addText(field, from, name.end - from, name.text);
    return name.end;
  };
  if (type === 1) walk.addIpv4(A, at);
  else if (type === 28) walk.addBytes(AAAA, at, 16);
  else if (type in NAMED) addName(NAMED[type]!, at);
  else if (type === 15) {
    // Without the name there is no preference either.
    readName(walk, at + 2, message);
    walk.add16(MX_PREFERENCE, at);
    addName(MX_EXCHANGE, at + 2);
  } else if (type === 16) {
    // A string that goes beyond the record is followed by others up to the end of the message.
    for (let from = at; from !== at + length; ) {
      const size = walk.add8(TXT_LENGTH, from);
      walk.need(from + 1, size);
      out.addText(TXT, from + 1, size, (multicast ? utf8Text : asciiText)(walk.bytes, from + 1, from + 1 + size));
      from += 1 + size;
    }
  } else if (type === OPT) ednsOptions(walk, at, at + length);
  else if (type === A6) addressPart(walk, at, message);
  else if (type === NSEC) typeBitmaps(walk, readName(walk, at, message).end, at + length);
  else if (type === NSEC3) {
    const salt = at + 5 + walk.u8(at + 4);
    typeBitmaps(walk, salt + 1 + walk.u8(salt), at + length);
  } else if (type === 6) {
    const rname = addName(SOA_MNAME, at);
    const serial = addName(SOA_RNAME, rname);
    walk.add32(SOA_SERIAL, serial);
    walk.need(serial + 4, 4 * 4);
  } else if (type === 33) {
    walk.add16(SRV_PRIORITY, at);
    walk.add16(SRV_WEIGHT, at + 2);
    walk.add16(SRV_PORT, at + 4);
    addName(SRV_TARGET, at + 6);
  } else if (type in NAMES_BEHIND) {
    const [bytes, names] = NAMES_BEHIND[type]!;
    let next = at + bytes;
    for (let i = 0; i < names; i++) next = readName(walk, next, message).end;
  }
}
