import { expect } from 'vitest';
import { Analysis } from '../analysis.ts';
import { openCapture } from '../capture/capture.ts';
import { memorySource } from '../capture/source.ts';
import { Dissection } from '../dissect/dissection.ts';
import { fieldText } from '../dissect/values.ts';
import { EVERYTHING } from '../dissect/walk.ts';
import { pcapFile } from './capture-files.ts';

// Packets that tests write byte by byte, and what is read of them.

export type Fields = Readonly<Record<string, readonly string[]>>;

/** Fields of each packet of a capture, read in order; reading any packet again says the same. */
export async function read(packets: readonly (readonly number[])[], linkType = 101): Promise<Fields[]> {
  const file = pcapFile(
    packets.map((data, seconds) => ({ data: Uint8Array.from(data), seconds })),
    { linkType },
  );
  const analysis = new Analysis(await openCapture(memorySource(file)));
  const out = new Dissection();
  const fields = (): Fields => {
    const found: Record<string, string[]> = {};
    for (let at = 0; at < out.count; at++) {
      found[out.nameOf(at)] ??= [];
      found[out.nameOf(at)]!.push(fieldText(out, at));
    }
    return found;
  };
  const all: Fields[] = [];
  await analysis.follow(out, {}, EVERYTHING, () => all.push(fields()));
  for (const packet of packets.keys()) {
    await analysis.dissect(out, packet);
    expect(fields()).toEqual(all[packet]);
  }
  return all;
}

export const one = async (packet: readonly number[], linkType?: number): Promise<Fields> => (await read([packet], linkType))[0]!;

export const hex = (text: string): number[] => text.match(/[0-9a-f]{2}/g)!.map((pair) => Number.parseInt(pair, 16));
export const u16 = (value: number): number[] => [value >> 8, value & 255];
export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
export const ascii = (text: string): number[] => [...new TextEncoder().encode(text)];
export const zeros = (count: number): number[] => new Array<number>(count).fill(0);

export const ipv4 = (protocol: number, payload: readonly number[], { id = 7, fragment = 0, back = false } = {}): number[] => [
  ...[0x45, 0, ...u16(20 + payload.length), ...u16(id), ...u16(fragment), 64, protocol, 0, 0],
  ...(back ? [10, 0, 0, 2, 10, 0, 0, 1] : [10, 0, 0, 1, 10, 0, 0, 2]),
  ...payload,
];
export const ipv6 = (next: number, payload: readonly number[]): number[] => [
  ...[0x60, 0, 0, 0, ...u16(payload.length), next, 64],
  ...hex('20010db8000000000000000000000001 20010db8000000000000000000000002'),
  ...payload,
];
export const udp = (from: number, to: number, payload: readonly number[]): number[] => [
  ...[...u16(from), ...u16(to), ...u16(8 + payload.length), 0, 0],
  ...payload,
];
interface TcpOptions {
  readonly ports?: readonly [number, number];
  readonly seq?: number;
  readonly ack?: number;
  readonly options?: readonly number[];
  /** All nine, with the first bit of the byte before. */
  readonly flags?: number;
}
export const tcp = (
  payload: readonly number[],
  { ports = [4000, 443], seq = 1000, ack = 2000, options = [], flags = 0x18 }: TcpOptions = {},
): number[] => [
  ...[
    ...u16(ports[0]),
    ...u16(ports[1]),
    ...u32(seq),
    ...u32(ack),
    0x50 + options.length * 4 + (flags >> 8),
    flags & 255,
    4,
    0,
    0,
    0,
    0,
    0,
  ],
  ...options,
  ...payload,
];

export const record = (type: number, content: readonly number[], version = 0x301): number[] => [
  type,
  ...u16(version),
  ...u16(content.length),
  ...content,
];
export const message = (type: number, content: readonly number[]): number[] => [type, 0, ...u16(content.length), ...content];
export const extension = (type: number, content: readonly number[]): number[] => [...u16(type), ...u16(content.length), ...content];
export const hello = (client: boolean, version: number, extensions: readonly number[], suite = 0x1301): number[] =>
  message(client ? 1 : 2, [
    ...[...u16(version), ...zeros(32), 0],
    ...(client ? [0, 2, ...u16(suite), 1, 0] : [...u16(suite), 0]),
    ...[...u16(extensions.length), ...extensions],
  ]);

/** One segment after another of one connection to a port; `true` is from the client. */
export const connection = (
  segments: readonly (readonly [fromClient: boolean, payload: readonly number[]])[],
  port = 443,
): Promise<Fields[]> => {
  const next = [1000, 2000];
  return read(
    segments.map(([fromClient, payload]) => {
      const own = fromClient ? 0 : 1;
      const [seq, ack] = [next[own]!, next[1 - own]!];
      next[own]! += payload.length;
      return ipv4(6, tcp(payload, { ports: fromClient ? [4000, port] : [port, 4000], seq, ack }), { back: !fromClient });
    }),
  );
};
