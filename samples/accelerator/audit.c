/* Auditable serving: a record of every pass and of every output, each with the hash of the one before, so that none can go unnoticed. */
#include <linux/bpf.h>
#include <accelerator.h>

#define AUDIT_MAGIC 0x54445541 /* "AUDT" */

enum audit_kind { AUDIT_PASS = 1, AUDIT_OUTPUT = 2 };

/* 152 bytes without holes; src/hooks/accelerator/audit.ts reads the same. */
struct audit_record {
  __u32 magic;
  __u32 kind;
  __u64 number; /* Of the record, from 0. */
  __u8 previous[ACCEL_DIGEST_BYTES]; /* SHA-256 of the record before; zeros in the first. */
  __u8 uuid[16];
  __u64 now_ns;
  __u64 request;
  __u64 seq;
  __u32 tenant;
  __u32 token;
  __u32 layer;
  __u32 op;
  __u64 elapsed_ns;
  __u32 status;
  __u32 dropped; /* Records that found no room in the trace buffer before this one. */
  __u8 output[ACCEL_DIGEST_BYTES]; /* SHA-256 of the first output's bytes as they lie in device memory; zeros for a pass. */
};

/* The end of the chain, which stays on the device: how many records there are, and the hash of the last. */
struct head {
  __u64 count;
  __u8 hash[ACCEL_DIGEST_BYTES];
  __u64 dropped;
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct head);
} head SEC(".maps");

static __always_inline int append(struct bpf_context *ctx, __u32 kind, struct audit_record *record)
{
  __u32 zero = 0;
  struct head *end = bpf_map_lookup_elem(&head, &zero);
  int error;

  if (!end)
    return -ENOENT;
  record->magic = AUDIT_MAGIC;
  record->kind = kind;
  record->number = end->count;
  __builtin_memcpy(record->previous, end->hash, ACCEL_DIGEST_BYTES);
  record->now_ns = ctx->now_ns;
  record->request = ctx->request;
  record->seq = ctx->seq;
  record->tenant = ctx->tenant;
  record->token = ctx->token;
  record->layer = ctx->layer;
  record->op = ctx->op;
  record->elapsed_ns = ctx->elapsed_ns;
  record->status = ctx->status;
  record->dropped = end->dropped;
  error = accel_uuid(ctx, record->uuid, sizeof(record->uuid));
  if (error)
    return error;
  error = accel_trace(ctx, record, sizeof(*record));
  if (error) {
    /* A request that cannot be recorded is not served. */
    end->dropped++;
    return error;
  }
  error = accel_sha256(record, sizeof(*record), end->hash, sizeof(end->hash));
  if (error)
    return error;
  end->count++;
  return 0;
}

SEC("accelerator/token")
int audit_pass(struct bpf_context *ctx)
{
  struct audit_record record = {};

  return append(ctx, AUDIT_PASS, &record);
}

SEC("accelerator/complete")
int audit_output(struct bpf_context *ctx)
{
  struct audit_record record = {};
  __u32 first = ACCEL_MOST_TENSORS;
  int error;

  if (ctx->tensor_count > ACCEL_MOST_TENSORS)
    return -E2BIG;
#pragma clang loop unroll(full)
  for (__u32 i = 0; i < ACCEL_MOST_TENSORS; i++)
    if (first == ACCEL_MOST_TENSORS && i < ctx->tensor_count && ctx->tensors[i].role == ACCEL_ROLE_OUTPUT)
      first = i;
  error = accel_tensor_sha256(ctx, first, record.output, sizeof(record.output));
  if (error)
    return error;
  return append(ctx, AUDIT_OUTPUT, &record);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
