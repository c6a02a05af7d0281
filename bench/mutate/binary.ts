import { changedBytes, get, joinedBytes, oddAt, put } from './bytes.ts';
import type { Dice } from './dice.ts';

// Changes that know where a format keeps its numbers.

type Width = 1 | 2 | 4 | 8;

/** Offsets and widths of the fields of ELF64 structures (elf(5)). */
const EHDR: readonly (readonly [number, Width])[] = [
  [4, 1],
  [5, 1],
  [16, 2],
  [18, 2],
  [32, 8],
  [40, 8],
  [48, 4],
  [52, 2],
  [54, 2],
  [56, 2],
  [58, 2],
  [60, 2],
  [62, 2],
];
const SHDR: readonly (readonly [number, Width])[] = [
  [0, 4],
  [4, 4],
  [8, 8],
  [16, 8],
  [24, 8],
  [32, 8],
  [40, 4],
  [44, 4],
  [48, 8],
  [56, 8],
];
const SYMBOL: readonly (readonly [number, Width])[] = [
  [0, 4],
  [4, 1],
  [5, 1],
  [6, 2],
  [8, 8],
  [16, 8],
];
const RELOCATION: readonly (readonly [number, Width])[] = [
  [0, 8],
  [8, 4],
  [12, 4],
];
const INSN: readonly (readonly [number, Width])[] = [
  [0, 1],
  [1, 1],
  [2, 2],
  [4, 4],
];
const SHT = { progbits: 1, symtab: 2, rel: 9 } as const;

function fieldOf(dice: Dice, bytes: Uint8Array, from: number, size: number, of: readonly (readonly [number, Width])[], step: number): void {
  const count = Math.max(1, Math.floor(size / step));
  const [offset, width] = dice.one(of);
  const at = from + dice.below(count) * step + offset;
  if (at + width <= bytes.length) oddAt(dice, bytes, at, width);
}

/** Fields of headers, symbols, relocations, types and instructions of an ELF file that was whole. */
export function changedElf(dice: Dice, from: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  if (dice.chance(0.25)) return changedBytes(dice, from, others);
  const bytes = from.slice();
  const [table, count] = [get(from, 40, 8), get(from, 60, 2)];
  for (let times = dice.few(); times > 0; times--) {
    const section = table + dice.below(count) * 64;
    const [type, offset, size] = [get(from, section + 4, 4), get(from, section + 24, 8), get(from, section + 32, 8)];
    const draw = dice.below(6);
    if (draw === 0) fieldOf(dice, bytes, 0, 64, EHDR, 64);
    else if (draw === 1) fieldOf(dice, bytes, section, 64, SHDR, 64);
    else if (type === SHT.symtab) fieldOf(dice, bytes, offset, size, SYMBOL, 24);
    else if (type === SHT.rel) fieldOf(dice, bytes, offset, size, RELOCATION, 16);
    else if (get(from, offset, 2) === 0xeb9f) btfField(dice, bytes, offset, size);
    else if (type === SHT.progbits && size % 8 === 0) fieldOf(dice, bytes, offset, size, INSN, 8);
    else if (size > 0) bytes[offset + dice.below(size)] = dice.below(256);
  }
  return bytes;
}

/** A number of a BTF section: of its header, its types or its strings (Documentation/bpf/btf.rst). */
function btfField(dice: Dice, bytes: Uint8Array, from: number, size: number): void {
  const draw = dice.below(4);
  if (draw === 0) oddAt(dice, bytes, from + dice.one([4, 8, 12, 16, 20]), 4);
  else if (draw === 1) oddAt(dice, bytes, from + 24 + 4 * dice.below(Math.max(1, Math.floor((size - 24) / 4))), 4);
  else if (draw === 2) bytes[from + dice.below(size)] = dice.below(256);
  // The word of a type that says what it is: its kind, its flag and the number of its members.
  else put(bytes, from + 24 + 4 * dice.below(Math.max(1, Math.floor((size - 24) / 4))) + 3, 1, dice.below(256));
}

export function changedBtf(dice: Dice, from: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  if (dice.chance(0.3)) return changedBytes(dice, from, others);
  const bytes = from.slice();
  for (let times = dice.few(); times > 0; times--) btfField(dice, bytes, 0, bytes.length);
  return bytes;
}

/** The packets' headers of a pcap file. */
export function changedPcap(dice: Dice, from: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  if (dice.chance(0.25)) return changedBytes(dice, from, others);
  const bytes = from.slice();
  const little = bytes[0] !== 0xa1;
  const records: number[] = [];
  for (let at = 24; at + 16 <= bytes.length; at += 16 + get(from, at + 8, 4, little)) records.push(at);
  for (let times = dice.few(); times > 0; times--) {
    const record = dice.one(records);
    const draw = dice.below(5);
    if (draw === 0) oddAt(dice, bytes, dice.one([0, 4, 8, 12, 16, 20]), 4, little);
    else if (draw === 1) oddAt(dice, bytes, record + dice.one([0, 4, 8, 12]), 4, little);
    // Headers of the packet, which come first.
    else oddAt(dice, bytes, record + 16 + dice.below(Math.min(80, get(from, record + 8, 4, little) || 1)), dice.one([1, 2, 4]), false);
  }
  return bytes;
}

/** Blocks of a pcapng file: their kinds, lengths, options; left out, doubled, moved. */
export function changedPcapng(dice: Dice, from: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  if (dice.chance(0.2)) return changedBytes(dice, from, others);
  const little = get(from, 8, 4) === 0x1a2b3c4d;
  const blocks: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at + 12 <= from.length; ) {
    const length = get(from, at + 4, 4, little);
    if (length < 12) break;
    blocks.push(from.slice(at, at + length));
    at += length;
  }
  for (let times = dice.few(); times > 0; times--) {
    const at = dice.below(blocks.length);
    const block = blocks[at]!;
    const draw = dice.below(8);
    if (draw === 0) blocks.splice(at, 1);
    else if (draw === 1) blocks.splice(dice.below(blocks.length), 0, block.slice());
    else if (draw === 2)
      put(block, 0, 4, dice.one([1, 2, 3, 4, 5, 6, 7, 9, 10, 0xbad, 0x0a0d0d0a, 0x40000bad, 0x204, dice.below(2 ** 32)]), little);
    else if (draw === 3) oddAt(dice, block, dice.one([4, block.length - 4]), 4, little);
    else if (draw === 4) oddAt(dice, block, 8 + 4 * dice.below(Math.max(1, (block.length - 12) >> 2)), dice.one([2, 4]), little);
    else if (draw === 5) oddAt(dice, block, 8 + dice.below(Math.max(1, block.length - 12)), dice.one([1, 2]), little);
    else if (draw === 6) {
      // Longer or shorter, with lengths that fit.
      const size = 12 + 4 * dice.below(40);
      const next = new Uint8Array(size);
      next.set(block.subarray(0, Math.min(size, block.length)));
      put(next, 4, 4, size, little);
      put(next, size - 4, 4, size, little);
      blocks[at] = next;
    } else block[8 + dice.below(Math.max(1, block.length - 12))] = dice.below(256);
    if (blocks.length === 0) break;
  }
  return joinedBytes(...blocks);
}

/** Chunks of a PNG file, with their checksums put right. */
export function changedPng(dice: Dice, from: Uint8Array, others: readonly Uint8Array[], crc: (bytes: Uint8Array) => number): Uint8Array {
  if (dice.chance(0.3)) return changedBytes(dice, from, others);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 8; at + 12 <= from.length; ) {
    const length = get(from, at, 4, false);
    chunks.push(from.slice(at + 4, at + 8 + length));
    at += 12 + length;
  }
  for (let times = dice.few(); times > 0; times--) {
    const at = dice.below(chunks.length);
    const chunk = chunks[at]!;
    const draw = dice.below(6);
    if (draw === 0) chunks.splice(at, 1);
    else if (draw === 1) chunks.splice(dice.below(chunks.length + 1), 0, chunk.slice());
    else if (draw <= 3 && chunk.length > 4) oddAt(dice, chunk, 4 + dice.below(chunk.length - 4), dice.one([1, 4]), false);
    else if (draw === 4) chunk.set(dice.one(chunks).subarray(0, 4));
    else chunks[at] = chunk.slice(0, 4 + dice.below(chunk.length - 3));
    if (chunks.length === 0) break;
  }
  return joinedBytes(
    from.subarray(0, 8),
    ...chunks.map((chunk) => {
      const out = new Uint8Array(chunk.length + 8);
      put(out, 0, 4, chunk.length - 4, false);
      out.set(chunk, 4);
      put(out, chunk.length + 4, 4, crc(chunk), false);
      return out;
    }),
  );
}

/** A file whose head is a text of a length that stands before it, in `width` bytes at `lengthAt`. */
export function changedHead(
  dice: Dice,
  from: Uint8Array,
  lengthAt: number,
  width: 2 | 4 | 8,
  change: (text: string) => string,
): Uint8Array {
  const start = lengthAt + width;
  const length = get(from, lengthAt, width);
  const text = new TextEncoder().encode(change(new TextDecoder('latin1').decode(from.subarray(start, start + length))));
  const before = from.slice(0, start);
  put(before, lengthAt, width, dice.chance(0.9) ? text.length : dice.odd(width === 2 ? 16 : 32, text.length));
  const data = from.subarray(start + length);
  return joinedBytes(before, text, dice.chance(0.8) ? data : data.subarray(0, dice.below(data.length + 1)));
}
