/**
 * The record of one packet: words of 64 bits, in the program's per-CPU map `record` and in the reference's array alike. Features
 * are computed from it; what each word holds is docs/binding.md, "Features".
 */

/** Words of the headers, by place. */
const FIELD_WORDS = [
  'frameLen',
  'etherType',
  'vlanTags',
  'ipVersion',
  'ipHeader',
  'ipLen',
  'ttl',
  'dscp',
  'ecn',
  'ipId',
  'dontFragment',
  'fragment',
  'ipOptions',
  'proto',
  'sport',
  'dport',
  'l4Header',
  'payloadLen',
  'tcpFlags',
  'window',
  'urgent',
  'tcpOptions',
  'mss',
  'windowScale',
  'sackPermitted',
  'timestamps',
  'udpLen',
  'printable',
  'digits',
  'zeros',
  'high',
] as const;
export type FieldWord = (typeof FIELD_WORDS)[number];
/** Word index of each header field. */
export const FIELD = Object.fromEntries(FIELD_WORDS.map((name, word) => [name, word])) as Readonly<Record<FieldWord, number>>;

/** Two addresses of 16 bytes as they lie in the packet; those of IPv4 take the first four. Not in the reference's array. */
export const ADDRESS_WORD = 32;
export const ADDRESS_BYTES = 16;

/** What a flow keeps of one direction, and of both together; times in ns. */
const SIDE_WORDS = [
  'packets',
  'bytes',
  'payload',
  'last',
  'iatSum',
  'iatMin',
  'iatMax',
  'sizeMin',
  'sizeMax',
  'fin',
  'syn',
  'rst',
  'psh',
  'ack',
  'urg',
] as const;
export type SideWord = (typeof SIDE_WORDS)[number];
export const SIDE = Object.fromEntries(SIDE_WORDS.map((name, word) => [name, word])) as Readonly<Record<SideWord, number>>;
const SIDE_COUNT = SIDE_WORDS.length;
/** Bits of the TCP flags that are counted, by word. */
export const COUNTED_FLAGS: readonly (readonly [SideWord, number])[] = [
  ['fin', 0],
  ['syn', 1],
  ['rst', 2],
  ['psh', 3],
  ['ack', 4],
  ['urg', 5],
];

/** Words of a flow's state in map `flows`: a header, three sides, then the last packets as a ring. */
export const FLOW = { lock: 0, first: 1, initiator: 2, gap: 3, sides: 4 } as const;
/** Sides: from the flow's first sender, back to it, and both together. */
export const SIDES = { fwd: 0, bwd: 1, both: 2 } as const;
export type SideName = keyof typeof SIDES;
export const sideWord = (side: number, word: SideWord): number => FLOW.sides + side * SIDE_COUNT + SIDE[word];
export const SIDE_STRIDE_WORDS = SIDE_COUNT;
export const RING_WORD = FLOW.sides + 3 * SIDE_COUNT;

/** In the record: a copy of the flow's state without the ring, with the packet's own direction in place of the lock. */
export const FLOW_WORD = ADDRESS_WORD + 4;
export const DIRECTION_WORD = FLOW_WORD + FLOW.lock;
/** In the record: the last packets, oldest first. */
export const SEQUENCE_WORD = FLOW_WORD + RING_WORD;

/** Words of a record with a sequence of `length` packets. */
export const recordWords = (length: number): number => SEQUENCE_WORD + length;

/** A packet of the sequence: size in bits 0 to 15, direction (1: back) in 16, 1 in 17, inter-arrival time in ns in 20 to 51. No packet is 0. */
export const PACKET = { sizeBits: 16, direction: 16, present: 17, iat: 20 } as const;
export const MAX_SIZE = 0xffff;
export const MAX_IAT = 0xffff_ffff;

/** Larger numbers count as this one: 2^48 − 1. */
export const MAX_RAW = 2 ** 48 - 1;
/** Payload bytes that are looked at for counts. */
export const COUNTED_BYTES = 64;
/** TCP options that are looked at, those of one byte included. */
export const MAX_OPTIONS = 16;
/** The largest sequence. */
export const MAX_SEQUENCE = 256;
