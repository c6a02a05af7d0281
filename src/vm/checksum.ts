/**
 * The representative of a sum in one's complement of 16 or 32 bits (`most` is all ones): zero stands for itself alone, since sums with
 * end-around carry never come back to it.
 */
const folded = (total: number, most: number): number => (total === 0 ? 0 : ((total - 1) % most) + 1);
const fold32 = (total: number): number => folded(total, 0xffffffff);
const fold16 = (total: number): number => folded(total, 0xffff);

/** So many bytes add up exactly. */
const CHUNK = 1 << 20;

/** csum_partial: the 32-bit sum of little-endian words, started at `seed`; what lacks of the last word is zero. */
function sum32(bytes: Uint8Array, seed: number, spend: (bytes: number) => void): number {
  let total = seed;
  for (let from = 0; from < bytes.length; from += CHUNK) {
    const to = Math.min(from + CHUNK, bytes.length);
    for (let at = from; at < to; at += 2) total += (bytes[at] | ((bytes[at + 1] ?? 0) << 8)) * (at & 2 ? 65536 : 1);
    total = fold32(total);
    if (to < bytes.length) spend(4 * CHUNK);
  }
  return total;
}

const complement = (sum: number): number => ~sum >>> 0;

/** bpf_csum_diff as of Linux 6.13: the sum of `to` minus that of `from`, started at `seed`, folded to 16 bits. Tells `spend` of long work. */
export function checksumDifference(from: Uint8Array, to: Uint8Array, seed: number, spend: (bytes: number) => void): number {
  // Which of 0 and 0xffff, its other name, comes out depends on which of these ways Linux takes.
  if (to.length === 0) return fold16(from.length === 0 ? seed : complement(sum32(from, complement(seed), spend)));
  const added = sum32(to, seed, spend);
  return fold16(from.length === 0 ? added : fold32(added + complement(sum32(from, 0, spend))));
}

const finish = (sum: number): number => ~fold16(sum) & 0xffff;

/** Checksum field `old` after the covered bytes changed by the sum `difference`. */
export function replaceByDifference(old: number, difference: number): number {
  return finish(fold32(difference + complement(old)));
}

/** Checksum field `old` after a covered 32-bit field changed; all as they lie in memory, little-endian. */
export function replaceWord32(old: number, from: number, to: number): number {
  return finish(fold32(fold32(complement(old) + complement(from)) + to));
}

/** Checksum field `old` after a covered 16-bit field changed. */
export function replaceWord16(old: number, from: number, to: number): number {
  return ~fold16(fold16((~old & 0xffff) + (~from & 0xffff)) + to) & 0xffff;
}
