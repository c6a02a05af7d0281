/* Confidential inference: every activation of a request lies encrypted in device memory, under a key that only this request has. */
#include <linux/bpf.h>
#include <accelerator.h>

/* Handle of the key in the device's enclave, by request. Programs never see a key. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);
  __type(value, __u32);
} request_keys SEC(".maps");

/* Tensors that a command of the request makes; they are sealed when they exist. */
struct made {
  __u64 request;
  __u64 addr;
};

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct made);
  __type(value, __u8);
} made SEC(".maps");

/* Tensors sealed, by the role that they have for their command. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 3);
  __type(key, __u32);
  __type(value, __u64);
} sealed SEC(".maps");

static __always_inline int seal(struct bpf_context *ctx, __u32 tensor, __u32 role, __u32 key)
{
  __u64 *count;
  int error = accel_tensor_seal(ctx, tensor, key);

  if (error == -EALREADY)
    return 0;
  if (error)
    return error;
  count = bpf_map_lookup_elem(&sealed, &role);
  if (count)
    __sync_fetch_and_add(count, 1);
  return 0;
}

/* The units learn which key opens the tensors of the command, and we which tensors the request makes itself. */
SEC("accelerator/submit")
int choose_key(struct bpf_context *ctx)
{
  __u64 request = ctx->request;
  __u32 *key = bpf_map_lookup_elem(&request_keys, &request);
  struct made at = { .request = request };
  __u8 one = 1;

  if (!key)
    return -ENOKEY;
  /* What the context does not describe could not be sealed. */
  if (ctx->tensor_count > ACCEL_MOST_TENSORS)
    return -E2BIG;
  ctx->key = *key;
#pragma clang loop unroll(full)
  for (__u32 i = 0; i < ACCEL_MOST_TENSORS; i++) {
    if (i >= ctx->tensor_count)
      break;
    at.addr = ctx->tensors[i].addr;
    if (ctx->tensors[i].role == ACCEL_ROLE_OUTPUT)
      bpf_map_update_elem(&made, &at, &one, BPF_ANY);
  }
  return 0;
}

/* What the host put into device memory is sealed before the first command of the pass is dispatched. */
SEC("accelerator/validate_tensor")
int seal_inputs(struct bpf_context *ctx)
{
  struct made at = { .request = ctx->request, .addr = ctx->tensor.addr };

  if (ctx->tensor.role != ACCEL_ROLE_ACTIVATION || bpf_map_lookup_elem(&made, &at))
    return 0;
  return seal(ctx, ctx->tensor_index, ACCEL_ROLE_ACTIVATION, ctx->key);
}

/* What the units wrote is sealed before the host may read it. */
SEC("accelerator/complete")
int seal_outputs(struct bpf_context *ctx)
{
  int error;

#pragma clang loop unroll(full)
  for (__u32 i = 0; i < ACCEL_MOST_TENSORS; i++) {
    if (i >= ctx->tensor_count)
      break;
    if (ctx->tensors[i].role == ACCEL_ROLE_OUTPUT) {
      error = seal(ctx, i, ACCEL_ROLE_OUTPUT, ctx->key);
      if (error)
        return error;
    }
  }
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
