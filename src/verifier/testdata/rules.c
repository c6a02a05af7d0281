/* Rules that need the kernel's types, one a case; compiled with -DCASE=N. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define NULL ((void *)0)
#define tag(name) __attribute__((btf_decl_tag("arg:" #name)))
#define arena_space __attribute__((address_space(1)))
#define user_pointer __attribute__((btf_type_tag("uptr")))
#define kernel_pointer __attribute__((btf_type_tag("kptr")))
#define RELOCATED __attribute__((preserve_access_index))

char _license[] SEC("license") = "GPL";

struct bpf_res_spin_lock { __u32 val; } __attribute__((aligned(4)));
struct guarded { struct bpf_res_spin_lock lock; int n; };

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, struct guarded); } left SEC(".maps"), right SEC(".maps");

extern int bpf_res_spin_lock(struct bpf_res_spin_lock *lock) __ksym;
extern void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock) __ksym;
extern int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;
extern void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;
extern int bpf_xdp_pull_data(struct xdp_md *packet, __u32 length) __ksym;

struct task_struct { int pid; } RELOCATED;

static inline struct guarded *guarded(void *map) {
  int key = 0;
  return bpf_map_lookup_elem(map, &key);
}

#if CASE == 0
/* Locks nest, and are released in the reverse order. */
SEC("tc") int f(void *ctx) {
  struct guarded *a = guarded(&left), *b = guarded(&right);
  if (!a || !b || bpf_res_spin_lock(&a->lock)) return 0;
  if (!bpf_res_spin_lock(&b->lock)) {
    b->n = ++a->n;
    bpf_res_spin_unlock(&b->lock);
  }
  bpf_res_spin_unlock(&a->lock);
  return 0;
}
#elif CASE == 1
SEC("tc") int f(void *ctx) {
  struct guarded *a = guarded(&left);
  if (!a || bpf_res_spin_lock(&a->lock)) return 0;
  bpf_res_spin_lock(&a->lock);
  bpf_res_spin_unlock(&a->lock);
  return 0;
}
#elif CASE == 2
SEC("tc") int f(void *ctx) {
  struct guarded *a = guarded(&left), *b = guarded(&right);
  if (!a || !b || bpf_res_spin_lock(&a->lock)) return 0;
  if (!bpf_res_spin_lock(&b->lock)) {
    bpf_res_spin_unlock(&a->lock);
    bpf_res_spin_unlock(&b->lock);
  }
  return 0;
}
#elif CASE == 3
/* The failure is not looked at: nothing is held on that path. */
SEC("tc") int f(void *ctx) {
  struct guarded *a = guarded(&left);
  if (!a) return 0;
  bpf_res_spin_lock(&a->lock);
  bpf_res_spin_unlock(&a->lock);
  return 0;
}
#elif CASE == 4
SEC("tc") int f(void *ctx) {
  unsigned long flags;
  struct guarded *a = guarded(&left);
  if (!a || bpf_res_spin_lock_irqsave(&a->lock, &flags)) return 0;
  bpf_res_spin_unlock(&a->lock);
  return 0;
}
#elif CASE == 5
SEC("tc") int f(void *ctx) {
  unsigned long flags;
  struct guarded *a = guarded(&left);
  if (!a || bpf_res_spin_lock_irqsave(&a->lock, &flags)) return 0;
  bpf_printk("%d", a->n);
  bpf_res_spin_unlock_irqrestore(&a->lock, &flags);
  return 0;
}
#elif CASE == 6
SEC("socket") int f(void *ctx) { return guarded(&left) != NULL; }
#elif CASE == 7
SEC("tc") int f(void *ctx) {
  struct guarded *a = guarded(&left);
  if (a) a->lock.val = 1;
  return 0;
}
#elif CASE == 8
__weak int pid_of(const volatile struct task_struct *task tag(untrusted)) { return task->pid; }
SEC("tp_btf/sys_enter") int f(void *ctx) { return pid_of((void *)bpf_get_current_task_btf()) + pid_of(NULL); }
#elif CASE == 9
__weak int pid_of(struct task_struct *task tag(untrusted) tag(nullable)) { return task->pid; }
SEC("tp_btf/sys_enter") int f(void *ctx) { return pid_of(NULL); }
#elif CASE == 10
__weak int first(void *any tag(untrusted)) { return *(int *)any; }
SEC("tp_btf/sys_enter") int f(void *ctx) { return first(ctx); }
#elif CASE == 11
__weak int first(int *any tag(untrusted)) { return *any = 1; }
SEC("tp_btf/sys_enter") int f(void *ctx) { return first(ctx); }
#elif CASE == 12
/* A constant null passes, a pointer that may be null does not. */
__weak int first(int *a tag(nonnull)) { return *a; }
SEC("tc") int f(void *ctx) { return first(NULL); }
#elif CASE == 13
__weak int first(int *a tag(nonnull)) { return *a; }
SEC("tc") int f(void *ctx) { return first((void *)guarded(&left)); }
#elif CASE == 14
__weak int twice(int a tag(nonnull)) { return 2 * a; }
SEC("tc") int f(void *ctx) { return twice(3); }
#elif CASE == 15
__weak int twice(int *a tag(nullable)) { return a ? 2 * *a : 0; }
SEC("tc") int f(void *ctx) { return twice(NULL); }
#elif CASE == 16
struct none_such { int x; };
__weak int first(struct none_such *a tag(untrusted)) { return a->x; }
SEC("tc") int f(void *ctx) { return first(NULL); }
#elif CASE == 17
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __type(key, int); __type(value, int); } next SEC(".maps");
SEC("syscall") int f(void *ctx) {
  bpf_tail_call(ctx, &next, 0);
  return 0;
}
#elif CASE == 18
SEC("xdp") int f(struct xdp_md *ctx) {
  char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 1 > end) return XDP_DROP;
  bpf_xdp_pull_data(ctx, 0);
  return *data & 1;
}
#elif CASE == 19
__weak int pulls(struct xdp_md *ctx) { return bpf_xdp_pull_data(ctx, 1); }
SEC("xdp") int f(struct xdp_md *ctx) {
  char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 1 > end) return XDP_DROP;
  pulls(ctx);
  return *data & 1;
}
#elif CASE == 20
/* Memory of a user's page that a task's storage points to: as large as its type. */
struct shared { int a, b; };
struct holder { struct shared user_pointer *page; };
struct shared *kept_type;
struct { __uint(type, BPF_MAP_TYPE_TASK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct holder); } storage SEC(".maps");
SEC("syscall") int f(void *ctx) {
  struct holder *found = bpf_task_storage_get(&storage, (void *)bpf_get_current_task_btf(), 0, 0);
  struct shared *page = found ? found->page : NULL;
  if (page) page->b = page->a;
  return 0;
}
#elif CASE == 21
struct shared { int a, b; };
struct holder { struct shared user_pointer *page; };
struct shared *kept_type;
struct { __uint(type, BPF_MAP_TYPE_TASK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, struct holder); } storage SEC(".maps");
SEC("syscall") int f(void *ctx) {
  struct holder *found = bpf_task_storage_get(&storage, (void *)bpf_get_current_task_btf(), 0, 0);
  struct shared *page = found ? found->page : NULL;
  if (page) page[1].a = 1;
  return 0;
}
#elif CASE == 22
/* More kernel pointers than a value may hold: the loader makes the map without types. */
struct task_struct *kept_type;
struct many { struct task_struct kernel_pointer *tasks[12]; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, struct many); } crowd SEC(".maps");
SEC("tc") int f(void *ctx) {
  int key = 0;
  struct many *found = bpf_map_lookup_elem(&crowd, &key);
  return found ? bpf_kptr_xchg(&found->tasks[1], NULL) != NULL : 0;
}
#elif CASE == 23
/* The packet of this tracepoint may be missing. */
SEC("tp_btf/tcp_sendmsg_locked") int f(unsigned long long *ctx) {
  return *(char *)ctx[2];
}
#elif CASE == 24
/* The signal's structure has no name. */
SEC("tp_btf/signal_deliver") int f(unsigned long long *ctx) {
  return *(volatile unsigned long long *)ctx[1] != 0;
}
#elif CASE == 25
/* Those that jump nowhere are taken out, and with them the count of rounds on the stack. */
SEC("tc") __attribute__((naked)) int f(void *ctx) {
  asm volatile("r0 = 1; .8byte 0x1000000e5; .8byte 0x00000000000000e5; exit;");
}
#elif CASE == 26
SEC("tc") __attribute__((naked)) int f(void *ctx) {
  asm volatile("r0 = 1; .8byte 0x100e5; .8byte 0x00e5; exit;");
}
#elif CASE == 27
SEC("tc") __attribute__((naked)) int f(void *ctx) {
  asm volatile("r0 = 1; .8byte 0x200e5; .8byte 0x00e5; r0 = 2; exit;");
}
#elif CASE == 28
SEC("tp_btf/sys_enter") int f(void *ctx) {
  struct guarded *a = guarded(&left);
  if (!a || bpf_res_spin_lock(&a->lock)) return 0;
  return 0;
}
#elif CASE == 29
/* The kernel's structure for a map may be read, field by field. */
SEC("socket") int f(void *ctx) { return *(volatile unsigned *)((char *)&left + 41); }
#elif CASE == 30
SEC("tc") int f(void *ctx) { return *(volatile unsigned long long *)&left != 0; }
#elif CASE == 31
SEC("tc") int f(void *ctx) { return *(volatile unsigned *)((char *)&left + 100000); }
#elif CASE == 32
/* An inner map may have fewer entries than its definition says. */
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(map_flags, BPF_F_INNER_MAP); __uint(max_entries, 1); __type(key, int); __type(value, int); };
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 1); __type(key, int); __type(value, int); __array(values, struct inner); } outer SEC(".maps");
SEC("tc") int f(void *ctx) {
  int key = 0;
  void *found = bpf_map_lookup_elem(&outer, &key);
  int *value = found ? bpf_map_lookup_elem(found, &key) : &key;
  return *value;
}
#elif CASE >= 33
/* Work that a task does later, in a callback that may sleep and may return any int. */
struct bpf_task_work { __u64 opaque; } __attribute__((aligned(8)));
struct job { char text[16]; struct bpf_task_work work; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, struct job); } jobs SEC(".maps"), others SEC(".maps");
struct bpf_map { int id; } RELOCATED;
extern int bpf_task_work_schedule_resume_impl(struct task_struct *task, struct bpf_task_work *work, void *map, int (*callback)(struct bpf_map *map, void *key, void *value), void *aux) __ksym;
long far;
static int later(struct bpf_map *map, void *key, void *value) {
  bpf_copy_from_user(value, CASE == 34 ? 32 : 16, NULL);
  return CASE == 35 ? far : bpf_get_prandom_u32();
}
SEC("perf_event") int f(void *ctx) {
  int key = 0;
  struct job *job = bpf_map_lookup_elem(&jobs, &key);
  struct bpf_task_work here;
  if (!job) return 0;
  void *work = CASE == 36 ? (void *)&here : CASE == 37 ? (void *)job->text : CASE == 38 ? NULL : &job->work;
  return bpf_task_work_schedule_resume_impl((void *)bpf_get_current_task_btf(), work, CASE == 39 ? &others : &jobs, later, NULL);
}
#endif
