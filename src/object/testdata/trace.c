// Programs of several types in one object, sections with a suffix.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 128);
  __type(key, __u64);
  __type(value, __u64);
} calls SEC(".maps");

struct enter {
  __u64 unused;
  long id;
  unsigned long args[6];
};

SEC("tracepoint/syscalls/sys_enter_openat")
int on_open(struct enter *ctx) {
  __u64 key = bpf_get_current_pid_tgid(), one = 1, *value = bpf_map_lookup_elem(&calls, &key);
  if (value) __sync_fetch_and_add(value, 1);
  else bpf_map_update_elem(&calls, &key, &one, BPF_NOEXIST);
  return ctx->args[1] == 0;
}

SEC("raw_tp/sys_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx) { return ctx->args[1] > 4; }

SEC("socket")
int filter(struct __sk_buff *skb) { return skb->len > 60 ? skb->len : 0; }

SEC("cgroup_skb/egress")
int out(struct __sk_buff *skb) { return skb->priority != 3; }

SEC("syscall")
int direct(void *ctx) { return bpf_ktime_get_ns() & 1; }

char _license[] SEC("license") = "GPL";
