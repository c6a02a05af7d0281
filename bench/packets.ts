import { randomOf } from '../src/base/random.ts';
import type { MadePacket } from '../src/traces/testing/capture-files.ts';

type Bytes = number[];

const u16 = (value: number): Bytes => [(value >> 8) & 0xff, value & 0xff];
const u24 = (value: number): Bytes => [(value >> 16) & 0xff, ...u16(value)];
const u32 = (value: number): Bytes => [...u16(value >>> 16), ...u16(value & 0xffff)];
const ascii = (text: string): Bytes => [...text].map((char) => char.charCodeAt(0));

/**
 * Frames of Ethernet with everything that is dissected, from a seed: protocols nested at random, right for the most part, and now and then cut,
 * lengthened or with lengths that lie.
 */
export class PacketMaker {
  readonly #random: () => number;
  #flows: { source: Bytes; destination: Bytes; sport: number; dport: number; seq: number; ack: number; opened: number }[] = [];

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  make(count: number): MadePacket[] {
    const packets: MadePacket[] = [];
    let time = 1_700_000_000_000_000;
    while (packets.length < count) {
      for (const frame of this.#frames()) {
        time += this.#int(2000);
        const cut = this.#one(40) && frame.length > 20 ? 14 + this.#int(frame.length - 14) : frame.length;
        packets.push({
          data: Uint8Array.from(frame.slice(0, cut)),
          original: frame.length,
          seconds: Math.floor(time / 1e6),
          fraction: time % 1e6,
        });
      }
    }
    return packets.slice(0, count);
  }

  #int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #one(of: number): boolean {
    return this.#int(of) === 0;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#int(from.length)]!;
  }

  #bytes(length: number): Bytes {
    return Array.from({ length }, () => this.#int(256));
  }

  #frames(): Bytes[] {
    const ether = [...this.#mac(), ...this.#mac()];
    const kind = this.#int(20);
    if (kind === 0) return [[...ether, ...this.#tags(0x0806), ...this.#arp()]];
    if (kind === 1) return [[...ether, ...this.#llc()]];
    if (kind === 2) return [[...ether, ...u16(this.#pick([0x88cc, 0x9000, 0x1234, 0x05ff, 0x86de])), ...this.#bytes(this.#int(60))]];
    const v6 = this.#one(3);
    const tags = this.#tags(v6 ? 0x86dd : 0x0800);
    return this.#internet(v6, 0).map((packet) => {
      const padding = packet.length < 46 && this.#one(2) ? new Array<number>(46 - packet.length).fill(0) : [];
      return [...ether, ...tags, ...packet, ...padding];
    });
  }

  #mac(): Bytes {
    return [this.#pick([0, 2, 1, 0x33]), 0, 0x5e, ...this.#bytes(3)];
  }

  #tags(type: number): Bytes {
    const kind = this.#int(8);
    if (kind === 0) return [...u16(0x8100), ...u16(this.#int(65536)), ...u16(type)];
    if (kind === 1) return [...u16(0x88a8), ...u16(this.#int(65536)), ...u16(0x8100), ...u16(this.#int(65536)), ...u16(type)];
    return u16(type);
  }

  #arp(): Bytes {
    const same = this.#one(4);
    const ip = this.#v4();
    const hardware = this.#one(12) ? 7 : 1;
    return [
      ...u16(hardware),
      ...u16(0x0800),
      6,
      4,
      ...u16(1 + this.#int(4)),
      ...this.#mac(),
      ...ip,
      ...this.#mac(),
      ...(same ? ip : this.#v4()),
    ];
  }

  #llc(): Bytes {
    const body = this.#one(2)
      ? [0xaa, 0xaa, 3, 0, 0, 0, ...u16(0x0800), ...this.#internet(false, 2)[0]!]
      : [this.#pick([0xf8, 0x7c]), this.#pick([0xf8, 0x7d]), 3, ...this.#bytes(20)];
    return [...u16(Math.min(1500, body.length)), ...body];
  }

  #v4(): Bytes {
    return [this.#pick([10, 192, 172, 224]), this.#pick([0, 168]), this.#int(3), this.#int(8)];
  }

  #v6(): Bytes {
    return [0xfe, 0x80, ...new Array<number>(12).fill(0), this.#int(3), this.#int(8)];
  }

  /** One packet, or all pieces of one. */
  #internet(v6: boolean, depth: number): Bytes[] {
    const source = v6 ? this.#v6() : this.#v4();
    const destination = v6 ? this.#v6() : this.#v4();
    const [protocol, payload] = this.#transport(v6, source, destination, depth);
    if (depth === 0 && payload.length > 60 && this.#one(25)) return this.#pieces(v6, source, destination, protocol, payload);
    return [
      v6
        ? this.#ipv6(source, destination, protocol, payload)
        : this.#ipv4(source, destination, protocol, payload, this.#pick([0x4000, 0, 0x8000]), this.#int(65536)),
    ];
  }

  #pieces(v6: boolean, source: Bytes, destination: Bytes, protocol: number, payload: Bytes): Bytes[] {
    const id = this.#int(65536);
    const size = 8 * (1 + this.#int(6));
    const pieces: Bytes[] = [];
    for (let at = 0; at < payload.length; at += size) {
      const more = at + size < payload.length;
      const data = payload.slice(at, at + size);
      if (v6) pieces.push(this.#ipv6(source, destination, 44, [protocol, 0, ...u16(at | (more ? 1 : 0)), ...u32(id), ...data]));
      else pieces.push(this.#ipv4(source, destination, protocol, data, (more ? 0x2000 : 0) | (at / 8), id));
    }
    if (this.#one(3)) pieces.reverse();
    if (this.#one(6)) pieces.pop();
    return pieces;
  }

  #ipv4(source: Bytes, destination: Bytes, protocol: number, payload: Bytes, fragment: number, id: number): Bytes {
    const options = this.#one(6)
      ? this.#pick<Bytes>([
          [0x94, 4, 0, 0],
          [1, 1, 1, 0],
          [7, 7, 4, 0, 0, 0, 0, 0],
          [0x44, 8, 5, 0, 0, 0, 0, 0],
          [130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        ])
      : [];
    const header = 20 + options.length;
    const total = this.#one(60) ? this.#pick([0, 10, 2000]) : header + payload.length;
    const first = [0x40 | (this.#one(80) ? 3 : header / 4), this.#int(256), ...u16(total), ...u16(id), ...u16(fragment)];
    return [...first, this.#int(256), protocol, ...this.#bytes(2), ...source, ...destination, ...options, ...payload];
  }

  #ipv6(source: Bytes, destination: Bytes, protocol: number, payload: Bytes): Bytes {
    let next = protocol;
    let body = payload;
    if (protocol !== 44 || this.#one(2)) {
      const kind = this.#int(8);
      const before = next;
      if (kind === 0) [next, body] = [0, [before, 0, 5, 2, 0, 0, 1, 0, ...body]];
      else if (kind === 1) [next, body] = [60, [before, 1, 1, 12, ...new Array<number>(12).fill(0), ...body]];
      else if (kind === 2) [next, body] = [43, [before, 2, 0, 0, 0, 0, 0, 0, ...this.#v6(), ...body]];
    }
    const length = this.#one(60) ? this.#pick([4, 2000]) : body.length;
    return [
      ...u32((0x60000000 | (this.#int(256) << 20) | this.#int(1 << 20)) >>> 0),
      ...u16(length),
      next,
      this.#int(256),
      ...source,
      ...destination,
      ...body,
    ];
  }

  #transport(v6: boolean, source: Bytes, destination: Bytes, depth: number): [protocol: number, bytes: Bytes] {
    const kind = this.#int(10);
    if (kind === 0) return v6 ? [58, this.#icmpv6()] : [1, this.#icmp(depth)];
    if (kind === 1) return [this.#pick([132, 47, 89, 103, 253]), this.#bytes(this.#int(40))];
    return kind < 6 ? [6, this.#tcp(source, destination)] : [17, this.#udp(depth)];
  }

  #icmp(depth: number): Bytes {
    const type = this.#pick([8, 0, 3, 11, 5, 13]);
    const head = [
      type,
      type === 3 ? this.#int(5) : 0,
      ...this.#bytes(2),
      ...u16(type === 3 ? 0 : this.#int(65536)),
      ...u16(this.#int(2000)),
    ];
    if (type === 13) return [...head, ...this.#bytes(12)];
    if (type === 8 || type === 0) return [...head, ...this.#bytes(this.#int(40))];
    return [...head, ...this.#internet(false, depth + 2)[0]!.slice(0, 28)];
  }

  #icmpv6(): Bytes {
    const type = this.#pick([128, 129, 135, 136, 133]);
    const head = [type, 0, ...this.#bytes(2)];
    if (type === 135 || type === 136)
      return [...head, ...u32((this.#int(8) << 29) >>> 0), ...this.#v6(), type === 135 ? 1 : 2, 1, ...this.#mac()];
    if (type === 133) return [...head, 0, 0, 0, 0, ...(this.#one(2) ? [1, 1, ...this.#mac()] : [])];
    return [...head, ...u16(this.#int(65536)), ...u16(this.#int(100)), ...this.#bytes(this.#int(30))];
  }

  #tcp(source: Bytes, destination: Bytes): Bytes {
    let flow = this.#one(2)
      ? this.#flows.find((one) => String(one.source) === String(source) && String(one.destination) === String(destination))
      : undefined;
    const fresh = !flow;
    flow ??= {
      source,
      destination,
      sport: 61_000 + this.#int(4000),
      dport: this.#pick([80, 443, 53, 8080, 60_022, 59_999, 60_000 + this.#int(1000)]),
      seq: this.#int(2 ** 32),
      ack: this.#int(2 ** 32),
      opened: 0,
    };
    if (fresh) this.#flows = [...this.#flows.slice(-50), flow];
    const syn = fresh && this.#one(2);
    const flags = syn ? 2 : this.#pick([0x10, 0x18, 0x11, 0x14, 0x12, 0x18, 0x0c2, 0x152, 0]);
    const options = this.#tcpOptions(syn);
    const payload = syn ? [] : this.#application(flow.dport);
    const header = this.#one(60) ? this.#pick([4, 15]) : (20 + options.length) / 4;
    const out = [...u16(flow.sport), ...u16(flow.dport), ...u32(flow.seq), ...u32(flags & 0x10 ? flow.ack : 0)];
    out.push(
      (header << 4) | (flags >> 8),
      flags & 0xff,
      ...u16(this.#int(65536)),
      ...this.#bytes(2),
      ...u16(this.#one(9) ? 7 : 0),
      ...options,
      ...payload,
    );
    flow.seq = (flow.seq + payload.length + (syn ? 1 : 0)) >>> 0;
    return out;
  }

  #tcpOptions(syn: boolean): Bytes {
    const options: Bytes = [];
    if (syn) options.push(2, 4, ...u16(536 + this.#int(1000)), 4, 2, 1, 3, 3, this.#int(16));
    if (this.#one(2)) options.push(1, 1, 8, 10, ...this.#bytes(8));
    if (!syn && this.#one(6)) options.push(1, 1, 5, 18, ...this.#bytes(16));
    if (this.#one(20)) options.push(this.#pick([254, 34]), 6, ...this.#bytes(4));
    if (this.#one(40)) options.push(99, 40);
    if (this.#one(9)) options.push(0);
    while (options.length % 4) options.push(1);
    return options.slice(0, 40);
  }

  #application(port: number): Bytes {
    if (this.#one(4)) return [];
    if (port === 80 || port === 8080) return this.#http();
    if (port === 443) return this.#tls();
    if (port === 53) {
      const message = this.#dns();
      return [...u16(message.length), ...message];
    }
    if (this.#one(5)) return this.#one(2) ? this.#http() : this.#tls();
    return this.#bytes(this.#int(30)).map((byte) => byte | 0x80);
  }

  #udp(depth: number): Bytes {
    const port = this.#pick([53, 53, 5353, 5355, 4789, 4000 + this.#int(300), 60_001]);
    let payload: Bytes;
    if (port === 53 || port === 5353 || port === 5355) payload = this.#dns();
    else if (port === 4789) {
      const inner = this.#int(2) === 0;
      payload = [8, 0, ...u16(0), ...u24(this.#int(1 << 24)), 0];
      if (depth < 2) payload.push(...this.#mac(), ...this.#mac(), ...u16(inner ? 0x86dd : 0x0800), ...this.#internet(inner, depth + 1)[0]!);
    } else payload = this.#bytes(this.#int(40)).map((byte) => byte | 0x80);
    const back = port === 53 && this.#one(2);
    const other = 30_000 + this.#int(100);
    const length = this.#one(50) ? this.#pick([0, 3, 4000]) : 8 + payload.length;
    return [...u16(back ? port : other), ...u16(back ? other : port), ...u16(length), ...this.#bytes(2), ...payload];
  }

  #name(): Bytes {
    const labels = Array.from({ length: this.#int(4) }, () => this.#pick(['www', 'example', 'com', 'a', 'mail', 'x-1', '_sip']));
    return [...labels.flatMap((label) => [label.length, ...ascii(label)]), 0];
  }

  #dns(): Bytes {
    const response = this.#one(2);
    const questions = this.#one(10) ? this.#int(3) : 1;
    const answers = response ? this.#int(4) : 0;
    const extra = this.#one(4) ? 1 : 0;
    const flags = (response ? 0x8000 : 0) | this.#int(0x800) | (this.#one(8) ? this.#int(16) << 11 : 0);
    const out: Bytes = [...u16(this.#int(65536)), ...u16(flags), ...u16(questions), ...u16(answers), ...u16(0), ...u16(extra)];
    for (let i = 0; i < questions; i++) out.push(...this.#name(), ...u16(this.#pick([1, 28, 15, 16, 255, 5, 65])), ...u16(1));
    for (let i = 0; i < answers; i++) out.push(...this.#record(questions > 0));
    if (extra) out.push(0, ...u16(41), ...u16(1232), ...u32(0), ...u16(0));
    if (this.#one(40)) return out.slice(0, 12 + this.#int(out.length - 12));
    return out;
  }

  #record(pointer: boolean): Bytes {
    const name = pointer && this.#one(2) ? [0xc0, 12] : this.#name();
    const [type, data] = this.#pick<[number, Bytes]>([
      [1, this.#v4()],
      [28, this.#v6()],
      [5, this.#name()],
      [2, this.#name()],
      [12, this.#name()],
      [15, [...u16(this.#int(100)), ...this.#name()]],
      [16, [5, ...ascii('v=xyz'), 3, ...ascii('abc')]],
      [6, [...this.#name(), ...this.#name(), ...u32(2024), ...u32(1), ...u32(2), ...u32(3), ...u32(4)]],
      [33, [...u16(1), ...u16(2), ...u16(5060), ...this.#name()]],
    ]);
    return [...name, ...u16(type), ...u16(1), ...u32(this.#int(100_000)), ...u16(data.length), ...data];
  }

  #http(): Bytes {
    const end = '\r\n';
    const headers = [
      `Host: ${this.#pick(['example.com', 'a.b.c', '10.0.0.1:8080'])}`,
      `User-Agent: ${this.#pick(['curl/8.5.0', 'Mozilla/5.0 (X11; Linux)'])}`,
      'Accept: */*',
      'Accept-Encoding: gzip, deflate',
      'Cookie: a=1; b=2',
      `Referer: http://example.com/${this.#int(100)}`,
      `X-Test: ${this.#int(1000)}`,
      'Connection: keep-alive',
      'Cache-Control: no-cache',
    ].filter(() => this.#one(2));
    if (this.#one(2)) {
      const method = this.#pick(['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']);
      const first = `${method} /${this.#pick(['', 'index.html', 'a/b?c=d&e=f', '%20x'])} HTTP/1.${this.#int(2)}`;
      return ascii([first, ...headers, '', ''].join(end));
    }
    const code = this.#pick([200, 204, 301, 404, 500]);
    const first = `HTTP/1.1 ${code} ${this.#pick(['OK', 'Not Found', 'Moved Permanently'])}`;
    const own = ['Server: nginx/1.2', 'Set-Cookie: s=1', 'Date: Mon, 01 Jan 2024 00:00:00 GMT', 'Location: /x'].filter(() => this.#one(2));
    return ascii([first, ...own, 'Content-Length: 0', '', ''].join(end));
  }

  #tls(): Bytes {
    const kind = this.#int(4);
    if (kind === 0) return [23, 3, 3, ...u16(20), ...this.#bytes(20)];
    if (kind === 1) return [21, 3, 3, ...u16(2), 1, 0];
    const name = ascii(this.#pick(['example.com', 'www.test.org', 'x.y']));
    const alpn = this.#pick<string[]>([['h2', 'http/1.1'], ['http/1.1'], []]);
    const extension = (type: number, data: Bytes): Bytes => [...u16(type), ...u16(data.length), ...data];
    const list = alpn.flatMap((one) => [one.length, ...ascii(one)]);
    const extensions = [
      ...(this.#one(4) ? [] : extension(0, [...u16(name.length + 3), 0, ...u16(name.length), ...name])),
      ...extension(10, [...u16(4), ...u16(29), ...u16(23)]),
      ...extension(13, [...u16(4), ...u16(0x0403), ...u16(0x0804)]),
      ...(alpn.length > 0 ? extension(16, [...u16(list.length), ...list]) : []),
      ...extension(43, [4, 3, 4, 3, 3]),
      ...extension(23, []),
    ];
    const suites = Array.from({ length: 1 + this.#int(5) }, () => u16(this.#pick([0x1301, 0x1302, 0xc02f, 0x009c, 0x0a0a]))).flat();
    const session = this.#bytes(this.#pick([0, 32]));
    const body = [
      3,
      3,
      ...this.#bytes(32),
      session.length,
      ...session,
      ...u16(suites.length),
      ...suites,
      1,
      0,
      ...u16(extensions.length),
      ...extensions,
    ];
    const handshake = [1, ...u24(body.length), ...body];
    return [22, 3, this.#pick([1, 3]), ...u16(handshake.length), ...handshake];
  }
}
