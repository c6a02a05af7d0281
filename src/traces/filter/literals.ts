import { FIELDS, type FieldId } from '../dissect/fields.ts';
import { type Fail, FilterError } from './error.ts';
import { namedValue } from './names.ts';
import { numberOf } from './ranges.ts';
import { maximumOf, nameOf, type Type } from './types.ts';
import { type Item, Prefix, Signed, Stretch, Time } from './values.ts';

/** Reads a word as a value of `type`. A part of an address will do where `partial`; names of values count for the field that is compared. */
export function fromWord(text: string, type: Type, field: FieldId | null, partial: boolean, fail: Fail): Item {
  try {
    return plain(text, type, partial, fail);
  } catch (error) {
    const named = error instanceof FilterError && field !== null ? namedValue(field, text) : undefined;
    if (named === undefined) throw error;
    return named;
  }
}

function plain(text: string, type: Type, partial: boolean, fail: Fail): Item {
  switch (type) {
    case 'string':
      return text;
    case 'bytes':
      return bytes(text, fail);
    case 'protocol':
      return whole(bytes(text, fail));
    case 'ether': {
      const address = bytes(text, fail);
      if (address.length > 6 || (address.length < 6 && !partial)) throw fail(`"${text}" is no MAC address, which has six bytes`);
      return address;
    }
    case 'ipv4':
      return ipv4(text, fail);
    case 'ipv6':
      return ipv6(text, fail);
    case 'time':
      return time(text, fail);
    case 'bool':
      if (text === 'True' || text === 'TRUE') return 1;
      if (text === 'False' || text === 'FALSE') return 0;
      return number(text, 'u64', fail);
    case 'none':
      throw fail(`"${text}" cannot be compared with ${nameOf(type)}`);
    default:
      return number(text, type, fail);
  }
}

/** Reads a text in quotes as a value of `type`. */
export function fromString(value: Uint8Array, type: Type, field: FieldId | null, fail: Fail): Item {
  if (type === 'string') return textOf(value);
  if (type === 'bytes') return value;
  if (type === 'protocol') return whole(value);
  const named = field === null ? undefined : namedValue(field, textOf(value));
  if (named !== undefined) return named;
  const what = field === null ? nameOf(type) : FIELDS[field]!.name;
  throw fail(type === 'ipv4' || type === 'ipv6' || type === 'ether' ? `${nameOf(type)} stands without quotes` : `${what} cannot be a text`);
}

/** Reads a character in quotes as a value of `type`. */
export function fromCharacter(value: Uint8Array, type: Type, fail: Fail): Item {
  if (type === 'string') return textOf(value);
  if (type === 'bytes' || type === 'protocol') {
    if (value.length === 1) return type === 'protocol' ? whole(value) : value;
    throw fail('the character is more than a byte');
  }
  if (type === 'i32') return new Signed(codeOf(value));
  if (type === 'bool' || maximumOf(type) !== undefined) return codeOf(value);
  throw fail(`a character is not ${nameOf(type)}`);
}

const whole = (value: Uint8Array): Stretch => new Stretch(value, value.length);
const codeOf = (value: Uint8Array): number => (value.length === 1 ? value[0]! : textOf(value).codePointAt(0)!);

/** UTF-8, or bytes one by one where it is not. */
export function textOf(value: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return String.fromCharCode(...value);
  }
}

function number(text: string, type: Type, fail: Fail): Item {
  const value = /^0[bB][01]*$/.test(text) ? Number.parseInt(text.slice(2) || '0', 2) : numberOf(text);
  if (Number.isNaN(value)) throw fail(`"${text}" is no number`);
  const maximum = maximumOf(type);
  if (maximum === undefined) {
    if (value > 0x7fffffff) throw fail(`${text} is larger than 2147483647`);
    return new Signed(value);
  }
  if (value > maximum || (type === 'u64' && value === maximum)) throw fail(`${text} is larger than ${maximum}, which is the most here`);
  return value;
}

/** Seconds with up to nine digits behind the point. */
function time(text: string, fail: Fail): Time {
  const parts = /^(\d*)(?:\.(\d*))?$/.exec(text);
  const digits = parts?.[2] ?? '';
  if (!parts || text === '' || (parts[1] === '' && text[0] !== '.') || /[1-9]/.test(digits.slice(9)))
    throw fail(`"${text}" is no time in seconds`);
  return new Time(Number(parts[1] || 0), Number(digits.slice(0, 9).padEnd(9, '0')));
}

/** Bits that count, behind the slash of an address. */
function prefix(text: string | undefined, most: number, fail: Fail): number | null {
  if (text === undefined) return null;
  const bits = numberOf(text);
  if (!(bits >= 0 && bits <= most)) throw fail(`the prefix of such an address has 0 to ${most} bits`);
  return bits;
}

function ipv4(text: string, fail: Fail): Item {
  const parts = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})(?:\/(.*))?$/.exec(text);
  const numbers = parts?.slice(1, 5).map(Number);
  if (!numbers || numbers.some((one) => one > 255)) throw fail(`"${text}" is no IPv4 address`);
  const [a, b, c, d] = numbers as [number, number, number, number];
  const address = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  const bits = prefix(parts![5], 32, fail);
  return bits === null ? address : new Prefix(address, bits);
}

function ipv6(text: string, fail: Fail): Item {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const halves = address.split('::');
  const groups = (part: string): number[] | null => {
    if (part === '') return [];
    const found: number[] = [];
    const all = part.split(':');
    for (const [at, group] of all.entries()) {
      if (/^[0-9a-fA-F]{1,4}$/.test(group)) found.push(Number.parseInt(group, 16));
      else if (at === all.length - 1 && group.includes('.')) {
        const dotted = ipv4(group, fail);
        if (typeof dotted !== 'number') return null;
        found.push(dotted >>> 16, dotted & 0xffff);
      } else return null;
    }
    return found;
  };
  const head = groups(halves[0]!);
  const tail = halves.length > 1 ? groups(halves[1]!) : [];
  const whole = head && tail && halves.length <= 2 && (halves.length === 2 ? head.length + tail.length <= 7 : head.length === 8);
  if (!whole) throw fail(`"${text}" is no IPv6 address`);
  const bits = prefix(slash < 0 ? undefined : text.slice(slash + 1), 128, fail);
  const bytes16 = new Uint8Array(16);
  for (const [at, group] of [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail].entries()) {
    bytes16[2 * at] = group >> 8;
    bytes16[2 * at + 1] = group & 0xff;
  }
  return bits === null ? bytes16 : new Prefix(bytes16, bits);
}

/** Hexadecimal digits: four or two in a row, or one before a separator or the end; `0x` and `0b` for one byte. */
function bytes(text: string, fail: Fail): Uint8Array {
  const digits = text.replace(/^:/, '');
  if (/^0b[01]{8}$/i.test(digits)) return Uint8Array.of(Number.parseInt(digits.slice(2), 2));
  let rest = /^0x..$/i.test(digits) ? digits.slice(2) : digits;
  const found: number[] = [];
  while (rest !== '') {
    const piece = /^(?:([0-9a-f]{4}|[0-9a-f]{2})[:.-]?|([0-9a-f])(?:[:.-]|$))/i.exec(rest);
    if (!piece) throw fail(`"${text}" are no bytes: write them as 01:02:ff, or as a text in quotes`);
    const hex = piece[1] ?? piece[2]!;
    if (hex.length === 4) found.push(Number.parseInt(hex.slice(0, 2), 16), Number.parseInt(hex.slice(2), 16));
    else found.push(Number.parseInt(hex, 16));
    rest = rest.slice(piece[0].length);
  }
  return Uint8Array.from(found);
}
