import { describe, expect, it } from 'vitest';
import { FeatureExtractor } from './extract.ts';
import { planOf } from './plan.ts';

/** A frame of TCP in IPv4: ports, flags, payload. */
function frame(from: [number, number], to: [number, number], flags: number, payload: string, options: number[] = []): Uint8Array {
  const u16 = (value: number) => [value >> 8, value & 255];
  const tcp = [
    ...u16(from[1]),
    ...u16(to[1]),
    ...Array(8).fill(0),
    (5 + options.length / 4) << 4,
    flags,
    ...u16(512),
    0,
    0,
    0,
    0,
    ...options,
  ];
  const body = [...tcp, ...new TextEncoder().encode(payload)];
  const ip = [0x45, 0xb8, ...u16(20 + body.length), 0, 7, 0x40, 0, 61, 6, 0, 0, 10, 0, 0, from[0], 10, 0, 0, to[0]];
  return Uint8Array.from([...Array(12).fill(2), 8, 0, ...ip, ...body]);
}
const client: [number, number] = [1, 40_000];
const server: [number, number] = [2, 443];

describe('the reference’s features', () => {
  it('are those of the headers', () => {
    const names = [
      'ip.ttl',
      'ip.dscp',
      'ip.id',
      'ip.df',
      'l4.srcport',
      'l4.dstport',
      'tcp.syn',
      'tcp.mss',
      'tcp.wscale',
      'payload.len',
      'payload.printable',
      'payload.digits',
    ];
    const extractor = new FeatureExtractor(planOf({ kind: 'fields', features: names }));
    const { numbers } = extractor.next(frame(client, server, 2, 'ab 12\n', [2, 4, 5, 180, 1, 3, 3, 7]), 0)!;
    expect([...numbers]).toEqual([61, 46, 7, 1, 40_000, 443, 1, 1460, 7, 6, 5, 2]);
    expect(extractor.next(new Uint8Array(60), 0)).toBeNull();
  });

  it('count both directions of a flow and begin anew after a pause', () => {
    const features = [
      'flow.packets',
      'flow.packets.fwd',
      'flow.packets.bwd',
      'flow.iat.mean',
      'flow.iat.max.fwd',
      'flow.duration',
      'flow.gap',
      'flow.direction',
      'flow.syn',
    ];
    const extractor = new FeatureExtractor(planOf({ kind: 'flow', features, flows: { idleSeconds: 1 } }));
    const at = (from: [number, number], to: [number, number], flags: number, ns: number) => [
      ...extractor.next(frame(from, to, flags, 'x'), ns)!.numbers,
    ];
    expect(at(server, client, 18, 5_000)).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 1]);
    expect(at(client, server, 16, 5_300)).toEqual([2, 1, 1, 300, 0, 300, 300, 1, 1]);
    expect(at(server, client, 16, 6_000)).toEqual([3, 2, 1, 500, 1000, 1000, 700, 0, 1]);
    expect(at(client, server, 2, 2_000_000_000)).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 1]);
  });

  it('give the last packets, oldest first', () => {
    const input = { kind: 'sequence', length: 3, of: ['signed_size', 'iat'] } as const;
    const extractor = new FeatureExtractor(planOf(input));
    extractor.next(frame(client, server, 2, ''), 10);
    extractor.next(frame(server, client, 2, 'abc'), 30);
    expect([...extractor.next(frame(client, server, 2, 'a'), 70)!.numbers]).toEqual([54, 0, -57, 20, 55, 40]);
  });
});
