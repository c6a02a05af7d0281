// Values and what filters calculate with them. Where a result cannot be represented there is none, and where two values have no order a comparison
// of them is neither true nor false.

import type { Operator } from './parser.ts';
import { type Range, sliced } from './ranges.ts';
import { maximumOf, type Type } from './types.ts';

/** A number that may be negative; plain numbers are unsigned. */
export class Signed {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Both parts have the same sign. */
export class Time {
  readonly seconds: number;
  readonly nanoseconds: number;

  constructor(seconds: number, nanoseconds: number) {
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
  }

  /** From any two numbers. */
  static of(seconds: number, nanoseconds: number): Time {
    const carry = Math.trunc(nanoseconds / 1e9);
    let [whole, rest] = [seconds + carry, nanoseconds - carry * 1e9];
    if (whole > 0 && rest < 0) [whole, rest] = [whole - 1, rest + 1e9];
    else if (whole < 0 && rest > 0) [whole, rest] = [whole + 1, rest - 1e9];
    return new Time(whole, rest);
  }
}

/** An address of which only the first bits count. */
export class Prefix {
  readonly address: number | Uint8Array;
  readonly bits: number;

  constructor(address: number | Uint8Array, bits: number) {
    this.address = address;
    this.bits = bits;
  }
}

/** The bytes of a protocol: all that it carries, of which a length counts for slices and order. It may be more than was captured. */
export class Stretch {
  readonly bytes: Uint8Array;
  readonly length: number;

  constructor(bytes: Uint8Array, length: number) {
    this.bytes = bytes;
    this.length = length;
  }
}

/** One value: unsigned numbers, truth values and IPv4 addresses are numbers; bytes of all kinds and IPv6 addresses are bytes. */
export type Item = number | string | Uint8Array | Signed | Time | Prefix | Stretch;

const MAX_I32 = 0x7fffffff;
const TOO_LARGE = 2 ** 63;

/** Below, above or equal to zero, as `a` is to `b`; NaN where they have no order: a negative number beside one that cannot be. */
export function compareItems(type: Type, a: Item, b: Item): number {
  if (typeof a === 'number' && typeof b === 'number') return type === 'bool' ? Math.sign(a) - Math.sign(b) : a - b;
  if (a instanceof Signed) {
    const other = b instanceof Signed ? b.value : (b as number);
    return other >= TOO_LARGE ? Number.NaN : a.value - other;
  }
  if (b instanceof Signed) return b.value < 0 ? Number.NaN : compareItems(type, a, b.value);
  if (a instanceof Time) return a.seconds - (b as Time).seconds || a.nanoseconds - (b as Time).nanoseconds;
  if (typeof a === 'string') return a === b ? 0 : a < (b as string) ? -1 : 1;
  if (a instanceof Prefix || b instanceof Prefix) return comparePrefixes(a, b);
  if (a instanceof Stretch) return compareStretches(a, b as Stretch);
  const [left, right] = [a as Uint8Array, b as Uint8Array];
  // A shorter row of bytes comes before a longer one.
  return left.length - right.length || compareBytes(left, right);
}

/** What was not captured is as good as anything. */
function compareStretches(a: Stretch, b: Stretch): number {
  if (a.length !== b.length) return a.length - b.length;
  return a.bytes.length < a.length || b.bytes.length < b.length ? 0 : compareBytes(a.bytes.subarray(0, a.length), b.bytes);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return a[at]! - b[at]!;
  return 0;
}

function comparePrefixes(a: Item, b: Item): number {
  const bits = Math.min(a instanceof Prefix ? a.bits : 128, b instanceof Prefix ? b.bits : 128);
  const [left, right] = [a instanceof Prefix ? a.address : a, b instanceof Prefix ? b.address : b];
  if (typeof left === 'number') return firstBits(left, bits) - firstBits(right as number, bits);
  const masked = (bytes: Uint8Array) => bytes.map((byte, at) => byte & (0xff00 >> Math.max(0, Math.min(8, bits - 8 * at))));
  return compareBytes(masked(left as Uint8Array), masked(right as Uint8Array));
}

const firstBits = (address: number, bits: number): number => (bits === 0 ? 0 : (address & (-1 << (32 - Math.min(32, bits)))) >>> 0);

export function isZero(item: Item): boolean {
  if (item instanceof Uint8Array) return item.every((byte) => byte === 0);
  if (item instanceof Signed) return item.value === 0;
  if (item instanceof Time) return item.seconds === 0 && item.nanoseconds === 0;
  return item === 0 || item === '';
}

/** Null where the result does not fit. */
export function negated(type: Type, item: Item): Item | null {
  if (item instanceof Time) return new Time(-item.seconds, -item.nanoseconds);
  if (item instanceof Signed) return new Signed(-item.value);
  const value = item as number;
  return value > (type === 'u64' ? TOO_LARGE : MAX_I32) ? null : new Signed(-value);
}

export function absolute(type: Type, item: Item): Item | null {
  const negative = item instanceof Signed ? item.value < 0 : item instanceof Time && (item.seconds < 0 || item.nanoseconds < 0);
  return negative ? negated(type, item) : item;
}

/** Null where the result does not fit, and for a division by zero. The kind of number is that of `a`. */
export function calculated(operator: Operator, type: Type, a: Item, b: Item): Item | null {
  if (a instanceof Time) {
    const other = b as Time;
    return operator === '+'
      ? Time.of(a.seconds + other.seconds, a.nanoseconds + other.nanoseconds)
      : Time.of(a.seconds - other.seconds, a.nanoseconds - other.nanoseconds);
  }
  if (type === 'ipv4') return andAddresses(a, b);
  if (a instanceof Uint8Array) {
    const other = b instanceof Prefix ? (b.address as Uint8Array) : (b as Uint8Array);
    return a.slice(0, Math.min(a.length, other.length)).map((byte, at) => byte & other[at]!);
  }
  if (a instanceof Signed) return signed(operator, a.value, asSigned(b));
  return unsigned(operator, type === 'u64' ? maximumOf('u64')! : 0xffffffff, a as number, asUnsigned(b));
}

function andAddresses(a: Item, b: Item): Item {
  const mask = b instanceof Prefix ? firstBits(b.address as number, b.bits) : (b as number);
  if (a instanceof Prefix) return new Prefix(((a.address as number) & mask) >>> 0, a.bits);
  return ((a as number) & mask) >>> 0;
}

/** Operands keep their 32 bits, whichever way those were meant. */
const asSigned = (item: Item): number => (item instanceof Signed ? item.value : (item as number) | 0);
const asUnsigned = (item: Item): number => (item instanceof Signed ? item.value >>> 0 : (item as number));

function signed(operator: Operator, a: number, b: number): Signed | null {
  const result = operation(operator, a, b);
  return result === null || result > MAX_I32 || result < -MAX_I32 - 1 ? null : new Signed(result);
}

function unsigned(operator: Operator, maximum: number, a: number, b: number): Item | null {
  if (operator === '-' && b > a) return a > MAX_I32 || b > MAX_I32 ? null : new Signed(a - b);
  if (operator === '&') return (a & b) >>> 0;
  const result = operation(operator, a, b);
  return result === null || result > maximum ? null : result;
}

function operation(operator: Operator, a: number, b: number): number | null {
  if (operator === '+') return a + b;
  if (operator === '-') return a - b;
  if (operator === '*') return a * b;
  if (operator === '&') return a & b;
  if (b === 0) return null;
  return operator === '/' ? Math.trunc(a / b) : a % b;
}

/** The bytes of a value, for slices. */
export function bytesOf(item: Item): Uint8Array {
  if (item instanceof Uint8Array) return item;
  if (item instanceof Stretch) return item.bytes.subarray(0, item.length);
  if (typeof item === 'string') return new TextEncoder().encode(item);
  const value = item as number;
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** Of protocols, all that they carry. */
export const allBytes = (item: Item): Uint8Array => (item instanceof Stretch ? item.bytes : bytesOf(item));

/** The bytes that ranges choose, as far as there are any. */
export function slicedItem(item: Item, chosen: readonly Range[]): Uint8Array {
  return item instanceof Stretch ? sliced(item.bytes, item.length, chosen) : sliced(bytesOf(item), null, chosen);
}

/** A value as bytes beside a slice; nothing of a protocol that was captured in part. */
export const wholeSlice = (item: Item): Uint8Array => slicedItem(item, [{ start: 0, length: null, last: null }]);

/** Whether `part` lies in `whole`. An empty part lies in every row of bytes, and in no text and no protocol, as in Wireshark. */
export function holdsPart(whole: Item, part: Item): boolean {
  if (typeof whole === 'string' && typeof part === 'string') return part !== '' && whole.includes(part);
  const [bytes, wanted] = [allBytes(whole), allBytes(part)];
  if (wanted.length === 0) return !(whole instanceof Stretch);
  const first = wanted[0]!;
  for (let at = bytes.indexOf(first); at >= 0 && at + wanted.length <= bytes.length; at = bytes.indexOf(first, at + 1)) {
    let same = 1;
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++;
    if (same === wanted.length) return true;
  }
  return false;
}
