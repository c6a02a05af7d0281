import { InputError } from '../../base/errors.ts';

export const toHex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

export const fromHex = (text: string): Uint8Array =>
  Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(at * 2, at * 2 + 2), 16));

const WIDTHS: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 };

function littleEndian(number: bigint, bytes: number, where: string): number[] {
  if (number < 0n || number >= 1n << BigInt(8 * bytes)) throw new InputError(`${number} does not fit into ${bytes} bytes`, where);
  return Array.from({ length: bytes }, (_, at) => Number((number >> BigInt(8 * at)) & 255n));
}

function whole(text: string, where: string): bigint {
  if (!/^(\d{1,20}|0x[0-9a-f]{1,16})$/i.test(text)) throw new InputError(`a whole number is wanted, not ${text}`, where);
  return BigInt(text);
}

/**
 * Bytes of a map's key or value as a user writes them: parts `u8:1,2`, `u16:…`, `u32:…`, `u64:…` or `hex:0a0b` with spaces between them, or one
 * number that fills all of up to eight bytes. Throws {@link InputError} for other texts and for another length than `bytes`.
 */
export function parseBytes(text: string, bytes: number, where: string): Uint8Array {
  const words = text.trim().split(/\s+/);
  if (words.length === 1 && !text.includes(':')) {
    if (bytes > 8) throw new InputError(`it has ${bytes} bytes: name their types, as in u32:1,2`, where);
    return Uint8Array.from(littleEndian(whole(words[0]!, where), bytes, where));
  }
  const out: number[] = [];
  for (const word of words) {
    const [type, rest = ''] = word.split(':', 2) as [string, string?];
    if (type === 'hex') {
      if (!/^([0-9a-f]{2})+$/i.test(rest)) throw new InputError(`pairs of hexadecimal digits are wanted, not ${rest}`, where);
      out.push(...fromHex(rest));
      continue;
    }
    const width = WIDTHS[type];
    if (!width) throw new InputError(`the types are u8, u16, u32, u64 and hex, not ${type}`, where);
    for (const number of rest.split(',')) out.push(...littleEndian(whole(number, where), width, where));
  }
  if (out.length !== bytes) throw new InputError(`it has ${bytes} bytes, and ${out.length} were given`, where);
  return Uint8Array.from(out);
}

/** Little-endian words of a value, for people: 4 bytes each, or 8 where all of it divides so. */
export function words(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => view.getUint32(at * 4, true));
}
