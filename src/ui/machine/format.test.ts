import { describe, expect, it } from 'vitest';
import { bitsText, bytesText, hexBytes, knownBitsText, littleEndian, parseBytes, parseValue, placeText, valueText } from './format.ts';

describe('values', () => {
  it.each([
    ['5', '5'],
    ['-1', '18446744073709551615'],
    ['0xff', '255'],
    ['-0x10', '18446744073709551600'],
    ['18446744073709551615', '18446744073709551615'],
    ['18446744073709551616', null],
    ['-9223372036854775808', '9223372036854775808'],
    ['-9223372036854775809', null],
    ['5 5', null],
    ['', null],
    ['1e3', null],
  ])('read %s', (text, value) => {
    expect(parseValue(text)).toBe(value);
  });

  it('are shown with their sign, in hexadecimal and in bits', () => {
    expect(valueText('18446744073709551614')).toEqual({ decimal: '-2', hex: '0xfffffffffffffffe' });
    expect(bitsText('258').slice(-17)).toBe('00000001 00000010');
    expect(knownBitsText('1', '6').slice(-8)).toBe('00000xx1');
    expect(bitsText('18446744073709551615')).toBe(Array(8).fill('11111111').join(' '));
  });
});

describe('bytes', () => {
  it.each([
    ['01 ff', [1, 255]],
    ['01ff', [1, 255]],
    ['0x01, 0xff', [1, 255]],
    ['1', null],
    ['0g', null],
    ['', null],
  ])('read %s', (text, bytes) => {
    expect(parseBytes(text)).toEqual(bytes && Uint8Array.from(bytes));
  });

  it('are shown as pairs of digits and as numbers', () => {
    expect(hexBytes(Uint8Array.of(1, 255))).toBe('01 ff');
    expect([littleEndian(Uint8Array.of(1, 1)), littleEndian(new Uint8Array(9))]).toEqual(['257', '']);
    expect([bytesText(512), bytesText(100_000), bytesText(64 << 20)]).toEqual(['512 B', '98 KiB', '64 MiB']);
  });
});

it('places of elements count the last axis fastest', () => {
  expect([placeText(0, [2, 3]), placeText(5, [2, 3]), placeText(7, [2, 2, 2])]).toEqual(['[0, 0]', '[1, 2]', '[1, 1, 1]']);
});
