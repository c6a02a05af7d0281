/* Loops: endless, too long, bounded, through callbacks and iterators. */
#include "common.h"

u32 limit;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, u64);
} table SEC(".maps");

SEC("raw_tp")
int endless(void *ctx)
{
	for (;;)
		bpf_ktime_get_ns();
	return 0;
}

SEC("raw_tp")
int until_the_clock_says(void *ctx)
{
	u64 end = bpf_ktime_get_ns() + 1000;

	while (bpf_ktime_get_ns() < end)
		;
	return 0;
}

SEC("raw_tp")
int million_times(void *ctx)
{
	u64 sum = 0;

	for (u32 i = 0; i < 1000000; i++)
		sum += bpf_get_prandom_u32();
	return sum & 1;
}

SEC("raw_tp")
int thousand_times(void *ctx)
{
	u64 sum = 0;

	for (u32 i = 0; i < 1000; i++)
		sum += bpf_get_prandom_u32() & 1;
	return sum & 1;
}

SEC("raw_tp")
int bound_capped(void *ctx)
{
	u64 sum = 0;

	for (u32 i = 0; i < 100; i++) {
		if (i >= limit)
			break;
		sum += bpf_get_prandom_u32() & 1;
	}
	return sum & 1;
}

SEC("raw_tp")
int nested(void *ctx)
{
	u32 sum = 0;

	for (int i = 0; i < 20; i++)
		for (int j = 0; j < i; j++)
			sum += bpf_get_prandom_u32() & (i + j);
	return sum & 1;
}

SEC("raw_tp")
int counts_down(void *ctx)
{
	u32 steps = bpf_get_prandom_u32() & 0xff;

	while (steps--)
		hide(steps);
	return 0;
}

static long step(u32 at, void *data)
{
	*(u64 *)data += at;
	return 0;
}

static long step_too_far(u32 at, u64 *data)
{
	data[at] = 1;
	return 0;
}

static long step_returns_two(u32 at, void *data)
{
	return 2;
}

SEC("raw_tp")
int by_callback(void *ctx)
{
	u64 sum = 0;

	bpf_loop(1000000, step, &sum, 0);
	return sum & 1;
}

SEC("raw_tp")
int callback_writes_too_far(void *ctx)
{
	u64 sums[4] = {};

	bpf_loop(4, step_too_far, sums, 0);
	return sums[0] & 1;
}

SEC("raw_tp")
int callback_returns_two(void *ctx)
{
	return bpf_loop(4, step_returns_two, NULL, 0);
}

SEC("raw_tp")
int callback_without_data(void *ctx)
{
	return bpf_loop(4, step, NULL, 0);
}

SEC("raw_tp")
int loop_flags(void *ctx)
{
	u64 sum = 0;

	return bpf_loop(4, step, &sum, 1);
}

static long each(struct bpf_map *map, const void *key, void *value, void *data)
{
	*(u64 *)value += *(u32 *)key;
	return 0;
}

static long each_writes_key(struct bpf_map *map, void *key, void *value, void *data)
{
	*(u64 *)(key + 8) = 1;
	return 0;
}

SEC("raw_tp")
int over_a_map(void *ctx)
{
	return bpf_for_each_map_elem(&table, each, NULL, 0);
}

SEC("raw_tp")
int over_a_map_beyond_key(void *ctx)
{
	return bpf_for_each_map_elem(&table, each_writes_key, NULL, 0);
}

struct bpf_iter_num {
	u64 opaque[1];
} __attribute__((aligned(8)));
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym __weak;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym __weak;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym __weak;

SEC("raw_tp")
int iterator(void *ctx)
{
	struct bpf_iter_num it;
	u64 sum = 0;
	int *at;

	bpf_iter_num_new(&it, 0, 1000000);
	while ((at = bpf_iter_num_next(&it)))
		sum += *at;
	bpf_iter_num_destroy(&it);
	return sum & 1;
}

SEC("raw_tp")
int iterator_kept(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 10);
	bpf_iter_num_next(&it);
	return 0;
}

SEC("raw_tp")
int iterator_never_begun(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_next(&it);
	return 0;
}

SEC("raw_tp")
int iterator_begun_twice(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 10);
	bpf_iter_num_new(&it, 0, 10);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("raw_tp")
int iterator_value_unchecked(void *ctx)
{
	struct bpf_iter_num it;
	int found;

	bpf_iter_num_new(&it, 0, 10);
	found = *bpf_iter_num_next(&it);
	bpf_iter_num_destroy(&it);
	return found;
}

SEC("raw_tp")
int iterator_indexes_unchecked(void *ctx)
{
	struct bpf_iter_num it;
	u8 set[16] = {};
	int *at;

	bpf_iter_num_new(&it, 0, 16);
	while ((at = bpf_iter_num_next(&it)))
		set[*at] = 1;
	bpf_iter_num_destroy(&it);
	return set[3];
}

SEC("raw_tp")
int iterator_written(void *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 16);
	it.opaque[0] = 1;
	bpf_iter_num_destroy(&it);
	return 0;
}
