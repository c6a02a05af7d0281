import { FIELDS } from '../dissect/fields.ts';
import { FilterError } from './error.ts';

/** What values are compared as. */
export type Kind = 'number' | 'ipv4' | 'ipv6' | 'bytes' | 'string';

/** A value with the bits of it that count, of addresses with a prefix. */
export interface Literal {
  readonly value: number | string | Uint8Array;
  readonly prefix: number | null;
}

/** Words that stand for numbers, of the fields where people write them. */
const NAMES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'ip.proto': { icmp: 1, igmp: 2, tcp: 6, udp: 17, gre: 47, esp: 50, ah: 51, icmpv6: 58, ospf: 89, sctp: 132 },
  'eth.type': { ipv4: 0x0800, arp: 0x0806, '802.1q virtual lan': 0x8100, ipv6: 0x86dd },
  'arp.opcode': { request: 1, reply: 2 },
};
const SAME_NAMES: Readonly<Record<string, string>> = { 'ipv6.nxt': 'ip.proto', 'vlan.etype': 'eth.type', 'sll.etype': 'eth.type' };

/** Reads a literal as a value of `kind`; `field` is the one it is compared with, where there is one. */
export function literal(text: string, quoted: boolean, kind: Kind, field: number | null, from: number, to: number): Literal {
  const fail = (what: string) => new FilterError(what, from, to);
  switch (kind) {
    case 'string':
      return { value: text, prefix: null };
    case 'bytes':
      return { value: quoted ? latin(text) : bytesOf(text, fail), prefix: null };
    case 'ipv4':
      if (quoted) throw fail('an IPv4 address stands without quotes');
      return ipv4(text, fail);
    case 'ipv6':
      if (quoted) throw fail('an IPv6 address stands without quotes');
      return ipv6(text, fail);
    case 'number':
      return { value: number(text, quoted, field, fail), prefix: null };
  }
}

type Fail = (what: string) => FilterError;

function number(text: string, quoted: boolean, field: number | null, fail: Fail): number {
  const { name, type } = field === null ? { name: '', type: 'u32' } : FIELDS[field]!;
  const lower = text.toLowerCase();
  if (type === 'bool') {
    if (lower === 'true' || lower === 'set') return 1;
    if (lower === 'false' || lower === 'not set') return 0;
  }
  const named = NAMES[SAME_NAMES[name] ?? name]?.[lower];
  if (named !== undefined) return named;
  if (quoted) throw fail(`${name || 'a number'} cannot be a text`);
  if (type === 'time' && /^-?\d+(\.\d*)?$/.test(text)) return Number(text);
  if (/^-?0[xX][0-9a-fA-F]+$/.test(text)) return text[0] === '-' ? -Number(text.slice(1)) : Number(text);
  // As in C, a leading zero means octal.
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  if (/^-?\d+$/.test(text)) return Number(text);
  throw fail(name ? `"${text}" is no value of ${name}, which is a number` : `"${text}" is no number`);
}

function ipv4(text: string, fail: Fail): Literal {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d+))?$/.exec(text);
  const numbers = parts?.slice(1, 5).map(Number);
  const prefix = parts?.[5] === undefined ? null : Number(parts[5]);
  if (!numbers || numbers.some((one) => one > 255)) throw fail(`"${text}" is no IPv4 address`);
  if (prefix !== null && prefix > 32) throw fail('a prefix of IPv4 has at most 32 bits');
  const [a, b, c, d] = numbers as [number, number, number, number];
  return { value: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0, prefix };
}

function ipv6(text: string, fail: Fail): Literal {
  const [address = '', bits] = text.split('/');
  const bytes = new Uint8Array(16);
  const halves = address.split('::');
  const groups = (part: string): number[] | null => {
    if (part === '') return [];
    const found: number[] = [];
    for (const group of part.split(':')) {
      const dotted = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(group);
      if (dotted) {
        const [a, b, c, d] = dotted.slice(1).map(Number) as [number, number, number, number];
        found.push((a << 8) | b, (c << 8) | d);
      } else if (/^[0-9a-fA-F]{1,4}$/.test(group)) found.push(Number.parseInt(group, 16));
      else return null;
    }
    return found;
  };
  const head = groups(halves[0]!);
  const tail = halves.length > 1 ? groups(halves[1]!) : [];
  const whole = head && tail && halves.length <= 2 && (halves.length === 2 ? head.length + tail.length <= 7 : head.length === 8);
  if (!whole) throw fail(`"${text}" is no IPv6 address`);
  const prefix = bits === undefined ? null : Number(bits);
  if (prefix !== null && !(prefix >= 0 && prefix <= 128)) throw fail('a prefix of IPv6 has at most 128 bits');
  const all = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  for (const [at, group] of all.entries()) {
    bytes[2 * at] = group >> 8;
    bytes[2 * at + 1] = group & 0xff;
  }
  return { value: bytes, prefix };
}

/** Pairs of hexadecimal digits with colons, dashes or dots between, or a number of one byte in C's way. */
function bytesOf(text: string, fail: Fail): Uint8Array {
  if (/^0[xX][0-9a-fA-F]{1,2}$/.test(text)) return Uint8Array.of(Number(text));
  if (/^[0-9a-fA-F]{1,2}([:.-][0-9a-fA-F]{1,2})*:?$/.test(text)) {
    return Uint8Array.from(text.split(/[:.-]/).filter(Boolean), (pair) => Number.parseInt(pair, 16));
  }
  if (/^([0-9a-fA-F]{2})+$/.test(text)) return Uint8Array.from(text.match(/../g)!, (pair) => Number.parseInt(pair, 16));
  if (/^([0-9a-fA-F]{4}\.)+[0-9a-fA-F]{4}$/.test(text)) return bytesOf(text.replaceAll('.', ''), fail);
  throw fail(`"${text}" are no bytes: write them as 01:02:ff, or as a text in quotes`);
}

/** Characters beyond 255 are their UTF-8 bytes. */
export function latin(text: string): Uint8Array {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 255) return new TextEncoder().encode(text);
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
