// What only a loader that knows the running kernel can put into a program: one case at a time, -DCASE=n.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define KCONFIG __attribute__((section(".kconfig")))
#define KSYM __attribute__((section(".ksyms")))
#define RELOCATED __attribute__((preserve_access_index))

char _license[] SEC("license") = "GPL";

struct task_struct {
  int pid;
  int no_such_field;
} RELOCATED;

struct task_struct___wide {
  long pid;
} RELOCATED;

struct no_such_struct___v2 {
  int x;
} RELOCATED;

enum bpf_map_type___here { BPF_MAP_TYPE_HASH___here = 77, BPF_MAP_TYPE_NONE_SUCH___here = 78 };

#if CASE == 0
SEC("raw_tp/sys_enter")
int own_pid(void *ctx) {
  struct task_struct *task = (void *)bpf_get_current_task_btf();
  return task->pid;
}
#elif CASE == 1
SEC("raw_tp/sys_enter")
int reads_missing(void *ctx) {
  struct task_struct *task = (void *)bpf_get_current_task_btf();
  return task->no_such_field;
}
#elif CASE == 2
SEC("raw_tp/sys_enter")
int asks_first(void *ctx) {
  struct task_struct *task = (void *)bpf_get_current_task_btf();
  if (bpf_core_field_exists(task->no_such_field)) return task->no_such_field;
  if (bpf_core_type_exists(struct no_such_struct___v2)) return bpf_core_type_size(struct no_such_struct___v2);
  return task->pid;
}
#elif CASE == 3
SEC("raw_tp/sys_enter")
int wrong_width(void *ctx) {
  struct task_struct___wide *task = (void *)bpf_get_current_task_btf();
  return task->pid;
}
#elif CASE == 4
char many[64];
SEC("raw_tp/sys_enter")
int enumerators(void *ctx) {
  unsigned hash = bpf_core_enum_value(enum bpf_map_type___here, BPF_MAP_TYPE_HASH___here);
  if (bpf_core_enum_value_exists(enum bpf_map_type___here, BPF_MAP_TYPE_NONE_SUCH___here)) hash = 4096;
  return *(volatile char *)&many[hash];
}
#elif CASE == 5
extern int LINUX_KERNEL_VERSION KCONFIG;
extern unsigned CONFIG_HZ KCONFIG;
extern _Bool CONFIG_NO_SUCH_OPTION KCONFIG __attribute__((weak));
SEC("raw_tp/sys_enter")
int configured(void *ctx) {
  if (LINUX_KERNEL_VERSION < 0x50000 || CONFIG_HZ == 0 || CONFIG_NO_SUCH_OPTION) return *(int *)0;
  return CONFIG_HZ;
}
#elif CASE == 6
extern const int no_such_symbol KSYM __attribute__((weak));
SEC("raw_tp/sys_enter")
int weak_symbol(void *ctx) {
  return &no_such_symbol ? *(int *)0 : 1;
}
#elif CASE == 7
extern const int bpf_prog_active KSYM;
SEC("raw_tp/sys_enter")
int variable(void *ctx) {
  int *active = bpf_this_cpu_ptr(&bpf_prog_active);
  return *active;
}
#elif CASE == 8 || CASE == 9 || CASE == 10
struct tcp_sock {
  unsigned snd_cwnd;
  unsigned snd_una;
} RELOCATED;
struct tcp_congestion_ops {
  unsigned (*undo_cwnd)(void *sk);
  char name[16];
};
SEC("struct_ops/undo")
unsigned undo(unsigned long long *ctx) {
  struct tcp_sock *tp = (void *)ctx[0];
#if CASE == 8
  tp->snd_cwnd = 10;
#elif CASE == 9
  tp->snd_una = 10;
#else
  if (ctx[1]) return 1;
#endif
  return tp->snd_cwnd;
}
SEC(".struct_ops")
struct tcp_congestion_ops own = {.undo_cwnd = (void *)undo, .name = "bpformer"};
#elif CASE == 11
SEC("socket")
__attribute__((naked)) int descriptor(void) {
  asm volatile(".8byte 0x1118; .8byte 0; r0 = 0; exit" ::: "memory");
}
#elif CASE == 12
struct sk_buff {
  unsigned char cloned : 1;
} RELOCATED;
SEC("tp_btf/consume_skb")
int bit_field(unsigned long long *ctx) {
  struct sk_buff *skb = (void *)ctx[0];
  return BPF_CORE_READ_BITFIELD(skb, cloned);
}
#elif CASE == 13
SEC("iter/task")
int not_for_iterators(void *ctx) {
  return bpf_get_attach_cookie(ctx);
}
#elif CASE == 14
SEC("tp_btf/sys_enter")
int not_for_tracing(void *ctx) {
  return bpf_get_hash_recalc(ctx);
}
#elif CASE == 15
struct task_struct___part {
  int tgid;
  struct task_struct *group_leader;
} RELOCATED;
SEC("raw_tp/sys_enter")
int matches(void *ctx) {
  return bpf_core_type_matches(struct task_struct___part) && !bpf_core_type_matches(struct task_struct) ? 1 : *(int *)0;
}
#endif
