/** The S-box of AES (FIPS 197, 5.1.1): the inverse in GF(2^8), and an affine map behind it. */
function substitution(): number[] {
  const box = new Array<number>(256).fill(0x63);
  const rotate = (x: number, n: number): number => ((x << n) | (x >> (8 - n))) & 255;
  const double = (x: number): number => ((x << 1) ^ (x & 128 ? 0x11b : 0)) & 255;
  // 3 generates all elements; its inverse walks the other way round.
  let power = 1;
  const powers: number[] = [];
  for (let i = 0; i < 255; i++) {
    powers.push(power);
    power ^= double(power);
  }
  for (let i = 0; i < 255; i++) {
    const inverse = powers[(255 - i) % 255]!;
    box[powers[i]!] = inverse ^ rotate(inverse, 1) ^ rotate(inverse, 2) ^ rotate(inverse, 3) ^ rotate(inverse, 4) ^ 0x63;
  }
  return box;
}

/** AES-256 in counter mode with GHASH (FIPS 197, NIST SP 800-38D) in C for eBPF, over the window into device memory. */
export const AES_C = `
#if defined(NEEDS_GCM)
struct accel_seal { __u32 nonce[3]; __u32 key; __u32 tag[4]; __u64 size; };
static const __u8 aes_box[256] = { ${substitution().join(', ')} };

#define BOX(word) \\
  ((__u32)aes_box[(word) >> 24 & 255] << 24 | (__u32)aes_box[(word) >> 16 & 255] << 16 | (__u32)aes_box[(word) >> 8 & 255] << 8 | \\
   aes_box[(word) & 255])
#define LEFT(x, n) ((x) << (n) | (x) >> (32 - (n)))

static __noinline int aes_keys(struct accel_slot *slot, const struct accel_key *key) {
  __u32 *k = slot->keys, constant = 1;
  for (int i = 0; i < 8; i++)
    k[i] = (__u32)key->bytes[i * 4] << 24 | (__u32)key->bytes[i * 4 + 1] << 16 | (__u32)key->bytes[i * 4 + 2] << 8 | key->bytes[i * 4 + 3];
#pragma clang loop unroll(disable)
  for (int i = 8; i < 60; i++) {
    __u32 word = k[i - 1];
    if (i % 8 == 0) {
      __u32 turned = LEFT(word, 8);
      word = BOX(turned) ^ constant << 24;
      constant <<= 1;
    } else if (i % 8 == 4) {
      word = BOX(word);
    }
    k[i] = k[i - 8] ^ word;
  }
  return 0;
}

/* One column of a round: bytes of four columns, substituted and mixed. */
static __always_inline __u32 aes_column(__u32 a, __u32 b, __u32 c, __u32 d) {
  return (__u32)aes_box[a >> 24 & 255] << 24 | (__u32)aes_box[b >> 16 & 255] << 16 | (__u32)aes_box[c >> 8 & 255] << 8 | aes_box[d & 255];
}
static __always_inline __u32 aes_mix(__u32 x) {
  __u32 twice = (x & 0x7f7f7f7f) << 1 ^ (x >> 7 & 0x01010101) * 0x1b;
  return twice ^ LEFT(twice ^ x, 8) ^ LEFT(x, 16) ^ LEFT(x, 24);
}

/* Encrypts the counter into the stream. */
static __noinline int aes_block(struct accel_slot *slot) {
  const __u32 *k = slot->keys;
  __u32 a = slot->counter[0] ^ k[0], b = slot->counter[1] ^ k[1], c = slot->counter[2] ^ k[2], d = slot->counter[3] ^ k[3];
#pragma clang loop unroll(disable)
  for (int round = 1; round < 14; round++) {
    __u32 e = aes_mix(aes_column(a, b, c, d)) ^ k[round * 4];
    __u32 f = aes_mix(aes_column(b, c, d, a)) ^ k[round * 4 + 1];
    __u32 g = aes_mix(aes_column(c, d, a, b)) ^ k[round * 4 + 2];
    __u32 h = aes_mix(aes_column(d, a, b, c)) ^ k[round * 4 + 3];
    a = e; b = f; c = g; d = h;
  }
  slot->stream[0] = aes_column(a, b, c, d) ^ k[56];
  slot->stream[1] = aes_column(b, c, d, a) ^ k[57];
  slot->stream[2] = aes_column(c, d, a, b) ^ k[58];
  slot->stream[3] = aes_column(d, a, b, c) ^ k[59];
  return 0;
}

/* Multiplies y ^ (high, low) by h in GF(2^128), bit by bit. */
static __noinline int ghash(struct accel_slot *slot, __u64 high, __u64 low) {
  __u64 x[2] = { high ^ slot->y[0], low ^ slot->y[1] };
  __u64 zh = 0, zl = 0, vh = slot->h[0], vl = slot->h[1];
#pragma unroll
  for (int half = 0; half < 2; half++) {
    __u64 bits = x[half];
#pragma clang loop unroll(disable)
    for (int i = 0; i < 64; i++) {
      __u64 take = 0 - (bits >> 63), odd = vl & 1;
      bits <<= 1;
      zh ^= vh & take;
      zl ^= vl & take;
      vl = vl >> 1 | vh << 63;
      vh = vh >> 1 ^ odd * 0xe100000000000000ull;
    }
  }
  slot->y[0] = zh;
  slot->y[1] = zl;
  return 0;
}

static __always_inline void next_stream(struct accel_slot *slot) {
  slot->counter[3]++;
  aes_block(slot);
}
/* A byte of the stream. */
static __always_inline __u8 streamed(struct accel_slot *slot, int i) { return slot->stream[i / 4 & 3] >> (24 - i % 4 * 8); }

static __noinline int ghash_block(struct accel_slot *slot) {
  const __u64 *words = (const __u64 *)slot->block;
  return ghash(slot, __builtin_bswap64(words[0]), __builtin_bswap64(words[1]));
}

static long gcm_block(__u32 i, struct work *work) {
  struct accel_slot *slot = work->slot;
  __u64 at = work->at + (__u64)i * 16;
  if (at > WINDOW) return 1;
  next_stream(slot);
  __u8 *to = work->window->bytes + at;
#pragma unroll
  for (int j = 0; j < 16; j++) {
    __u8 byte = to[j] ^ streamed(slot, j);
    to[j] = byte;
    slot->block[j] = byte;
  }
  ghash_block(slot);
  return 0;
}
static long gcm_byte(__u32 i, struct work *work) {
  struct accel_slot *slot = work->slot;
  __u64 at = work->at + work->base + i;
  __u8 byte = 0;
  if (work->base + i < work->size && at < WINDOW) {
    byte = work->window->bytes[at] ^ slot->stream[i >> 2 & 3] >> (24 - (i & 3) * 8);
    work->window->bytes[at] = byte;
  }
  slot->block[i & 15] = byte;
  return 0;
}

/* Encrypts the bytes in the window under a key and a nonce; the tag covers them, the request and the address. */
static __noinline int gcm(struct work *work, const struct accel_key *key, struct accel_seal *seal, __u64 request, __u64 addr) {
  struct accel_slot *slot = work->slot;
  aes_keys(slot, key);
  for (int i = 0; i < 4; i++) slot->counter[i] = 0;
  aes_block(slot);
  slot->h[0] = (__u64)slot->stream[0] << 32 | slot->stream[1];
  slot->h[1] = (__u64)slot->stream[2] << 32 | slot->stream[3];
  slot->y[0] = 0;
  slot->y[1] = 0;
  for (int i = 0; i < 3; i++) slot->counter[i] = __builtin_bswap32(seal->nonce[i]);
  slot->counter[3] = 1;
  aes_block(slot);
  for (int i = 0; i < 4; i++) seal->tag[i] = slot->stream[i];
  /* Request and address, little-endian, are what the tag covers beside. */
  ghash(slot, __builtin_bswap64(request), __builtin_bswap64(addr));
  bpf_loop(work->size >> 4, gcm_block, work, 0);
  work->base = work->size & ~15ull;
  if (work->size & 15) {
    next_stream(slot);
    bpf_loop(16, gcm_byte, work, 0);
    ghash_block(slot);
  }
  ghash(slot, 128, work->size << 3);
  for (int i = 0; i < 4; i++) seal->tag[i] = __builtin_bswap32(seal->tag[i] ^ (__u32)(slot->y[i >> 1] >> (i & 1 ? 0 : 32)));
  return 0;
}
#endif
`;
