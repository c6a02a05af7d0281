import type { Dice } from './dice.ts';

const WIDTHS = [1, 2, 4, 8] as const;

/** Writes a number of `width` bytes, as much of it as the width holds. */
export function put(bytes: Uint8Array, at: number, width: 1 | 2 | 4 | 8, value: number, little = true): void {
  let rest = BigInt.asUintN(width * 8, BigInt(Math.floor(value)));
  for (let i = 0; i < width; i++) {
    const place = little ? at + i : at + width - 1 - i;
    if (place >= 0 && place < bytes.length) bytes[place] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

export function get(bytes: Uint8Array, at: number, width: 1 | 2 | 4 | 8, little = true): number {
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[little ? at + width - 1 - i : at + i] ?? 0);
  return value;
}

export function joinedBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A number of the file exchanged for one that is odd there. */
export function oddAt(dice: Dice, bytes: Uint8Array, at: number, width: 1 | 2 | 4 | 8, little = true): void {
  put(bytes, at, width, dice.odd((width * 8) as 8 | 16 | 32 | 64, get(bytes, at, width, little)), little);
}

/** Changes that know nothing of the format: bits, numbers, cuts, sections doubled, moved, left out or taken from another file. */
export function changedBytes(dice: Dice, from: Uint8Array, others: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer> = from.slice();
  for (let count = dice.few(); count > 0 && bytes.length > 0; count--) {
    const at = dice.below(bytes.length);
    const length = 1 + dice.below(Math.min(dice.chance(0.5) ? 16 : 512, bytes.length - at));
    switch (dice.below(9)) {
      case 0:
        bytes[at]! ^= 1 << dice.below(8);
        break;
      case 1:
        bytes[at] = dice.below(256);
        break;
      case 2:
      case 3:
        oddAt(dice, bytes, at, dice.one(WIDTHS), dice.chance(0.7));
        break;
      case 4:
        if (dice.chance(0.3)) bytes = bytes.slice(0, at);
        break;
      case 5:
        bytes = joinedBytes(bytes.subarray(0, at), bytes.subarray(at + length));
        break;
      case 6: {
        const copies = Array.from({ length: dice.chance(0.9) ? 1 : dice.below(200) }, () => bytes.subarray(at, at + length));
        bytes = joinedBytes(bytes.subarray(0, at + length), ...copies, bytes.subarray(at + length));
        break;
      }
      case 7: {
        const other = dice.one(others);
        const place = dice.below(other.length);
        bytes = joinedBytes(
          bytes.subarray(0, at),
          other.subarray(place, place + length),
          bytes.subarray(dice.chance(0.5) ? at + length : at),
        );
        break;
      }
      default:
        bytes.fill(dice.one([0, 0xff, 0x7f, 0x80, dice.below(256)]), at, at + length);
    }
  }
  return bytes;
}
