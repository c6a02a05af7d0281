// Objects from before BTF: a maps section, static functions beside their caller.
typedef unsigned int u32;
struct bpf_map_def {
  u32 type, key_size, value_size, max_entries, map_flags;
};
#define SEC(name) __attribute__((section(name), used))
static void *(*lookup)(void *map, const void *key) = (void *)1;

SEC("maps") struct bpf_map_def first = {1, 4, 8, 16, 1};
SEC("maps") struct bpf_map_def second = {2, 4, 16, 4, 0};

struct xdp_md {
  u32 data, data_end, data_meta, ingress_ifindex;
};

static __attribute__((noinline, section("xdp"))) int local(int x) { return x * 5 + (x >> 1); }

SEC("xdp") int entry(struct xdp_md *ctx) {
  u32 key = 1;
  long *a = lookup(&first, &key), *b = lookup(&second, &key);
  return (a ? *a : 0) + (b ? b[1] : 1) + local(ctx->ingress_ifindex);
}

SEC("license") char _license[] = "GPL";
