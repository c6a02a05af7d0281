/* Helpers: which a type has, what they take. */
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16);
	__uint(key_size, 4);
	__uint(value_size, 127 * 8);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, u64);
} storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, u64);
} of_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u64);
} hash SEC(".maps");

static long (*no_such_helper)(void) = (void *)9999;

SEC("xdp") int unknown_helper(void *ctx) { return no_such_helper(); }
SEC("xdp") int task_in_xdp(void *ctx) { return bpf_get_current_pid_tgid(); }
SEC("xdp") int skb_helper_in_xdp(struct xdp_md *ctx)
{
	u32 value;

	return bpf_skb_load_bytes(ctx, 0, &value, sizeof(value));
}
SEC("tp/sched/sched_switch") int redirect_in_tracepoint(void *ctx) { return bpf_redirect(1, 0); }
SEC("kprobe/do_nanosleep") int override(void *ctx) { return bpf_override_return(ctx, -1); }
SEC("tp/sched/sched_switch") int override_in_tracepoint(void *ctx) { return bpf_override_return(ctx, -1); }
SEC("kprobe/do_nanosleep") int copy_where_it_may_not_sleep(void *ctx)
{
	u64 value;

	return bpf_copy_from_user(&value, sizeof(value), NULL);
}
SEC("uprobe.s") int copy_where_it_may_sleep(void *ctx)
{
	u64 value;

	return bpf_copy_from_user(&value, sizeof(value), NULL);
}
SEC("syscall") int copy_in_a_syscall(void *ctx)
{
	u64 value;

	return bpf_copy_from_user(&value, sizeof(value), NULL);
}
SEC("kprobe/do_nanosleep") int stack_identity(void *ctx) { return bpf_get_stackid(ctx, &stacks, 0); }
SEC("kprobe/do_nanosleep") int stack_identity_of_a_hash(void *ctx) { return bpf_get_stackid(ctx, &hash, 0); }
SEC("kprobe/do_nanosleep") int stack_without_context(void *ctx)
{
	u64 frames[4];

	return bpf_get_stack(frames, frames, sizeof(frames), 0);
}
SEC("kprobe/do_nanosleep") int stack_with_context(void *ctx)
{
	u64 frames[4];

	return bpf_get_stack(ctx, frames, sizeof(frames), 0);
}
SEC("kprobe/do_nanosleep") int context_moved(void *ctx)
{
	u64 frames[4];

	ctx += 8;
	hide(ctx);
	return bpf_get_stack(ctx, frames, sizeof(frames), 0);
}
SEC("kprobe/do_nanosleep") int printed(void *ctx)
{
	static const char text[] = "%d %s\n";

	return bpf_trace_printk(text, sizeof(text), 1, ctx);
}
SEC("kprobe/do_nanosleep") int printed_formatted(void *ctx)
{
	char out[64];
	static const char format[] = "%d %lx";
	u64 args[] = { 1, 2 };

	return bpf_snprintf(out, sizeof(out), format, args, sizeof(args));
}
SEC("kprobe/do_nanosleep") int printed_with_a_bad_format(void *ctx)
{
	char out[64];
	static const char format[] = "%d %y";
	u64 args[] = { 1, 2 };

	return bpf_snprintf(out, sizeof(out), format, args, sizeof(args));
}
SEC("kprobe/do_nanosleep") int printed_with_a_format_of_the_stack(void *ctx)
{
	char out[64], format[] = "%d";
	u64 args[] = { 1 };

	return bpf_snprintf(out, sizeof(out), format, args, sizeof(args));
}
SEC("kprobe/do_nanosleep") int printed_with_missing_arguments(void *ctx)
{
	char out[64];
	static const char format[] = "%d %d %d";
	u64 args[] = { 1, 2 };

	return bpf_snprintf(out, sizeof(out), format, args, sizeof(args));
}
SEC("cgroup_skb/ingress") int local_storage(void *ctx)
{
	u64 *value = bpf_get_local_storage(&storage, 0);

	(*value)++;
	return 1;
}
SEC("cgroup_skb/ingress") int local_storage_flags(void *ctx)
{
	u64 *value = bpf_get_local_storage(&storage, 1);

	return *value & 1;
}
SEC("cgroup_skb/ingress") int local_storage_of_a_hash(void *ctx)
{
	u64 *value = bpf_get_local_storage(&hash, 0);

	return *value & 1;
}
SEC("cgroup_skb/ingress") int socket_storage(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	u64 *value;

	if (!sk)
		return 1;
	value = bpf_sk_storage_get(&of_sockets, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (value)
		*value += 1;
	return 1;
}
SEC("cgroup_skb/ingress") int socket_storage_unchecked(struct __sk_buff *skb)
{
	u64 *value = bpf_sk_storage_get(&of_sockets, skb->sk, 0, 0);

	return value && *value == 1;
}
SEC("sockops") int socket_added(struct bpf_sock_ops *ctx)
{
	u32 key = 0;

	return !bpf_sock_hash_update(ctx, &sockets, &key, 0);
}
SEC("sk_msg") int message_redirected(struct sk_msg_md *msg)
{
	u32 key = 0;

	return bpf_msg_redirect_hash(msg, &sockets, &key, 0);
}
SEC("tc") int sockets_looked_up_and_kept(struct __sk_buff *skb)
{
	u32 key = 0;

	return bpf_map_lookup_elem(&sockets, &key) != NULL;
}
SEC("cgroup/sysctl") int number_parsed(struct bpf_sysctl *ctx)
{
	char text[16] = {};
	long number = 0;

	if (bpf_sysctl_get_current_value(ctx, text, sizeof(text)) < 0)
		return 0;
	return bpf_strtol(text, sizeof(text), 10, &number) > 0 && number < 10;
}
SEC("cgroup/sysctl") int number_parsed_into_nothing(struct bpf_sysctl *ctx)
{
	char text[16] = {};

	return bpf_strtol(text, sizeof(text), 10, NULL) > 0;
}
SEC("cgroup/connect4") int options_set(struct bpf_sock_addr *ctx)
{
	int value = 1;

	return !bpf_setsockopt(ctx, 1, 2, &value, sizeof(value));
}
SEC("cgroup/connect4") int options_too_long(struct bpf_sock_addr *ctx)
{
	int value = 1;

	return !bpf_setsockopt(ctx, 1, 2, &value, 8);
}
SEC("cgroup/connect4") int bound(struct bpf_sock_addr *ctx)
{
	struct { u16 family; u16 port; u32 ip; u8 pad[8]; } address = { .family = 2 };

	return !bpf_bind(ctx, (void *)&address, sizeof(address));
}
SEC("tc") int checksum(struct __sk_buff *skb) { return bpf_l4_csum_replace(skb, 50, 0, 1, 0x12); }
SEC("tc") int checksum_of_a_number(struct __sk_buff *skb) { return bpf_l4_csum_replace((void *)8, 50, 0, 1, 0x12); }
SEC("tc") int tunnel_key(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {};

	return bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0) ?: key.tunnel_id;
}
SEC("tc") int route(struct __sk_buff *skb)
{
	struct bpf_fib_lookup params = { .family = 2 };

	return bpf_fib_lookup(skb, &params, sizeof(params), 0);
}
SEC("tc") int route_too_long(struct __sk_buff *skb)
{
	struct bpf_fib_lookup params = { .family = 2 };

	return bpf_fib_lookup(skb, &params, sizeof(params) + 8, 0);
}
SEC("perf_event") int perf_value(void *ctx)
{
	struct bpf_perf_event_value value;

	return bpf_perf_prog_read_value(ctx, &value, sizeof(value)) ?: value.counter & 1;
}
SEC("raw_tp") int strings_compared(void *ctx)
{
	char name[8] = "swapper";

	return bpf_strncmp(name, sizeof(name), "swapper");
}
SEC("raw_tp") int strings_compared_with_the_stack(void *ctx)
{
	char name[8] = "swapper", other[8] = "kthread";

	return bpf_strncmp(name, sizeof(name), other);
}
SEC("raw_tp") int time_to_a_pointer(void *ctx)
{
	u64 *there = (void *)bpf_ktime_get_ns();

	return *there;
}
SEC("raw_tp") int task_as_a_number(void *ctx) { return *(u32 *)(bpf_get_current_task() + 16); }
SEC("raw_tp") int tail_call_index(void *ctx) { bpf_tail_call(ctx, ctx, 0); return 0; }
