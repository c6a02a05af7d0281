import { describe, expect, it } from 'vitest';
import { ascii, type Fields, hex, ipv4, ipv6, one, read, tcp, u16, udp, zeros } from '../testing/written-packets.ts';

describe('what a server says', () => {
  const hello = (extensions: string): Promise<Fields> => {
    const list = hex(extensions);
    const body = [...hex('0303'), ...zeros(32), ...hex('00 1302 00'), ...u16(list.length), ...list];
    const message = [2, 0, ...u16(body.length), ...body];
    return one(ipv4(6, tcp([...hex('16 0303'), ...u16(message.length), ...message])));
  };

  it('of its version and of delegated credentials is read whatever length they give', async () => {
    expect(await hello('002b 0002 0304')).toMatchObject({ 'tls.handshake.extensions.supported_version': ['0x0304'] });
    const empty = await hello('002b 0000 0022 0000 ff01 0000 0015 0000');
    expect(empty).toMatchObject({
      'tls.handshake.extensions.supported_version': ['0x0022'],
      'tls.handshake.sig_hash_alg': ['0x0015'],
      'tls.handshake.extension.type': ['43', '34', '65281', '21'],
    });
  });
});

describe('names', () => {
  const query = (counts: string): number[] => [...hex(`1234 0100 ${counts} 0377777701610000010001`)];

  it('are asked for on any port, where the counts may be those of a query', async () => {
    const found = await one(ipv4(17, udp(40_000, 8053, query('0001 0000 0000 0000'))));
    expect(found['dns.qry.name']).toEqual(['www.a']);
    expect((await one(ipv4(17, udp(40_000, 8053, query('0002 0000 0000 0000')))))['dns.id']).toBeUndefined();
    expect((await one(ipv4(17, udp(40_000, 8053, query('0001 0000 0000 000b')))))['dns.id']).toBeUndefined();
    expect((await one(ipv4(17, udp(40_000, 53, query('0001 0000 0000 000b')))))['dns.id']).toEqual(['0x1234']);
  });

  it('are all there, however many', async () => {
    const many = Array.from({ length: 4000 }, () => hex('00 0001 0001')).flat();
    const found = await one(ipv4(17, udp(40_000, 53, [...hex('1234 0100 0fa0 0000 0000 0000'), ...many])));
    expect(found['dns.qry.type']).toHaveLength(4000);
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

  // Type, data, and whether what is behind it is read.
  it.each([
    ['an address without a prefix', 38, '00 20010db8000000000000000000000001', true],
    ['a part of an address', 38, '40 0000000000000001 016100', true],
    ['a part whose prefix has no whole name', 38, '40 0000000000000001 3f61', false],
    ['a prefix that is too long', 38, '81 20010db8000000000000000000000001 00', false],
    ['a zone with its times', 6, `016100 016100 ${'00000001'.repeat(5)}`, true],
    ['a zone with fewer', 6, '016100 016100 00000001', false],
    ['mail for a name', 15, '0001 016100', true],
    ['mail for a part of one', 15, '0001 3f61', false],
    ['texts', 16, '0161 0162', true],
    ['texts beyond their record', 16, '0161 0362', false],
    ['a responsible person', 17, '016100 016200', true],
    ['half of one', 17, '016100 3f62', false],
    ['kinds of records', 47, '016100 0001 40', true],
    ['kinds beyond their record', 47, '016100 0002 40', false],
  ])('are told behind %s as far as Wireshark tells them', async (_, type, data, read) => {
    const record = [...hex('00'), ...u16(type), ...hex('0001 0000003c'), ...u16(hex(data).length), ...hex(data)];
    const address = hex('00 0001 0001 0000003c 0004 01020304');
    const found = await one(ipv4(17, udp(53, 40_000, [...hex('1234 8180 0000 0002 0000 0000'), ...record, ...address])));
    expect([found['dns.a'], '_ws.malformed' in found]).toEqual([read ? ['1.2.3.4'] : undefined, !read]);
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

  it('of redirected neighbours are read where they are of IPv6, and what is behind them', async () => {
    const redirect = (packet: readonly number[]) => {
      const option = [4, (8 + packet.length) / 8, ...zeros(6), ...packet];
      return one(ipv6(58, [137, 0, 0, 0, ...zeros(36), ...option, 1, 1, 2, 0, 0, 0, 0, 1]));
    };
    const found = await redirect(ipv6(17, udp(30_000, 13_000, zeros(8))));
    expect(found).toMatchObject({ 'udp.dstport': ['13000'], 'ipv6.plen': ['112', '16'], 'icmpv6.opt.linkaddr': ['02:00:00:00:00:01'] });
    // It may say that it is longer than what is quoted of it.
    expect(await redirect(ipv6(17, udp(30_000, 13_000, zeros(64))).slice(0, 48))).toMatchObject({
      'udp.dstport': ['13000'],
      'icmpv6.opt.linkaddr': ['02:00:00:00:00:01'],
    });
    expect(await redirect(zeros(16))).toMatchObject({ 'data.len': ['16'], 'ipv6.plen': ['72'] });
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

  it('may reach beyond what one packet can hold', async () => {
    const whole = [128, 0, 0, 0, 0xfa, 0xce, 0, 1, ...zeros(65_992)];
    const piece = (offset: number, to: number) =>
      ipv6(44, [58, 0, ...u16(offset | (to < whole.length ? 1 : 0)), 0, 0, 0, 9, ...whole.slice(offset, to)]);
    const found = await read([piece(0, 32_768), piece(32_768, 65_528), piece(65_528, whole.length)]);
    expect(found[2]).toMatchObject({ 'icmpv6.echo.identifier': ['0xface'], 'data.len': ['65992'] });
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

  it('of TCP end with options that are not all there, before it is said what the segment is', async () => {
    const syn = (seq: number, first: number, options: readonly number[]) => {
      const plain = tcp(options, { seq, ack: 0, flags: 2 });
      return ipv4(6, [...plain.slice(0, 12), first, ...plain.slice(13)]);
    };
    const again = async (first: number, options: string) => (await read([syn(1, 0x50, []), syn(9, first, hex(options))]))[1]!;
    expect((await again(0x80, 'aa'.repeat(12)))['tcp.analysis.reused_ports']).toEqual(['1']);
    const short = await again(0xa0, 'aa'.repeat(12));
    expect([short['tcp.analysis.reused_ports'], short['_ws.malformed']]).toEqual([undefined, ['']]);
    const padded = await again(0xa0, `00 02${'00'.repeat(10)}`);
    expect([padded['tcp.analysis.reused_ports'], padded['_ws.malformed']]).toEqual([undefined, ['']]);
  });

  it('of TCP count marks of congestion where both sides agreed on it, or say how many', async () => {
    const [SYN, ACK, ECE, CWR, AE] = [2, 16, 64, 128, 256];
    const counted = async (first: number, answer: number, options = '') => {
      const found = await read([
        ipv4(6, tcp([], { flags: SYN | first })),
        ipv4(6, tcp([], { ports: [443, 4000], flags: SYN | ACK | answer }), { back: true }),
        ipv4(6, tcp([], { flags: ACK | CWR, seq: 1001, options: hex(options || '01010101') })),
        ipv4(6, tcp([], { flags: ACK | AE | ECE, seq: 1001 })),
      ]);
      expect([0, 1].map((at) => found[at]!['tcp.flags.ace'])).toEqual([undefined, undefined]);
      return [2, 3].map((at) => found[at]!['tcp.flags.ace']?.[0] ?? found[at]!['tcp.flags.cwr']?.[0] === (at === 2 ? '1' : '0'));
    };
    const all = AE | CWR | ECE;
    for (const answer of [CWR, CWR | ECE, AE, AE | CWR]) expect(await counted(all, answer)).toEqual(['2', '5']);
    for (const answer of [0, ECE, AE | ECE, all]) expect(await counted(all, answer)).toEqual([true, true]);
    expect(await counted(CWR | ECE, ECE)).toEqual([true, true]);
    // The option tells those behind it.
    for (const option of ['ac05 000001 010101', 'ae02 0101', 'fe07 acc0 000001 01', 'fd04 acc1'])
      expect(await counted(0, 0, option)).toEqual([true, '5']);
    for (const option of ['ac06 00000101 0101', 'fe07 acce 000001 01', 'ad02 0101'])
      expect(await counted(0, 0, option)).toEqual([true, true]);
  });

  it('of TCP show no payload of what the end of a stream completes', async () => {
    const sent = (seq: number, text: string, flags: number) => ipv4(6, tcp(ascii(text), { ports: [80, 4000], seq, flags }), { back: true });
    const open = 'HTTP/1.0 200 Open\r\n\r\n';
    const found = await read([sent(1000, open, 0x18), sent(1000 + open.length, 'to the end', 0x11)]);
    expect(found.map((fields) => [fields['tcp.payload']?.length, fields['http.response.code']])).toEqual([
      [1, undefined],
      [undefined, ['200']],
    ]);
    const told = 'HTTP/1.0 200 Told\r\nContent-Length: 10\r\n\r\n';
    const last = (await read([sent(1000, told, 0x18), sent(1000 + told.length, 'to the end', 0x11)]))[1]!;
    expect([last['tcp.payload']?.length, last['http.response.code']]).toEqual([1, ['200']]);
  });

  it('of HTTP have an empty path between two spaces, and lengths of 63 bits', async () => {
    const request = (text: string) => one(ipv4(6, tcp(ascii(text), { ports: [4000, 80] })));
    expect(await request('GET  /a HTTP/1.1\r\n\r\n')).toMatchObject({ 'http.request.uri': [''], 'http.request.version': ['/a HTTP/1.1'] });
    const posted = (length: string) => request(`POST / HTTP/1.1\r\nContent-Length: ${length}\r\n\r\n`);
    expect((await posted('0'))['http.content_length']).toEqual(['0']);
    expect((await posted('18446744073709551615'))['http.content_length']).toBeUndefined();
  });
});
