/** First words of pcap in both byte orders and its variants, and of pcapng. */
const MAGICS = new Set([
  0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0xa1b2cd34, 0x34cdb2a1, 0x1c0001ac, 0xac01001c, 0x1c0001ab, 0xab01001c, 0x0a0d0d0a,
]);

/** Whether a file begins as a capture does. */
export const beginsAsCapture = (head: Uint8Array): boolean =>
  head.length >= 4 && MAGICS.has(new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0));

/** How a file is packed, by its first bytes; null where it is not. */
export function packingOf(head: Uint8Array): 'gzip' | 'zstd' | null {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  return head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd ? 'zstd' : null;
}
