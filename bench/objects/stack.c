/* The stack: what was never written, what lies outside, and how much of it there is. */
#include "common.h"

SEC("tracepoint/syscalls/sys_enter_nanosleep")
int read_before_write(void *ctx)
{
	u64 value;

	asm volatile("%0 = *(u64 *)(r10 - 8)" : "=r"(value));
	return value & 1;
}

SEC("tracepoint/syscalls/sys_enter_nanosleep")
int read_below(void *ctx)
{
	u64 value;

	asm volatile("%0 = *(u64 *)(r10 - 520)" : "=r"(value));
	return value & 1;
}

SEC("tracepoint/syscalls/sys_enter_nanosleep")
int write_above(void *ctx)
{
	asm volatile("*(u64 *)(r10 + 8) = %0" ::"r"(1l) : "memory");
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_nanosleep")
int frame_pointer_written(void *ctx)
{
	asm volatile("r10 = 0");
	return 0;
}

SEC("xdp")
int index_unbounded(struct xdp_md *ctx)
{
	u8 buffer[32] = {};

	hide(ctx);
	buffer[ctx->rx_queue_index] = 1;
	return buffer[7];
}

SEC("xdp")
int index_one_too_far(struct xdp_md *ctx)
{
	u64 buffer[60] = {};
	u32 at = ctx->rx_queue_index;

	if (at > 60)
		return 0;
	asm volatile("" ::"r"(buffer) : "memory");
	return buffer[at];
}

SEC("xdp")
int index_bounded(struct xdp_md *ctx)
{
	u8 buffer[32] = {};
	u32 at = ctx->rx_queue_index & 31;

	buffer[at] = 1;
	return buffer[7];
}

static __noinline int large(u64 seed)
{
	u64 frame[40];

	for (int i = 0; i < 40; i++)
		frame[i] = seed + i;
	asm volatile("" ::"r"(frame) : "memory");
	return frame[seed & 31];
}

SEC("xdp")
int two_frames_too_large(struct xdp_md *ctx)
{
	u64 frame[40];
	int found;

	for (int i = 0; i < 40; i++)
		frame[i] = i;
	asm volatile("" ::"r"(frame) : "memory");
	found = large(ctx->rx_queue_index);
	return found + frame[found & 31];
}

SEC("xdp")
int one_frame_is_enough(struct xdp_md *ctx)
{
	return large(ctx->rx_queue_index);
}

SEC("kprobe")
int helper_writes_too_much(void *ctx)
{
	char name[8];

	bpf_get_current_comm(name, 16);
	return name[0];
}

SEC("kprobe")
int helper_writes_enough(void *ctx)
{
	char name[16];

	bpf_get_current_comm(name, sizeof(name));
	return name[0];
}

SEC("kprobe")
int size_unbounded(void *ctx)
{
	char buffer[64];
	u32 size = bpf_get_prandom_u32();

	bpf_probe_read_kernel(buffer, size, NULL);
	return buffer[0];
}

SEC("kprobe")
int size_may_be_negative(void *ctx)
{
	char buffer[64] = {};
	s64 size = (s32)bpf_get_prandom_u32();

	hide(size);
	if (size > 64)
		return 0;
	bpf_probe_read_kernel(buffer, size, NULL);
	return buffer[0];
}

SEC("kprobe")
int size_bounded(void *ctx)
{
	char buffer[64] = {};
	u32 size = bpf_get_prandom_u32();

	hide(size);
	size &= 63;
	bpf_probe_read_kernel(buffer, size, NULL);
	return buffer[0];
}

SEC("kprobe")
int size_zero_refused(void *ctx)
{
	char buffer[64];
	u32 size = bpf_get_prandom_u32() & 63;

	return bpf_get_current_comm(buffer, size);
}

SEC("socket")
int returns_a_pointer(struct __sk_buff *skb)
{
	u64 there = 1;

	asm volatile("" ::"r"(&there) : "memory");
	asm volatile("r0 = r10; exit");
	return there;
}

SEC("socket")
int half_of_a_pointer(struct __sk_buff *skb)
{
	u32 half;

	asm volatile("*(u64 *)(r10 - 16) = %1; %0 = *(u32 *)(r10 - 16)" : "=r"(half) : "r"(skb) : "memory");
	return half;
}

SEC("socket")
int pointer_overwritten(struct __sk_buff *skb)
{
	struct __sk_buff *again;

	asm volatile("*(u64 *)(r10 - 16) = %1;"
		     "*(u8 *)(r10 - 14) = %2;"
		     "%0 = *(u64 *)(r10 - 16)"
		     : "=r"(again)
		     : "r"(skb), "r"(0l)
		     : "memory");
	return again->len;
}

SEC("socket")
int misaligned_pointer(struct __sk_buff *skb)
{
	asm volatile("*(u64 *)(r10 - 12) = %0" ::"r"(skb) : "memory");
	return 0;
}
