/** Bytes as a line of text: what is not printable ASCII or UTF-8 is escaped, as C writes it. */
export function printable(bytes: Uint8Array, from: number, to: number): string {
  let plain = true;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte < 0x20 || byte > 0x7e || byte === 0x5c) {
      plain = false;
      break;
    }
  }
  if (plain) return String.fromCharCode(...bytes.subarray(from, to));
  let text = '';
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    const wide = byte >= 0x80 ? utf8(bytes, at, to) : null;
    if (wide) {
      text += wide.text;
      at += wide.length - 1;
    } else
      text +=
        byte >= 0x20 && byte < 0x7f && byte !== 0x5c
          ? String.fromCharCode(byte)
          : (ESCAPES[byte] ?? `\\${byte.toString(8).padStart(3, '0')}`);
  }
  return text;
}

const ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  92: '\\\\',
};

function utf8(bytes: Uint8Array, at: number, to: number): { text: string; length: number } | null {
  const first = bytes[at]!;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || at + length > to) return null;
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(at, at + length)), length };
  } catch {
    return null;
  }
}
