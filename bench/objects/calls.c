/* Functions: static, global, weak, hidden; depth, recursion, what may be handed over. */
#include "common.h"

struct pair {
	u64 one;
	u64 two;
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u32);
} programs SEC(".maps");

u64 sink;

static __noinline u64 plain(u64 value) { return value * 3 + sink; }
__noinline int global_number(int value) { return value * 5 + sink; }
__noinline int global_pair(struct pair *pair) { return pair ? pair->one + pair->two : 0; }
__noinline int global_pair_unchecked(struct pair *pair) { return pair->one + sink; }
__noinline int global_pair_beyond(struct pair *pair) { return pair ? *(u32 *)((void *)pair + 16) : 0; }
__noinline int global_opaque(void *there) { return there != NULL; }
__noinline void global_void(int value) { sink = value; }
__noinline struct pair *global_pointer(int value) { return value ? (void *)8 : NULL; }
__noinline int global_context(struct xdp_md *ctx) { return ctx->rx_queue_index; }
__noinline int global_context_of_another(struct __sk_buff *skb) { return skb->len; }
__weak __noinline int weak_number(int value) { return value - 7 + sink; }
__hidden __noinline int hidden_end(void *data, void *end) { return data + 1 > end ? 0 : *(u8 *)data; }
__noinline int global_bad_inside(int value) { u64 *there = (void *)(long)value; return *there; }

SEC("xdp") int call_plain(struct xdp_md *ctx) { return plain(ctx->rx_queue_index); }
SEC("xdp") int call_global(struct xdp_md *ctx) { return global_number(ctx->rx_queue_index); }
SEC("xdp") int call_weak(struct xdp_md *ctx) { return weak_number(ctx->rx_queue_index); }
SEC("xdp") int call_hidden(struct xdp_md *ctx) { return hidden_end((void *)(long)ctx->data, (void *)(long)ctx->data_end); }
SEC("xdp") int call_void(struct xdp_md *ctx) { global_void(ctx->rx_queue_index); return 0; }
SEC("xdp") int call_pointer(struct xdp_md *ctx) { return global_pointer(ctx->rx_queue_index) != NULL; }
SEC("xdp") int call_opaque(struct xdp_md *ctx) { return global_opaque(ctx); }
SEC("xdp") int call_context(struct xdp_md *ctx) { return global_context(ctx); }
SEC("xdp") int call_context_of_another(struct xdp_md *ctx) { return global_context_of_another((void *)ctx); }
SEC("xdp") int call_bad_inside(struct xdp_md *ctx) { return global_bad_inside(ctx->rx_queue_index); }
SEC("xdp") int call_pair(struct xdp_md *ctx)
{
	struct pair pair = { 1, ctx->rx_queue_index };

	return global_pair(&pair);
}
SEC("xdp") int call_pair_unchecked(struct xdp_md *ctx)
{
	struct pair pair = { 1, ctx->rx_queue_index };

	return global_pair_unchecked(&pair);
}
SEC("xdp") int call_pair_beyond(struct xdp_md *ctx)
{
	struct pair pair = { 1, ctx->rx_queue_index };

	return global_pair_beyond(&pair);
}
SEC("xdp") int call_pair_too_small(struct xdp_md *ctx)
{
	u64 half = ctx->rx_queue_index;

	return global_pair((void *)&half);
}
SEC("xdp") int call_with_a_number(struct xdp_md *ctx) { return global_pair((void *)(long)ctx->rx_queue_index); }
SEC("xdp") int call_with_a_pointer(struct xdp_md *ctx) { return ((int (*)(void *))global_number)(ctx); }
SEC("xdp") int call_with_null(struct xdp_md *ctx) { return global_pair(NULL); }

static __noinline int depth8(int value) { return value + sink; }
static __noinline int depth7(int value) { return depth8(value) + sink; }
static __noinline int depth6(int value) { return depth7(value) + sink; }
static __noinline int depth5(int value) { return depth6(value) + sink; }
static __noinline int depth4(int value) { return depth5(value) + sink; }
static __noinline int depth3(int value) { return depth4(value) + sink; }
static __noinline int depth2(int value) { return depth3(value) + sink; }
static __noinline int depth1(int value) { return depth2(value) + sink; }

SEC("xdp") int nine_deep(struct xdp_md *ctx) { return depth1(ctx->rx_queue_index); }
SEC("xdp") int eight_deep(struct xdp_md *ctx) { return depth2(ctx->rx_queue_index); }

static __noinline int again(int value) { return value ? again(value - 1) * 2 + sink : 1; }
SEC("xdp") int recursion(struct xdp_md *ctx) { return again(ctx->rx_queue_index & 3); }

static __noinline int tail(void *ctx)
{
	u64 frame[30];

	for (int i = 0; i < 30; i++)
		frame[i] = i;
	asm volatile("" ::"r"(frame) : "memory");
	bpf_tail_call(ctx, &programs, 1);
	return frame[sink & 15];
}
SEC("xdp") int tail_call_in_a_function(struct xdp_md *ctx) { return tail(ctx); }
SEC("xdp") int tail_call_with_a_large_frame(struct xdp_md *ctx)
{
	u64 frame[34];
	int found;

	for (int i = 0; i < 34; i++)
		frame[i] = i;
	asm volatile("" ::"r"(frame) : "memory");
	found = tail(ctx);
	return found + frame[found & 31];
}

static __noinline u64 *gives_its_frame(void)
{
	u64 value = sink, *there = &value;

	asm volatile("" : "+r"(there)::"memory");
	return there;
}
SEC("xdp") int frame_of_the_callee(void *ctx) { return *gives_its_frame(); }

static __noinline void writes(u64 *there) { *there = sink; }
SEC("xdp") int frame_of_the_caller(void *ctx)
{
	u64 value;

	writes(&value);
	return value;
}
static __noinline u64 reads(u64 *there) { return *there; }
SEC("xdp") int frame_of_the_caller_unwritten(void *ctx)
{
	u64 value;

	asm volatile("" ::"r"(&value));
	return reads(&value);
}
SEC("xdp") __naked int callee_saved_argument(void *ctx)
{
	asm volatile("r6 = r1; r1 = 1; call %[plain]; r0 = r1; exit" ::[plain] "i"(plain));
}
SEC("freplace/call_plain") int replaces(struct xdp_md *ctx) { return 1; }
