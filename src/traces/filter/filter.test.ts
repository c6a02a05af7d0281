import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { dissect } from '../dissect/dissect.ts';
import { Dissection } from '../dissect/dissection.ts';
import { compileFilter } from './compile.ts';
import { FilterError } from './error.ts';
import { tokens } from './lexer.ts';
import { SafeRegex } from './regex.ts';

const hex = `02 00 00 00 00 01 02 00 00 00 00 02 08 00 45 00 00 34 12 34 40 00 40 06 00 00 0a 00 00 01 0a 00 00 02
  c0 00 1f 90 00 00 03 e8 00 00 00 01 50 18 20 00 00 00 00 00 68 65 6c 6c 6f 20 77 6f 72 6c 64 21`;
const frame = Uint8Array.from(hex.trim().split(/\s+/), (pair) => Number.parseInt(pair, 16));
const packet = new Dissection();
const facts = {
  index: 4,
  linkType: 1,
  original: frame.length,
  seconds: 1,
  nanoseconds: 0,
  relativeSeconds: 1,
  relativeNanoseconds: 0,
  deltaSeconds: 0,
  deltaNanoseconds: 500_000_000,
  interfaceIndex: 0,
  comments: [],
};
dissect(packet, frame, facts);
const passes = (text: string): boolean => compileFilter(text).test(packet);

describe('display filters', () => {
  it.each([
    ['tcp.port == 8080', true],
    ['tcp.port != 8080', false],
    ['tcp.port !== 8080', true],
    ['tcp.port === 8080', false],
    ['all tcp.port > 8000', true],
    ['udp.port != 53', false],
    ['!(udp.port == 53)', true],
    ['ip.src == 10.0.0.0/8 && ip.dst[3] == 02', true],
    ['ip.src in {192.168.0.0/16, 10.0.0.1..10.0.0.9}', true],
    ['tcp contains "world"', true],
    ['tcp matches "HEL+O w"', true],
    ['eth.src[0:2] == 02:00 xor udp', true],
    ['ip.ttl + 1 == 65 and frame.number == 5', true],
    ['tcp.flags & 0x08 and not tcp.flags.syn == 1', true],
    ['len(tcp.payload) == 12', true],
    ['udp or ip and !tcp', false],
    ['ip.ttl > 10 && ip.ttl < 100', true],
  ])('%s', (text, expected) => expect(passes(text)).toBe(expected));

  it.each([
    ['ip.src = 1', 7, 'cannot stand here'],
    ['ip.src == 10.0.0.300', 10, 'no IPv4 address'],
    ['tcp.prot == 80', 0, 'no field tcp.prot'],
    ['ip.ttl == "x"', 10, 'cannot be a text'],
    ['(tcp.port == 80', 15, 'parenthesis'],
    ['tcp.port in {80', 15, 'ends here'],
    ['http.host matches "(a"', 21, 'not closed'],
    ['ip.ttl contains "a"', 0, 'looks into'],
    ['nosuch(ip.ttl) == 1', 0, 'no function'],
    ['tcp.port == 80 81', 15, 'not expected'],
  ])('says where %s is wrong', (text, from, what) => {
    try {
      compileFilter(text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(FilterError);
      expect((error as FilterError).message).toContain(what);
      expect((error as FilterError).from).toBe(from);
    }
  });

  it('throws nothing but a FilterError, whatever the text', () => {
    const words = fc.constantFrom(
      'ip.src',
      'tcp.port',
      '==',
      '!=',
      '80',
      '10.0.0.1',
      '&&',
      '!',
      '(',
      ')',
      '{',
      '}',
      ',',
      '[0:2]',
      '"x"',
      'in',
      'contains',
      'matches',
      'len',
      '..',
      '#1',
      '-',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(words, { maxLength: 12 }).map((all) => all.join(' ')),
          fc.string(),
        ),
        (text) => {
          try {
            compileFilter(text).test(packet);
          } catch (error) {
            expect(error).toBeInstanceOf(FilterError);
          }
        },
      ),
      { seed: 11, numRuns: 600 },
    );
  });
});

describe('SafeRegex', () => {
  const encode = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

  it('matches what the regular expressions of JavaScript match', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '\\w', 'c', '1');
    const piece = fc.tuple(atom, fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '{2,}')).map(([one, times]) => one + times);
    const sequence = fc.array(piece, { minLength: 1, maxLength: 4 }).map((all) => all.join(''));
    const pattern = fc
      .tuple(sequence, sequence, fc.constantFrom('$1', '^$1', '$1|$2', '($1|$2)+$', 'x($1)*', '\\b$1'))
      .map(([a, b, shape]) => shape.replace('$1', () => a).replace('$2', () => b));
    fc.assert(
      fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'x', '1', ' ', 'A'), maxLength: 12 }), (source, text) => {
        expect([source, text, new SafeRegex(source).test(encode(text))]).toEqual([source, text, new RegExp(source, 'i').test(text)]);
      }),
      { seed: 5, numRuns: 2000 },
    );
  });

  it('does not explode', () => {
    expect(new SafeRegex('(a+)+$').test(encode(`${'a'.repeat(20_000)}b`))).toBe(false);
  });
});

it('looks at each character of a long row of colons a few times, however long it is', () => {
  const looked = (colons: number): number => {
    let characters = 0;
    const split = vi.spyOn(String.prototype, 'split').mockImplementation(function (this: string) {
      characters += this.length;
      return [this];
    });
    try {
      expect(() => tokens(`eth.addr == 02:00${':'.repeat(colons)}`)).toThrow(FilterError);
    } finally {
      split.mockRestore();
    }
    return characters / colons;
  };
  expect(looked(20_000)).toBeLessThan(1.1 * looked(2000));
});
