/* More functions, for instruction sets with atomic operations (v3 and later). */
TEST(fetched_sum) { __u64 a = in->v[0]; __u64 old = __sync_fetch_and_add(&a, in->v[1]); return a * 3 + old; }
TEST(fetched_difference) { __u32 a = in->v[0]; __u32 old = __sync_fetch_and_sub(&a, in->v[1]); return a * 3ull + old; }
TEST(fetched_bits) { __u64 a = in->v[0]; __u64 r = __sync_fetch_and_and(&a, in->v[1]); r += __sync_fetch_and_or(&a, in->v[2]) * 3; r += __sync_fetch_and_xor(&a, in->v[3]) * 5; return r + a; }
TEST(unfetched_bits) { __u32 a = in->v[0]; __sync_fetch_and_and(&a, in->v[1]); __sync_fetch_and_or(&a, in->v[2]); __sync_fetch_and_xor(&a, in->v[3]); return a; }
TEST(exchanged) { __u64 a = in->v[0]; __u64 old = __sync_lock_test_and_set(&a, in->v[1]); return a + old * 3; }
TEST(exchanged_if) { __u64 a = in->v[0]; __u64 old = __sync_val_compare_and_swap(&a, in->v[1], in->v[2]); return a + old * 3; }
TEST(exchanged_if_narrow) { __u32 a = in->v[0]; __u32 old = __sync_val_compare_and_swap(&a, (__u32)in->v[1], (__u32)in->v[2]); return a + old * 3ull; }
TEST(exchanged_told) { __u64 a = in->v[0] & 3; _Bool done = __sync_bool_compare_and_swap(&a, in->v[1] & 3, in->v[2]); return a + done * 1000; }
TEST(on_global) { shared[4] = in->v[0]; __u64 r = __sync_fetch_and_add(&shared[4], 5); return r + shared[4] + __sync_add_and_fetch(&shared[5], in->v[1]); }
