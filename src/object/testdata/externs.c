// Things that only a loader knows.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_iter_num;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __attribute__((section(".ksyms"))) __attribute__((weak));
extern const int unknown_symbol __attribute__((section(".ksyms"))) __attribute__((weak));

SEC("xdp")
int uses(struct xdp_md *ctx) {
  __u64 it[1];
  if (&unknown_symbol) return XDP_DROP;
  return bpf_iter_num_new((struct bpf_iter_num *)it, 0, 3) ? XDP_PASS : XDP_TX;
}

char _license[] SEC("license") = "GPL";
