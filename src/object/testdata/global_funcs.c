// Functions that the verifier checks apart from their callers; a weak and a hidden one.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct pair {
  __u32 a;
  __u64 b;
};

__attribute__((noinline)) int sum(int a, long b) { return a + b; }
__attribute__((noinline)) int length(struct xdp_md *ctx) { return ctx->data_end - ctx->data; }
__attribute__((noinline)) int of_pair(struct pair *p) { return p ? p->a + p->b : 0; }
__attribute__((noinline, weak)) int weak_one(int a) { return (unsigned)a / 3; }
__attribute__((noinline, visibility("hidden"))) int hidden(struct pair *p) { return p->a & 15; }

SEC("xdp")
int main_prog(struct xdp_md *ctx) {
  struct pair p = {.a = ctx->ingress_ifindex, .b = 2};
  int r = sum(length(ctx), 3) + of_pair(&p);
  return (r + weak_one(r) + hidden(&p)) & 1 ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
