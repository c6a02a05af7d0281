import { describe, expect, it } from 'vitest';
import { connection, extension, hello, hex, message, record, u16, zeros } from '../testing/written-packets.ts';

describe('sessions of TLS', () => {
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

  const point = [3, 0, 23, 2, 4, 4];
  const number = [0, 3, 1, 0, 1];
  const signature = hex('0401 0002 0707');

  it.each([
    [0xc02b, point, '0x0401'],
    [0xc02b, [1, ...point.slice(1)], undefined],
    [0x0003, [...number, ...number], '0x0401'],
    [0x0033, [...number, ...number, ...number], '0x0401'],
    // Without signatures, with secrets known before, and of TLS 1.3.
    [0xc018, point, undefined],
    [0x008d, [...number, ...number], undefined],
    [0x1301, point, undefined],
  ])('name the algorithm of the signature behind the key exchange of suite %i', async (suite, exchange, algorithm) => {
    const signed = async (version: number, chosen = true) => {
      const segments: [boolean, number[]][] = chosen ? [[false, record(22, hello(false, version, [], suite), version)]] : [];
      const message12 = record(22, message(12, [...exchange, ...signature]), 0x303);
      return (await connection([...segments, [false, message12]])).at(-1)!['tls.handshake.sig_hash_alg'];
    };
    expect(await signed(0x303)).toEqual(algorithm && [algorithm]);
    // Before TLS 1.2 they do not name it, and unknown suites do not tell where it is.
    expect(await signed(0x301)).toBeUndefined();
    expect(await signed(0x303, false)).toBeUndefined();
  });

  it('put messages together that span records, whatever else is between', async () => {
    const exchange = message(12, [...point, ...signature]);
    const body = [...hello(false, 0x303, [], 0xc02b), ...exchange, ...message(14, [])];
    const cuts = [0, 2, 20, 47, 50, body.length];
    const records = cuts.slice(1).map((to, i) => record(22, body.slice(cuts[i], to), 0x303));
    const alert = record(21, [1, 0], 0x303);
    const found = await connection([
      [false, records[0]!],
      [true, record(22, hello(true, 0x303, []))],
      [false, [...records[1]!, ...alert]],
      [false, [...records[2]!, ...records[3]!]],
      [false, records[4]!],
    ]);
    expect(found.map((one) => one['tls.handshake.type'])).toEqual([undefined, ['1'], undefined, ['2'], ['12', '14']]);
    expect(found[3]!['tls.handshake.ciphersuite']).toEqual(['0xc02b']);
    expect(found[4]!['tls.handshake.sig_hash_alg']).toEqual(['0x0401']);
    expect(found.map((one) => one['tls.record.content_type']?.length)).toEqual([1, 1, 2, 2, 1]);
  });

  it('pass over messages that are too long, and what their beginnings were taken for', async () => {
    const long = [11, 1, 0, 1, ...zeros(100)];
    const found = await connection([
      [false, record(22, [...message(14, []), ...long], 0x303)],
      [false, record(22, message(14, []), 0x303)],
    ]);
    expect(found.map((one) => one['tls.handshake.type'])).toEqual([['14'], undefined]);
  });

  it('read a session beyond its record where the segment has it', async () => {
    const long = [...hello(false, 0x303, []).slice(0, 38), 60, 0x13, 1];
    long[3] = long.length - 4;
    const begun = [...record(22, long), ...record(22, zeros(100)).slice(0, 70)];
    const [inSegment] = await connection([[false, begun]]);
    expect(inSegment).toMatchObject({ 'tls.record.length': ['41'], 'tls.handshake.session_id_length': ['60'] });
    expect(inSegment!['tls.handshake.session_id']![0]).toMatch(/^13011603010064/);
    expect(inSegment!['tls.handshake.ciphersuite']).toEqual(['0x0000']);
    expect((await connection([[false, record(22, long)]]))[0]).toMatchObject({ '_ws.malformed': [''] });
    const [, joined] = await connection([
      [false, begun.slice(0, 2)],
      [false, begun.slice(2)],
    ]);
    expect(joined!['tls.handshake.session_id']).toEqual(inSegment!['tls.handshake.session_id']);
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
