// A map, a helper and packet bounds.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __type(key, __u32);
  __type(value, __u64);
  __uint(max_entries, 256);
} counts SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data;
  unsigned char *end = (void *)(long)ctx->data_end;
  if (data + 14 > end) return XDP_ABORTED;
  __u32 key = data[12];
  __u64 *value = bpf_map_lookup_elem(&counts, &key);
  if (value) *value += 1;
  return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
