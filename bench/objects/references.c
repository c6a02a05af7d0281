/* What is taken must be given back, once, on every path, and not be used afterwards. */
#include "common.h"
#include <linux/if_ether.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct event {
	u64 time;
	u32 pid;
};

SEC("tp/syscalls/sys_enter_nanosleep")
int reserved_and_kept(void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (event)
		event->pid = 1;
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int kept_on_one_path(void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return 0;
	event->time = bpf_ktime_get_ns();
	if (event->time & 1)
		return 0;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int submitted(void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return 0;
	event->time = bpf_ktime_get_ns();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int submitted_twice(void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return 0;
	bpf_ringbuf_submit(event, 0);
	bpf_ringbuf_discard(event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int used_after_submit(void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return 0;
	bpf_ringbuf_submit(event, 0);
	event->pid = 1;
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int reserved_unchecked(void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&ring, sizeof(*event), 0);

	event->pid = 1;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int reserved_too_little(void *ctx)
{
	struct event *event = bpf_ringbuf_reserve(&ring, 8, 0);

	if (!event)
		return 0;
	event->pid = 1;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int submitted_moved(void *ctx)
{
	void *event = bpf_ringbuf_reserve(&ring, 32, 0);

	if (!event)
		return 0;
	event += 8;
	hide(event);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int size_unknown(void *ctx)
{
	void *event = bpf_ringbuf_reserve(&ring, bpf_get_prandom_u32() & 63, 0);

	if (event)
		bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int submits_the_stack(void *ctx)
{
	struct event event = {};

	bpf_ringbuf_submit(&event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int output_of_the_stack(void *ctx)
{
	struct event event = { .pid = 1 };

	return bpf_ringbuf_output(&ring, &event, sizeof(event), 0);
}

static __noinline void forgets(void)
{
	bpf_ringbuf_reserve(&ring, 8, 0);
}

SEC("tp/syscalls/sys_enter_nanosleep")
int kept_by_a_function(void *ctx)
{
	forgets();
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int dynptr_submitted(void *ctx)
{
	struct bpf_dynptr event;
	u32 value = 1;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &event);
	bpf_dynptr_write(&event, 0, &value, sizeof(value), 0);
	bpf_ringbuf_submit_dynptr(&event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int dynptr_kept(void *ctx)
{
	struct bpf_dynptr event;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &event);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int dynptr_used_after_submit(void *ctx)
{
	struct bpf_dynptr event;
	u32 value = 1;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &event);
	bpf_ringbuf_submit_dynptr(&event, 0);
	bpf_dynptr_write(&event, 0, &value, sizeof(value), 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int dynptr_overwritten(void *ctx)
{
	struct bpf_dynptr event;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &event);
	*(volatile u64 *)&event = 0;
	bpf_ringbuf_submit_dynptr(&event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int dynptr_data_unchecked(void *ctx)
{
	struct bpf_dynptr event;
	u32 *data;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &event);
	data = bpf_dynptr_data(&event, 0, 8);
	*data = 1;
	bpf_ringbuf_submit_dynptr(&event, 0);
	return 0;
}

SEC("tp/syscalls/sys_enter_nanosleep")
int dynptr_data_after_submit(void *ctx)
{
	struct bpf_dynptr event;
	u32 *data;

	bpf_ringbuf_reserve_dynptr(&ring, 64, 0, &event);
	data = bpf_dynptr_data(&event, 0, 8);
	bpf_ringbuf_submit_dynptr(&event, 0);
	if (data)
		*data = 1;
	return 0;
}

static struct bpf_sock *find(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};

	return bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
}

SEC("tc")
int socket_kept(struct __sk_buff *skb)
{
	return find(skb) != NULL;
}

SEC("tc")
int socket_released(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);
	u32 state = 0;

	if (sk) {
		state = sk->state;
		bpf_sk_release(sk);
	}
	return state;
}

SEC("tc")
int socket_released_unchecked(struct __sk_buff *skb)
{
	bpf_sk_release(find(skb));
	return 0;
}

SEC("tc")
int socket_released_twice(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);

	if (!sk)
		return 0;
	bpf_sk_release(sk);
	bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int socket_read_after_release(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb);

	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return sk->state;
}

SEC("tc")
int released_what_was_not_taken(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int full_socket_after_release(struct __sk_buff *skb)
{
	struct bpf_sock *sk = find(skb), *full;
	struct bpf_tcp_sock *tcp;

	if (!sk)
		return 0;
	tcp = bpf_tcp_sock(sk);
	bpf_sk_release(sk);
	return tcp ? tcp->snd_cwnd : 0;
}

SEC("tc")
int socket_field_outside(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	return *(u32 *)((void *)sk + 100);
}

SEC("tc")
int socket_written(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (sk)
		sk->mark = 1;
	return 0;
}

SEC("tc")
int socket_of_the_packet_unchecked(struct __sk_buff *skb)
{
	return skb->sk->family;
}
