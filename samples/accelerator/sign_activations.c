/* Signed activations: what one layer makes carries a digest that the next layer's command is checked against. */
#include <linux/bpf.h>
#include <accelerator.h>

/* Handle of the device's own key in its enclave. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} signer SEC(".maps");

/* What was signed: a tensor whose mark was taken away is not taken for one from outside. */
struct made {
  __u64 request;
  __u64 addr;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct made);
  __type(value, __u64);
} made SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 3);
  __type(key, __u32);
  __type(value, __u64);
} answers SEC(".maps");

enum answer { SIGNED, CHECKED, REFUSED };

static __always_inline void count(__u32 which)
{
  __u64 *value = bpf_map_lookup_elem(&answers, &which);

  if (value)
    __sync_fetch_and_add(value, 1);
}

SEC("accelerator/complete")
int sign_outputs(struct bpf_context *ctx)
{
  __u32 zero = 0;
  __u32 *key = bpf_map_lookup_elem(&signer, &zero);
  int error;

  if (!key)
    return -ENOKEY;
#pragma clang loop unroll(full)
  for (__u32 i = 0; i < ACCEL_MOST_TENSORS; i++) {
    struct made at = { .request = ctx->request, .addr = ctx->tensors[i].addr };
    __u64 seq = ctx->seq;

    if (i >= ctx->tensor_count)
      break;
    if (ctx->tensors[i].role != ACCEL_ROLE_OUTPUT)
      continue;
    error = accel_tensor_sign(ctx, i, *key);
    if (error)
      return error;
    bpf_map_update_elem(&made, &at, &seq, BPF_ANY);
    count(SIGNED);
  }
  return 0;
}

/* At dispatch and not at validate_tensor: a pass is validated before its first layer has run, when what lies between the layers does not exist yet. */
SEC("accelerator/dispatch")
int check_inputs(struct bpf_context *ctx)
{
  __u32 zero = 0;
  __u32 *key = bpf_map_lookup_elem(&signer, &zero);
  __u64 mac[ACCEL_DIGEST_BYTES / 8], digest[ACCEL_DIGEST_BYTES / 8];

  if (!key)
    return -ENOKEY;
  /* What the context does not describe could be neither checked nor signed. */
  if (ctx->tensor_count > ACCEL_MOST_TENSORS)
    return -E2BIG;
#pragma clang loop unroll(full)
  for (__u32 i = 0; i < ACCEL_MOST_TENSORS; i++) {
    struct made at = { .request = ctx->request, .addr = ctx->tensors[i].addr };
    __u64 differs = 0;

    if (i >= ctx->tensor_count)
      break;
    if (ctx->tensors[i].role != ACCEL_ROLE_ACTIVATION || !bpf_map_lookup_elem(&made, &at))
      continue;
    if (!(ctx->tensors[i].flags & ACCEL_TENSOR_SIGNED) || accel_tensor_hmac(ctx, i, *key, mac, sizeof(mac))) {
      count(REFUSED);
      return -EACCES;
    }
    __builtin_memcpy(digest, ctx->tensors[i].digest, sizeof(digest));
#pragma clang loop unroll(full)
    for (int word = 0; word < ACCEL_DIGEST_BYTES / 8; word++)
      differs |= mac[word] ^ digest[word];
    if (differs) {
      count(REFUSED);
      return -EKEYREJECTED;
    }
    count(CHECKED);
  }
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
