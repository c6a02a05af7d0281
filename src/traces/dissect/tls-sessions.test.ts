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
