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
