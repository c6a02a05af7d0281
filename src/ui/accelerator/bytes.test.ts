import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hexOf, numberOf, parseBytes } from './bytes.ts';

describe('bytes of keys and values', () => {
  it('come back from hexadecimal, and from their number where they have one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        // One byte of hexadecimal may be a decimal number: numbers come first.
        if (bytes.length > 8) expect(parseBytes(hexOf(bytes), bytes.length)).toEqual(bytes);
        const number = numberOf(bytes);
        if (number !== null) expect(parseBytes(String(number), bytes.length)).toEqual(bytes);
      }),
      { seed: 9 },
    );
  });

  it('are not made of what does not fit', () => {
    for (const text of ['', 'x', '256', '-1', '1.5', '0x100', 'ab cd']) expect(parseBytes(text, 1)).toBeNull();
    expect(parseBytes('18446744073709551616', 8)).toBeNull();
    expect(parseBytes('18446744073709551615', 8)).toEqual(new Uint8Array(8).fill(255));
  });
});
