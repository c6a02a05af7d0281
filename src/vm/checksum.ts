/** One's-complement sum of 16-bit little-endian words, folded to 16 bits. */
function sum(bytes: Uint8Array, seed: number): number {
  let total = fold(seed);
  for (let at = 0; at < bytes.length; at += 2) total += bytes[at] | ((bytes[at + 1] ?? 0) << 8);
  return fold(total);
}

function fold(total: number): number {
  let rest = total;
  while (rest > 0xffff) rest = (rest & 0xffff) + Math.floor(rest / 65536);
  return rest;
}

/** bpf_csum_diff as of Linux 6.13: the sum of `to` minus that of `from`, started at `seed`, folded to 16 bits. */
export function checksumDifference(from: Uint8Array, to: Uint8Array, seed: number): number {
  return fold(sum(to, seed) + (from.length > 0 ? 0xffff - sum(from, 0) : 0));
}

/** Sum of 32-bit numbers in one's complement. */
function add32(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffffffff ? sum - 0xffffffff : sum;
}

function add16(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffff ? sum - 0xffff : sum;
}

const finish = (sum: number): number => ~fold(sum) & 0xffff;
const complement = (checksum: number): number => ~checksum >>> 0;

/** Checksum field `old` after the covered bytes changed by the sum `difference`. */
export function replaceByDifference(old: number, difference: number): number {
  return finish(add32(difference, complement(old)));
}

/** Checksum field `old` after a covered 32-bit field changed; all as they lie in memory, little-endian. */
export function replaceWord32(old: number, from: number, to: number): number {
  return finish(add32(add32(complement(old), complement(from)), to));
}

/** Checksum field `old` after a covered 16-bit field changed. */
export function replaceWord16(old: number, from: number, to: number): number {
  return ~add16(add16(~old & 0xffff, ~from & 0xffff), to) & 0xffff;
}
