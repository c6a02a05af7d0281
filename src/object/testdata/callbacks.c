// Addresses of functions.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(key_size, 4);
  __uint(value_size, 8);
  __uint(max_entries, 16);
} table SEC(".maps");

struct state {
  long sum;
  int limit;
};

static __attribute__((noinline)) int weigh(long x) { return x & 7; }

static long each(__u32 index, struct state *s) {
  s->sum += index * 3 + weigh(s->sum);
  return s->sum > s->limit;
}

static long visit(void *map, __u32 *key, __u64 *value, struct state *s) {
  s->sum += *key + *value;
  return 0;
}

SEC("xdp")
int loop(struct xdp_md *ctx) {
  struct state s = {.limit = 1000};
  bpf_loop(100, each, &s, 0);
  bpf_for_each_map_elem(&table, visit, &s, 0);
  return s.sum & 1 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
