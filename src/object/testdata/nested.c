// Loops that the verifier walks, spills, 32-bit arithmetic, global functions over a buffer.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

signed char weights[16 * 16] SEC(".data.weights") = {1, -2, 3};
int inputs[16] SEC(".data.inputs");
int outputs[16] SEC(".data.outputs");

__attribute__((noinline)) int row(int r) {
  int sum = 0;
  r &= 15;
  for (int i = 0; i < 16; i++) sum += weights[r * 16 + i] * inputs[i];
  outputs[r] = sum;
  return sum;
}

SEC("xdp")
int layer(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 16 > end) return XDP_PASS;
  for (int i = 0; i < 16; i++) inputs[i] = data[i];
  int best = 0, at = 0;
  for (int i = 0; i < 16; i++) {
    int value = row(i);
    if (value > best) best = value, at = i;
  }
  return at & 1 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
