// Larger C programs, one per KIND, whose loops run N times: what people write when they score packets by hand.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

struct weights {
  __s16 w[64][64];
  __s32 bias[64];
  __s32 hidden[64];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct weights);
} model SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, __u64);
  __type(value, __u64);
} seen SEC(".maps");

#define NO_UNROLL _Pragma("clang loop unroll(disable)")

SEC("xdp")
int scale(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data;
  void *end = (void *)(long)ctx->data_end;
  __u32 zero = 0;
#if KIND == 0 // checksum of a variable number of words
  __u16 *words = data;
  __u32 sum = 0;
  NO_UNROLL for (int i = 0; i < N; i++) {
    if ((void *)(words + i + 1) > end) break;
    sum += words[i];
  }
  sum = (sum & 0xffff) + (sum >> 16);
  return sum & 1 ? XDP_DROP : XDP_PASS;
#elif KIND == 1 // a dense layer
  struct weights *m = bpf_map_lookup_elem(&model, &zero);
  if (!m || data + 64 > end) return XDP_PASS;
  __u8 *x = data;
  NO_UNROLL for (int row = 0; row < N; row++) {
    __s32 sum = m->bias[row & 63];
    NO_UNROLL for (int col = 0; col < 32; col++) sum += m->w[row & 63][col] * x[col];
    m->hidden[row & 63] = sum > 0 ? sum >> 8 : 0;
  }
  return m->hidden[0] > m->hidden[1] ? XDP_DROP : XDP_PASS;
#elif KIND == 2 // an automaton with a branch at every byte
  __u8 *p = data;
  __u32 state = 0, hits = 0;
  NO_UNROLL for (int i = 0; i < N; i++) {
    if ((void *)(p + i + 1) > end) break;
    __u8 c = p[i];
    if (c >= 'a' && c <= 'z') state = (state * 3 + c) & 63;
    else if (c == '%') hits++;
    else if (state > 40) state -= 7;
    if (hits > 8) return XDP_DROP;
  }
  return state == 7 ? XDP_DROP : XDP_PASS;
#elif KIND == 3 // header options, then flow state in a hash map
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != 8) return XDP_PASS;
  __u32 len = ip->ihl * 4;
  __u8 *option = (void *)(ip + 1);
  NO_UNROLL for (int i = 0; i < N; i++) {
    if ((void *)(option + 2) > end) break;
    if (option[0] == 0) break;
    __u32 step = option[0] == 1 ? 1 : option[1] & 15;
    if (step == 0) return XDP_DROP;
    option += step;
    __u64 key = ((__u64)ip->saddr << 32) | option - (__u8 *)data;
    __u64 *count = bpf_map_lookup_elem(&seen, &key);
    if (count) __sync_fetch_and_add(count, 1);
    else if (len > 40) {
      __u64 one = 1;
      bpf_map_update_elem(&seen, &key, &one, BPF_ANY);
    }
  }
  return XDP_PASS;
#elif KIND == 4 // a small array on the stack, sorted
  __u32 a[24];
  NO_UNROLL for (int i = 0; i < 24; i++) a[i] = bpf_get_prandom_u32();
  NO_UNROLL for (int pass = 0; pass < N; pass++) {
    NO_UNROLL for (int i = 0; i < 23; i++) {
      __u32 x = a[i], y = a[i + 1];
      __u32 swap = x > y;
      a[i] = swap ? y : x;
      a[i + 1] = swap ? x : y;
    }
  }
  return a[0] > 7 ? XDP_DROP : XDP_PASS;
#elif KIND == 5 // straight code: a hash of many rounds, unrolled
  __u64 h = bpf_ktime_get_ns(), k = bpf_get_prandom_u32();
  _Pragma("clang loop unroll(full)") for (int i = 0; i < N; i++) {
    h ^= k + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2);
    k = (k << 13) | (k >> 51);
    if (h & 1) k += i;
  }
  return h & 1 ? XDP_DROP : XDP_PASS;
#endif
}

char _license[] SEC("license") = "GPL";
