/** First 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the square roots of the first 8 (FIPS 180-4, 4.2.2 and 5.3.3). */
function fractions(count: number, root: (prime: number) => bigint): string[] {
  const found: string[] = [];
  for (let n = 2; found.length < count; n++) {
    let isPrime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) isPrime = false;
    if (isPrime) found.push(`0x${(root(n) & 0xffffffffn).toString(16).padStart(8, '0')}`);
  }
  return found;
}

/** The largest r with r^power ≤ n. */
function integerRoot(n: bigint, power: bigint): bigint {
  let [low, high] = [0n, 1n << 40n];
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** power <= n) low = middle;
    else high = middle - 1n;
  }
  return low;
}

const ROUNDS = fractions(64, (prime) => integerRoot(BigInt(prime) << 96n, 3n));
const START = fractions(8, (prime) => integerRoot(BigInt(prime) << 64n, 2n));

/** SHA-256 (FIPS 180-4) and HMAC (RFC 2104) in C for eBPF, over memory of a program or over the window into device memory, in a slot of the scratch map. */
export const SHA_C = `
#if defined(NEEDS_SHA_MEMORY) || defined(NEEDS_SHA_WINDOW)
static const __u32 sha_rounds[64] = { ${ROUNDS.join(', ')} };

#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))

/* One block into the state. */
static __noinline int sha_block(struct accel_slot *slot) {
  __u32 *w = slot->schedule;
  for (int i = 0; i < 16; i++) w[i] = __builtin_bswap32(((__u32 *)slot->block)[i]);
  __u32 a = slot->sha[0], b = slot->sha[1], c = slot->sha[2], d = slot->sha[3];
  __u32 e = slot->sha[4], f = slot->sha[5], g = slot->sha[6], h = slot->sha[7];
#pragma clang loop unroll(disable)
  for (int i = 0; i < 64; i++) {
    if (i >= 16) {
      __u32 x = w[(i + 1) & 15], y = w[(i + 14) & 15];
      w[i & 15] += (ROTATE(x, 7) ^ ROTATE(x, 18) ^ x >> 3) + w[(i + 9) & 15] + (ROTATE(y, 17) ^ ROTATE(y, 19) ^ y >> 10);
    }
    __u32 first = h + (ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25)) + ((e & f) ^ (~e & g)) + sha_rounds[i] + w[i & 15];
    __u32 second = (ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g; g = f; f = e; e = d + first; d = c; c = b; b = a; a = first + second;
  }
  slot->sha[0] += a; slot->sha[1] += b; slot->sha[2] += c; slot->sha[3] += d;
  slot->sha[4] += e; slot->sha[5] += f; slot->sha[6] += g; slot->sha[7] += h;
  return 0;
}

static __always_inline void sha_start(struct accel_slot *slot) {
${START.map((word, i) => `  slot->sha[${i}] = ${word};`).join('\n')}
}

static __always_inline void sha_result(struct accel_slot *slot, __u8 *digest) {
#pragma unroll
  for (int i = 0; i < 32; i++) digest[i] = slot->sha[i / 4] >> (24 - i % 4 * 8);
}

/* What follows the last byte: 0x80, zeros, and the length in bits. The block holds what is left of the message, and zeros. */
static __noinline int sha_last(struct accel_slot *slot, __u64 size, __u64 before) {
  __u64 used = size & 63, bits = (size + before) << 3;
  slot->block[used] = 0x80;
  if (used >= 56) {
    sha_block(slot);
    for (int i = 0; i < 8; i++) ((__u64 *)slot->block)[i] = 0;
  }
  ((__u32 *)slot->block)[14] = __builtin_bswap32(bits >> 32);
  ((__u32 *)slot->block)[15] = __builtin_bswap32(bits);
  return sha_block(slot);
}
#endif

#if defined(NEEDS_SHA_MEMORY)
static long memory_block(__u32 i, struct work *work) {
  struct accel_slot *slot = work->slot;
  __u64 at = (__u64)i * 64;
  if (work->size < 64 || at > work->size - 64) return 1;
  const __u8 *from = work->data + at;
#pragma unroll
  for (int j = 0; j < 64; j++) slot->block[j] = from[j];
  sha_block(slot);
  return 0;
}
static long memory_byte(__u32 i, struct work *work) {
  __u64 at = work->base + i;
  __u8 byte = 0;
  if (at < work->size) byte = work->data[at];
  work->slot->block[i & 63] = byte;
  return 0;
}
/* All of a program's memory, to the end; 'before' bytes are in the state already. */
static __noinline int sha_memory(struct work *work, __u64 before) {
  bpf_loop(work->size >> 6, memory_block, work, 0);
  work->base = work->size & ~63ull;
  bpf_loop(64, memory_byte, work, 0);
  return sha_last(work->slot, work->size, before);
}
#endif

#if defined(NEEDS_SHA_WINDOW)
static long window_block(__u32 i, struct work *work) {
  struct accel_slot *slot = work->slot;
  __u64 at = work->at + (__u64)i * 64;
  if (at > WINDOW) return 1;
  const __u8 *from = work->window->bytes + at;
#pragma unroll
  for (int j = 0; j < 64; j++) slot->block[j] = from[j];
  sha_block(slot);
  return 0;
}
static long window_byte(__u32 i, struct work *work) {
  __u64 at = work->at + work->base + i;
  __u8 byte = 0;
  if (work->base + i < work->size && at < WINDOW) byte = work->window->bytes[at];
  work->slot->block[i & 63] = byte;
  return 0;
}
static __noinline int sha_window(struct work *work, __u64 before) {
  bpf_loop(work->size >> 6, window_block, work, 0);
  work->base = work->size & ~63ull;
  bpf_loop(64, window_byte, work, 0);
  return sha_last(work->slot, work->size, before);
}
#endif

#if defined(NEEDS_HMAC)
/* The key of 32 bytes, padded to a block: inside now, outside kept for the end. */
static __noinline int hmac_start(struct accel_slot *slot, const struct accel_key *key) {
  for (int i = 0; i < 64; i++) {
    __u8 byte = i < 32 ? key->bytes[i & 31] : 0;
    slot->block[i] = byte ^ 0x36;
    slot->outer[i] = byte ^ 0x5c;
  }
  sha_start(slot);
  return sha_block(slot);
}
static __noinline int hmac_end(struct accel_slot *slot) {
  sha_result(slot, slot->digest);
  for (int i = 0; i < 64; i++) slot->block[i] = slot->outer[i];
  sha_start(slot);
  sha_block(slot);
  for (int i = 0; i < 64; i++) slot->block[i] = i < 32 ? slot->digest[i & 31] : 0;
  return sha_last(slot, 32, 64);
}
#endif
`;
