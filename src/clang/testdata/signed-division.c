/* More functions, for the instruction set with signed division (v4). */
TEST(divided) { __s64 a = in->v[0], b = (in->v[1] & 0xff) + 1; return (__u64)(a / b) + (__u64)(a % b) * 3; }
TEST(divided_narrow) { __s32 a = in->v[0], b = ((__u32)in->v[1] & 0xff) + 1; return (__u64)(a / b) + (__u64)(a % b) * 3; }
TEST(divided_by_constant) { __s64 a = in->v[0]; __s32 b = in->v[1]; return (__u64)(a / 10) + (__u64)(b / 7) * 3 + (__u64)(b % 8); }
TEST(divided_by_negative) { __s64 a = in->v[0], b = -(__s64)(in->v[1] & 0xff) - 2; return (__u64)(a / b) + (__u64)(a % b) * 3; }
