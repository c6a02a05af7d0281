import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { writeCapture } from '../traces/capture/write.ts';
import { PacketEvents } from './packets.ts';
import { scratchFolder } from './testing/call.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);

/** Packet `n` is 60 bytes to port 80 or 443 in turns, its number in its last bytes; it comes `n` ms after the first. */
function packetOf(n: number): Uint8Array {
  const data = new Uint8Array(60);
  const view = new DataView(data.buffer);
  view.setUint16(12, 0x0800);
  data[14] = 0x45;
  view.setUint16(16, 46);
  data[22] = 64;
  data[23] = 17;
  data.set([10, 0, 0, 1, 10, 0, 0, 2], 26);
  view.setUint16(34, 40_000);
  view.setUint16(36, n % 2 === 0 ? 80 : 443);
  view.setUint16(38, 26);
  view.setUint32(56, n);
  return data;
}

const COUNT = 9000;
const path = scratch.path('many.pcap');
writeFileSync(
  path,
  writeCapture(Array.from({ length: COUNT }, (_, n) => ({ data: packetOf(n), timeNs: 5_000_000_000n + BigInt(n) * 1_000_000n }))),
);

async function numbersOf(events: PacketEvents, from?: number, to?: number) {
  const [numbers, times]: [number[], number[]] = [[], []];
  for await (const batch of events.batches(from, to)) {
    for (const packet of batch.packets) numbers.push(new DataView(packet.buffer, packet.byteOffset).getUint32(56));
    times.push(...Array.from(batch.times));
  }
  return { numbers, times };
}

describe('packets of a capture on disk', () => {
  it('come in order, batch by batch, with times in ns from one clock', async () => {
    const events = await PacketEvents.open(path);
    expect(events.count).toBe(COUNT);
    const { numbers, times } = await numbersOf(events);
    expect(numbers).toEqual(Array.from({ length: COUNT }, (_, n) => n));
    expect(times[0]).toBeGreaterThanOrEqual(1e9);
    expect(times.every((time, n) => time - times[0]! === n * 1e6)).toBe(true);
  });

  it('come from anywhere, again and again, and under a filter counted by those that pass', async () => {
    const events = await PacketEvents.open(path, 'udp.dstport == 443');
    expect(events.count).toBe(COUNT / 2);
    for (const [from, to] of [
      [0, 3],
      [4000, 4500],
      [7, 8],
      [5, 5],
    ] as const) {
      const { numbers } = await numbersOf(events, from, to);
      expect(numbers).toEqual(Array.from({ length: to - from }, (_, at) => 2 * (from + at) + 1));
    }
    const { packets, times } = await events.first(2);
    expect(packets).toEqual([packetOf(1), packetOf(3)]);
    expect(times[1]! - times[0]!).toBe(2e6);
    expect((await events.first(COUNT)).packets).toHaveLength(COUNT / 2);
  });

  it('are refused where none passes, and where the file has changed since it was opened', async () => {
    await expect(PacketEvents.open(path, 'tcp')).rejects.toThrow(/no packet passes the filter tcp/);
    const changing = scratch.path('changing.pcap');
    writeFileSync(changing, writeCapture([{ data: packetOf(0), timeNs: 0n }]));
    const events = await PacketEvents.open(changing);
    writeFileSync(changing, writeCapture([0, 1].map((n) => ({ data: packetOf(n), timeNs: 0n }))));
    await expect(events.first(1)).rejects.toThrow(/changed on disk/);
  });
});
