// Wrong on purpose: reads behind a map value.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, int);
  __type(value, int[4]);
} small SEC(".maps");

SEC("xdp")
int overrun(struct xdp_md *ctx) {
  int zero = 0, *value = bpf_map_lookup_elem(&small, &zero);
  if (!value) return 0;
  return value[ctx->ingress_ifindex & 7];
}

char _license[] SEC("license") = "GPL";
