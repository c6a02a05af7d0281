const REPLACEMENT = '\ufffd';

/** Bytes as ASCII, up to a zero; others become replacement characters. */
export function asciiText(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to && bytes[at] !== 0; at++) text += bytes[at]! < 0x80 ? String.fromCharCode(bytes[at]!) : REPLACEMENT;
  return text;
}

/** Bytes as UTF-8, up to a zero; what is not valid becomes replacement characters. */
export function utf8Text(bytes: Uint8Array, from: number, to: number): string {
  const zero = bytes.subarray(from, to).indexOf(0);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(from, zero < 0 ? to : from + zero));
}

/** Bytes as a line of text: UTF-8, with what is not printable escaped as C writes it, and a replacement character for what is not valid. */
export function printable(bytes: Uint8Array, from: number, to: number): string {
  let plain = true;
  for (let at = from; at < to && plain; at++) plain = bytes[at]! >= 0x20 && bytes[at]! < 0x7f;
  if (plain) return String.fromCharCode(...bytes.subarray(from, to));
  let text = '';
  for (let at = from; at < to; ) {
    const byte = bytes[at]!;
    if (byte < 0x80) {
      text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : (ESCAPES[byte] ?? `\\${byte.toString(8).padStart(3, '0')}`);
      at++;
      continue;
    }
    const { code, length } = character(bytes, at, to);
    const char = String.fromCodePoint(code);
    if (!UNPRINTABLE.test(char)) text += char;
    else text += code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
    at += length;
  }
  return text;
}

const ESCAPES: Readonly<Record<number, string>> = { 7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r' };
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cn}\p{Cs}]/u;

/** The character that begins at a byte from 0x80 on; a replacement where it is broken off, as far as it goes. */
function character(bytes: Uint8Array, at: number, to: number): { code: number; length: number } {
  const first = bytes[at]!;
  const more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf8 ? 3 : first < 0xfc ? 4 : first < 0xfe ? 5 : 0;
  let code = more === 0 ? 0xfffd : first & (0x3f >> more);
  for (let i = 1; i <= more; i++) {
    const byte = bytes[at + i]!;
    if (at + i >= to || (byte & 0xc0) !== 0x80) return { code: 0xfffd, length: i };
    code = code * 64 + (byte & 0x3f);
  }
  if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
  return { code, length: more + 1 };
}
