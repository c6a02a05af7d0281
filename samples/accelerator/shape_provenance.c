/* Shape and provenance: what a tensor may look like is stated in a map, and somebody with a key vouches for what comes from outside. */
#include <linux/bpf.h>
#include <accelerator.h>

/* What user space allows, by role of the tensor (enum accel_role). All zeros: nothing of this role is taken. */
struct bounds {
  __u32 most[ACCEL_MOST_DIMS]; /* Elements along each dimension. */
  __u32 most_rank;
  __u32 dtypes; /* Bit n allows element type n of ONNX: 1 << 1 is float32. */
  __u32 vouched; /* Whether tensors of this role from outside need a digest. */
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 3);
  __type(key, __u32);
  __type(value, struct bounds);
} bounds SEC(".maps");

/* The enclave's key under which a tenant vouches; tenant 0 is whoever delivers weights. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u32);
  __type(value, __u32);
} vouchers SEC(".maps");

/*
 * Tensors that need no voucher: those that a command of the request makes, whose bytes do not exist yet when the pass is validated, and those that were
 * found to be vouched for in this pass already.
 */
struct known {
  __u64 request;
  __u64 addr;
  __u32 token; /* Of the pass; EVERY_PASS for what the request makes. */
  __u32 reserved;
};

#define EVERY_PASS 0xffffffff

struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct known);
  __type(value, __u8);
} known SEC(".maps");

/* How many tensors passed, and why the others did not. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} answers SEC(".maps");

enum answer { PASSED, WRONG_SHAPE, UNSIGNED, FORGED };

static __always_inline int answer(__u32 which, int result)
{
  __u64 *count = bpf_map_lookup_elem(&answers, &which);
  if (count)
    __sync_fetch_and_add(count, 1);
  return result;
}

/* Whether dimensions and strides stay within the bounds and within the tensor's own bytes. */
static __always_inline int fits(struct bpf_context *ctx, const struct bounds *bounds)
{
  __u64 size = ctx->tensor.size;
  __u64 reach = 0;
  __u32 rank = ctx->tensor.rank;
  __u32 dtype = ctx->tensor.dtype;

  if (rank > bounds->most_rank || rank > ACCEL_MOST_DIMS || dtype > 31 || !(bounds->dtypes >> dtype & 1))
    return 0;
#pragma clang loop unroll(full)
  for (int i = 0; i < ACCEL_MOST_DIMS; i++) {
    __u64 dim = ctx->tensor.dim[i];
    __u64 stride = ctx->tensor.stride[i];

    if (dim == 0 || dim > bounds->most[i])
      return 0;
    /* (dim - 1) * stride without an overflow: it must not reach the tensor's end. */
    if (dim > 1 && stride > size / (dim - 1))
      return 0;
    reach += (dim - 1) * stride;
    if (reach > size)
      return 0;
  }
  return reach < size;
}

/* All commands of a pass are submitted before the first of their tensors is validated. */
SEC("accelerator/submit")
int note_outputs(struct bpf_context *ctx)
{
  struct known made = { .request = ctx->request, .token = EVERY_PASS };
  __u8 one = 1;

  /* What the context does not describe cannot be checked. */
  if (ctx->tensor_count > ACCEL_MOST_TENSORS)
    return -E2BIG;
#pragma clang loop unroll(full)
  for (__u32 i = 0; i < ACCEL_MOST_TENSORS; i++) {
    if (i >= ctx->tensor_count)
      break;
    made.addr = ctx->tensors[i].addr;
    if (ctx->tensors[i].role == ACCEL_ROLE_OUTPUT)
      bpf_map_update_elem(&known, &made, &one, BPF_ANY);
  }
  return 0;
}

SEC("accelerator/validate_tensor")
int shape_provenance(struct bpf_context *ctx)
{
  __u32 role = ctx->tensor.role;
  struct bounds *limit = bpf_map_lookup_elem(&bounds, &role);
  struct known made = { .request = ctx->request, .addr = ctx->tensor.addr, .token = EVERY_PASS };
  struct known checked = { .request = ctx->request, .addr = ctx->tensor.addr, .token = ctx->token };
  __u64 mac[ACCEL_DIGEST_BYTES / 8], digest[ACCEL_DIGEST_BYTES / 8];
  __u64 missing = 0, differs = 0;
  __u8 one = 1;
  __u32 who;

  if (!limit || !fits(ctx, limit))
    return answer(WRONG_SHAPE, -EINVAL);
  if (!limit->vouched || role == ACCEL_ROLE_OUTPUT || bpf_map_lookup_elem(&known, &checked))
    return answer(PASSED, 0);
  if (role == ACCEL_ROLE_ACTIVATION && bpf_map_lookup_elem(&known, &made))
    return answer(PASSED, 0);

  who = role == ACCEL_ROLE_WEIGHT ? 0 : ctx->tenant;
  __u32 *key = bpf_map_lookup_elem(&vouchers, &who);
  if (!key)
    return answer(UNSIGNED, -ENOKEY);
  if (accel_tensor_hmac(ctx, ctx->tensor_index, *key, mac, sizeof(mac)))
    return answer(UNSIGNED, -ENOKEY);
  __builtin_memcpy(digest, ctx->tensor.digest, sizeof(digest));
  /* All bytes are compared whatever the first ones say: the time that this takes tells nothing of the right digest. */
#pragma clang loop unroll(full)
  for (int i = 0; i < ACCEL_DIGEST_BYTES / 8; i++) {
    missing |= digest[i];
    differs |= mac[i] ^ digest[i];
  }
  if (!missing)
    return answer(UNSIGNED, -EACCES);
  if (differs)
    return answer(FORGED, -EKEYREJECTED);
  bpf_map_update_elem(&known, &checked, &one, BPF_ANY);
  return answer(PASSED, 0);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
