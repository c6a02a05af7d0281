/** A 64-bit value as people read it: small ones in decimal, with their sign; large ones in hexadecimal too. */
export function valueText(text: string): { readonly decimal: string; readonly hex: string } {
  const value = BigInt(text);
  const signed = BigInt.asIntN(64, value);
  return { decimal: signed.toString(), hex: `0x${value.toString(16)}` };
}

/** The 64 bits in eights, the highest first. */
export function bitsText(text: string): string {
  const bits = BigInt(text).toString(2).padStart(64, '0');
  return bits.match(/.{8}/g)!.join(' ');
}

/** The same of which some bits are not known: those are x. */
export function knownBitsText(value: string, mask: string): string {
  const unknown = bitsText(BigInt.asUintN(64, BigInt(mask)).toString());
  return Array.from(bitsText(BigInt.asUintN(64, BigInt(value)).toString()), (bit, at) => (unknown[at] === '1' ? 'x' : bit)).join('');
}

const LIMIT = 1n << 64n;

/** A number that a user types, as an unsigned decimal; null where it is none of 64 bits. */
export function parseValue(text: string): string | null {
  const trimmed = text.trim().replaceAll('_', '').replace('−', '-');
  if (!/^-?(0x[0-9a-f]+|\d+)$/i.test(trimmed)) return null;
  const negative = trimmed.startsWith('-');
  const magnitude = BigInt(negative ? trimmed.slice(1) : trimmed);
  if (magnitude >= LIMIT || (negative && magnitude > LIMIT / 2n)) return null;
  return BigInt.asUintN(64, negative ? -magnitude : magnitude).toString();
}

export const hexBytes = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

/** Pairs of hexadecimal digits, apart or not; null where it is something else. */
export function parseBytes(text: string): Uint8Array | null {
  const digits = text.replaceAll(/[\s,]|0x/gi, '');
  if (digits.length === 0 || digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) return null;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16));
}

/** Up to eight bytes as an unsigned little-endian number; '' for more. */
export function littleEndian(bytes: Uint8Array): string {
  if (bytes.length === 0 || bytes.length > 8) return '';
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n).toString();
}

/** Place in a tensor: `[0, 3, 17]`. */
export function placeText(index: number, dims: readonly number[]): string {
  const places: number[] = [];
  let rest = index;
  for (const dim of [...dims].reverse()) {
    places.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return `[${places.join(', ')}]`;
}

export function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} B`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1024)} KiB` : `${Math.round(bytes / 1_048_576)} MiB`;
}
