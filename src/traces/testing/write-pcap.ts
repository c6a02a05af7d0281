import { FILE_HEADER, LINKTYPE_ETHERNET, MAGIC_MICROSECONDS, MAGIC_NANOSECONDS, RECORD_HEADER } from '../pcap.ts';

export interface PacketToWrite {
  readonly data: Uint8Array;
  readonly seconds?: number;
  readonly nanoseconds?: number;
  readonly originalLength?: number;
}

/** A capture file with these packets. */
export function writePcap(
  packets: readonly PacketToWrite[],
  options: { readonly linkType?: number; readonly nanoseconds?: boolean; readonly bigEndian?: boolean; readonly snapLength?: number } = {},
): Uint8Array {
  const little = !options.bigEndian;
  const bytes = new Uint8Array(FILE_HEADER + packets.reduce((sum, p) => sum + RECORD_HEADER + p.data.length, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, options.nanoseconds ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS, little);
  view.setUint16(4, 2, little);
  view.setUint16(6, 4, little);
  view.setUint32(16, options.snapLength ?? 262_144, little);
  view.setUint32(20, options.linkType ?? LINKTYPE_ETHERNET, little);
  let at = FILE_HEADER;
  for (const packet of packets) {
    const nanoseconds = packet.nanoseconds ?? 0;
    view.setUint32(at, packet.seconds ?? 0, little);
    view.setUint32(at + 4, options.nanoseconds ? nanoseconds : Math.floor(nanoseconds / 1000), little);
    view.setUint32(at + 8, packet.data.length, little);
    view.setUint32(at + 12, packet.originalLength ?? packet.data.length, little);
    bytes.set(packet.data, at + RECORD_HEADER);
    at += RECORD_HEADER + packet.data.length;
  }
  return bytes;
}
