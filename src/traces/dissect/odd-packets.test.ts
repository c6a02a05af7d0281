import { describe, expect, it } from 'vitest';
import { Analysis } from '../analysis.ts';
import { openCapture } from '../capture/capture.ts';
import { memorySource } from '../capture/source.ts';
import { pcapFile } from '../testing/capture-files.ts';
import { Dissection } from './dissection.ts';
import { fieldText } from './values.ts';
import { EVERYTHING } from './walk.ts';

type Fields = Readonly<Record<string, readonly string[]>>;

/** Fields of each packet of a capture, read in order; reading any packet again says the same. */
async function read(packets: readonly (readonly number[])[], linkType = 101): Promise<Fields[]> {
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

const one = async (packet: readonly number[], linkType?: number): Promise<Fields> => (await read([packet], linkType))[0]!;

const hex = (text: string): number[] => text.match(/[0-9a-f]{2}/g)!.map((pair) => Number.parseInt(pair, 16));
const u16 = (value: number): number[] => [value >> 8, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
const ascii = (text: string): number[] => [...new TextEncoder().encode(text)];
const zeros = (count: number): number[] => new Array<number>(count).fill(0);

const ipv4 = (protocol: number, payload: readonly number[], { id = 7, fragment = 0, back = false } = {}): number[] => [
  ...[0x45, 0, ...u16(20 + payload.length), ...u16(id), ...u16(fragment), 64, protocol, 0, 0],
  ...(back ? [10, 0, 0, 2, 10, 0, 0, 1] : [10, 0, 0, 1, 10, 0, 0, 2]),
  ...payload,
];
const ipv6 = (next: number, payload: readonly number[]): number[] => [
  ...[0x60, 0, 0, 0, ...u16(payload.length), next, 64],
  ...hex('20010db8000000000000000000000001 20010db8000000000000000000000002'),
  ...payload,
];
const udp = (from: number, to: number, payload: readonly number[]): number[] => [
  ...[...u16(from), ...u16(to), ...u16(8 + payload.length), 0, 0],
  ...payload,
];
interface TcpOptions {
  readonly ports?: readonly [number, number];
  readonly seq?: number;
  readonly ack?: number;
  readonly options?: readonly number[];
}
const tcp = (payload: readonly number[], { ports = [4000, 443], seq = 1000, ack = 2000, options = [] }: TcpOptions = {}): number[] => [
  ...[...u16(ports[0]), ...u16(ports[1]), ...u32(seq), ...u32(ack), 0x50 + options.length * 4, 0x18, 4, 0, 0, 0, 0, 0],
  ...options,
  ...payload,
];

describe('names', () => {
  const query = (counts: string): number[] => [...hex(`1234 0100 ${counts} 0377777701610000010001`)];

  it('are asked for on any port, where the counts may be those of a query', async () => {
    const found = await one(ipv4(17, udp(40_000, 8053, query('0001 0000 0000 0000'))));
    expect(found['dns.qry.name']).toEqual(['www.a']);
    expect((await one(ipv4(17, udp(40_000, 8053, query('0002 0000 0000 0000')))))['dns.id']).toBeUndefined();
    expect((await one(ipv4(17, udp(40_000, 8053, query('0001 0000 0000 000b')))))['dns.id']).toBeUndefined();
    expect((await one(ipv4(17, udp(40_000, 53, query('0001 0000 0000 000b')))))['dns.id']).toEqual(['0x1234']);
  });

  const asked = (name: readonly number[]): Promise<Fields> =>
    one(ipv4(17, udp(40_000, 53, [...hex('1234 0100 0001 0000 0000 0000'), ...name, ...hex('0001 0001')])));

  it('of labels of bits are written as such, and longer ones than names may be are not told', async () => {
    const long = [...Array.from({ length: 5 }, () => [60, ...ascii('a'.repeat(60))]).flat(), 0];
    expect(await asked(long)).toMatchObject({ 'dns.qry.name': ['<Name too long>'], 'dns.count.labels': ['1'] });
    const bits = await asked([3, ...ascii('abc'), 0x41, 8, 0xfe, 1, ...ascii('d'), 0]);
    // Wireshark does not count their characters, and shows as many as it counts.
    expect(bits).toMatchObject({ 'dns.qry.name': ['abc\\['], 'dns.qry.name.len': ['5'] });
    expect((await asked([3, ...ascii('abc'), 0x42, 0]))['dns.qry.name']).toEqual(['<Unknown extended label>']);
    expect((await asked([0x42, 0]))['dns.qry.name']).toBeUndefined();
  });

  it('behind options of EDNS that are not all there are not read', async () => {
    const record = (option: string) => hex(`00 0029 1000 00000000 0004 ${option} 0161 00 0001 0001 0000003c 0004 01020304`);
    const message = (option: string) => one(ipv4(17, udp(53, 40_000, [...hex('1234 8180 0000 0002 0000 0000'), ...record(option)])));
    expect((await message('000c0000'))['dns.a']).toEqual(['1.2.3.4']);
    expect((await message('00cb7107'))['dns.a']).toBeUndefined();
  });
});

describe('links', () => {
  it('carry the frames of an inter-switch link', async () => {
    const inner = [...hex('0200000000aa 0200000000bb 0800'), ...ipv4(17, udp(1, 2, []))];
    const frame = [...hex('01000c000000 0200000000cc'), ...u16(12 + inner.length), ...hex('aaaa03 00000c 0002 0000 0000'), ...inner];
    expect(await one(frame, 1)).toMatchObject({ 'eth.dst': ['02:00:00:00:00:aa'], 'udp.dstport': ['2'] });
  });

  it('have no length of zero', async () => {
    const found = await one([...hex('0200000000aa 0200000000bb 0000'), ...zeros(40)], 1);
    expect([found['eth.type'], found['eth.len']]).toEqual([['0x0000'], undefined]);
  });

  it.each([
    ['02000000', '2', undefined],
    ['00000002', '2', undefined],
    ['00020000', '2', undefined],
    ['00000800', undefined, '0x0800'],
  ])('say %s of what their loopback carries', async (header, family, type) => {
    const found = await one([...hex(header), ...ipv4(17, udp(1, 2, []))], 0);
    expect([found['null.family']?.[0], found['null.type']?.[0], found['udp.dstport']]).toEqual([family, type, ['2']]);
  });

  it('carry PPP instead where they begin like it', async () => {
    expect((await one(hex('ff03 0021 4500'), 0))['null.family']).toBeUndefined();
  });

  it('are told by the generic extension of VXLAN', async () => {
    const generic = (protocol: number, carried: readonly number[]) =>
      one(ipv4(17, udp(4790, 4790, [0x0c, 0, 0, protocol, 0, 0, 9, 0, ...carried])));
    expect(await generic(1, ipv4(17, udp(1, 2, [])))).toMatchObject({
      'vxlan.flags': ['0x0c'],
      'vxlan.vni': ['9'],
      'udp.dstport': ['4790', '2'],
    });
    expect((await generic(4, ipv4(17, udp(1, 2, []))))['udp.dstport']).toEqual(['4790']);
  });
});

describe('quoted packets', () => {
  const error4 = (quoted: readonly number[]) => ipv4(1, [3, 1, 0, 0, 0, 0, 0, 0, ...quoted]);
  const error6 = (quoted: readonly number[]) => ipv6(58, [1, 0, 0, 0, 0, 0, 0, 0, ...quoted]);

  it('say their raw sequence number to ICMPv6 and where they are tunnelled', async () => {
    expect((await one(error6(ipv6(6, tcp([])))))['tcp.seq_raw']).toEqual(['1000']);
    expect((await one(error4(ipv4(6, tcp([])))))['tcp.seq_raw']).toBeUndefined();
    expect((await one(error4(ipv4(4, ipv4(6, tcp([]))))))['tcp.seq_raw']).toEqual(['1000']);
  });

  it('show no record of TLS that they cut', async () => {
    const record = [22, 3, 1, 0, 100, 1, 0, 0, 96];
    expect((await one(error6(ipv6(6, tcp(record)))))['tls.record.length']).toBeUndefined();
  });

  it('of redirected neighbours come with options', async () => {
    const found = await one(ipv6(58, [137, 0, 0, 0, ...zeros(36), 1, 1, 2, 0, 0, 0, 0, 1]));
    expect(found['icmpv6.opt.linkaddr']).toEqual(['02:00:00:00:00:01']);
  });
});

describe('pieces', () => {
  const sent = udp(
    1,
    2,
    Array.from({ length: 40 }, (_, i) => i),
  );

  it('that begin first keep what others say of the same bytes', async () => {
    const other = (from: number, to: number) => sent.slice(from, to).map(() => 0xee);
    const packets = [
      ipv4(17, sent.slice(0, 16), { fragment: 0x2000 }),
      ipv4(17, other(24, 40), { fragment: 0x2003 }),
      ipv4(17, sent.slice(40), { fragment: 5 }),
      ipv4(17, sent.slice(16, 40), { fragment: 0x2002 }),
    ];
    const found = (await read(packets))[3]!;
    expect(found['udp.payload']).toEqual([Buffer.from(sent.slice(8)).toString('hex')]);
  });

  it('within what was put together are not put together again', async () => {
    const piece = (next: number, word: number, payload: readonly number[]) => ipv6(44, [next, 0, ...u16(word), 0, 0, 0, 9, ...payload]);
    const inner = [17, 0, ...u16(1), 0, 0, 0, 9, ...sent];
    const found = (await read([piece(44, 1, inner.slice(0, 16)), piece(44, 16, inner.slice(16))]))[1]!;
    expect(found).toMatchObject({ 'ipv6.fraghdr.nxt': ['44', '17'], 'udp.dstport': ['2'] });
  });

  it('may be completed by one that an error quotes', async () => {
    const piece = (word: number, payload: readonly number[]) => ipv6(44, [17, 0, ...u16(word), 0, 0, 0, 9, ...payload]);
    const error = ipv6(58, [4, 0, 0, 0, 0, 0, 0, 0, ...piece(1, sent.slice(0, 16))]);
    expect((await read([piece(16, sent.slice(16)), error]))[1]!['udp.dstport']).toEqual(['2']);
  });
});

describe('headers', () => {
  it('of IPv6 end with an option that is not all there', async () => {
    const options = (length: number) => one(ipv6(60, [17, 0, 0x1e, length, 0, 0, 0, 0, ...udp(1, 2, [])]));
    expect((await options(4))['udp.dstport']).toEqual(['2']);
    expect(await options(90)).toMatchObject({ 'ipv6.opt.type': ['0x1e'], '_ws.malformed': [''] });
    expect((await options(90))['udp.dstport']).toBeUndefined();
  });

  it('of TCP end with a selective acknowledgment without blocks, and with too short an option of multipath TCP', async () => {
    const payload = ascii('GET / HTTP/1.1\r\n\r\n');
    const withOptions = (options: string) => one(ipv4(6, tcp(payload, { ports: [4000, 80], ack: 1, options: hex(options) })));
    expect(await withOptions('0502 0101')).toMatchObject({ 'tcp.options.sack.count': ['0'], '_ws.malformed': [''] });
    expect((await withOptions('0502 0101'))['http.request.method']).toBeUndefined();
    expect(await withOptions('1e03 2000')).toMatchObject({ 'tcp.option_kind': ['30'], '_ws.malformed': [''] });
    expect((await withOptions('1e04 2000'))['http.request.method']).toEqual(['GET']);
  });

  it('of HTTP have an empty path between two spaces, and lengths of 63 bits', async () => {
    const request = (text: string) => one(ipv4(6, tcp(ascii(text), { ports: [4000, 80] })));
    expect(await request('GET  /a HTTP/1.1\r\n\r\n')).toMatchObject({ 'http.request.uri': [''], 'http.request.version': ['/a HTTP/1.1'] });
    const posted = (length: string) => request(`POST / HTTP/1.1\r\nContent-Length: ${length}\r\n\r\n`);
    expect((await posted('0'))['http.content_length']).toEqual(['0']);
    expect((await posted('18446744073709551615'))['http.content_length']).toBeUndefined();
  });
});

describe('sessions of TLS', () => {
  const record = (type: number, content: readonly number[], version = 0x301): number[] => [
    type,
    ...u16(version),
    ...u16(content.length),
    ...content,
  ];
  const message = (type: number, content: readonly number[]): number[] => [type, 0, ...u16(content.length), ...content];
  const extension = (type: number, content: readonly number[]): number[] => [...u16(type), ...u16(content.length), ...content];
  const hello = (client: boolean, version: number, extensions: readonly number[]): number[] =>
    message(client ? 1 : 2, [
      ...[...u16(version), ...zeros(32), 0],
      ...(client ? [0, 2, 0x13, 1, 1, 0] : [0x13, 1, 0]),
      ...[...u16(extensions.length), ...extensions],
    ]);

  /** One segment after another of one connection; `true` is from the client. */
  const connection = (segments: readonly (readonly [fromClient: boolean, payload: readonly number[]])[]): Promise<Fields[]> => {
    const next = [1000, 2000];
    return read(
      segments.map(([fromClient, payload]) => {
        const own = fromClient ? 0 : 1;
        const [seq, ack] = [next[own]!, next[1 - own]!];
        next[own]! += payload.length;
        return ipv4(6, tcp(payload, { ports: fromClient ? [4000, 443] : [443, 4000], seq, ack }), { back: !fromClient });
      }),
    );
  };

  it('begin with a hello of SSL 2, and go on with its records where the server answers so', async () => {
    const old = [...hex('80 2c 01 0002 0003 0010 0010 010080'), ...Array.from({ length: 16 }, (_, i) => i), ...zeros(16)];
    const answer = [...hex('80 0b 04 00 01 0002 0000 0000 0000')];
    const [first, second, third] = await connection([
      [true, old],
      [false, answer],
      [true, hex('80 05 aabbccddee')],
    ]);
    expect(first).toMatchObject({
      'tls.record.version': ['0x0002'],
      'tls.handshake.type': ['1'],
      'tls.handshake.version': ['0x0002'],
      'tls.handshake.session_id_length': ['16'],
      'tls.handshake.session_id': ['000102030405060708090a0b0c0d0e0f'],
    });
    expect(second).toMatchObject({ 'tls.record.length': ['11'], 'tls.handshake.type': ['4'] });
    expect([third!['tls.record.version'], third!['tls.record.length']]).toEqual([['0x0002'], undefined]);
  });

  it('are of TLS 1.3 from early data on, whose type is a pretext', async () => {
    const data = record(23, zeros(20), 0x303);
    const late = await connection([
      [true, [...record(22, hello(true, 0x303, [])), ...data]],
      [true, data],
    ]);
    expect(late.map((fields) => fields['tls.record.content_type'])).toEqual([['22', '23'], ['23']]);
    const early = await connection([
      [true, [...record(22, hello(true, 0x303, extension(42, []))), ...data]],
      [true, data],
    ]);
    expect(early.map((fields) => fields['tls.record.content_type'])).toEqual([['22'], undefined]);
  });

  it('of drafts have hellos without a session', async () => {
    const draft = message(2, [...u16(0x7f0e), ...zeros(32), 0x13, 1, 0, 0]);
    const [, found] = await connection([
      [true, record(22, hello(true, 0x303, []))],
      [false, record(22, draft)],
    ]);
    expect(found).toMatchObject({ 'tls.handshake.ciphersuite': ['0x1301'], 'tls.handshake.extensions_length': ['0'] });
    expect(found!['tls.handshake.session_id_length']).toBeUndefined();
  });

  it('name the algorithm of a signature from TLS 1.2 on, where a cipher was chosen', async () => {
    const exchange = record(22, message(12, [3, 0, 23, 2, 4, 4, 4, 1, 0, 2, 7, 7]), 0x303);
    const signed = async (version: number, chosen = true) => {
      const segments: [boolean, number[]][] = chosen ? [[false, record(22, hello(false, version, []), version)]] : [];
      return (await connection([...segments, [false, exchange]])).at(-1)!['tls.handshake.sig_hash_alg'];
    };
    expect(await signed(0x303)).toEqual(['0x0401']);
    expect(await signed(0x301)).toBeUndefined();
    expect(await signed(0x303, false)).toBeUndefined();
  });

  it('take records of other versions once one was agreed on, and none of other types', async () => {
    const [, second, third] = await connection([
      [false, record(22, hello(false, 0x302, []), 0x302)],
      [false, record(21, [2, 40], 0x3399)],
      [false, record(99, [2, 40], 0x302)],
    ]);
    expect(second!['tls.record.version']).toEqual(['0x3399']);
    expect(third!['tls.record.version']).toBeUndefined();
  });
});
