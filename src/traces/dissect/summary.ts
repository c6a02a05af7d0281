import type { Dissection } from './dissection.ts';
import { TYPE_NAMES } from './dns.ts';
import { FIELDS, type FieldId, fieldId, TEXT } from './fields.ts';
import { fieldText } from './values.ts';

/** What a list of packets shows of one. */
export interface Summary {
  readonly source: string;
  readonly destination: string;
  /** `TCP`, `DNS`, `ARP`… */
  readonly protocol: string;
  readonly info: string;
}

const NAMES: Readonly<Record<string, string>> = {
  frame: 'frame',
  eth: 'Ethernet',
  vlan: 'VLAN',
  ieee8021ad: 'QinQ',
  llc: 'LLC',
  sll: 'cooked',
  null: 'loopback',
  arp: 'ARP',
  ip: 'IPv4',
  ipv6: 'IPv6',
  ah: 'AH',
  icmp: 'ICMP',
  icmpv6: 'ICMPv6',
  tcp: 'TCP',
  udp: 'UDP',
  vxlan: 'VXLAN',
  dns: 'DNS',
  mdns: 'mDNS',
  llmnr: 'LLMNR',
  http: 'HTTP',
  tls: 'TLS',
};
const id = fieldId;
const MALFORMED = id('_ws.malformed');
const SHORT = id('_ws.short');
const ENDS: readonly (readonly [source: FieldId, destination: FieldId])[] = [
  [id('ip.src'), id('ip.dst')],
  [id('ipv6.src'), id('ipv6.dst')],
  [id('arp.src.proto_ipv4'), id('arp.dst.proto_ipv4')],
  [id('eth.src'), id('eth.dst')],
];
const FLAGS: readonly (readonly [FieldId, string])[] = [
  [id('tcp.flags.syn'), 'SYN'],
  [id('tcp.flags.fin'), 'FIN'],
  [id('tcp.flags.reset'), 'RST'],
  [id('tcp.flags.push'), 'PSH'],
  [id('tcp.flags.ack'), 'ACK'],
];
const ICMP_TYPES: Readonly<Record<number, string>> = {
  0: 'echo reply',
  3: 'unreachable',
  5: 'redirect',
  8: 'echo request',
  11: 'time exceeded',
};

/** The line of a packet in a list, from its dissection. */
export function summaryOf(out: Dissection): Summary {
  const known = out.protocols.filter((protocol) => FIELDS[protocol]!.name in NAMES);
  const protocol = FIELDS[known.at(-1) ?? 0]!.name;
  const ends = ENDS.find(([source]) => out.row(source) >= 0);
  const text = (field: FieldId | undefined): string => {
    const at = field === undefined ? -1 : out.row(field);
    return at < 0 ? '' : fieldText(out, at);
  };
  const broken = out.row(MALFORMED) >= 0 ? ' (malformed)' : out.row(SHORT) >= 0 ? ' (cut by the capture)' : '';
  return {
    source: text(ends?.[0]),
    destination: text(ends?.[1]),
    protocol: NAMES[protocol] ?? 'bytes',
    info: infoOf(out, protocol) + broken,
  };
}

function infoOf(out: Dissection, protocol: string): string {
  const text = (name: string): string => {
    const at = out.row(id(name));
    return at < 0 ? '' : fieldText(out, at);
  };
  const value = (name: string): number => {
    const at = out.row(id(name));
    return at < 0 ? -1 : out.value[at]!;
  };
  switch (protocol) {
    case 'tcp': {
      const flags = FLAGS.filter(([field]) => (out.value[out.row(field)] ?? 0) === 1 && out.row(field) >= 0).map(([, name]) => name);
      return `${text('tcp.srcport')} → ${text('tcp.dstport')} [${flags.join(' ')}] seq ${text('tcp.seq')} len ${text('tcp.len') || '?'}`;
    }
    case 'udp':
      return `${text('udp.srcport')} → ${text('udp.dstport')} len ${Math.max(0, value('udp.length') - 8)}`;
    case 'dns':
    case 'mdns':
    case 'llmnr': {
      const type = value('dns.qry.type');
      const asked = type < 0 ? '' : ` ${TYPE_NAMES[type] ?? `type ${type}`} ${text('dns.qry.name')}`;
      return `${value('dns.flags.response') === 1 ? `answer of ${Math.max(0, value('dns.count.answers'))}` : 'query'}${asked}`;
    }
    case 'http': {
      const line = out.rows(TEXT).find((at) => out.depth[at] === (out.depth[out.row(id('http'))] ?? 0) + 1);
      return line === undefined ? 'continuation' : out.text[line]!;
    }
    case 'tls': {
      const name = text('tls.handshake.extensions_server_name');
      const type = value('tls.handshake.type');
      if (type === 1) return `client hello${name ? ` to ${name}` : ''}`;
      return type === 2 ? 'server hello' : value('tls.record.content_type') === 23 ? 'application data' : 'records';
    }
    case 'arp':
      return value('arp.opcode') === 1
        ? `who has ${text('arp.dst.proto_ipv4')}`
        : `${text('arp.src.proto_ipv4')} is at ${text('arp.src.hw_mac')}`;
    case 'icmp':
      return ICMP_TYPES[value('icmp.type')] ?? `type ${value('icmp.type')}`;
    case 'icmpv6':
      return `type ${value('icmpv6.type')}`;
    case 'vxlan':
      return `network ${text('vxlan.vni')}`;
    case 'eth':
      return value('eth.type') < 0 ? '802.3' : `type ${text('eth.type')}`;
    default:
      return `${value('frame.cap_len')} bytes`;
  }
}
