import { FIELDS, type FieldId, type FieldType } from '../dissect/fields.ts';

/** The types of values as filters tell them apart: those of fields, without how they are written. */
export type Type = Exclude<FieldType, 'u8x' | 'u16x' | 'u24x' | 'u32x' | 'bytes:' | 'text'>;

/** Filters know two fields of this name: rows of bytes, and an address, which counts for what stands without quotes. */
const DOUBLE = 'icmpv6.opt.linkaddr';

/** The type of a text in quotes that is compared with a field. */
export const quotedTypeOf = (field: FieldId | null, type: Type): Type =>
  field !== null && FIELDS[field]!.name === DOUBLE ? 'bytes' : type;

/** The type of a field's values. */
export function typeOf(field: FieldId): Type {
  const { type, name } = FIELDS[field]!;
  if (name === DOUBLE) return 'ether';
  if (type === 'bytes:') return 'bytes';
  if (type === 'text') return 'none';
  return (type.endsWith('x') ? type.slice(0, -1) : type) as Type;
}

const UNSIGNED: Partial<Record<Type, number>> = { u8: 0xff, u16: 0xffff, u24: 0xffffff, u32: 0xffffffff, u64: 2 ** 64 };

/** Largest value of an unsigned type, undefined for others. */
export const maximumOf = (type: Type): number | undefined => UNSIGNED[type];

const isInteger = (type: Type): boolean => type in UNSIGNED || type === 'i32';
/** Rows of bytes that compare with each other. */
const isBytes = (type: Type): boolean => type === 'bytes' || type === 'ether';

export const canCompare = (type: Type): boolean => type !== 'none';
export const canContain = (type: Type): boolean => type === 'string' || type === 'protocol' || isBytes(type);
export const canMatch = canContain;
export const canSlice = (type: Type): boolean => canContain(type) || type === 'ipv4' || type === 'ipv6';
/** Values that are bytes as they are, without being cut out. */
export const isRowOfBytes = (type: Type): boolean => isBytes(type) || type === 'ipv6';
export const canNegate = (type: Type): boolean => isInteger(type) || type === 'time';
export const canBeNegative = (type: Type): boolean => isInteger(type) || type === 'bool' || type === 'time';

export function canCalculate(operator: string, type: Type): boolean {
  if (isInteger(type)) return true;
  if (operator === '&') return isRowOfBytes(type) || type === 'ipv4';
  return type === 'time' && (operator === '+' || operator === '-');
}

/** Types that `string()` turns into text. */
export const hasText = (type: Type): boolean => isInteger(type) || type === 'ipv4' || type === 'ipv6' || type === 'ether';

/** Whether values of `a`, on the left, compare with those of `b`: integers do with truth values, truth values only with each other. */
export function compatible(a: Type, b: Type): boolean {
  if (isInteger(a)) return isInteger(b) || b === 'bool';
  if (isBytes(a)) return isBytes(b);
  return a === b;
}

/** What a value of the type is called in messages. */
export function nameOf(type: Type): string {
  if (isInteger(type)) return 'a number';
  const names: Partial<Record<Type, string>> = {
    bool: 'true or false',
    string: 'a text',
    protocol: 'a protocol',
    none: 'a mark without a value',
    time: 'a time',
    ipv4: 'an IPv4 address',
    ipv6: 'an IPv6 address',
    ether: 'a MAC address',
  };
  return names[type] ?? 'a row of bytes';
}
