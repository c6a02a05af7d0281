import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteTokenizer, readTokenizer, TextStream, type Tokenizer } from './tokenizer.ts';

const A = 1 + 97;
const B = 1 + 98;
/** "ab", then "abab" and " ab". */
const DOCUMENT = {
  kind: 'byte-bpe',
  end: 0,
  firstByte: 1,
  merges: [
    [A, B],
    [257, 257],
    [1 + 32, 257],
  ],
};

const textOf = (tokenizer: Tokenizer, tokens: readonly number[]): string => {
  const stream = new TextStream(tokenizer);
  return tokens.map((token) => stream.push(token)).join('') + stream.end();
};

describe('byte pairs', () => {
  const tokenizer = readTokenizer(DOCUMENT, 'tokenizer.json');

  it('merges pairs in the order in which they were learnt, within words', () => {
    expect(tokenizer.size).toBe(260);
    expect(tokenizer.encode('ababab')).toEqual([258, 257]);
    // The pair of pairs was learnt before the space was joined.
    expect(tokenizer.encode('ab abab')).toEqual([257, 1 + 32, 258]);
    expect(tokenizer.encode('ab ab')).toEqual([257, 259]);
    expect(tokenizer.encode('a b')).toEqual([A, 1 + 32, B]);
  });

  it('gives back every text, whatever its characters', () => {
    for (const one of [tokenizer, byteTokenizer()])
      fc.assert(
        fc.property(fc.string({ unit: 'grapheme' }), (text) => {
          expect(textOf(one, one.encode(text))).toBe(text);
        }),
        { seed: 1 },
      );
  });

  it('writes a character once all its bytes are there', () => {
    const stream = new TextStream(tokenizer);
    expect([0xc3, 0xbc].map((byte) => stream.push(1 + byte))).toEqual(['', 'ü']);
  });

  it('refuses what is no tokenizer', () => {
    expect(() => readTokenizer({ model: {} }, 'x.json')).toThrow(/x\.json: no tokenizer of ours/);
    expect(() => readTokenizer({ ...DOCUMENT, merges: [[A, 300]] }, 'x.json')).toThrow(/do not come before it/);
    expect(() => readTokenizer({ ...DOCUMENT, merges: [[A]] }, 'x.json')).toThrow(/must be token numbers/);
  });
});
