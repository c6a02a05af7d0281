import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layerRange } from '../hooks/layers.ts';
import { ipv6Text } from './addresses.ts';
import { summarizePacket } from './packet.ts';

const be16 = (value: number) => [value >> 8, value & 255];
const ascii = (text: string) => [...new TextEncoder().encode(text)];
const ethernetHeader = (type: number, ...tags: number[]) => [
  ...[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2],
  ...tags.flatMap((vlan) => [0x81, 0x00, ...be16(vlan)]),
  ...be16(type),
];
const ipv4 = (protocol: number, body: number[], fragment = 0) => [
  0x45,
  0,
  ...be16(20 + body.length),
  0,
  0,
  ...be16(fragment),
  64,
  protocol,
  0,
  0,
  10,
  0,
  0,
  1,
  192,
  168,
  7,
  9,
  ...body,
];
const ipv6 = (next: number, body: number[]) => [
  ...[0x60, 0, 0, 0, ...be16(body.length), next, 64],
  ...[0xfe, 0x80, ...Array(13).fill(0), 1],
  ...[0x20, 0x01, 0x0d, 0xb8, ...Array(11).fill(0), 2],
  ...body,
];
const tcp = (from: number, to: number, payload: number[], flags = 0x18) => [
  ...be16(from),
  ...be16(to),
  0,
  0,
  0,
  1,
  0,
  0,
  0,
  2,
  0x50,
  flags,
  1,
  0,
  0,
  0,
  0,
  0,
  ...payload,
];
const udp = (from: number, to: number, payload: number[]) => [...be16(from), ...be16(to), ...be16(8 + payload.length), 0, 0, ...payload];
const dns = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7, ...ascii('example'), 3, ...ascii('com'), 0, 0, 1, 0, 1];
/** A client hello whose only extension names a host. */
const hello = (host: string) => {
  const name = [0, 0, ...be16(host.length + 5), ...be16(host.length + 3), 0, ...be16(host.length), ...ascii(host)];
  const body = [3, 3, ...Array(32).fill(7), 0, 0, 2, 0x13, 0x01, 1, 0, ...be16(name.length), ...name];
  return [22, 3, 1, ...be16(body.length + 4), 1, 0, ...be16(body.length), ...body];
};
const frame = (...parts: number[][]) => Uint8Array.from(parts.flat());

describe('summarizePacket', () => {
  it('finds layers, addresses and ports behind VLAN tags, and leaves padding out', () => {
    const request = ascii('GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n');
    const bytes = frame(ethernetHeader(0x0800, 5, 6), ipv4(6, tcp(51000, 80, request)), [0, 0, 0, 0]);
    expect(summarizePacket(bytes)).toEqual({
      l2: { start: 0, end: bytes.length },
      l3: { start: 22, end: bytes.length - 4 },
      l4: { start: 42, end: bytes.length - 4 },
      payload: { start: 62, end: bytes.length - 4 },
      vlanIds: [5, 6],
      source: '10.0.0.1',
      destination: '192.168.7.9',
      sourcePort: 51000,
      destinationPort: 80,
      protocol: 'TCP',
      info: 'HTTP GET /index.html',
    });
  });

  it.each([
    [
      'an HTTP response',
      frame(ethernetHeader(0x0800), ipv4(6, tcp(80, 5000, ascii('HTTP/1.1 404 Not Found\r\n')))),
      'TCP',
      'HTTP 404 Not Found',
    ],
    ['a TCP handshake', frame(ethernetHeader(0x0800), ipv4(6, tcp(5000, 80, [], 0x12))), 'TCP', 'TCP SYN ACK'],
    ['unknown TCP data', frame(ethernetHeader(0x0800), ipv4(6, tcp(5000, 9999, [1, 2, 3]))), 'TCP', 'TCP PSH ACK, 3 bytes'],
    [
      'a client hello',
      frame(ethernetHeader(0x0800), ipv4(6, tcp(5000, 443, hello('www.example.org')))),
      'TCP',
      'TLS client hello for www.example.org',
    ],
    ['TLS data', frame(ethernetHeader(0x0800), ipv4(6, tcp(443, 5000, [23, 3, 3, 0, 1, 9]))), 'TCP', 'TLS application data'],
    [
      'an SSH banner',
      frame(ethernetHeader(0x0800), ipv4(6, tcp(22, 5000, ascii('SSH-2.0-OpenSSH_9.2\r\n')))),
      'TCP',
      'SSH SSH-2.0-OpenSSH_9.2',
    ],
    ['mail', frame(ethernetHeader(0x0800), ipv4(6, tcp(5000, 25, ascii('EHLO host\r\n')))), 'TCP', 'SMTP EHLO host'],
    ['a DNS query', frame(ethernetHeader(0x86dd), ipv6(17, udp(5000, 53, dns))), 'UDP', 'DNS query example.com'],
    [
      'UDP behind extension headers',
      frame(ethernetHeader(0x86dd), ipv6(0, [60, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0, ...udp(1, 2, [9])])),
      'UDP',
      'UDP, 1 bytes',
    ],
    ['a ping', frame(ethernetHeader(0x0800), ipv4(1, [8, 0, 0, 0])), 'ICMP', 'ICMP echo request'],
    ['a neighbour solicitation', frame(ethernetHeader(0x86dd), ipv6(58, [135, 0])), 'ICMPv6', 'ICMPv6 neighbour solicitation'],
    ['a later fragment', frame(ethernetHeader(0x0800), ipv4(17, [1, 2, 3, 4, 5, 6, 7, 8], 100)), 'UDP', 'UDP, a later fragment'],
    ['ARP', frame(ethernetHeader(0x0806), [0, 1, 8, 0, 6, 4, 0, 1, ...Array(16).fill(1), 10, 0, 0, 7]), 'ARP', 'ARP who has 10.0.0.7'],
    ['another EtherType', frame(ethernetHeader(0x88cc), [1, 2]), '0x88cc', '0x88cc, 16 bytes'],
    ['a damaged header', frame(ethernetHeader(0x0800), [0x45, 0]), 'IPv4', 'a damaged IP header'],
    ['a stump', Uint8Array.of(1, 2, 3), 'Ethernet', 'a frame of 3 bytes, shorter than its header'],
    ['nothing', new Uint8Array(0), 'Ethernet', 'a frame of 0 bytes, shorter than its header'],
  ])('describes %s', (_, bytes, protocol, info) => {
    expect(summarizePacket(bytes)).toMatchObject({ protocol, info });
  });

  it('shortens IPv6 addresses as RFC 5952 does', () => {
    const text = (...groups: number[]) => ipv6Text(Uint8Array.from(groups.flatMap(be16)), 0);
    expect(text(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1)).toBe('2001:db8::1:0:0:1');
    expect(text(0, 0, 0, 0, 0, 0, 0, 1)).toBe('::1');
    expect(text(0, 0, 0, 0, 0, 0, 0, 0)).toBe('::');
    expect(text(1, 0, 2, 3, 4, 5, 6, 7)).toBe('1:0:2:3:4:5:6:7');
    expect(text(0xfe80, 0, 0, 0, 0, 0, 0, 0)).toBe('fe80::');
  });

  it('survives damage anywhere and agrees with the binding about layers', () => {
    const frames = [
      frame(ethernetHeader(0x0800, 5), ipv4(6, tcp(5000, 443, hello('a.b')))),
      frame(ethernetHeader(0x86dd), ipv6(0, [17, 0, 0, 0, 0, 0, 0, 0, ...udp(53, 2, dns)])),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...frames),
        fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 4 }),
        fc.nat(130),
        (good, changes, length) => {
          const bytes = good.slice(0, length);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const summary = summarizePacket(bytes);
          expect(summary.info.length).toBeGreaterThan(0);
          expect([summary.l3, summary.l4, summary.payload]).toEqual([
            layerRange(bytes, 'l3'),
            layerRange(bytes, 'l4'),
            layerRange(bytes, 'l4_payload'),
          ]);
          for (const range of [summary.l3, summary.l4, summary.payload]) expect(range?.end ?? 0).toBeLessThanOrEqual(bytes.length);
        },
      ),
      { seed: 1, numRuns: 1000 },
    );
  });
});
