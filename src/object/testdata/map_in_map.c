// A map of maps, program slots, a ring buffer, flags, pinning left out.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct inner {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, int);
  __type(value, long);
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
  __uint(max_entries, 8);
  __type(key, int);
  __array(values, struct inner);
} outer SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} events SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 4);
  __type(key, int);
  __type(value, int);
} slots SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(map_flags, BPF_F_NO_COMMON_LRU);
  __uint(max_entries, 64);
  __type(key, __u64);
  __type(value, struct { int a; char b[5]; });
} lru SEC(".maps");

SEC("tc")
int lookup(struct __sk_buff *skb) {
  int key = skb->ifindex, zero = 0;
  __u64 flow = skb->hash;
  void *map = bpf_map_lookup_elem(&outer, &key);
  if (!map) return 0;
  long *value = bpf_map_lookup_elem(map, &zero);
  if (!value) return 1;
  long *event = bpf_ringbuf_reserve(&events, 8, 0);
  if (event) {
    *event = *value;
    bpf_ringbuf_submit(event, 0);
  }
  if (bpf_map_lookup_elem(&lru, &flow)) bpf_tail_call(skb, &slots, 1);
  return 2;
}

char _license[] SEC("license") = "GPL";
