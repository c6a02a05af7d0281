import { randomOf } from '../../base/random.ts';

/** A frame and when it came. */
export interface TimedFrame {
  readonly frame: Uint8Array;
  readonly timeNs: number;
}

/**
 * Frames of flows that overlap: IPv4 and IPv6, TCP with options and flags, UDP, both directions, pauses that end flows, sizes of all kinds. Times
 * do not fall.
 */
export function traffic(seed: number, count: number, flows = 60): TimedFrame[] {
  const random = randomOf(seed);
  const int = (max: number) => Math.floor(random() * max);
  const bytes = (length: number) => Array.from({ length }, () => int(256));
  const u16 = (value: number) => [(value >> 8) & 255, value & 255];
  const newFlow = () => ({
    v6: random() < 0.3,
    tcp: random() < 0.7,
    // Few addresses, so that ends differ in one part only, or in none.
    ends: [0, 1].map(() => ({ address: [...Array(14).fill(0), int(2), int(3)], port: 1000 + int(3) })),
    pace: 10 ** (1 + 8 * random()),
    started: false,
  });
  const table = Array.from({ length: flows }, newFlow);
  const text = (length: number) => [
    ...new TextEncoder().encode('GET /index.html HTTP/1.1\r\nHost: example 0123456789 '.repeat(30).slice(0, length)),
  ];
  const options = (): number[] => {
    const list = [[2, 4, ...u16(536 + int(1000))], [3, 3, int(15)], [4, 2], [8, 10, ...bytes(8)], [1], [5, 10, ...bytes(8)]]
      .filter(() => random() < 0.5)
      .flat()
      .slice(0, 40);
    if (random() < 0.1) list.push(int(256), int(50));
    const room = list.slice(0, 40);
    return [...room, ...Array(-room.length & 3).fill(random() < 0.5 ? 0 : 1)];
  };
  let now = 1_000_000 + int(1e9);
  return Array.from({ length: count }, () => {
    if (random() < 0.01) table[int(flows)] = newFlow();
    const flow = table[int(flows)]!;
    now += Math.floor(random() < 0.002 ? 70e9 * random() : flow.pace * random() * random());
    const back = flow.started && random() < 0.4;
    flow.started = true;
    const [from, to] = back ? [flow.ends[1]!, flow.ends[0]!] : [flow.ends[0]!, flow.ends[1]!];
    const payload = random() < 0.4 ? [] : random() < 0.5 ? text(int(800)) : bytes(int(300));
    const opts = options();
    const header = flow.tcp
      ? [
          ...u16(from.port),
          ...u16(to.port),
          ...bytes(8),
          (5 + opts.length / 4) << 4,
          int(256),
          ...u16(int(65536)),
          ...bytes(2),
          ...u16(int(9)),
          ...opts,
        ]
      : [...u16(from.port), ...u16(to.port), ...u16(8 + payload.length), ...bytes(2)];
    const body = [...header, ...payload];
    const ip = flow.v6
      ? [0x60 | int(16), int(256), ...bytes(2), ...u16(body.length), flow.tcp ? 6 : 17, 1 + int(255), ...from.address, ...to.address]
      : [
          0x45,
          int(256),
          ...u16(20 + body.length),
          ...bytes(2),
          random() < 0.5 ? 0x40 : 0,
          0,
          1 + int(255),
          flow.tcp ? 6 : 17,
          ...bytes(2),
          ...from.address.slice(12),
          ...to.address.slice(12),
        ];
    const tags = random() < 0.1 ? [0x81, 0, ...bytes(2)] : [];
    const frame = [...bytes(12), ...tags, ...(flow.v6 ? [0x86, 0xdd] : [8, 0]), ...ip, ...body, ...(random() < 0.1 ? bytes(int(12)) : [])];
    return { frame: Uint8Array.from(frame), timeNs: now };
  });
}
