import { COUNTED_BYTES, DIRECTION_WORD, FIELD, FLOW, FLOW_WORD, MAX_RAW, SIDES, type SideName, type SideWord, sideWord } from './words.ts';

/** How a feature's integer comes out of the record's words: a word, bits of it, or a word divided by another. */
export interface FeatureSource {
  readonly word: number;
  /** Of the word: this bit alone. */
  readonly bit?: number;
  /** The word divided by this one less `less`, rounded down; 0 where that is 0 or less. */
  readonly per?: { readonly word: number; readonly less: number };
}

export interface Feature extends FeatureSource {
  readonly name: string;
  /** Unit and meaning, for documents and messages. */
  readonly says: string;
  /** Largest value. */
  readonly max: number;
  /** Needs more of the packet than its headers' fixed part. */
  readonly needs?: 'options' | 'counts';
}

const field = (name: string, word: keyof typeof FIELD, max: number, says: string, extra: Partial<Feature> = {}): Feature => ({
  name,
  word: FIELD[word],
  max,
  says,
  ...extra,
});
const flag = (name: string, bit: number): Feature => field(`tcp.${name}`, 'tcpFlags', 1, `flag ${name.toUpperCase()}`, { bit });
const counted = { needs: 'counts' } as const;
const option = { needs: 'options' } as const;

/** Fields of one packet. Where a header lacks one it is 0. */
export const FIELDS: readonly Feature[] = [
  field('frame.len', 'frameLen', 0xffff, 'bytes of the frame'),
  field('eth.type', 'etherType', 0xffff, 'EtherType behind VLAN tags'),
  field('vlan.tags', 'vlanTags', 2, 'VLAN tags'),
  field('ip.version', 'ipVersion', 6, '4 or 6'),
  field('ip.hdr_len', 'ipHeader', 60, 'bytes of the IP header, extension headers excluded'),
  field('ip.len', 'ipLen', 65_575, 'bytes of the IP packet as its header says'),
  field('ip.ttl', 'ttl', 255, 'time to live or hop limit'),
  field('ip.dscp', 'dscp', 63, 'differentiated services'),
  field('ip.ecn', 'ecn', 3, 'congestion notification'),
  field('ip.id', 'ipId', 0xffff, 'identification (IPv4)'),
  field('ip.df', 'dontFragment', 1, 'do not fragment (IPv4)'),
  field('ip.fragment', 'fragment', 1, '1 for a fragment (IPv4)'),
  field('ip.options', 'ipOptions', 0x3fff, 'bytes of IPv4 options or of IPv6 extension headers before TCP or UDP'),
  field('ip.proto', 'proto', 255, 'protocol that the packet carries'),
  field('l4.srcport', 'sport', 0xffff, 'source port'),
  field('l4.dstport', 'dport', 0xffff, 'destination port'),
  field('l4.hdr_len', 'l4Header', 60, 'bytes of the TCP header with options, or 8'),
  field('payload.len', 'payloadLen', 0xffff, 'bytes that TCP or UDP carries, within frame and IP packet'),
  field('tcp.flags', 'tcpFlags', 255, 'the eight flags as a number'),
  flag('fin', 0),
  flag('syn', 1),
  flag('rst', 2),
  flag('psh', 3),
  flag('ack', 4),
  flag('urg', 5),
  flag('ece', 6),
  flag('cwr', 7),
  field('tcp.window', 'window', 0xffff, 'window size as it stands in the header'),
  field('tcp.urgent_pointer', 'urgent', 0xffff, 'urgent pointer'),
  field('tcp.options', 'tcpOptions', 40, 'bytes of TCP options'),
  field('tcp.mss', 'mss', 0xffff, 'value of the option maximum segment size', option),
  field('tcp.wscale', 'windowScale', 255, 'value of the option window scale', option),
  field('tcp.sack_perm', 'sackPermitted', 1, '1 with the option SACK permitted', option),
  field('tcp.timestamps', 'timestamps', 1, '1 with the option timestamps', option),
  field('udp.length', 'udpLen', 0xffff, 'length in the UDP header'),
  field('payload.printable', 'printable', COUNTED_BYTES, `bytes 0x20 to 0x7e among the first ${COUNTED_BYTES} of the payload`, counted),
  field('payload.digits', 'digits', COUNTED_BYTES, `bytes 0x30 to 0x39 among the first ${COUNTED_BYTES}`, counted),
  field('payload.zeros', 'zeros', COUNTED_BYTES, `zero bytes among the first ${COUNTED_BYTES}`, counted),
  field('payload.high', 'high', COUNTED_BYTES, `bytes of 0x80 and more among the first ${COUNTED_BYTES}`, counted),
];

const inFlow = (name: SideName, word: SideWord): number => FLOW_WORD + sideWord(SIDES[name], word);

function sideFeatures(side: SideName): Feature[] {
  const end = side === 'both' ? '' : `.${side}`;
  const who = { fwd: ' from its first sender', bwd: ' to its first sender', both: '' }[side];
  const of = (name: string, word: SideWord, says: string, extra: Partial<Feature> = {}): Feature => ({
    name: `flow.${name}${end}`,
    word: inFlow(side, word),
    max: MAX_RAW,
    says: `${says}${who}`,
    ...extra,
  });
  const per = (less: number) => ({ per: { word: inFlow(side, 'packets'), less } });
  return [
    of('packets', 'packets', 'packets'),
    of('bytes', 'bytes', 'bytes of frames'),
    of('payload', 'payload', 'bytes of payload'),
    of('iat.mean', 'iatSum', 'mean time between packets, ns', per(1)),
    of('iat.min', 'iatMin', 'least time between packets, ns'),
    of('iat.max', 'iatMax', 'greatest time between packets, ns'),
    of('size.mean', 'bytes', 'mean bytes of a frame', { ...per(0), max: 0xffff }),
    of('size.min', 'sizeMin', 'least bytes of a frame', { max: 0xffff }),
    of('size.max', 'sizeMax', 'greatest bytes of a frame', { max: 0xffff }),
    ...(['fin', 'syn', 'rst', 'psh', 'ack', 'urg'] as const).map((name) => of(name, name, `packets with ${name.toUpperCase()}`)),
  ];
}

/** Statistics of the packet's flow, this packet included. */
export const FLOW_FEATURES: readonly Feature[] = [
  { name: 'flow.duration', word: inFlow('both', 'iatSum'), max: MAX_RAW, says: 'time from the first packet to the latest, ns' },
  { name: 'flow.gap', word: FLOW_WORD + FLOW.gap, max: MAX_RAW, says: 'time since the packet before, ns' },
  { name: 'flow.direction', word: DIRECTION_WORD, max: 1, says: '0 from the flow’s first sender, 1 back to it' },
  ...sideFeatures('both'),
  ...sideFeatures('fwd'),
  ...sideFeatures('bwd'),
];

export const FIELD_NAMES: ReadonlyMap<string, Feature> = new Map(FIELDS.map((feature) => [feature.name, feature]));
export const FLOW_NAMES: ReadonlyMap<string, Feature> = new Map(FLOW_FEATURES.map((feature) => [feature.name, feature]));

/** What is known of one packet of a sequence. */
export const CHANNELS = ['size', 'direction', 'signed_size', 'iat'] as const;
export type Channel = (typeof CHANNELS)[number];

/** The integer of a feature from the record's words, as the reference computes it. */
export function rawOf({ word, bit, per }: FeatureSource, record: Float64Array): number {
  const value = record[word]!;
  if (bit !== undefined) return Math.floor(value / 2 ** bit) % 2;
  if (!per) return Math.min(value, MAX_RAW);
  const by = record[per.word]! - per.less;
  return by <= 0 ? 0 : Math.min(Math.floor(value / by), MAX_RAW);
}
