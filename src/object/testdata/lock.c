// A lock inside a map's value.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct value {
  int count;
  struct bpf_spin_lock lock;
  long total;
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, int);
  __type(value, struct value);
} values SEC(".maps");

SEC("tc")
int add(struct __sk_buff *skb) {
  int key = skb->ifindex & 3;
  struct value *v = bpf_map_lookup_elem(&values, &key);
  if (!v) return 0;
  bpf_spin_lock(&v->lock);
  v->count++;
  v->total += skb->len;
  bpf_spin_unlock(&v->lock);
  return 1;
}

char _license[] SEC("license") = "GPL";
