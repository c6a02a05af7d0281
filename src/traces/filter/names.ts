import { FIELDS, type FieldId } from '../dissect/fields.ts';

type Names = Readonly<Record<string, number>>;

const FLAG: Names = { set: 1, 'not set': 0 };
/** IANA, Protocol Numbers. */
const PROTOCOLS: Names = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  egp: 8,
  igp: 9,
  udp: 17,
  dccp: 33,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  eigrp: 88,
  pim: 103,
  vrrp: 112,
  l2tp: 115,
  sctp: 132,
};
/** IANA, IEEE 802 Numbers. */
const ETHER_TYPES: Names = { ipv4: 0x0800, arp: 0x0806, rarp: 0x8035, '802.1q virtual lan': 0x8100, ipv6: 0x86dd };
const TLS_VERSIONS: Names = {
  'ssl 2.0': 0x0002,
  'ssl 3.0': 0x0300,
  'tls 1.0': 0x0301,
  'tls 1.1': 0x0302,
  'tls 1.2': 0x0303,
  'tls 1.3': 0x0304,
};
const DNS_CLASSES: Names = { in: 1, cs: 2, ch: 3, hs: 4, none: 254, any: 255 };

/** Words that stand for numbers, by the field where people write them, in lower case. */
const NAMES: Readonly<Record<string, Names>> = {
  'ip.proto': PROTOCOLS,
  'ipv6.nxt': PROTOCOLS,
  'ipv6.hopopts.nxt': PROTOCOLS,
  'ipv6.dstopts.nxt': PROTOCOLS,
  'ipv6.routing.nxt': PROTOCOLS,
  'ipv6.fraghdr.nxt': PROTOCOLS,
  'ah.next_header': PROTOCOLS,
  'eth.type': ETHER_TYPES,
  'vlan.etype': ETHER_TYPES,
  'llc.type': ETHER_TYPES,
  'sll.etype': ETHER_TYPES,
  'null.type': ETHER_TYPES,
  'arp.proto.type': ETHER_TYPES,
  'arp.opcode': { request: 1, reply: 2, 'reverse request': 3, 'reverse reply': 4 },
  'ipv6.fraghdr.more': { yes: 1, no: 0 },
  'vlan.dei': { eligible: 1, ineligible: 0 },
  'dns.flags.checkdisable': { acceptable: 1, unacceptable: 0 },
  'dns.qry.class': DNS_CLASSES,
  'dns.resp.class': DNS_CLASSES,
  'tls.record.content_type': { 'change cipher spec': 20, alert: 21, handshake: 22, 'application data': 23, heartbeat: 24 },
  'tls.handshake.type': { 'client hello': 1, 'server hello': 2, certificate: 11, finished: 20 },
  'tls.record.version': TLS_VERSIONS,
  'tls.handshake.version': TLS_VERSIONS,
  'tls.handshake.extensions.supported_version': TLS_VERSIONS,
};
const FLAGS = /^(?:(?:ip\.flags|tcp\.flags|icmpv6\.nd\.na\.flag)\.|dns\.flags\.authenticated$)/;
/** Truth values whose two states have names of their own. */
const OTHER_STATES = /^(?:eth\.[li]g|dns\.flags\..*)$/;

/** The number that a name stands for as a value of a field, whatever its case; undefined for names that are unknown. */
export function namedValue(field: FieldId, text: string): number | undefined {
  const { name, type } = FIELDS[field]!;
  const lower = text.toLowerCase();
  if (FLAGS.test(name)) return own(FLAG, lower);
  const names = NAMES[name];
  if (names) return own(names, lower);
  if (type === 'bool' && !OTHER_STATES.test(name)) return own({ true: 1, false: 0 }, lower);
  return undefined;
}

const own = (names: Names, text: string): number | undefined => (Object.hasOwn(names, text) ? names[text] : undefined);
