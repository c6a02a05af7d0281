// Static functions, functions of functions, order of linking.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __attribute__((noinline)) int leaf(int x) { return x * 3 + (x >> 2); }
static __attribute__((noinline)) int middle(int x, int y) { return leaf(x) ^ leaf(y + 1); }
static __attribute__((noinline)) int other(int x) { return x < 10 ? leaf(x) : 4; }

SEC("xdp")
int first(struct xdp_md *ctx) { return middle(ctx->ingress_ifindex, 3) + other(ctx->rx_queue_index) > 7 ? XDP_DROP : XDP_PASS; }

SEC("xdp")
int second(struct xdp_md *ctx) { return other(ctx->ingress_ifindex) & 1 ? XDP_DROP : XDP_PASS; }

SEC("tc")
int third(struct __sk_buff *skb) { return leaf(skb->len) & 3; }

char _license[] SEC("license") = "GPL";
