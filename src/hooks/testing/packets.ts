import { randomOf } from '../../base/random.ts';

/** Random frames that reach every branch of the header parser: tags, options, extension headers, fragments, odd lengths, cuts. */
export function randomPackets(seed: number, count: number): Uint8Array[] {
  const random = randomOf(seed);
  const int = (max: number) => Math.floor(random() * max);
  const pick = <T>(items: readonly T[]): T => items[int(items.length)];
  const bytes = (length: number) => Array.from({ length }, () => int(256));
  const u16 = (value: number) => [(value >> 8) & 255, value & 255];

  const tcp = (payload: number[]) => {
    const words = random() < 0.8 ? 5 + int(4) : int(16);
    return [...bytes(12), words << 4, ...bytes(7), ...bytes(Math.max(0, words - 5) * 4), ...payload];
  };
  const transport = (protocol: number) => {
    const payload = bytes(random() < 0.2 ? 0 : int(100));
    return protocol === 6 ? tcp(payload) : [...bytes(8), ...payload];
  };
  const ipv4 = () => {
    const protocol = pick([6, 6, 6, 17, 17, 1]);
    const words = random() < 0.8 ? 5 : int(16);
    const body = transport(protocol);
    const header = Math.max(words, 5) * 4;
    const total = random() < 0.85 ? header + body.length : int(120);
    const fragment = random() < 0.9 ? 0x4000 : pick([0x2000, 0x0001, 0x1fff, 0x8000]);
    const version = random() < 0.97 ? 4 : int(16);
    return [
      (version << 4) | words,
      0,
      ...u16(total),
      ...bytes(2),
      ...u16(fragment),
      64,
      protocol,
      ...bytes(10),
      ...bytes(header - 20),
      ...body,
    ];
  };
  const ipv6 = () => {
    const protocol = pick([6, 6, 17, 17, 58, 44]);
    const chain = Array.from({ length: random() < 0.5 ? 0 : int(6) }, () => pick([0, 43, 60, 51, 60]));
    const nexts = [...chain.slice(1), protocol];
    const extensions = chain.flatMap((kind, i) => {
      const units = random() < 0.9 ? int(3) : int(256);
      const size = kind === 51 ? (units + 2) * 4 : (units + 1) * 8;
      return [nexts[i], units, ...bytes(Math.min(size, 200) - 2)];
    });
    const body = [...extensions, ...transport(protocol)];
    const length = random() < 0.85 ? body.length : int(120);
    return [random() < 0.97 ? 0x60 : int(256), ...bytes(3), ...u16(length), chain[0] ?? protocol, 64, ...bytes(32), ...body];
  };
  return Array.from({ length: count }, () => {
    const tags = Array.from({ length: random() < 0.7 ? 0 : 1 + int(3) }, () => [
      ...pick([
        [0x81, 0x00],
        [0x88, 0xa8],
      ]),
      ...bytes(2),
    ]).flat();
    const kind = random();
    const inner = kind < 0.5 ? [0x08, 0x00, ...ipv4()] : kind < 0.95 ? [0x86, 0xdd, ...ipv6()] : [...bytes(2), ...bytes(40)];
    const padding = random() < 0.3 ? bytes(int(20)) : [];
    const frame = [...bytes(12), ...tags, ...inner, ...padding];
    const cut = random() < 0.15 ? 14 + int(Math.max(1, frame.length - 14)) : frame.length;
    return Uint8Array.from(frame.slice(0, cut));
  });
}

/** The frames of a little-endian pcap file. */
export function capturePackets(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const packets: Uint8Array[] = [];
  for (let at = 24; at < file.length; ) {
    const length = view.getUint32(at + 8, true);
    packets.push(Uint8Array.from(file.subarray(at + 16, at + 16 + length)));
    at += 16 + length;
  }
  return packets;
}
