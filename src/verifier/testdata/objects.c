/* Objects that a program allocates, one rule a case; compiled with -DCASE=N. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define contains(type, member) __attribute__((btf_decl_tag("contains:" #type ":" #member)))
#define kernel_pointer __attribute__((btf_type_tag("kptr")))

struct bpf_list_head { __u64 : 64; __u64 : 64; } __attribute__((aligned(8)));
struct bpf_list_node { __u64 : 64; __u64 : 64; __u64 : 64; } __attribute__((aligned(8)));
struct bpf_rb_root { __u64 : 64; __u64 : 64; } __attribute__((aligned(8)));
struct bpf_rb_node { __u64 : 64; __u64 : 64; __u64 : 64; __u64 : 64; } __attribute__((aligned(8)));
struct bpf_refcount { __u32 : 32; } __attribute__((aligned(4)));

struct item {
	struct bpf_list_node link;
	struct bpf_rb_node branch;
	struct bpf_refcount count;
	int weight;
	int *note;
};

struct value {
	struct bpf_spin_lock lock;
	int filled;
	struct bpf_list_head list contains(item, link);
	struct bpf_rb_root tree contains(item, branch);
	struct item kernel_pointer *kept;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, struct value);
} shelf SEC(".maps");

extern void *bpf_obj_new_impl(__u64 type, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *object, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *object, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       _Bool (less)(struct bpf_rb_node *a, const struct bpf_rb_node *b), void *meta, __u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;

#define new(type) ((type *)bpf_obj_new_impl(__builtin_btf_type_id(*(type *)0, 0), 0))
#define item_of(node, member) ((struct item *)((void *)(node) - __builtin_offsetof(struct item, member)))

static _Bool lighter(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
#if CASE == 12
	bpf_obj_new_impl(1, 0);
#endif
	return item_of(a, branch)->weight < item_of(b, branch)->weight;
}

SEC("tc")
int shelve(struct __sk_buff *skb)
{
	int key = 0;
	struct value *v = bpf_map_lookup_elem(&shelf, &key);
	struct item *made, *other;

	if (!v)
		return 0;
	made = new(struct item);
#if CASE == 1 /* kept without a check */
	made->weight = 1;
#endif
	if (!made)
		return 0;
	made->weight = skb->len;
#if CASE == 2 /* lost */
	return 0;
#elif CASE == 3 /* given back */
	bpf_obj_drop_impl(made, 0);
#elif CASE == 4 /* used when it is gone */
	bpf_obj_drop_impl(made, 0);
	return made->weight;
#elif CASE == 5 /* a list without its lock */
	bpf_list_push_front_impl(&v->list, &made->link, 0, 0);
#elif CASE == 6 /* a list with its lock, and a look at what it owns */
	bpf_spin_lock(&v->lock);
	bpf_list_push_front_impl(&v->list, &made->link, 0, 0);
	made->weight = 2;
	bpf_spin_unlock(&v->lock);
#elif CASE == 7 /* a look when the lock is released */
	bpf_spin_lock(&v->lock);
	bpf_list_push_front_impl(&v->list, &made->link, 0, 0);
	bpf_spin_unlock(&v->lock);
	return made->weight;
#elif CASE == 8 /* what a list gives back */
	bpf_obj_drop_impl(made, 0);
	bpf_spin_lock(&v->lock);
	struct bpf_list_node *node = bpf_list_pop_front(&v->list);
	bpf_spin_unlock(&v->lock);
	if (node)
		bpf_obj_drop_impl(item_of(node, link), 0);
#elif CASE == 9 /* the node of a tree in a list */
	bpf_spin_lock(&v->lock);
	bpf_list_push_front_impl(&v->list, (void *)&made->branch, 0, 0);
	bpf_spin_unlock(&v->lock);
#elif CASE == 10 || CASE == 12 /* a tree, and its first node */
	bpf_spin_lock(&v->lock);
	bpf_rbtree_add_impl(&v->tree, &made->branch, lighter, 0, 0);
	struct bpf_rb_node *first = bpf_rbtree_first(&v->tree);
	if (first) {
		first = bpf_rbtree_remove(&v->tree, first);
		bpf_spin_unlock(&v->lock);
		if (first)
			bpf_obj_drop_impl(item_of(first, branch), 0);
		return 0;
	}
	bpf_spin_unlock(&v->lock);
#elif CASE == 11 /* two owners */
	other = bpf_refcount_acquire_impl(made, 0);
	bpf_obj_drop_impl(made, 0);
	bpf_obj_drop_impl(other, 0);
#elif CASE == 13 /* exchanged with what the map kept */
	other = bpf_kptr_xchg(&v->kept, made);
	if (other)
		bpf_obj_drop_impl(other, 0);
#elif CASE == 14 /* what the map kept is lost */
	bpf_kptr_xchg(&v->kept, made);
#elif CASE == 15 /* a head that is read */
	bpf_obj_drop_impl(made, 0);
	return *(volatile int *)&v->list;
#elif CASE == 16 /* a link that is written */
	*(volatile int *)&made->link = 1;
	bpf_obj_drop_impl(made, 0);
#elif CASE == 17 /* behind the end */
	((volatile int *)(made + 1))[0] = 1;
	bpf_obj_drop_impl(made, 0);
#else
	bpf_obj_drop_impl(made, 0);
#endif
	return 0;
}

char _license[] SEC("license") = "GPL";
