import type { LogEncoding } from './lines.ts';
import { utf16Of } from './recognise.ts';

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

const PIECE_BYTES = 4 * 1024 * 1024;

/** In pieces, since one string could not hold a large log. */
function fromUtf16(bytes: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const label = utf16Of(bytes);
  if (!label) return null;
  const decoder = new TextDecoder(label);
  const encoder = new TextEncoder();
  const pieces: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; from += PIECE_BYTES)
    pieces.push(encoder.encode(decoder.decode(bytes.subarray(from, from + PIECE_BYTES), { stream: from + PIECE_BYTES < bytes.length })));
  return joined(pieces);
}

/** Pieces one after the other. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
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
