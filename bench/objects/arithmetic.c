/* Arithmetic on pointers, and on numbers that become offsets. */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__uint(value_size, 64);
} array SEC(".maps");

/* Code with r6 = context, r7 = a value of 64 bytes, r8 = an unknown number. */
#define WITH_VALUE(code)                                                                                             \
	asm volatile("r6 = r1; r2 = 0; *(u32 *)(r10 - 4) = r2; r2 = r10; r2 += -4; r1 = %[map] ll; call 1;"            \
		     "if r0 == 0 goto 1f; r7 = r0; call 7; r8 = r0;" code "; 1: r0 = 0; exit" ::[map] "i"(&array))
#define CASE(name, code)                                                                                              \
	SEC("socket") __naked int name(void *ctx) { WITH_VALUE(code); }

CASE(multiplied, "r7 *= 2; r0 = *(u8 *)(r7 + 0)")
CASE(xored, "r7 ^= 1; r0 = *(u8 *)(r7 + 0)")
CASE(negated, "r7 = -r7; r0 = *(u8 *)(r7 + 0)")
CASE(shifted, "r7 <<= 1")
CASE(in_32_bits, "w7 += 1; r0 = *(u8 *)(r7 + 0)")
CASE(two_pointers_added, "r7 += r6; r0 = *(u8 *)(r7 + 0)")
CASE(pointers_subtracted, "r7 -= r7")
CASE(subtracted_from_a_number, "r8 -= r7")
CASE(frame_subtracted, "r1 = r10; r1 -= r8; r0 = *(u8 *)(r1 + 0)")
CASE(added_unbounded, "r7 += r8; r0 = *(u8 *)(r7 + 0)")
CASE(added_64_bits, "r1 = *(u32 *)(r6 + 0); r1 <<= 32; r1 |= r8; r7 += r1; r0 = *(u8 *)(r7 + 0)")
CASE(added_masked, "r8 &= 63; r7 += r8; r0 = *(u8 *)(r7 + 0)")
CASE(added_masked_wide_read, "r8 &= 63; r7 += r8; r0 = *(u64 *)(r7 + 0)")
CASE(added_aligned_wide_read, "r8 &= 56; r7 += r8; r0 = *(u64 *)(r7 + 0)")
CASE(added_then_moved_back, "r8 &= 7; r7 += r8; r0 = *(u8 *)(r7 - 1)")
CASE(added_constant_too_large, "r7 += 0x20000000; r0 = *(u8 *)(r7 + 0)")
CASE(bounded_by_branch, "if r8 > 63 goto 1f; r7 += r8; r0 = *(u8 *)(r7 + 0)")
CASE(bounded_by_signed_branch, "r8 <<= 32; r8 s>>= 32; if r8 s> 63 goto 1f; r7 += r8; r0 = *(u8 *)(r7 + 0)")
CASE(bounded_twice, "r8 <<= 32; r8 s>>= 32; if r8 s> 63 goto 1f; if r8 s< 0 goto 1f; r7 += r8; r0 = *(u8 *)(r7 + 0)")
CASE(bounded_then_scaled, "if r8 > 7 goto 1f; r8 <<= 3; r7 += r8; r0 = *(u64 *)(r7 + 0)")
CASE(bounded_then_scaled_too_far, "if r8 > 8 goto 1f; r8 <<= 3; r7 += r8; r0 = *(u64 *)(r7 + 0)")
CASE(remainder_bounded, "r8 %%= 64; r7 += r8; r0 = *(u8 *)(r7 + 0)")
CASE(remainder_too_far, "r8 %%= 66; r7 += r8; r0 = *(u8 *)(r7 + 0)")
CASE(quotient, "r8 >>= 26; r7 += r8; r0 = *(u8 *)(r7 + 0)")
CASE(bounded_in_32_bits, "r1 = r8; if w1 > 63 goto 1f; w1 = w1; r7 += r1; r0 = *(u8 *)(r7 + 0)")
CASE(bound_of_a_copy, "r1 = r8; if r1 > 63 goto 1f; r7 += r8; r0 = *(u8 *)(r7 + 0)")
CASE(bound_lost_by_a_spill, "*(u64 *)(r10 - 16) = r8; r1 = *(u64 *)(r10 - 16); if r1 > 63 goto 1f; r2 = *(u64 *)(r10 - 16); r7 += r2; r0 = *(u8 *)(r7 + 0)")
CASE(shifted_by_too_much, "r8 <<= 64")
CASE(divided_by_zero, "r8 /= 0")
CASE(compared_with_a_number, "if r7 > 5 goto 1f; r0 = *(u8 *)(r7 + 0)")
CASE(pointer_as_a_map, "r1 = r7; r2 = r10; r2 += -4; call 1")
CASE(pointer_returned, "r0 = r7; exit")
CASE(pointer_stored_in_a_value, "*(u64 *)(r7 + 0) = r10")
CASE(context_stored_in_a_value, "*(u64 *)(r7 + 0) = r6")
CASE(value_misaligned, "r0 = *(u64 *)(r7 + 60)")
CASE(value_before, "r0 = *(u8 *)(r7 - 1)")
CASE(frame_misaligned, "r0 = 1; *(u32 *)(r10 - 6) = r0")
CASE(atomic_misaligned, "r0 = 1; lock *(u32 *)(r7 + 2) += w0")
CASE(atomic_beyond, "r0 = 1; lock *(u64 *)(r7 + 64) += r0")
CASE(atomic_with_a_pointer, "lock *(u64 *)(r7 + 0) += r10")
CASE(call_of_a_number, "call -1")
CASE(jump_to_itself, "2: goto 2b")
CASE(register_eleven, ".byte 0xbf, 0x0b, 0, 0, 0, 0, 0, 0")
CASE(reserved_field, ".byte 0xbf, 0x21, 1, 0, 0, 0, 0, 0")
CASE(unknown_opcode, ".byte 0x8e, 0, 0, 0, 0, 0, 0, 0")
CASE(half_a_wide_load, ".byte 0x18, 1, 0, 0, 0, 0, 0, 0; r0 = 0")
