import { FilterError } from './error.ts';

/** Part of a sequence of bytes, or of the layers of a protocol: by its length (null: to the end), or by its last one. Negative numbers count from the end. */
export interface Range {
  readonly start: number;
  readonly length: number | null;
  /** Null in all forms but `[i-j]`. */
  readonly last: number | null;
}

const NUMBER = '\\s*([-+]?(?:0[xX][0-9a-fA-F]+|\\d+))\\s*';
const LENGTH = new RegExp(`^(?:${NUMBER})?:(?:${NUMBER})?$`);
const LAST = new RegExp(`^${NUMBER}-${NUMBER}$`);
const SINGLE = new RegExp(`^${NUMBER}$`);

/** `i:length`, `i-last`, `i`, `:length`, `i:`, several with commas. */
export function ranges(text: string, from: number, to: number): Range[] {
  return text.split(',').map((one) => {
    const wrong = (what: string) => new FilterError(`"${one.trim()}" ${what}`, from, to - 1);
    const number = (digits: string): number => {
      const value = numberOf(digits);
      if (!(Math.abs(value) <= 0x7fffffff)) throw wrong('holds a number that is too large');
      return value;
    };
    const length = LENGTH.exec(one);
    if (length && !/:\s+$/.test(one)) {
      const size = length[2] === undefined ? null : number(length[2]);
      if (size !== null && size <= 0) throw wrong('has no length');
      return { start: length[1] === undefined ? 0 : number(length[1]), length: size, last: null };
    }
    const last = LAST.exec(one);
    if (last) {
      const [start, end] = [number(last[1]!), number(last[2]!)];
      if ((start < 0 && end > 0) || (start > 0 && end < 0)) throw wrong('counts from both ends');
      if (end <= start) throw wrong('ends before it begins');
      return { start, length: null, last: end };
    }
    const single = SINGLE.exec(one);
    if (single) return { start: number(single[1]!), length: 1, last: null };
    throw wrong('is no range of bytes: write [first:length], [first-last] or [first]');
  });
}

/** As C reads it: a leading zero means octal. NaN for anything else. */
export function numberOf(text: string): number {
  const parts = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9]\d*))$/.exec(text);
  if (!parts) return Number.NaN;
  const [, sign, hex, octal, decimal] = parts;
  const value = hex !== undefined ? Number.parseInt(hex, 16) : octal !== undefined ? Number.parseInt(octal, 8) : Number(decimal);
  return sign === '-' ? -value : value;
}

/** The bytes that ranges choose of a row that is `size` long, of which not all need be there; the first range beyond the end is the last one. */
export function sliced(bytes: Uint8Array, size: number | null, chosen: readonly Range[]): Uint8Array {
  const parts: number[] = [];
  const end = size ?? bytes.length;
  for (const { start, length, last } of chosen) {
    const from = start < 0 ? end + start : start;
    let to = length === null ? end : from + length;
    if (last !== null) to = (last < 0 ? end + last : last) + 1;
    if (from < 0 || to > end || to <= from) break;
    if (to > bytes.length) continue;
    for (let at = from; at < to; at++) parts.push(bytes[at]!);
  }
  return Uint8Array.from(parts);
}

/** Whether a layer is one of those chosen, of `count`. */
export function choosesLayer(chosen: readonly Range[], layer: number, count: number): boolean {
  return chosen.some(({ start, length, last }) => {
    const from = start < 0 ? start + count + 1 : start;
    const to = last ?? (length === null ? Number.POSITIVE_INFINITY : from + length - 1);
    return layer >= from && layer <= to;
  });
}
