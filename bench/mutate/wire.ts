import { joinedBytes } from './bytes.ts';
import type { Dice } from './dice.ts';

/** Protocol Buffers as a tree: every length is written anew, so that a change in the depth leaves the rest whole. */
interface Field {
  number: number;
  type: number;
  /** Of a varint or a fixed number: its bytes. Of bytes: they, or a message if they read as one. */
  bytes: Uint8Array;
  message: Field[] | null;
  /** A length that the bytes do not have. */
  length?: number;
}

function varint(bytes: Uint8Array, at: number): [value: number, next: number] | null {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return null;
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return [value, at + i + 1];
  }
  return null;
}

export function varintBytes(value: number | bigint): Uint8Array {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    out.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(out);
}

function parse(bytes: Uint8Array, depth: number): Field[] | null {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = varint(bytes, at);
    if (!tag || tag[0] < 8) return null;
    const [number, type] = [Math.floor(tag[0] / 8), tag[0] & 7];
    at = tag[1];
    let end = at;
    if (type === 0) {
      const value = varint(bytes, at);
      if (!value) return null;
      end = value[1];
    } else if (type === 1) end = at + 8;
    else if (type === 5) end = at + 4;
    else if (type === 2) {
      const length = varint(bytes, at);
      if (!length) return null;
      at = length[1];
      end = at + length[0];
    } else return null;
    if (end > bytes.length || number > 2000) return null;
    const value = bytes.subarray(at, end);
    fields.push({ number, type, bytes: value, message: type === 2 && depth < 12 && value.length > 1 ? parse(value, depth + 1) : null });
    at = end;
  }
  return fields;
}

function encode(fields: readonly Field[]): Uint8Array {
  return joinedBytes(
    ...fields.flatMap(({ number, type, bytes, message, length }) => {
      const value = message ? encode(message) : bytes;
      const tag = varintBytes(number * 8 + type);
      return type === 2 ? [tag, varintBytes(length ?? value.length), value] : [tag, value];
    }),
  );
}

function all(fields: Field[], found: { of: Field[]; at: number }[] = []): { of: Field[]; at: number }[] {
  for (const [at, field] of fields.entries()) {
    found.push({ of: fields, at });
    if (field.message) all(field.message, found);
  }
  return found;
}

const INTS = [
  0,
  1,
  2,
  3,
  7,
  16,
  255,
  65_536,
  1_000_000,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53,
  -1n,
  -2n,
  -(2n ** 63n),
  2n ** 63n - 1n,
];

const clone = (field: Field): Field => ({ ...field, message: field.message?.map(clone) ?? null });

/** A changed message; null where `bytes` are none. */
export function changedMessage(dice: Dice, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array | null {
  const fields = parse(bytes, 0);
  if (!fields) return null;
  for (let count = dice.few(); count > 0; count--) {
    const places = all(fields);
    if (places.length === 0) break;
    const { of, at } = dice.one(places);
    const field = of[at]!;
    const draw = dice.below(12);
    if (draw === 0) of.splice(at, 1);
    else if (draw === 1) of.splice(at, 0, ...Array.from({ length: dice.chance(0.95) ? 1 : dice.below(300) }, () => clone(field)));
    else if (draw === 2) {
      const { of: from, at: place } = dice.one(places);
      of.splice(dice.below(of.length + 1), 0, clone(from[place]!));
    } else if (draw === 3) field.number = dice.chance(0.8) ? 1 + dice.below(30) : dice.odd(32, field.number) || 1;
    else if (draw === 4) field.type = dice.below(8);
    else if (draw === 5 && field.type === 2) field.length = dice.odd(dice.chance(0.8) ? 32 : 64, field.bytes.length);
    else if (draw === 6) {
      const foreign = parse(dice.one(others), 0);
      const places = foreign ? all(foreign) : [];
      if (places.length > 0) {
        const { of: from, at: place } = dice.one(places);
        of[at] = { ...clone(from[place]!), ...(dice.chance(0.5) ? { number: field.number } : {}) };
      }
    } else if (draw === 7 && field.message) {
      // A message within itself, as graphs in attributes are.
      for (let depth = dice.one([1, 3, 40, 90]); depth > 0; depth--) field.message = [{ ...field, message: field.message }];
    } else if (field.type === 0) field.bytes = varintBytes(dice.one(INTS));
    else if (field.type === 2 && !field.message) {
      const text = field.bytes.slice();
      if (draw === 8) field.bytes = new Uint8Array(dice.one([0, 1, 3, 4, 8, 100, 10_000]));
      else if (draw === 9)
        field.bytes = dice.one(places.flatMap((place) => (place.of[place.at]!.message ? [] : [place.of[place.at]!.bytes])));
      else if (text.length > 0) {
        text[dice.below(text.length)] = dice.below(256);
        field.bytes = text;
      }
    } else if (field.type !== 2) {
      field.bytes = field.bytes.map(() => dice.one([0, 0xff, 0x7f, 0x80, 1, dice.below(256)]));
    }
  }
  return encode(fields);
}
