import { describe, expect, it } from 'vitest';
import { Analysis } from './analysis.ts';
import { openCapture } from './capture/capture.ts';
import { memorySource } from './capture/source.ts';
import { Dissection } from './dissect/dissection.ts';
import { fieldId } from './dissect/fields.ts';
import { pcapFile } from './testing/capture-files.ts';

const u16 = (value: number) => [value >> 8, value & 255];
const u32 = (value: number) => [...u16(value >>> 16), ...u16(value & 0xffff)];

function ip(protocol: number, back: boolean, payload: number[], fragment = 0): Uint8Array {
  const ends = back ? [10, 0, 0, 2, 10, 0, 0, 1] : [10, 0, 0, 1, 10, 0, 0, 2];
  return Uint8Array.from([0x45, 0, ...u16(20 + payload.length), 0, 7, ...u16(fragment), 64, protocol, 0, 0, ...ends, ...payload]);
}

const tcp = (back: boolean, seq: number, ack: number, flags: number, data: number[] = []) =>
  ip(6, back, [
    ...(back ? u16(80) : u16(4000)),
    ...(back ? u16(4000) : u16(80)),
    ...u32(seq),
    ...u32(ack),
    0x50,
    flags,
    1,
    0,
    0,
    0,
    0,
    0,
    ...data,
  ]);

async function analysed(packets: Uint8Array[]) {
  const capture = await openCapture(
    memorySource(
      pcapFile(
        packets.map((data, at) => ({ data, seconds: at })),
        { linkType: 101, magic: 0xa1b23c4d },
      ),
    ),
  );
  const analysis = new Analysis(capture);
  const out = new Dissection();
  await analysis.follow(out);
  const value = async (packet: number, name: string) => {
    await analysis.dissect(out, packet);
    return out.rows(fieldId(name)).map((at) => out.value[at]);
  };
  return { analysis, value };
}

describe('flows', () => {
  it.each([
    [9999, []],
    [10_000, [1]],
  ])('counts the end of a direction of which %i segments wait as one more, as long as Wireshark does', async (segments, lost) => {
    const sent = Array.from({ length: segments }, (_, i) => tcp(false, 1000 + i, 1, 16, [7]));
    const end = 1000 + segments;
    const { value } = await analysed([tcp(true, 1, 1000, 16), ...sent, tcp(false, end, 1, 17), tcp(true, 1, end + 1, 16)]);
    expect(await value(segments + 2, 'tcp.analysis.ack_lost_segment')).toEqual(lost);
  });

  it('puts both directions together, counts them, and knows when a connection closed', async () => {
    const { analysis, value } = await analysed([
      tcp(false, 1000, 0, 2),
      tcp(true, 5000, 1001, 18),
      tcp(false, 1001, 5001, 16, [1, 2, 3]),
      tcp(false, 1004, 5001, 17),
      tcp(true, 5001, 1005, 17),
      tcp(false, 9000, 0, 2),
    ]);
    expect(analysis.flows.count).toBe(2);
    expect(analysis.flows.flow(0)).toMatchObject({
      source: '10.0.0.1',
      sourcePort: 4000,
      packets: [3, 2],
      bytes: [123, 80],
      state: 'closed',
      first: 0,
      last: 4,
    });
    expect(analysis.flows.flow(1)).toMatchObject({ stream: 1, state: 'opening', firstPacket: 5 });
    expect(await value(2, 'tcp.seq')).toEqual([1]);
    expect(await value(4, 'tcp.ack')).toEqual([5]);
    expect(await value(5, 'tcp.stream')).toEqual([1]);
  });

  it('reads a datagram with the packet that completes it, whenever it is asked', async () => {
    const udp = [...u16(7), ...u16(9), ...u16(8 + 16), 0, 0, ...new Array<number>(16).fill(5)];
    const { analysis, value } = await analysed([
      ip(17, false, udp.slice(16), 2),
      ip(17, false, udp.slice(0, 16), 0x2000),
      ip(17, false, udp),
    ]);
    expect(await value(0, 'udp.dstport')).toEqual([]);
    expect(await value(1, 'udp.dstport')).toEqual([9]);
    expect(analysis.flows.flow(0).packets).toEqual([2, 0]);
  });
});
