/** Bytes of keys and values as people read and write them. */

export const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

/** An unsigned little-endian integer of 1, 2, 4 or 8 bytes; null for other lengths. */
export function numberOf(bytes: Uint8Array): bigint | null {
  if (![1, 2, 4, 8].includes(bytes.length)) return null;
  let number = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) number = (number << 8n) | BigInt(bytes[at]!);
  return number;
}

/** So many bytes of a text: a decimal or `0x` number, or as many pairs of hexadecimal digits; null for what is neither. */
export function parseBytes(text: string, length: number): Uint8Array<ArrayBuffer> | null {
  const plain = text.trim().replaceAll(',', '');
  if (/^(\d+|0x[0-9a-f]+)$/i.test(plain) && length <= 8) {
    let number = BigInt(plain);
    if (number >= 1n << BigInt(8 * length)) return null;
    return Uint8Array.from({ length }, () => {
      const byte = Number(number & 0xffn);
      number >>= 8n;
      return byte;
    });
  }
  const digits = plain.replaceAll(/\s+/g, '');
  if (!/^[0-9a-f]+$/i.test(digits) || digits.length !== 2 * length) return null;
  return Uint8Array.from({ length }, (_, at) => Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}
