import { describe, expect, test } from 'vitest';
import { type Layer, layerRange } from './layers.ts';
import { tokensOf } from './tokens.ts';

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
const eth = (type: number[], ...rest: number[]) => Uint8Array.from([...zeros(12), ...type, ...rest]);
const IPV4 = [0x08, 0x00];
const IPV6 = [0x86, 0xdd];
const tag = [0x81, 0x00, 0, 5];

interface Ipv4Fields {
  readonly words?: number;
  readonly fragment?: number;
  readonly total?: number;
}
function ipv4(protocol: number, body: number[], { words = 5, fragment = 0, total }: Ipv4Fields = {}): number[] {
  const length = total ?? words * 4 + body.length;
  const start = [0x40 | words, 0, length >> 8, length & 255, 0, 0, fragment >> 8, fragment & 255, 64, protocol];
  return [...start, ...zeros(10), ...zeros(Math.max(0, words - 5) * 4), ...body];
}
const ipv6 = (next: number, body: number[], length = body.length) => [
  0x60,
  0,
  0,
  0,
  length >> 8,
  length & 255,
  next,
  64,
  ...zeros(32),
  ...body,
];
const udp = (...payload: number[]) => [...zeros(8), ...payload];
const tcp = (words: number, ...payload: number[]) => [
  ...zeros(12),
  words << 4,
  ...zeros(7),
  ...zeros(Math.max(0, words - 5) * 4),
  ...payload,
];

const range = (frame: Uint8Array, layer: Layer) => {
  const found = layerRange(frame, layer);
  return found && [found.start, found.end];
};

describe('layers of a frame', () => {
  test.each<[string, Uint8Array, Layer, [number, number] | null]>([
    ['the frame itself', eth([0x08, 0x06], 1, 2, 3), 'l2', [0, 17]],
    ['an empty frame', new Uint8Array(0), 'l2', [0, 0]],
    ['ARP has no IP', eth([0x08, 0x06], ...zeros(40)), 'l3', null],
    ['a frame of 13 bytes', new Uint8Array(13), 'l3', null],
    ['IPv4', eth(IPV4, ...ipv4(17, udp(1, 2))), 'l3', [14, 44]],
    ['UDP payload', eth(IPV4, ...ipv4(17, udp(1, 2))), 'l4_payload', [42, 44]],
    ['UDP header', eth(IPV4, ...ipv4(17, udp(1, 2))), 'l4', [34, 44]],
    ['Ethernet padding is no payload', eth(IPV4, ...ipv4(17, udp(1, 2)), ...zeros(9)), 'l4_payload', [42, 44]],
    ['a capture cut short ends with the frame', eth(IPV4, ...ipv4(17, udp(1, 2), { total: 500 })), 'l4_payload', [42, 44]],
    ['IPv4 options', eth(IPV4, ...ipv4(17, udp(1), { words: 7 })), 'l4_payload', [50, 51]],
    ['a header length below 20', eth(IPV4, ...ipv4(17, udp(1), { words: 4 })), 'l3', null],
    ['a total length below the header', eth(IPV4, ...ipv4(17, udp(1), { total: 19 })), 'l3', null],
    ['version 5', eth(IPV4, 0x55, ...ipv4(17, udp(1)).slice(1)), 'l3', null],
    ['a fragment keeps its IP layer', eth(IPV4, ...ipv4(17, udp(1), { fragment: 0x2000 })), 'l3', [14, 43]],
    ['a first fragment has no transport', eth(IPV4, ...ipv4(17, udp(1), { fragment: 0x2000 })), 'l4', null],
    ['a later fragment has no transport', eth(IPV4, ...ipv4(17, udp(1), { fragment: 0x0002 })), 'l4_payload', null],
    ['do not fragment is no fragment', eth(IPV4, ...ipv4(17, udp(1), { fragment: 0x4000 })), 'l4', [34, 43]],
    ['ICMP', eth(IPV4, ...ipv4(1, zeros(8))), 'l4', null],
    ['TCP with options', eth(IPV4, ...ipv4(6, tcp(8, 7, 7))), 'l4_payload', [66, 68]],
    ['a TCP acknowledgement carries nothing', eth(IPV4, ...ipv4(6, tcp(5))), 'l4_payload', [54, 54]],
    ['a TCP data offset below 20', eth(IPV4, ...ipv4(6, tcp(4))), 'l4_payload', null],
    ['the same has a header all right', eth(IPV4, ...ipv4(6, tcp(4))), 'l4', [34, 54]],
    ['a TCP data offset beyond the packet', eth(IPV4, ...ipv4(6, [...zeros(12), 0xf0, ...zeros(7)])), 'l4_payload', null],
    ['TCP cut in its header', eth(IPV4, ...ipv4(6, zeros(19))), 'l4', null],
    ['one tag', eth(tag.slice(0, 2), 0, 5, ...IPV4, ...ipv4(17, udp(1))), 'l4_payload', [46, 47]],
    ['two tags', eth([0x88, 0xa8], 0, 5, ...tag.slice(0, 2), 0, 5, ...IPV4, ...ipv4(17, udp(1))), 'l4_payload', [50, 51]],
    ['three tags', eth([0x88, 0xa8], 0, 5, ...tag, ...tag.slice(0, 2), 0, 5, ...IPV4, ...ipv4(17, udp(1))), 'l3', null],
    ['IPv6', eth(IPV6, ...ipv6(17, udp(1, 2, 3))), 'l4_payload', [62, 65]],
    ['IPv6 with a hop-by-hop header', eth(IPV6, ...ipv6(0, [17, 1, ...zeros(14), ...udp(9)])), 'l4_payload', [78, 79]],
    ['IPv6 with authentication', eth(IPV6, ...ipv6(51, [17, 4, ...zeros(22), ...udp(9)])), 'l4_payload', [86, 87]],
    [
      'IPv6 with four extension headers',
      eth(IPV6, ...ipv6(0, [43, 0, ...zeros(6), 60, 0, ...zeros(6), 60, 0, ...zeros(6), 17, 0, ...zeros(6), ...udp(9)])),
      'l4_payload',
      [94, 95],
    ],
    [
      'IPv6 with five',
      eth(
        IPV6,
        ...ipv6(0, [43, 0, ...zeros(6), 60, 0, ...zeros(6), 60, 0, ...zeros(6), 60, 0, ...zeros(6), 17, 0, ...zeros(6), ...udp(9)]),
      ),
      'l4',
      null,
    ],
    ['an IPv6 fragment', eth(IPV6, ...ipv6(44, [17, 0, ...zeros(6), ...udp(9)])), 'l4', null],
    ['the same as a packet', eth(IPV6, ...ipv6(44, [17, 0, ...zeros(6), ...udp(9)])), 'l3', [14, 71]],
    ['an IPv6 length that ends before its payload', eth(IPV6, ...ipv6(17, udp(9), 4)), 'l4_payload', null],
  ])('%s', (_, frame, layer, expected) => {
    expect(range(frame, layer)).toEqual(expected);
  });
});

test('tokens are the bytes, then padding', () => {
  const input = { kind: 'payload', layer: 'l4_payload', length: 4, pad: 256 } as const;
  expect(tokensOf(eth(IPV4, ...ipv4(17, udp(1, 255))), input)).toEqual(Uint16Array.of(1, 255, 256, 256));
  expect(tokensOf(eth(IPV4, ...ipv4(17, udp(1, 2, 3, 4, 5))), input)).toEqual(Uint16Array.of(1, 2, 3, 4));
  expect(tokensOf(eth([0x08, 0x06]), input)).toBeNull();
});
