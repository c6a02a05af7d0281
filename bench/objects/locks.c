/* Locks, timers and sections that must be left again. */
#include "common.h"

struct guarded {
	struct bpf_spin_lock lock;
	u32 count;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct guarded);
} array SEC(".maps");

/* Hidden: libbpf then does not map the section into the loader, which the kernel refuses for locks. */
__hidden struct bpf_spin_lock global_lock SEC(".data.locked");
__hidden u32 global_count SEC(".data.locked");

extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;
extern void bpf_local_irq_save(unsigned long *flags) __ksym __weak;
extern void bpf_local_irq_restore(unsigned long *flags) __ksym __weak;

static struct guarded *at(u32 key)
{
	return bpf_map_lookup_elem(&array, &key);
}

SEC("tc")
int locked_and_unlocked(void *ctx)
{
	struct guarded *one = at(0);

	if (!one)
		return 0;
	bpf_spin_lock(&one->lock);
	one->count++;
	bpf_spin_unlock(&one->lock);
	return 0;
}

SEC("tc")
int never_unlocked(void *ctx)
{
	struct guarded *one = at(0);

	if (!one)
		return 0;
	bpf_spin_lock(&one->lock);
	one->count++;
	return 0;
}

SEC("tc")
int left_locked_on_one_path(struct __sk_buff *skb)
{
	struct guarded *one = at(0);

	if (!one)
		return 0;
	bpf_spin_lock(&one->lock);
	if (one->count == 7)
		return 1;
	bpf_spin_unlock(&one->lock);
	return 0;
}

SEC("tc")
int locked_twice(void *ctx)
{
	struct guarded *one = at(0);

	if (!one)
		return 0;
	bpf_spin_lock(&one->lock);
	bpf_spin_lock(&one->lock);
	bpf_spin_unlock(&one->lock);
	return 0;
}

SEC("tc")
int two_locks(void *ctx)
{
	struct guarded *one = at(0), *two = at(1);

	if (!one || !two)
		return 0;
	bpf_spin_lock(&one->lock);
	bpf_spin_unlock(&two->lock);
	return 0;
}

SEC("tc")
int unlocked_only(void *ctx)
{
	struct guarded *one = at(0);

	if (one)
		bpf_spin_unlock(&one->lock);
	return 0;
}

SEC("tc")
int helper_under_lock(void *ctx)
{
	struct guarded *one = at(0);

	if (!one)
		return 0;
	bpf_spin_lock(&one->lock);
	one->count = bpf_get_prandom_u32();
	bpf_spin_unlock(&one->lock);
	return 0;
}

SEC("tc")
int lock_written(void *ctx)
{
	struct guarded *one = at(0);

	if (one)
		*(volatile u32 *)&one->lock = 0;
	return 0;
}

SEC("tc")
int lock_beside(void *ctx)
{
	struct guarded *one = at(0);

	if (!one)
		return 0;
	bpf_spin_lock((void *)&one->count);
	bpf_spin_unlock((void *)&one->count);
	return 0;
}

SEC("tc")
int lock_in_global_data(void *ctx)
{
	bpf_spin_lock(&global_lock);
	global_count++;
	bpf_spin_unlock(&global_lock);
	return 0;
}

SEC("kprobe")
int lock_in_tracing(void *ctx)
{
	bpf_spin_lock(&global_lock);
	global_count++;
	bpf_spin_unlock(&global_lock);
	return 0;
}

static int fired(void *map, u32 *key, struct guarded *value)
{
	value->count++;
	return 0;
}

static int fired_with_one(void *map, u32 *key, struct guarded *value)
{
	return 1;
}

SEC("tc")
int timer_started(void *ctx)
{
	struct guarded *one = at(0);

	if (!one)
		return 0;
	bpf_timer_init(&one->timer, &array, 1);
	bpf_timer_set_callback(&one->timer, fired);
	return bpf_timer_start(&one->timer, 1000, 0);
}

SEC("tc")
int timer_of_another_place(void *ctx)
{
	struct guarded *one = at(0);

	if (!one)
		return 0;
	return bpf_timer_init((void *)&one->count, &array, 1);
}

SEC("tc")
int timer_returns_one(void *ctx)
{
	struct guarded *one = at(0);

	if (!one)
		return 0;
	return bpf_timer_set_callback(&one->timer, fired_with_one);
}

SEC("kprobe")
int timer_in_tracing(void *ctx)
{
	struct guarded *one = at(0);

	if (!one)
		return 0;
	return bpf_timer_init(&one->timer, &array, 1);
}

SEC("tc")
int reading_left(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc")
int reading_kept(void *ctx)
{
	bpf_rcu_read_lock();
	return 0;
}

SEC("tc")
int reading_left_twice(void *ctx)
{
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc")
int preemption_kept_off(void *ctx)
{
	bpf_preempt_disable();
	return 0;
}

SEC("tc")
int preemption_back_on(void *ctx)
{
	bpf_preempt_disable();
	bpf_preempt_disable();
	bpf_preempt_enable();
	bpf_preempt_enable();
	return 0;
}

SEC("tc")
int interrupts_kept_off(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	return 0;
}

SEC("tc")
int interrupts_restored(void *ctx)
{
	unsigned long flags;

	bpf_local_irq_save(&flags);
	bpf_local_irq_restore(&flags);
	return 0;
}

SEC("tc")
int interrupts_restored_out_of_order(void *ctx)
{
	unsigned long outer, inner;

	bpf_local_irq_save(&outer);
	bpf_local_irq_save(&inner);
	bpf_local_irq_restore(&outer);
	bpf_local_irq_restore(&inner);
	return 0;
}

SEC("tc")
int flags_never_saved(void *ctx)
{
	unsigned long flags = 0;

	asm volatile("" ::"r"(&flags) : "memory");
	bpf_local_irq_restore(&flags);
	return 0;
}
