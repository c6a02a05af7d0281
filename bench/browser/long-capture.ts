/** Part of the long runs that look at the page: captures of many packets. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { writeCapture } from '../../src/traces/capture/write.ts';
import type { MadePacket } from '../../src/traces/testing/capture-files.ts';
import { PacketMaker } from '../packets.ts';

/** So many are made by the generator; the capture holds them again and again, later each time. */
const MADE = 50_000;

/** Writes a capture of so many packets, a multiple of 50,000; gives its size in bytes, the packets that it repeats, and how often. */
export function writeLongCapture(path: string, packets: number): { bytes: number; made: readonly MadePacket[]; rounds: number } {
  const made = new PacketMaker(7).make(MADE);
  const rounds = packets / MADE;
  const file = openSync(path, 'w');
  let bytes = 0;
  for (let round = 0; round < rounds; round++) {
    const part = writeCapture(
      made.map(({ data, seconds, fraction }) => ({
        data,
        timeNs: BigInt(seconds ?? 0) * 1_000_000_000n + BigInt(fraction ?? 0) * 1000n + BigInt(round) * 100_000_000_000n,
      })),
    );
    // Only the first part keeps the header of the file.
    bytes += writeSync(file, part, round === 0 ? 0 : 24);
  }
  closeSync(file);
  return { bytes, made, rounds };
}
