/**
 * The check of a tensor's shape as the article on eBPF in an accelerator prints it, with what it leaves out: includes, the context, a licence, and a
 * section that Linux has.
 */
export const VALIDATE = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct bpf_context { struct { __u32 dim[8]; } tensor; };
SEC("syscall")
int validate(struct bpf_context *ctx) {
  if (ctx->tensor.dim[0] > 4096) return -1;
  return 0;
}
char LICENSE[] SEC("license") = "GPL";
`;
