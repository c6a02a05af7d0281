// SPDX-License-Identifier: GPL-2.0
/*
 * Rejected programs as people write them, one a CASE, in the classes in which rejections of real programs come. The words in comments mark
 * lines for bench/story-variants.ts, as in mistakes.c: "here" is where the verifier must refuse, "born" where the value at fault comes
 * from, "proved" the branch that proved something of it, "lost" where that was lost again.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char _license[] SEC("license") = "GPL";

struct flow {
	__u32 saddr;
	__u32 daddr;
	__u64 bytes;
	__u64 next;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct flow);
	__uint(max_entries, 1024);
} flows SEC(".maps");

struct table {
	__u32 used;
	__u32 limit;
	__u64 counters[24];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct table);
	__uint(max_entries, 1);
} tables SEC(".maps");

struct guarded {
	struct bpf_spin_lock lock;
	__u64 hits;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct guarded);
	__uint(max_entries, 4);
} guards SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct event {
	__u32 pid;
	__u32 len;
	char data[56];
};

static __always_inline struct table *table(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&tables, &zero);
}

struct sys_enter {
	__u64 common;
	long id;
	unsigned long args[6];
};

struct registers {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
};

struct task_struct {
	struct task_struct *real_parent;
	int tgid;
	unsigned int flags;
} __attribute__((preserve_access_index));

struct file {
	unsigned int f_flags;
	void *private_data;
} __attribute__((preserve_access_index));

#if CASE == 0 /* scalar as pointer: the second argument of a probed function, two steps deep */
SEC("kprobe/vfs_write")
int prog(struct registers *ctx)
{
	struct file *file = (struct file *)ctx->di; // born
	unsigned int *priv = (unsigned int *)file->private_data; // here
	return priv && *priv == 7;
}

#elif CASE == 1 /* scalar as pointer: the parent of the current task */
SEC("tracepoint/sched/sched_process_exit")
int prog(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task(); // born
	int parent = task->real_parent->tgid; // here
	bpf_printk("parent %d", parent);
	return 0;
}

#elif CASE == 2 /* scalar as pointer: a string of user space */
SEC("tracepoint/syscalls/sys_enter_openat")
int prog(struct sys_enter *ctx)
{
	const char *name = (const char *)ctx->args[1]; // born
	if (name[0] == '/') // here
		bpf_printk("absolute");
	return 0;
}

#elif CASE == 3 /* scalar as pointer: a list linked by addresses in map values */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct flow *flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow)
		return XDP_PASS;
	struct flow *next = (struct flow *)flow->next; // born
	if (!next)
		return XDP_PASS;
	next->bytes++; // here
	return XDP_PASS;
}

#elif CASE == 4 /* scalar as pointer: an address that was put together from the context */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u64 where = ((__u64)skb->cb[1] << 32) | skb->cb[0]; // born
	struct flow *flow = (struct flow *)where;
	flow->bytes += skb->len; // here
	return 0;
}

#elif CASE == 5 /* range: a string is as long as a map says */
SEC("tracepoint/syscalls/sys_enter_openat")
int prog(struct sys_enter *ctx)
{
	char name[64];
	struct table *t = table();
	if (!t)
		return 0;
	__u32 len = t->limit; // born
	bpf_probe_read_user_str(name, len, (void *)ctx->args[1]); // here
	return name[0] == '.';
}

#elif CASE == 6 /* range: the count of a system call goes to a helper */
SEC("tracepoint/syscalls/sys_enter_write")
int prog(struct sys_enter *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e)
		return 0;
	__u64 count = ctx->args[2]; // born
	bpf_probe_read_user(e->data, count, (void *)ctx->args[1]); // here
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#elif CASE == 7 /* range: the length of the header is where the stack is written */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	volatile __u8 seen[32] = {};
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	if ((void *)(ip + 1) > data_end)
		return XDP_PASS;
	__u32 at = ip->ihl * 4; // born
	seen[at] = 1; // here
	return seen[20] ? XDP_DROP : XDP_PASS;
}

#elif CASE == 8 /* range: a copy of as many bytes as a map says */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	volatile char copy[40] = {};
	struct table *t = table();
	if (!t)
		return 0;
	__u32 n = t->used;
	for (__u32 i = 0; i < 64; i++) {
		if (i >= n)
			break;
		copy[i] = 1; // here
	}
	return copy[7];
}

#elif CASE == 9 /* range: a signed minimum lets negative sizes through */
SEC("tracepoint/syscalls/sys_exit_read")
int prog(struct sys_enter *ctx)
{
	char buf[128];
	long ret = ctx->args[0]; // born
	if (ret > 128) // proved
		ret = 128;
	bpf_probe_read_user(buf, ret, (void *)ctx->args[1]); // here
	return buf[0] == 'x';
}

#elif CASE == 10 /* spill: a helper fills the structure that holds the pointer */
struct work {
	struct flow *flow;
	char comm[8];
};
SEC("tracepoint/syscalls/sys_enter_openat")
int prog(struct sys_enter *ctx)
{
	__u32 key = 2;
	struct work w = {};
	w.flow = bpf_map_lookup_elem(&flows, &key);
	if (!w.flow)
		return 0;
	bpf_get_current_comm(&w, sizeof(w)); // lost
	w.flow->bytes++; // here
	return 0;
}

#elif CASE == 11 /* spill: one word of a union */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 3;
	volatile union {
		struct flow *flow;
		__u32 words[2];
	} u;
	u.flow = bpf_map_lookup_elem(&flows, &key);
	if (!u.flow)
		return XDP_PASS;
	u.words[0] = 1; // lost
	u.flow->bytes++; // here
	return XDP_PASS;
}

#elif CASE == 12 /* spill: the pointer waits in a map value */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 4;
	struct table *t = table();
	struct flow *flow = bpf_map_lookup_elem(&flows, &key);
	if (!t || !flow)
		return XDP_PASS;
	*(struct flow *volatile *)&t->counters[0] = flow;
	struct flow *again = *(struct flow *volatile *)&t->counters[0]; // born
	again->bytes++; // here
	return XDP_PASS;
}

#elif CASE == 13 /* spill: the pointer is copied word by word */
struct note {
	struct flow *flow;
	__u32 kind;
};
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 5;
	volatile struct note from, to;
	struct flow *flow = bpf_map_lookup_elem(&flows, &key);
	if (!flow)
		return XDP_PASS;
	from.flow = flow;
	for (int i = 0; i < 2; i++)
		((volatile __u32 *)&to)[i] = ((volatile __u32 *)&from)[i]; // lost
	to.flow->bytes++; // here
	return XDP_PASS;
}

#elif CASE == 14 /* spill: the slot is cleared before its last use */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 6;
	struct flow *volatile kept = bpf_map_lookup_elem(&flows, &key);
	struct flow *flow = kept;
	if (!flow)
		return XDP_PASS;
	((volatile __u16 *)&kept)[3] = 0; // lost
	kept->bytes = 1; // here
	return XDP_PASS;
}

#elif CASE == 15 /* contract: a helper is told of more bytes than there are */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	char head[16] = {};
	head[0] = skb->len;
	bpf_ringbuf_output(&events, head, 64, 0); // here
	return 0;
}

#elif CASE == 16 /* contract: an argument is used after the call took it */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u32 mark;
	asm volatile("r6 = %1\n\tr2 = %1\n\tcall 7\n\t%0 = *(u32 *)(r2 + 8)" : "=r"(mark) : "r"(skb) : "r0", "r1", "r2", "r3", "r4", "r5", "r6"); // here
	return mark;
}

#elif CASE == 17 /* contract: a filter answers more than yes or no */
SEC("cgroup_skb/ingress")
int prog(struct __sk_buff *skb)
{
	if (skb->len > 1500) // born
		return skb->len;
	return 1;
} // here

#elif CASE == 18 /* contract: three frames together */
static __noinline int third(struct __sk_buff *skb)
{
	volatile char c[200] = {};
	return c[skb->len & 127];
}
static __noinline int second(struct __sk_buff *skb)
{
	volatile char c[200] = {};
	return c[skb->len & 127] + third(skb); // here
}
SEC("tc")
int prog(struct __sk_buff *skb)
{
	volatile char c[200] = {};
	return c[skb->len & 127] + second(skb); // born
}

#elif CASE == 19 /* contract: a register that nobody wrote */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	int verdict;
	asm volatile("%0 = r8" : "=r"(verdict)); // here
	return verdict & 1;
}

#elif CASE == 20 /* context: a map is written under a lock */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct flow flow = {};
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);
	if (!g)
		return 0;
	bpf_spin_lock(&g->lock); // born
	g->hits++;
	bpf_map_update_elem(&flows, &key, &flow, BPF_ANY); // here
	bpf_spin_unlock(&g->lock);
	return 0;
}

#elif CASE == 21 /* context: an early return under a lock */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	__u32 key = 1;
	struct guarded *g = bpf_map_lookup_elem(&guards, &key);
	if (!g)
		return 0;
	bpf_spin_lock(&g->lock); // born
	if (g->hits > 100)
		return 2;
	g->hits++;
	bpf_spin_unlock(&g->lock);
	return 0;
} // here

#elif CASE == 22 /* context: a helper of another hook */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u64 pid = bpf_get_current_pid_tgid();
	char comm[16];
	bpf_skb_load_bytes(ctx, 0, comm, 16); // here
	return comm[0] == 'a' && pid ? XDP_DROP : XDP_PASS;
}

#elif CASE == 23 /* context: waiting for user memory where nothing may wait */
void bpf_preempt_disable(void) __ksym;
void bpf_preempt_enable(void) __ksym;
SEC("syscall")
int prog(struct sys_enter *ctx)
{
	__u64 word = 0;
	bpf_preempt_disable(); // born
	bpf_copy_from_user(&word, 8, (void *)ctx->args[0]); // here
	bpf_preempt_enable();
	return word != 0;
}

#elif CASE == 24 /* context: RCU is left twice */
void bpf_rcu_read_lock(void) __ksym;
void bpf_rcu_read_unlock(void) __ksym;
SEC("tc")
int prog(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	if (skb->len > 64)
		bpf_rcu_read_unlock(); // here
	return 0;
}

#elif CASE == 25 /* dynptr: an error path keeps the record */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_dynptr record;
	char head[8] = {};
	if (bpf_ringbuf_reserve_dynptr(&events, 64, 0, &record)) { // born
		bpf_ringbuf_discard_dynptr(&record, 0);
		return 0;
	}
	if (bpf_dynptr_write(&record, 0, head, 8, 0))
		return 2;
	bpf_ringbuf_submit_dynptr(&record, 0);
	return 0;
} // here

#elif CASE == 26 /* dynptr: it was never made */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_dynptr bytes = {};
	char head[8] = {};
	bpf_dynptr_read(head, 8, &bytes, 0, 0); // here
	return head[0];
}

#elif CASE == 27 /* dynptr: what a slice gives is written */
int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;
void *bpf_dynptr_slice(const struct bpf_dynptr *ptr, __u32 offset, void *buffer, __u32 buffer__szk) __ksym;
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_dynptr bytes;
	char room[14];
	if (bpf_dynptr_from_skb(skb, 0, &bytes))
		return 0;
	struct ethhdr *eth = bpf_dynptr_slice(&bytes, 0, room, sizeof(room)); // born
	if (!eth)
		return 0;
	eth->h_proto = 0; // here
	return 0;
}

#elif CASE == 28 /* dynptr: the slice outlives the packet */
int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;
void *bpf_dynptr_slice(const struct bpf_dynptr *ptr, __u32 offset, void *buffer, __u32 buffer__szk) __ksym;
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_dynptr bytes;
	char room[14];
	if (bpf_dynptr_from_skb(skb, 0, &bytes))
		return 0;
	struct ethhdr *eth = bpf_dynptr_slice(&bytes, 0, room, sizeof(room)); // born
	if (!eth || bpf_skb_pull_data(skb, 34)) // lost
		return 0;
	return eth->h_proto == bpf_htons(ETH_P_IP); // here
}

#elif CASE == 29 /* dynptr: its bytes are written over */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct bpf_dynptr record;
	__u32 word = 7;
	bpf_ringbuf_reserve_dynptr(&events, 8, 0, &record); // born
	*(volatile __u64 *)&record = 0; // here
	bpf_ringbuf_submit_dynptr(&record, 0);
	return word;
}

#elif CASE == 30 /* packet: TCP behind options that nobody measured */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	if ((void *)(ip + 1) > data_end)
		return XDP_PASS;
	struct tcphdr *tcp = (void *)ip + ip->ihl * 4; // born
	return tcp->dest == bpf_htons(80) ? XDP_DROP : XDP_PASS; // here
}

#elif CASE == 31 /* packet: eight bytes were checked, sixteen are compared */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	char *data = (char *)(long)ctx->data; // born
	char *data_end = (char *)(long)ctx->data_end;
	if (data + 8 > data_end) // proved
		return XDP_PASS;
	for (int i = 0; i < 16; i++)
		if (data[i] != 'x') // here
			return XDP_PASS;
	return XDP_DROP;
}

#elif CASE == 32 /* packet: the check is the wrong way round */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data; // born
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	if ((void *)(eth + 1) <= data_end) // proved
		return XDP_PASS;
	return eth->h_proto ? XDP_DROP : XDP_PASS; // here
}

#elif CASE == 33 /* packet: the check comes after the loop used it */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	volatile __u8 *data = (void *)(long)skb->data; // born
	void *data_end = (void *)(long)skb->data_end;
	__u32 sum = data[0] + data[1]; // here
	if ((void *)(data + 2) > data_end)
		return 0;
	return sum & 1;
}

#elif CASE == 34 /* packet: another pointer was checked */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	if (data + sizeof(struct ethhdr) + sizeof(struct iphdr) > data_end) // proved
		return 0;
	if (bpf_skb_pull_data(skb, 54)) // lost
		return 0;
	struct iphdr *ip = (void *)(long)skb->data + sizeof(struct ethhdr);
	return ip->protocol == 6; // here
}

#elif CASE == 35 /* null: the record is not there */
SEC("tracepoint/syscalls/sys_enter_openat")
int prog(struct sys_enter *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0); // born
	e->pid = bpf_get_current_pid_tgid() >> 32; // here
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#elif CASE == 36 /* null: the check comes late */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 9;
	struct flow *flow = bpf_map_lookup_elem(&flows, &key); // born
	__u64 before = *(volatile __u64 *)&flow->bytes; // here
	if (!flow)
		return XDP_PASS;
	flow->bytes = before + 1;
	return XDP_PASS;
}

#elif CASE == 37 /* null: only one of two ways was checked */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = ctx->rx_queue_index;
	struct flow *flow = bpf_map_lookup_elem(&flows, &key); // born
	if (key > 8 && !flow)
		return XDP_PASS;
	flow->bytes++; // here
	return XDP_PASS;
}

#elif CASE == 38 /* null: a check with the wrong operator */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u32 key = 11;
	struct flow *flow = bpf_map_lookup_elem(&flows, &key); // born
	if (flow)
		return XDP_PASS;
	*(volatile __u64 *)&flow->bytes = 1; // here
	return XDP_PASS;
}

#elif CASE == 39 /* trusted: a task by its number may be gone */
struct task_struct *bpf_task_from_pid(__s32 pid) __ksym;
void bpf_task_release(struct task_struct *task) __ksym;
SEC("syscall")
int prog(struct sys_enter *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1); // born
	int tgid = task->tgid; // here
	bpf_task_release(task);
	return tgid;
}

#elif CASE == 40 /* trusted: the current task as a number is no task */
struct task_struct *bpf_task_acquire(struct task_struct *task) __ksym;
void bpf_task_release(struct task_struct *task) __ksym;
SEC("syscall")
int prog(struct sys_enter *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task(); // born
	struct task_struct *own = bpf_task_acquire(task); // here
	if (own)
		bpf_task_release(own);
	return 0;
}

#elif CASE == 41 /* trusted: a set of processors that could not be made */
struct bpf_cpumask {
	int usage;
} __attribute__((preserve_access_index));
struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
void bpf_cpumask_set_cpu(__u32 cpu, struct bpf_cpumask *cpumask) __ksym;
void bpf_cpumask_release(struct bpf_cpumask *cpumask) __ksym;
SEC("syscall")
int prog(struct sys_enter *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create(); // born
	bpf_cpumask_set_cpu(0, mask); // here
	bpf_cpumask_release(mask);
	return 0;
}

#elif CASE == 42 /* trusted: it was given back already */
struct task_struct *bpf_task_from_pid(__s32 pid) __ksym;
void bpf_task_release(struct task_struct *task) __ksym;
SEC("syscall")
int prog(struct sys_enter *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	bpf_task_release(task); // lost
	bpf_task_release(task); // here
	return 0;
}

#elif CASE == 43 /* value bounds: up to and including */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	struct table *t = table();
	if (!t)
		return XDP_PASS;
	__u32 i = ctx->rx_queue_index; // born
	if (i > 24) // proved
		return XDP_PASS;
	t->counters[i]++; // here
	return XDP_PASS;
}

#elif CASE == 44 /* value bounds: a mask for 32 of 24 */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct table *t = table();
	if (!t)
		return 0;
	t->counters[skb->len & 31] += skb->len; // here
	return 0;
}

#elif CASE == 45 /* value bounds: rows and columns */
SEC("tc")
int prog(struct __sk_buff *skb)
{
	struct table *t = table();
	if (!t)
		return 0;
	__u32 row = skb->mark & 3; // born
	__u32 column = skb->priority & 7;
	t->counters[row * 8 + column] = 1; // here
	return 0;
}

#elif CASE == 46 /* value bounds: a name longer than its field at the end of the value */
SEC("tracepoint/syscalls/sys_enter_openat")
int prog(struct sys_enter *ctx)
{
	__u32 key = 12;
	struct flow *flow = bpf_map_lookup_elem(&flows, &key); // born
	if (!flow)
		return 0;
	bpf_probe_read_user_str(flow->comm, 64, (void *)ctx->args[1]); // here
	return 0;
}

#elif CASE == 47 /* value bounds: a byte counts further than the table */
SEC("xdp")
int prog(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct table *t = table();
	if (!t || (void *)(data + 24) > data_end)
		return XDP_PASS;
	__u8 proto = data[23]; // born
	__sync_fetch_and_add(&t->counters[proto], 1); // here
	return XDP_PASS;
}
#endif
