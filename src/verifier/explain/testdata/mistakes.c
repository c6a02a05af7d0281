// SPDX-License-Identifier: GPL-2.0
/*
 * Thirty mistakes that people make, one a CASE. The words in comments mark lines for mistakes.kernel.test.ts: "here" is where the
 * verifier must refuse, "born" where the value at fault comes from, "proved" the branch that proved something of it, "lost" where
 * that was lost again.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct value {
	__u32 len;
	__u32 slots[15];
	__u64 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct value);
	__uint(max_entries, 64);
} values SEC(".maps");

struct locked {
	struct bpf_spin_lock lock;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct locked);
	__uint(max_entries, 1);
} locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

static __always_inline struct value *find(void)
{
	__u32 key = 7;
	return bpf_map_lookup_elem(&values, &key);
}

struct registers {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
};

#if CASE == 0 /* an argument of a probed function is an address, not a pointer */
SEC("kprobe/vfs_read")
int prog(struct registers *ctx)
{
	const int *file = (const int *)ctx->di; // born
	return *file != 0; // here
}

#elif CASE == 1 /* so is an argument of a raw tracepoint */
SEC("raw_tracepoint/sys_enter")
int prog(struct bpf_raw_tracepoint_args *ctx)
{
	const long *regs = (const long *)ctx->args[0]; // born
	return regs[2] != 0; // here
}

#elif CASE == 2 /* an address that a map kept */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct value *v = find();
	if (!v)
		return XDP_PASS;
	const int *p = (const int *)v->address; // born
	return *p ? XDP_DROP : XDP_PASS; // here
}

#elif CASE == 3 /* the current task is given as a number */
SEC("tracepoint/syscalls/sys_enter_openat")
int prog(void *ctx)
{
	const int *task = (const int *)bpf_get_current_task(); // born
	return task[4] != 0; // here
}

#elif CASE == 4 /* a field of the packet is taken for a place in it */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	if (data + 8 > data_end)
		return XDP_PASS;
	const char *p = (const char *)*(__u64 *)data; // born
	return *p ? XDP_DROP : XDP_PASS; // here
}

#elif CASE == 5 /* packet pointers end when the packet moves */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	if ((void *)(eth + 1) > data_end) // proved
		return XDP_PASS;
	if (bpf_xdp_adjust_head(ctx, 8)) // lost
		return XDP_PASS;
	return eth->h_proto ? XDP_PASS : XDP_DROP; // here
}

#elif CASE == 6 /* half of a pointer is a number */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct value *v = find();
	if (!v)
		return XDP_PASS;
	const __u32 *p;
	asm volatile("r1 = %1; w1 = w1; %0 = r1" : "=r"(p) : "r"(v) : "r1"); // lost
	return *p ? XDP_DROP : XDP_PASS; // here
}

#elif CASE == 7 /* the distance of two pointers is a number */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	char *data = (char *)(long)ctx->data;
	char *data_end = (char *)(long)ctx->data_end;
	char *p = (char *)(data_end - data); // born
	return *p ? XDP_DROP : XDP_PASS; // here
}

#elif CASE == 8 /* a number in the context is no pointer */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	const char *p = (const char *)(long)skb->mark; // born
	return *p ? 0 : 2; // here
}

#elif CASE == 9 /* a byte of the packet chooses the slot */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct value *v = find();
	if (!v || (void *)(data + 1) > data_end)
		return XDP_PASS;
	__u32 i = *data; // born
	v->slots[i] = 1; // here
	return XDP_PASS;
}

#elif CASE == 10 /* only the upper end of a signed index is checked */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct value *v = find();
	if (!v)
		return XDP_PASS;
	long i = *(volatile long *)&v->address; // born
	if (i > 14) // proved
		return XDP_PASS;
	v->slots[i] = 1; // here
	return XDP_PASS;
}

#elif CASE == 11 /* a length of the packet goes to a helper */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	char copy[64];
	__u32 len = skb->len; // born
	bpf_skb_load_bytes(skb, 0, copy, len); // here
	return copy[0];
}

#elif CASE == 12 /* checked once, read again */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct value *v = find();
	if (!v)
		return XDP_PASS;
	if (*(volatile __u32 *)&v->len > 14)
		return XDP_PASS;
	__u32 i = *(volatile __u32 *)&v->len; // born
	v->slots[i] = 1; // here
	return XDP_PASS;
}

#elif CASE == 13 /* a mask that is wider than the buffer */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	volatile char bytes[32] = {};
	__u32 i = skb->len & 63; // born
	bytes[i] = 1; // here
	return bytes[3];
}

#elif CASE == 14 /* a pointer is copied in halves */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct value *v = find();
	if (!v)
		return XDP_PASS;
	volatile __u64 slot;
	((volatile __u32 *)&slot)[0] = (__u32)(long)v; // here
	((volatile __u32 *)&slot)[1] = (__u32)((__u64)(long)v >> 32);
	struct value *w = (struct value *)slot;
	return w->len ? XDP_DROP : XDP_PASS;
}

#elif CASE == 15 /* a byte of the kept pointer is overwritten */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct value *v = find();
	if (!v)
		return XDP_PASS;
	struct value *volatile kept = v;
	*(volatile char *)&kept = 0; // lost
	return kept->len ? XDP_DROP : XDP_PASS; // here
}

#elif CASE == 16 /* a helper writes over the kept pointer */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct value *v = find();
	if (!v)
		return XDP_PASS;
	struct value *volatile kept = v;
	bpf_probe_read_kernel((void *)&kept, 8, v); // lost
	return kept->len ? XDP_DROP : XDP_PASS; // here
}

#elif CASE == 17 /* a name is longer than its buffer */
SEC("tracepoint/syscalls/sys_enter_openat")
int prog(void *ctx)
{
	char name[8] = {};
	bpf_get_current_comm(name, 16); // here
	return name[0] == 'x';
}

#elif CASE == 18 /* a hook that knows 0 and 1 alone */
SEC("cgroup/connect4")
int prog(struct bpf_sock_addr *ctx)
{
	int verdict = 1;
	if (ctx->user_port != 80) // born
		verdict = 2;
	return verdict; // here
}

#elif CASE == 19 /* two frames together are too large */
static __noinline int inner(void *ctx)
{
	volatile char bytes[304] = {};
	return bytes[bpf_get_prandom_u32() & 255];
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	volatile char bytes[304] = {};
	return bytes[skb->len & 255] + inner(skb); // here
}

#elif CASE == 20 /* a section without its end */
void bpf_rcu_read_lock(void) __ksym;
void bpf_rcu_read_unlock(void) __ksym;
SEC("tc")
int prog(struct __sk_buff *skb)
{
	bpf_rcu_read_lock(); // born
	if (skb->len > 100)
		return 2;
	bpf_rcu_read_unlock();
	return 0;
} // here

#elif CASE == 21 /* a helper under a lock */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct locked *l = bpf_map_lookup_elem(&locks, &key);
	if (!l)
		return 0;
	bpf_spin_lock(&l->lock); // born
	l->count = bpf_get_prandom_u32(); // here
	bpf_spin_unlock(&l->lock);
	return 0;
}

#elif CASE == 22 /* a reserved record is kept */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_dynptr record;
	if (bpf_ringbuf_reserve_dynptr(&events, 8, 0, &record)) // born
		return 0;
	bpf_ringbuf_submit_dynptr(&record, 0);
	return 0;
} // here

#elif CASE == 23 /* the bytes of a record after it was sent */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_dynptr record;
	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &record);
	__u32 *bytes = bpf_dynptr_data(&record, 0, 8); // born
	bpf_ringbuf_submit_dynptr(&record, 0); // lost
	if (bytes)
		*bytes = 1; // here
	return 0;
}

#elif CASE == 24 /* no check at all */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data; // born
	return eth->h_proto ? XDP_PASS : XDP_DROP; // here
}

#elif CASE == 25 /* a check for the first header only */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data; // born
	void *data_end = (void *)(long)ctx->data_end;
	if ((void *)(eth + 1) > data_end) // proved
		return XDP_PASS;
	struct iphdr *ip = (void *)(eth + 1);
	return ip->protocol == 17 ? XDP_DROP : XDP_PASS; // here
}

#elif CASE == 26 /* a lookup may find nothing */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct value *v = bpf_map_lookup_elem(&values, &key); // born
	v->len++; // here
	return XDP_PASS;
}

#elif CASE == 27 /* the other lookup was checked */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 one = 1, two = 2;
	struct value *a = bpf_map_lookup_elem(&values, &one);
	struct value *b = bpf_map_lookup_elem(&values, &two); // born
	if (!a)
		return XDP_PASS;
	b->len = 7; // here
	return XDP_PASS;
}

#elif CASE == 28 /* a task that may not be there is given back */
struct task_struct {
	int pid;
} __attribute__((preserve_access_index));
struct task_struct *bpf_task_from_pid(__s32 pid) __ksym;
void bpf_task_release(struct task_struct *task) __ksym;
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(skb->mark); // born
	bpf_task_release(task); // here
	return 0;
}

#elif CASE == 29 /* one too far */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct value *v = find();
	if (!v)
		return XDP_PASS;
	__u64 i = *(volatile __u64 *)&v->address; // born
	if (i > 17) // proved
		return XDP_PASS;
	v->slots[i] = 1; // here
	return XDP_PASS;
}
#endif
