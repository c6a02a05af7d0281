import { describe, expect, it } from 'vitest';
import { ascii, connection, type Fields, hello, hex, record } from '../testing/written-packets.ts';

const OK = ascii('HTTP/1.1 200 OK\r\n\r\n');
const GET = ascii('GET /inner HTTP/1.1\r\n\r\n');
const CLIENT = record(22, hello(true, 0x303, []));
const SERVER = record(22, hello(false, 0x303, []));

/** On one of HTTP's ports, and on one where HTTP is told by its bytes. */
describe.each([8080, 8002])('tunnels through a proxy on port %i', (proxy) => {
  const asked = (target: string): [boolean, number[]] => [true, ascii(`CONNECT ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)];
  /** What is read behind the answer. */
  const through = async (target: string, ...segments: [boolean, number[]][]): Promise<Fields[]> =>
    (await connection([asked(target), [false, OK], ...segments], proxy)).slice(2);
  const types = (fields: readonly Fields[]) => fields.map((one) => one['tls.handshake.type']?.[0]);

  it('carry what belongs to the port that was asked for', async () => {
    const found = await through('a:443', [true, CLIENT], [false, SERVER]);
    expect(types(found)).toEqual(['1', '2']);
    expect(found.every((one) => 'http' in one && !('http.request' in one))).toBe(true);
    const query = [0, 23, ...hex('1234 0100 0001 0000 0000 0000 0377777701610000010001')];
    const names = await through('a:53', [true, query.slice(0, 9)], [true, query.slice(9)]);
    expect(names.map((one) => one['dns.qry.name'])).toEqual([undefined, ['www.a']]);
  });

  it('go on from segment to segment', async () => {
    expect(types(await through('a:443', [true, CLIENT.slice(0, 20)], [true, CLIENT.slice(20)], [false, SERVER]))).toEqual([
      undefined,
      '1',
      '2',
    ]);
  });

  it('begin with who speaks first', async () => {
    expect(types(await through('a:443', [false, SERVER], [true, CLIENT]))).toEqual(['2', '1']);
  });

  it('carry mail, whose lines are no headers of HTTP', async () => {
    const [, mail] = await through(
      'a:25',
      [true, ascii('EHLO a\r\n')],
      [false, ascii('220 hello\r\nDate: today\r\nContent-Type: a/b\r\n')],
    );
    expect([mail!['http.date'], mail!['http.content_type'], 'data' in mail!]).toEqual([undefined, undefined, true]);
  });

  it('carry no more HTTP than its first message, and none to its own ports', async () => {
    const found = await through('a:9999', [true, GET], [false, OK], [true, GET]);
    expect(found.map((one) => [one['http.request.uri'], one['http.response.code']])).toEqual([
      [['/inner'], undefined],
      [undefined, undefined],
      [undefined, undefined],
    ]);
    const toHttp = await through('a:80', [true, GET], [true, CLIENT]);
    expect(toHttp.map((one) => ['http.request.uri' in one, 'tls' in one, 'data' in one])).toEqual([
      [false, false, true],
      [false, false, true],
    ]);
  });

  it.each([
    ['a', false],
    ['[::1]:443', true],
    ['a:65979', true],
    [`${'a'.repeat(400)}:443`, true],
  ])('to %.12s', async (target, read) => {
    const [found] = await through(target, [true, CLIENT]);
    expect(['tls' in found!, 'http' in found!]).toEqual([read, read]);
  });

  it('are opened by 200 alone', async () => {
    const found = await connection([asked('a:443'), [false, ascii('HTTP/1.1 201 Created\r\n\r\n')], [true, CLIENT]], proxy);
    expect(found[2]!['tls.handshake.type']).toBeUndefined();
  });

  it('begin with the next segment', async () => {
    const answer = ascii('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 None\r\n\r\n');
    const found = await connection([asked('a:443'), [false, answer], [true, CLIENT]], proxy);
    expect(found[1]!['http.response.code']).toEqual(['200', '204']);
  });
});
