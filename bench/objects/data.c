/* Global data: in which section it lies decides what may be done with it. */
#include "common.h"

const volatile u32 constant = 3;
const volatile u32 set_before_load;
static const u32 table[16] = { 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144 };
u32 zeroed[16];
u32 filled[4] = { 1, 2, 3, 4 };
static u64 hidden_counter;
u64 own SEC(".data.own") = 5;
const volatile u64 own_constants[4] SEC(".rodata.own") = { 1, 2, 3, 4 };
const char text[] = "four";
const char *const names[] = { "a", "b" };

SEC("socket")
int constant_read(struct __sk_buff *skb)
{
	return constant + table[skb->len & 15];
}

SEC("socket")
int constant_written(struct __sk_buff *skb)
{
	*(volatile u32 *)&constant = 4;
	return 0;
}

SEC("socket")
int constant_decides(struct __sk_buff *skb)
{
	if (set_before_load) {
		u64 *there = (void *)(long)skb->len;

		return *there;
	}
	return 0;
}

SEC("socket")
int table_index_unchecked(struct __sk_buff *skb)
{
	return table[skb->len];
}

SEC("socket")
int table_index_too_far(struct __sk_buff *skb)
{
	u32 at = skb->len;

	return at <= 60 ? table[at] : 0;
}

SEC("socket")
int zeroed_index(struct __sk_buff *skb)
{
	u32 at = skb->len & 15;

	hide(at);
	zeroed[at & 15]++;
	return zeroed[3];
}

SEC("socket")
int zeroed_index_unchecked(struct __sk_buff *skb)
{
	zeroed[skb->len] = 1;
	return 0;
}

SEC("socket")
int zeroed_before(struct __sk_buff *skb)
{
	u32 *there = zeroed;

	hide(there);
	return there[-4];
}

SEC("socket")
int filled_read(struct __sk_buff *skb)
{
	return filled[skb->len & 3] + hidden_counter++;
}

SEC("socket")
int own_section(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&own, own_constants[skb->len & 3]);
	return own;
}

SEC("socket")
int own_section_beyond(struct __sk_buff *skb)
{
	u64 *there = &own;

	hide(there);
	return there[1];
}

SEC("socket")
int text_compared(struct __sk_buff *skb)
{
	char name[8] = "five";

	return text[skb->len & 3] == name[skb->len & 3];
}

SEC("socket")
int pointer_kept(struct __sk_buff *skb)
{
	*(void *volatile *)&own = skb;
	return 0;
}

SEC("socket")
int atomic_on_the_context(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&skb->mark, 1);
	return 0;
}

SEC("socket")
int atomic_on_constants(struct __sk_buff *skb)
{
	__sync_fetch_and_add((u64 *)&own_constants[1], 1);
	return 0;
}
