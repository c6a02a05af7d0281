/* Map values, keys, and maps given to helpers. */
#include "common.h"

struct value {
	u64 count;
	u32 table[8];
	u32 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, u32);
	__type(value, struct value);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct value);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__type(key, u32);
	__type(value, u64);
} readable SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__uint(map_flags, BPF_F_WRONLY_PROG);
	__type(key, u32);
	__type(value, u64);
} writable SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u32);
} programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, u32);
	__type(value, u32);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, u64);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 8);
	__uint(value_size, 4);
} trie SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, u32);
} first SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { [0] = &first } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, u64);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__type(key, u32);
		__type(value, u64);
	});
} outer_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u32);
} devices SEC(".maps");

SEC("xdp")
int no_null_check(void *ctx)
{
	u32 key = 1;
	struct value *value = bpf_map_lookup_elem(&hash, &key);

	value->count++;
	return 0;
}

SEC("xdp")
int null_check_of_another(void *ctx)
{
	u32 key = 1;
	struct value *one = bpf_map_lookup_elem(&hash, &key), *two;

	key = 2;
	two = bpf_map_lookup_elem(&hash, &key);
	if (one)
		two->count++;
	return 0;
}

SEC("xdp")
int null_checked(void *ctx)
{
	u32 key = 1;
	struct value *value = bpf_map_lookup_elem(&hash, &key);

	if (value)
		__sync_fetch_and_add(&value->count, 1);
	return 0;
}

SEC("xdp")
int constant_index_beyond(void *ctx)
{
	u32 key = 0;
	u32 *value = bpf_map_lookup_elem(&array, &key);

	return value ? value[12] : 0;
}

SEC("xdp")
int variable_index_unchecked(struct xdp_md *ctx)
{
	u32 key = 0;
	struct value *value = bpf_map_lookup_elem(&array, &key);

	return value ? value->table[ctx->rx_queue_index] : 0;
}

SEC("xdp")
int variable_index_too_wide(struct xdp_md *ctx)
{
	u32 key = 0, at = ctx->rx_queue_index & 15;
	struct value *value = bpf_map_lookup_elem(&array, &key);

	return value ? value->table[at] : 0;
}

SEC("xdp")
int variable_index_signed(struct xdp_md *ctx)
{
	u32 key = 0;
	s32 at = ctx->rx_queue_index;
	struct value *value = bpf_map_lookup_elem(&array, &key);

	hide(at);
	if (!value || at > 7)
		return 0;
	return value->table[at];
}

SEC("xdp")
int variable_index_masked(struct xdp_md *ctx)
{
	u32 key = 0, at = ctx->rx_queue_index & 7;
	struct value *value = bpf_map_lookup_elem(&array, &key);

	hide(at);
	return value ? value->table[at & 7] : 0;
}

SEC("xdp")
int writes_what_is_for_reading(void *ctx)
{
	u32 key = 0;
	u64 *value = bpf_map_lookup_elem(&readable, &key);

	if (value)
		*value = 1;
	return 0;
}

SEC("xdp")
int updates_what_is_for_reading(void *ctx)
{
	u32 key = 0;
	u64 value = 1;

	return bpf_map_update_elem(&readable, &key, &value, 0);
}

SEC("xdp")
int reads_what_is_for_writing(void *ctx)
{
	u32 key = 0;
	u64 *value = bpf_map_lookup_elem(&writable, &key);

	return value ? *value : 0;
}

SEC("xdp")
int key_not_written(void *ctx)
{
	u32 keys[2];

	keys[0] = 1;
	asm volatile("" ::"r"(keys));
	return bpf_map_lookup_elem(&outer_hash, &keys[1]) != NULL;
}

SEC("xdp")
int key_is_a_number(void *ctx)
{
	u64 number = 5;

	hide(number);
	return bpf_map_lookup_elem(&hash, (void *)number) != NULL;
}

SEC("xdp")
int key_is_context(void *ctx)
{
	return bpf_map_lookup_elem(&hash, ctx) != NULL;
}

SEC("xdp")
int value_is_null(void *ctx)
{
	u32 key = 0;

	return bpf_map_update_elem(&hash, &key, NULL, 0);
}

SEC("xdp")
int value_too_small(void *ctx)
{
	u32 key = 0;
	u64 value = 0;

	return bpf_map_update_elem(&hash, &key, &value, 0);
}

SEC("xdp")
int tail_call_through_a_hash(void *ctx)
{
	bpf_tail_call(ctx, &hash, 0);
	return 0;
}

SEC("xdp")
int lookup_in_programs(void *ctx)
{
	u32 key = 0;

	return bpf_map_lookup_elem(&programs, &key) != NULL;
}

SEC("xdp")
int output_to_a_hash(struct xdp_md *ctx)
{
	u32 data = 1;

	return bpf_perf_event_output(ctx, &hash, BPF_F_CURRENT_CPU, &data, sizeof(data));
}

SEC("xdp")
int output_to_events(struct xdp_md *ctx)
{
	u32 data = 1;

	return bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &data, sizeof(data));
}

SEC("xdp")
int push_to_an_array(void *ctx)
{
	u64 value = 1;

	return bpf_map_push_elem(&array, &value, 0);
}

SEC("xdp")
int push_and_pop(void *ctx)
{
	u64 value = 1;

	bpf_map_push_elem(&queue, &value, BPF_EXIST);
	return bpf_map_pop_elem(&queue, &value);
}

SEC("xdp")
int lookup_in_a_ring(void *ctx)
{
	u32 key = 0;

	return bpf_map_lookup_elem(&ring, &key) != NULL;
}

SEC("xdp")
int redirect_through_an_array(void *ctx)
{
	return bpf_redirect_map(&array, 0, 0);
}

SEC("xdp")
int redirect_through_devices(void *ctx)
{
	return bpf_redirect_map(&devices, 0, XDP_PASS);
}

SEC("xdp")
int inner_without_check(void *ctx)
{
	u32 key = 0;
	void *inner = bpf_map_lookup_elem(&outer, &key);

	return bpf_map_lookup_elem(inner, &key) != NULL;
}

SEC("xdp")
int inner_value_without_check(void *ctx)
{
	u32 key = 0;
	void *inner = bpf_map_lookup_elem(&outer, &key);

	if (!inner)
		return 0;
	return *(u32 *)bpf_map_lookup_elem(inner, &key);
}

SEC("xdp")
int inner_checked(void *ctx)
{
	u64 key = 0;
	u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&outer_hash, &key);
	u64 *value;

	if (!inner)
		return 0;
	value = bpf_map_lookup_elem(inner, &zero);
	return value ? *value : 1;
}

SEC("xdp")
int outer_is_updated(void *ctx)
{
	u32 key = 0, value = 0;

	return bpf_map_update_elem(&outer, &key, &value, 0);
}

SEC("xdp")
int map_itself_is_written(void *ctx)
{
	*(volatile u32 *)&hash = 1;
	return 0;
}

SEC("xdp")
int map_itself_is_read(void *ctx)
{
	return *(volatile u32 *)&hash;
}

SEC("xdp")
int percpu_without_check(void *ctx)
{
	u32 key = 0;

	return *(u64 *)bpf_map_lookup_elem(&percpu, &key);
}

SEC("xdp")
int trie_lookup(void *ctx)
{
	u64 key = 32;
	u32 *value = bpf_map_lookup_elem(&trie, &key);

	return value ? *value : 0;
}

SEC("xdp")
int value_pointer_moved_back(struct xdp_md *ctx)
{
	u32 key = 0, back = ctx->rx_queue_index & 7;
	u8 *value = bpf_map_lookup_elem(&array, &key);

	if (!value)
		return 0;
	hide(back);
	value -= back & 7;
	return *value;
}
