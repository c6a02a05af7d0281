import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../base/errors.ts';
import { ENVELOPE_LIMITS, type Envelope, pack, unpack } from '../envelope.ts';
import { TOKEN } from '../protocol.ts';
import { decodeProgram } from './decode.ts';
import { askRefusal, hostRefusal, keyOf } from './gate.ts';
import { outsideEffects } from './outside.ts';
import { needOf } from './privileges.ts';
import { checkRequest, REQUESTS, type RequestName } from './schema.ts';
import { Sessions } from './session.ts';

const PORT = 4174;
const good = { host: '127.0.0.1:4174', origin: 'http://127.0.0.1:4174', 'content-type': 'application/octet-stream' };
const program = {
  name: 'p',
  progType: 6,
  expectedAttachType: 0,
  loadFlags: 0,
  sleepable: false,
  license: 'GPL',
  code: 0,
  kfuncs: [],
  maps: [],
};

describe('the gate', () => {
  it('lets only its own page ask', () => {
    expect(askRefusal('POST', good, PORT)).toBeNull();
    expect(askRefusal('POST', { ...good, 'sec-fetch-site': 'same-origin' }, PORT)).toBeNull();
    expect(askRefusal('GET', good, PORT)?.status).toBe(405);
    // The page's name and the host's must be the same one, not two that both lead here.
    expect(askRefusal('POST', { ...good, origin: 'http://localhost:4174' }, PORT)?.status).toBe(403);
    expect(askRefusal('POST', { ...good, origin: 'null' }, PORT)?.status).toBe(403);
    expect(askRefusal('POST', { ...good, origin: 'https://127.0.0.1:4174' }, PORT)?.status).toBe(403);
    expect(askRefusal('POST', { ...good, 'content-type': 'text/plain' }, PORT)?.status).toBe(415);
  });

  it.each([
    undefined,
    '',
    '127.0.0.1',
    '127.0.0.1:4175',
    'localhost',
    '127.0.0.1:4174.evil.example',
    '[::1]:4174',
    'LOCALHOST:4174',
    '127.1:4174',
    '0.0.0.0:4174',
  ])('serves nobody under the name %s', (host) => {
    expect(hostRefusal(host === undefined ? {} : { host }, PORT)?.status).toBe(421);
  });

  it('reads keys of its own form alone', () => {
    expect(keyOf({ authorization: 'Bearer abc_-9' })).toBe('abc_-9');
    for (const authorization of ['Basic abc', 'Bearer ', `Bearer ${'a'.repeat(129)}`, 'Bearer a b', undefined])
      expect(keyOf(authorization === undefined ? {} : { authorization })).toBe('');
  });
});

describe('tokens', () => {
  it('are good once, for a quarter of an hour, and sessions end when they are idle', () => {
    let now = 0;
    const sessions = new Sessions(() => now);
    const [token, late] = [sessions.offer(), sessions.offer()];
    expect(token).toMatch(TOKEN);
    const key = sessions.exchange(token)!;
    expect(sessions.has(key)).toBe(true);
    expect(sessions.exchange(token)).toBeNull();
    expect(sessions.exchange(`${late}x`)).toBeNull();
    expect(sessions.has('')).toBe(false);
    now += 16 * 60_000;
    expect(sessions.exchange(late)).toBeNull();
    expect(sessions.has(key)).toBe(true);
    now += 13 * 3600_000;
    expect(sessions.has(key)).toBe(false);
  });
});

describe('messages', () => {
  it('come back as they were sent', () => {
    const blobs = [new Uint8Array([1, 2, 3]), new Uint8Array(0), new Uint8Array([4])];
    const { head, blobs: back } = unpack(pack({ a: 'x', n: [1, [2]] }, blobs));
    expect(head).toMatchObject({ a: 'x', n: [1, [2]] });
    expect(back.map((blob) => [...blob])).toEqual([[1, 2, 3], [], [4]]);
  });

  it('of any bytes are taken or refused by name, within the limits', () => {
    const head = fc.oneof(fc.json({ maxDepth: 6 }), fc.string(), fc.constant(`{"blobs":[${'0,'.repeat(5000)}0]}`));
    const message = fc.tuple(head, fc.uint8Array({ maxLength: 40 }), fc.integer({ min: -8, max: 8 })).map(([text, rest, off]) => {
      const json = new TextEncoder().encode(text);
      const length = new Uint8Array(Uint32Array.of(Math.max(0, json.length + off)).buffer);
      return new Uint8Array([...length, ...json, ...rest]);
    });
    fc.assert(
      fc.property(fc.oneof(message, fc.uint8Array({ maxLength: 64 })), (bytes) => {
        try {
          expect(unpack(bytes).blobs.length).toBeLessThanOrEqual(ENVELOPE_LIMITS.blobs);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect((error as InputError).what).not.toBe('');
        }
      }),
      { seed: 11, numRuns: 1500 },
    );
  });

  it('that hide brackets in texts are not deep, and others are refused before they are parsed', () => {
    expect(unpack(pack({ a: '[[[[[[[[[[[[[[[["\\' })).head.a).toBe('[[[[[[[[[[[[[[[["\\');
    const deep = `{"a":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`;
    const json = new TextEncoder().encode(deep);
    expect(() => unpack(new Uint8Array([...new Uint8Array(Uint32Array.of(json.length).buffer), ...json]))).toThrow('nested deeper');
  });

  const lease = 'a';
  const valid: Partial<Record<RequestName, object>> = {
    load: { lease, program, logLevel: 1, keep: true },
    run: {
      lease,
      handle: 1,
      repeat: 1,
      count: 1,
      input: { kind: 'packet', bytes: 0, lengths: 1 },
      set: [{ map: 'clock', values: 2 }],
      read: ['score'],
      wantData: false,
    },
    update: { lease, handle: 1, map: 'm', key: 0, value: 1 },
    entries: { lease, handle: 1, map: 'm', from: 0, most: 10 },
    dump: { lease, handle: 1, what: 'jited' },
  };
  const check = (name: RequestName, head: object) => checkRequest(name, { head: head as Envelope['head'], blobs: [] });

  it.each(Object.entries(valid) as [RequestName, object][])('%s: each member is looked at', (name, head) => {
    expect(check(name, head)).toEqual(head);
    for (const key of Object.keys(head)) {
      const { [key]: _, ...less } = head as Record<string, unknown>;
      expect(() => check(name, less), `${key} missing`).toThrow(InputError);
      for (const wrong of [null, -1, 1.5, 2 ** 53, Number.NaN, '\u0000'.repeat(300), {}, [[]], { toString: 1 }])
        expect(() => check(name, { ...head, [key]: wrong }), `${key}: ${String(JSON.stringify(wrong))}`).toThrow(new RegExp(key));
    }
    expect(() => check(name, { ...head, more: 1 })).toThrow('more');
    expect(() => check(name, JSON.parse(JSON.stringify({ ...head }).replace(/^\{/, '{"__proto__":{"x":1},')))).toThrow('__proto__');
  });

  it('of any JSON become a request or an error that names its place', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(REQUESTS) as RequestName[])),
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })),
        (name, head) => {
          try {
            check(name, head);
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
            expect((error as InputError).where).not.toBe('');
          }
        },
      ),
      { seed: 12, numRuns: 800 },
    );
  });
});

describe('programs', () => {
  const exit = new Uint8Array([0x95, 0, 0, 0, 0, 0, 0, 0]);
  const lddw = (src: number, imm: number): Uint8Array => {
    const code = new Uint8Array(24);
    code.set([0x18, src << 4]);
    new DataView(code.buffer).setInt32(4, imm, true);
    code.set(exit, 16);
    return code;
  };
  const decode = (code: Uint8Array, more: object = {}) =>
    decodeProgram({ ...program, ...more } as never, { head: {}, blobs: [code, new Uint8Array(3)] });
  const map = { name: 'm', type: 2, keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 };

  it('name no descriptor of the helper', () => {
    expect(decode(exit).program.insns).toHaveLength(1);
    for (const src of [1, 2]) {
      expect(() => decode(lddw(src, 3))).toThrow('names map 3');
      expect(() => decode(lddw(src, -1), { maps: [map] })).toThrow('names map -1');
      expect(decode(lddw(src, 0), { maps: [map] }).program.maps).toHaveLength(1);
    }
    for (const src of [5, 6]) expect(() => decode(lddw(src, 0), { maps: [map] })).toThrow('instruction 0');
  });

  it('are refused by the place that is wrong', () => {
    expect(() => decode(new Uint8Array(0))).toThrow('program.code');
    expect(() => decode(new Uint8Array(12))).toThrow('program.code');
    expect(() => decode(exit, { code: 9 })).toThrow('program.code');
    expect(() => decode(exit, { maps: [{ ...map, valueSize: 1 << 20, maxEntries: 1 << 20 }] })).toThrow('program.maps');
    expect(() => decode(exit, { maps: [{ ...map, data: 1 }] })).toThrow('program.maps[0].data');
    expect(() => decode(exit, { kfuncs: [[7, 'f']] })).toThrow('program.kfuncs');
    expect(() => decode(exit, { btf: { types: 1, funcInfo: 1, lineInfo: 1 } })).toThrow('program.btf.funcInfo');
  });
});

describe('rights', () => {
  const has = (mask: bigint, bit: bigint): boolean => ((mask >> bit) & 1n) === 1n;
  const [NET_ADMIN, SYS_ADMIN, BPF] = [12n, 21n, 39n];

  it('are those that the type asks for', () => {
    expect(has(needOf(1, []), BPF)).toBe(true);
    expect(has(needOf(1, []), NET_ADMIN)).toBe(false);
    expect(has(needOf(6, []), NET_ADMIN)).toBe(true);
    expect(has(needOf(1, [17]), NET_ADMIN)).toBe(true);
    expect(has(needOf(6, []), SYS_ADMIN)).toBe(false);
  });

  it('are asked for in words by programs that reach outside', () => {
    expect(outsideEffects(new Set([1, 2, 7]))).toBe('');
    expect(outsideEffects(new Set([13, 109, 117]))).toBe('send packets on this machine’s interfaces, send signals');
  });
});
