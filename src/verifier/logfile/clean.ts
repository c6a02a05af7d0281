import type { LogEncoding } from './lines.ts';

const LF = 10;
const CR = 13;
const ESC = 0x1b;
const BRACKET = 0x5b;
const NUL = 0;

/** Whether the bytes are UTF-8; one cut off at the end counts as such. */
function isUtf8(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte < 0x80) {
      at++;
      continue;
    }
    const more = byte >= 0xc2 && byte <= 0xdf ? 1 : byte >= 0xe0 && byte <= 0xef ? 2 : byte >= 0xf0 && byte <= 0xf4 ? 3 : 0;
    if (more === 0) return false;
    for (let i = 1; i <= more; i++) {
      if (at + i >= bytes.length) return true;
      if ((bytes[at + i]! & 0xc0) !== 0x80) return false;
    }
    at += more + 1;
  }
  return true;
}

const UTF16_LE = 0xfffe;
const UTF16_BE = 0xfeff;

/** What PowerShell's `>` writes. */
function fromUtf16(bytes: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const mark = bytes.length >= 2 ? (bytes[0]! << 8) | bytes[1]! : 0;
  if (mark !== UTF16_LE && mark !== UTF16_BE) return null;
  const text = new TextDecoder(mark === UTF16_LE ? 'utf-16le' : 'utf-16be').decode(bytes);
  return new TextEncoder().encode(text);
}

/**
 * The bytes without what terminals and other systems add: ANSI colours, carriage returns, a byte order mark. The given ones where there
 * is nothing to take away, so that a large log is not copied.
 */
export function cleanLog(raw: Uint8Array<ArrayBuffer>): { bytes: Uint8Array<ArrayBuffer>; encoding: LogEncoding } {
  const given = fromUtf16(raw) ?? raw;
  const encoding: LogEncoding = isUtf8(given) ? 'utf-8' : 'windows-1252';
  const marked = given[0] === 0xef && given[1] === 0xbb && given[2] === 0xbf;
  const dirty = marked || given.indexOf(CR) >= 0 || given.indexOf(ESC) >= 0 || given.indexOf(NUL) >= 0;
  if (!dirty) return { bytes: given, encoding };
  const out = new Uint8Array(given.length);
  let length = 0;
  let at = marked ? 3 : 0;
  while (at < given.length) {
    const byte = given[at]!;
    if (byte === ESC) {
      at = afterEscape(given, at);
      continue;
    }
    if (byte === CR) {
      // A carriage return alone ends a line too.
      if (given[at + 1] !== LF) out[length++] = LF;
    } else if (byte !== NUL) out[length++] = byte;
    at++;
  }
  return { bytes: out.slice(0, length), encoding };
}

/** Longest escape sequence that is believed. */
const LONGEST_ESCAPE = 32;

/** Behind an escape sequence: `ESC [ … letter`, or the escape alone. */
function afterEscape(bytes: Uint8Array, at: number): number {
  if (bytes[at + 1] !== BRACKET) return at + 1;
  for (let end = at + 2; end < bytes.length && end < at + LONGEST_ESCAPE; end++) {
    const byte = bytes[end]!;
    if (byte >= 0x40 && byte <= 0x7e) return end + 1;
    if (byte < 0x20 || byte > 0x3f) return end;
  }
  return at + 1;
}
