/* The kernel's types: relocated fields, typed pointers, its functions and variables, its configuration. */
#include "common.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct list_head {
	struct list_head *next;
};
struct mm_struct {
	u64 total_vm;
};
struct task_struct {
	int pid;
	int tgid;
	int prio;
	char comm[16];
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	const void *cpus_ptr;
};
struct task_struct___other {
	int no_such_field;
	u64 pid;
};
struct no_such_struct {
	int field;
};
struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};
struct net_device {
	int ifindex;
	unsigned int mtu;
};
struct sk_buff {
	u32 len;
	u8 pkt_type : 3;
	struct net_device *dev;
};
enum pid_type {
	PIDTYPE_PID = 77,
	PIDTYPE_NONE = 78,
};
#pragma clang attribute pop

extern u32 LINUX_KERNEL_VERSION __kconfig;
extern bool CONFIG_BPF_SYSCALL __kconfig __weak;
extern int CONFIG_HZ __kconfig __weak;
extern int CONFIG_NO_SUCH_OPTION __kconfig __weak;
extern const int cpu_number __ksym __weak;
extern const void jiffies_nowhere __ksym __weak;
extern const void _stext __ksym __weak;
extern struct task_struct *bpf_task_acquire(struct task_struct *task) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;
extern struct task_struct *bpf_task_from_pid(int pid) __ksym __weak;
extern int bpf_no_such_function(int value) __ksym __weak;

u64 sink;

/* Headers of libbpf before 1.2 lack it. */
#ifndef bpf_ksym_exists
#define bpf_ksym_exists(name) (!!(name))
#endif

SEC("tp_btf/sched_switch")
int BPF_PROG(fields, bool preempt, struct task_struct *before, struct task_struct *after)
{
	sink = before->pid + after->group_leader->tgid;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(field_written, bool preempt, struct task_struct *before)
{
	before->prio = 1;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(field_that_is_missing, bool preempt, struct task_struct___other *before)
{
	sink = before->no_such_field;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(field_that_is_asked_for, bool preempt, struct task_struct___other *before)
{
	if (bpf_core_field_exists(before->no_such_field))
		sink = before->no_such_field;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sizes, bool preempt, struct task_struct *before)
{
	sink = bpf_core_type_size(struct task_struct) + bpf_core_field_size(before->comm) + bpf_core_field_offset(before->pid);
	sink += bpf_core_type_exists(struct no_such_struct) + bpf_core_type_size(struct no_such_struct);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(enumerators, bool preempt, struct task_struct *before)
{
	if (bpf_core_enum_value_exists(enum pid_type, PIDTYPE_NONE))
		sink = bpf_core_enum_value(enum pid_type, PIDTYPE_NONE);
	sink += bpf_core_enum_value(enum pid_type, PIDTYPE_PID);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(enumerator_that_is_missing, bool preempt, struct task_struct *before)
{
	sink = bpf_core_enum_value(enum pid_type, PIDTYPE_NONE);
	return 0;
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(bits, struct sk_buff *skb)
{
	sink = BPF_CORE_READ_BITFIELD(skb, pkt_type) + skb->dev->mtu;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(read_by_helper, bool preempt, struct task_struct *before)
{
	sink = BPF_CORE_READ(before, real_parent, mm, total_vm);
	return 0;
}

SEC("raw_tp/sched_switch")
int BPF_PROG(untyped, bool preempt, struct task_struct *before)
{
	sink = before->pid;
	return 0;
}

SEC("raw_tp/sched_switch")
int BPF_PROG(untyped_by_helper, bool preempt, struct task_struct *before)
{
	char comm[16];

	bpf_core_read_str(comm, sizeof(comm), &before->comm);
	sink = comm[0];
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(argument_beyond, bool a, void *b, void *c, void *d, void *e)
{
	sink = e != NULL;
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(pointer_moved, bool preempt, struct task_struct *before)
{
	u32 by = bpf_get_prandom_u32() & 7;
	void *there = (void *)before + by;

	hide(there);
	sink = *(u64 *)there;
	return 0;
}

SEC("iter/task")
int print_tasks(struct bpf_iter__task *ctx)
{
	static const char text[] = "pid %d\n";
	u64 pid;

	if (!ctx->task)
		return 0;
	pid = ctx->task->pid;
	bpf_seq_printf(ctx->meta->seq, text, sizeof(text), &pid, sizeof(pid));
	return 0;
}

SEC("iter/task")
int print_tasks_unchecked(struct bpf_iter__task *ctx)
{
	sink = ctx->task->pid;
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_taken_and_given_back, struct task_struct *task)
{
	struct task_struct *mine = bpf_task_acquire(task);

	if (mine)
		bpf_task_release(mine);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_kept, struct task_struct *task)
{
	bpf_task_acquire(task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_released_unchecked, struct task_struct *task)
{
	bpf_task_release(bpf_task_acquire(task));
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_released_that_is_not_ours, struct task_struct *task)
{
	bpf_task_release(task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_of_the_stack, struct task_struct *task)
{
	u64 value = 1;

	task = bpf_task_acquire((void *)&value);
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("tp_btf/task_newtask")
int BPF_PROG(task_walked_to, struct task_struct *task)
{
	task = bpf_task_acquire(task->real_parent);
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("xdp")
int task_function_in_xdp(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("tc")
int task_function_in_a_filter(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	sink = task->pid;
	bpf_task_release(task);
	return 0;
}

SEC("raw_tp")
int function_that_is_missing(void *ctx)
{
	return bpf_no_such_function(1);
}

SEC("raw_tp")
int function_that_is_asked_for(void *ctx)
{
	return bpf_ksym_exists(bpf_no_such_function) ? bpf_no_such_function(1) : 0;
}

SEC("raw_tp")
int configuration(void *ctx)
{
	sink = LINUX_KERNEL_VERSION + CONFIG_BPF_SYSCALL + CONFIG_HZ + CONFIG_NO_SUCH_OPTION;
	return 0;
}

SEC("raw_tp")
int configuration_written(void *ctx)
{
	*(volatile int *)&CONFIG_HZ = 1;
	return 0;
}

SEC("raw_tp")
int variable(void *ctx)
{
	const int *cpu = bpf_this_cpu_ptr(&cpu_number);

	sink = *cpu;
	return 0;
}

SEC("raw_tp")
int variable_of_another(void *ctx)
{
	const int *cpu = bpf_per_cpu_ptr(&cpu_number, 1);

	sink = *cpu;
	return 0;
}

SEC("raw_tp")
int variable_of_another_checked(void *ctx)
{
	const int *cpu = bpf_per_cpu_ptr(&cpu_number, 1);

	if (cpu)
		sink = *cpu;
	return 0;
}

SEC("raw_tp")
int addresses(void *ctx)
{
	sink = (u64)&_stext + (u64)&jiffies_nowhere;
	return 0;
}

SEC("raw_tp")
int address_read(void *ctx)
{
	sink = *(u64 *)&_stext;
	return 0;
}

SEC("tp_btf/no_such_tracepoint")
int no_such_place(void *ctx)
{
	return 0;
}
