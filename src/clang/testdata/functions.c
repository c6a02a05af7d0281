/* Functions for the comparison with clang; each is `__u64 NAME(const struct input *in)`. What they share stands in testing/generate.ts. */
TEST(sums) { __u64 a = 0; for (int i = 0; i < 8; i++) a += in->v[i]; return a; }
TEST(products) { return in->v[0] * in->v[1] + (__u32)in->v[2] * (__u32)in->v[3]; }
TEST(signs) { __s32 a = in->v[0]; __s64 b = a; return b >> 3 ^ (__u64)(__s8)in->v[1] ^ (__u64)(__s16)in->v[2]; }
TEST(unsigned_division) { return in->v[0] / (in->v[1] | 1) + (__u32)in->v[2] % ((__u32)in->v[3] | 1) + (__u16)in->v[4] / 7; }
TEST(narrow) { __u8 a = in->v[0]; a += in->v[1]; a <<= 3; __u16 b = a * a; b ^= 0x8001; return a + ((__u64)b << 16); }
TEST(compare_widths) { return ((__u8)in->v[0] < (__u8)in->v[1]) + 2 * ((__s8)in->v[0] < (__s8)in->v[1]) + 4 * ((__s32)in->v[2] >= (__s32)in->v[3]) + 8 * (in->v[4] > in->v[5]); }
TEST(conditions) { if ((in->v[0] > 5 && in->v[1] < 9) || (in->v[2] == 3 && !(in->v[3] & 1))) return 1; return in->v[4] ? 2 : 3; }
TEST(condition_value) { _Bool a = in->v[0] > in->v[1], b = in->v[2] == 0; _Bool c = a ^ b, d = a | b; return a + 2 * b + 4 * c + 8 * d; }
TEST(chosen) { __u64 a = in->v[0], b = in->v[1]; return a < b ? a : b > 100 ? 100 : b; }
TEST(least_and_most) { __s32 a = in->v[0], b = in->v[1]; __u32 c = in->v[2], d = in->v[3]; return (__u64)(a < b ? a : b) + (c > d ? c : d); }
TEST(absolute) { __s64 a = in->v[0]; __s32 b = in->v[1]; return (a < 0 ? 0 - (__u64)a : (__u64)a) + (b < 0 ? 0u - (__u32)b : (__u32)b); }
TEST(shifts) { return (in->v[0] << (in->v[1] & 63)) ^ (in->v[2] >> (in->v[3] & 63)) ^ ((__u32)in->v[4] << (in->v[5] & 31)); }
TEST(arithmetic_shifts) { return (__u64)((__s64)in->v[0] >> (in->v[1] & 63)) ^ (__u64)((__s32)in->v[2] >> (in->v[3] & 31)) ^ (__u64)((__s8)in->v[4] >> 2); }
TEST(rotate) { __u64 a = in->v[0]; __u32 b = in->v[1], n = in->v[2] & 31; return ((a << 13) | (a >> 51)) ^ ((b << n) | (b >> (-n & 31))); }
TEST(swap) { return __builtin_bswap64(in->v[0]) ^ __builtin_bswap32(in->v[1]) ^ __builtin_bswap16(in->v[2]); }
TEST(population) { return __builtin_popcountll(in->v[0]) + __builtin_popcount(in->v[1]) * 100 + __builtin_parityll(in->v[2]) * 10000; }
TEST(zeros) { return __builtin_clzll(in->v[0] | 1) + __builtin_ctzll(in->v[1] | 1ull << 63) * 100 + __builtin_clz((__u32)in->v[2] | 1) * 10000 + __builtin_ctz((__u32)in->v[3] | 1u << 31) * 1000000; }
TEST(first_bit) { return __builtin_ffsll(in->v[0]) + 100 * __builtin_ffs((__u32)in->v[1]); }
TEST(reversed_bits) { return __builtin_bitreverse64(in->v[0]) ^ __builtin_bitreverse32(in->v[1]) ^ __builtin_bitreverse16(in->v[2]) ^ __builtin_bitreverse8(in->v[3]); }
TEST(rotated) { return __builtin_rotateleft64(in->v[0], in->v[1] & 63) ^ __builtin_rotateright32(in->v[2], in->v[3] & 31) ^ __builtin_rotateleft16(in->v[4], 5) ^ __builtin_rotateleft8(in->v[5], in->v[6] & 7); }
TEST(added_overflow) { __u64 r; _Bool o = __builtin_add_overflow(in->v[0], in->v[1], &r); __s32 q; _Bool p = __builtin_add_overflow((__s32)in->v[2], (__s32)in->v[3], &q); return r + o * 7 + p * 77 + (__u64)q; }
TEST(subtracted_overflow) { __u32 r; _Bool o = __builtin_sub_overflow((__u32)in->v[0], (__u32)in->v[1], &r); __s64 q; _Bool p = __builtin_sub_overflow((__s64)in->v[2], (__s64)in->v[3], &q); return r + o * 7 + p * 77 + (__u64)q; }
TEST(multiplied_overflow) { __u32 r; _Bool o = __builtin_mul_overflow((__u32)in->v[0], (__u32)in->v[1], &r); __s32 q; _Bool p = __builtin_mul_overflow((__s32)in->v[2], (__s32)in->v[3], &q); return r + o * 7 + p * 77 + (__u64)q; }
TEST(narrow_overflow) { __u8 r; _Bool o = __builtin_add_overflow((__u8)in->v[0], (__u8)in->v[1], &r); __s16 q; _Bool p = __builtin_sub_overflow((__s16)in->v[2], (__s16)in->v[3], &q); return r + o * 1000 + p * 7000 + (__u64)q; }
TEST(saturated) { __u32 a = in->v[0], b = in->v[1], s = a + b; if (s < a) s = ~0u; __u64 c = in->v[2], d = in->v[3]; return s + (c > d ? c - d : 0); }
TEST(switch_dense) { switch (in->v[0] & 7) { case 0: return 11; case 1: return 23; case 2: return in->v[1]; case 3: return 9; case 4: return in->v[2] + 1; case 6: return 5; default: return 99; } }
TEST(switch_sparse) { switch ((__u32)in->v[0]) { case 0: return 1; case 7: return 2; case 0x7f: return 3; case 0x80: return 4; case 0xffff: return 5; case 0x80000000u: return 6; case 0xffffffffu: return 7; default: return 8; } }
TEST(switch_wide) { switch (in->v[0]) { case 1ull << 63: return 1; case ~0ull: return 2; case 0x80000000ull: return 3; case 0xffffffffull: return 4; case 2: return 5; default: return 6; } }
TEST(switch_signed) { switch ((__s8)in->v[0]) { case -1: return 1; case -128: return 2; case 127: return 3; case 1 ... 9: return 4; default: return 5; } }
TEST(switch_falls) { __u64 a = 0; switch (in->v[0] & 3) { case 3: a += 5; case 2: a *= 3; break; case 1: a = in->v[1]; default: a ^= 7; } return a; }
TEST(loop_break) { __u64 a = 0; for (int i = 0; i < 20; i++) { if (a > in->v[0] % 50) break; if (i == 3) continue; a += i * 3; } return a; }
TEST(loop_nested) { __u64 a = 0; for (int i = 0; i < 4; i++) for (int j = i; j < 5; j++) a = a * 31 + (in->v[i] ^ in->v[j & 7]); return a; }
TEST(loop_while) { __u64 a = in->v[0] & 0xffff, n = 0; while (a && n < 20) { a >>= 1; n++; } return n; }
TEST(loop_do) { __u32 a = in->v[0]; int n = 0; do { a = a * 1103515245u + 12345u; n++; } while ((a & 7) && n < 10); return a + n; }
TEST(loop_bound) { __u64 a = 0; int n = in->v[0] & 15; for (int i = 0; i < n; i++) a = a * 3 + (i ^ 5); return a; }
TEST(two_values) { __u64 a = 1, b = 1; for (int i = 0; i < 10; i++) { __u64 t = a; a = b; b = t + b; } return a ^ b ^ in->v[0]; }
TEST(rotated_values) { __u64 a = in->v[0], b = in->v[1], c = in->v[2]; for (int i = 0; i < (in->v[3] & 7); i++) { __u64 t = a; a = b; b = c; c = t; } return a ^ b * 3 ^ c * 5; }
TEST(many_values) { __u64 a = in->v[0], b = in->v[1], c = in->v[2], d = in->v[3], e = in->v[4], f = in->v[5], g = in->v[6], k = in->v[7]; for (int i = 0; i < 5; i++) { a += b ^ k; b += c * 3; c ^= d; d += e; e -= f; f *= 5; g += a; k ^= g; } return a ^ b ^ c ^ d ^ e ^ f ^ g ^ k; }
TEST(values_over_calls) { __u64 a = in->v[0], b = in->v[1], c = in->v[2], d = in->v[3], e = in->v[4], f = in->v[5]; a += helper1(b, c); d += helper0(e, f); b += helper2(a, d); return a ^ b ^ c ^ d ^ e ^ f; }
TEST(calls_narrow) { return helper0(in->v[0], in->v[1]) + helper2(in->v[2], in->v[3]) + helper3(in->v[4], in->v[5]); }
static __noinline __s8 narrow_result(__s8 a, __u16 b) { return a - b; }
TEST(call_signed) { __s64 r = narrow_result(in->v[0], in->v[1]); return (__u64)r; }
static __noinline int five(__u8 a, __s16 b, __u32 c, __u64 d, int e) { return a + b + c + (int)d + e; }
TEST(five_arguments) { return (__u64)(__s64)five(in->v[0], in->v[1], in->v[2], in->v[3], in->v[4]); }
TEST(helper_call) { return bpf_get_smp_processor_id() < 4096 ? in->v[0] + 1 : 0; }
struct pair { __u32 a; __u64 b; };
static __noinline __u64 take_pair(struct pair p) { return p.a * 3 + p.b; }
TEST(structure_argument) { struct pair p = { (__u32)in->v[0], in->v[1] }; return take_pair(p); }
TEST(structure_copy) { struct mixed a = { 1, 2, 1, -3, 4, in->v[0] }, b = a; b.x += in->v[1]; b.c--; a = b; return a.a + a.bits + a.flag + (__u64)a.c + a.x + a.y; }
TEST(bit_fields) { struct { __u32 a : 3, b : 11, c : 1; __s32 d : 9; __u64 e : 40; } s = { 0 }; s.a = in->v[0]; s.b = in->v[1]; s.c = in->v[2]; s.d = in->v[3]; s.e = in->v[4]; return s.a + s.b * 8ull + s.c * 100000ull + (__u64)s.d + (__u64)s.e * 3; }
TEST(packed) { struct { __u8 a; __u32 b; __u64 c; __u16 d; } __attribute__((packed)) s; s.a = in->v[0]; s.b = in->v[1]; s.c = in->v[2]; s.d = in->v[3]; barrier(); return s.a + s.b + s.c + s.d; }
TEST(a_union) { union { __u64 w; __u8 b[8]; __u16 h[4]; __u32 q[2]; } u; u.w = in->v[0]; u.b[3] ^= 0x55; u.h[3] += 7; return u.q[0] + u.q[1] + u.w; }
TEST(arrays) { __u32 a[16]; for (int i = 0; i < 16; i++) a[i] = (__u32)in->v[i & 7] + i; __u64 s = 0; for (int i = 15; i >= 0; i -= 3) s = s * 7 + a[i]; return s + a[in->v[0] & 15]; }
TEST(array_bytes) { char a[24] = "some text of bytes"; a[in->v[0] & 15] = 'x'; __u64 h = 0; for (int i = 0; i < 18; i++) h = h * 131 + a[i]; return h; }
TEST(array_two_dimensions) { __u16 a[4][5] = {}; __u32 x = in->v[0] & 3, y = in->v[1] & 7; if (y < 5) a[x][y] = in->v[2]; __u64 s = 0; for (int i = 0; i < 4; i++) for (int j = 0; j < 5; j++) s = s * 3 + a[i][j] + i * j; return s; }
TEST(pointers) { __u64 a[4] = { in->v[0], in->v[1], in->v[2], in->v[3] }, *p = a + 1, *q = &a[3]; *p += *q; p[1] ^= q[-3]; return a[0] + a[1] * 3 + a[2] * 5 + a[3] * 7 + (q - p); }
TEST(constants) { static const __u32 table[8] = { 3, 1, 4, 1, 5, 9, 2, 6 }; return table[in->v[0] & 7] * 10 + table[(in->v[1] >> 3) & 7]; }
TEST(globals) { shared[in->v[0] & 15] = in->v[1]; shared[3] += 5; return shared[in->v[2] & 15] + shared[3]; }
static __u32 counter = 41; static volatile __u64 flagged;
TEST(initialised) { counter = 41; counter += in->v[0]; flagged = in->v[1]; return counter + flagged + flagged; }
TEST(volatiles) { volatile __u32 a = in->v[0]; volatile __u8 b = in->v[1]; a += b; a++; return a + b; }
TEST(copied) { __u8 a[32] = {}, b[32]; __builtin_memcpy(a + 3, in->v, 17); __builtin_memcpy(b, a, 32); __u64 h = 0; for (int i = 0; i < 32; i++) h = h * 31 + b[i]; return h; }
TEST(moved) { __u8 a[32]; for (int i = 0; i < 32; i++) a[i] = i * 5 + in->v[0]; __builtin_memmove(a + 5, a, 20); __builtin_memmove(a, a + 2, 9); __u64 h = 0; for (int i = 0; i < 32; i++) h = h * 31 + a[i]; return h; }
TEST(filled) { __u8 a[29]; __builtin_memset(a, 0x5a, 29); __builtin_memset(a + 4, (__u8)in->v[0], 13); __u64 h = 0; for (int i = 0; i < 29; i++) h = h * 31 + a[i]; return h; }
TEST(expected) { if (__builtin_expect(in->v[0] == 5, 0)) return 1; return __builtin_expect(in->v[1], 1) + 3; }
TEST(hidden_value) { __u64 a = in->v[0]; barrier_var(a); return a + 1; }
TEST(goto_back) { __u64 a = in->v[0] & 15, n = 0; again: n = n * 5 + a; if (a--) goto again; return n; }
TEST(wide_constants) { return in->v[0] + 0x123456789abcdef0ull - (in->v[1] & 0xffffffff00000000ull) + (in->v[2] ^ 0x80000000ull); }
TEST(masks) { return (in->v[0] & 0xffffffffull) + (in->v[1] & 0xffff) * 3 + ((__u32)in->v[2] & 0xfffffff0u) + (in->v[3] & ~0xffull); }
TEST(three_bytes) { struct { __u8 b[3]; } s; __builtin_memcpy(&s, in->v, 3); return s.b[0] | s.b[1] << 8 | (__u32)s.b[2] << 16; }
TEST(checksum) { __u32 s = 0; const __u16 *p = (const __u16 *)in->v; for (int i = 0; i < 16; i++) s += p[i]; s = (s & 0xffff) + (s >> 16); s = (s & 0xffff) + (s >> 16); return (__u16)~s; }
TEST(hash) { __u32 a = 0xdeadbeef, b = in->v[0], c = in->v[1]; c ^= b; c -= b << 14 | b >> 18; a ^= c; a -= c << 11 | c >> 21; b ^= a; b -= a << 25 | a >> 7; c ^= b; return c + ((__u64)a << 32); }
TEST(fixed_point) { __s64 score = (__s64)(in->v[0] & 0xffff) * 58982 >> 16; return score > 58982 ? 1 : 2 + score; }
TEST(square_root) { __u32 n = in->v[0], r = 0; for (int b = 15; b >= 0; b--) { __u32 t = r | 1u << b; if ((__u64)t * t <= n) r = t; } return r; }
TEST(ternary_chain) { __u32 a = in->v[0]; return a < 10 ? 1 : a < 100 ? 2 : a < 1000 ? 3 : a < 10000 ? 4 : 5; }
TEST(early_out) { for (int i = 0; i < 8; i++) { if (in->v[i] == 0) return i; if (in->v[i] > 1ull << 40) return 100 + i; } return 50; }
TEST(sign_of) { __s64 a = in->v[0]; return (a > 0) - (a < 0) + 5; }
TEST(three_way) { __u32 a = in->v[0], b = in->v[1]; int c = a < b ? -1 : a > b; return c + 10; }
TEST(ranges) { __u64 r = 0; __u32 a = in->v[0]; __s32 b = in->v[1]; __u8 c = in->v[2]; __u64 d = in->v[3]; if (a >= 3 && a <= 200) r += a; if (b > -5 && b < 9) r += 1000 + b; if (c >= 'a' && c <= 'z') r += 5000; if (d < 5 || d > 1000) r += 20000; return r; }
TEST(ranges_used) { __u64 n = in->v[0] & 0xff; __u64 list[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }; if (n < 2 || n > 6) return 7; return list[n]; }
