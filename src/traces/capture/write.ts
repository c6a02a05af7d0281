import { LINKTYPE_ETHERNET } from './link-types.ts';

/** A packet to put into a capture; its time in ns since 1970. */
export interface PacketToWrite {
  readonly data: Uint8Array;
  readonly timeNs: bigint;
}

const MAGIC_NANOSECONDS = 0xa1b23c4d;
const [FILE_HEADER, RECORD_HEADER] = [24, 16];
const SNAP_LENGTH = 262_144;

/** A capture of Ethernet frames in pcap with nanoseconds, little-endian (draft-ietf-opsawg-pcap). */
export function writeCapture(packets: readonly PacketToWrite[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FILE_HEADER + packets.reduce((sum, { data }) => sum + RECORD_HEADER + data.length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC_NANOSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, SNAP_LENGTH, true);
  view.setUint32(20, LINKTYPE_ETHERNET, true);
  let at = FILE_HEADER;
  for (const { data, timeNs } of packets) {
    view.setUint32(at, Number(BigInt.asUintN(32, timeNs / 1_000_000_000n)), true);
    view.setUint32(at + 4, Number(timeNs % 1_000_000_000n), true);
    view.setUint32(at + 8, data.length, true);
    view.setUint32(at + 12, data.length, true);
    bytes.set(data, at + RECORD_HEADER);
    at += RECORD_HEADER + data.length;
  }
  return bytes;
}
