/* Adaptive quality of service: a token bucket for each tenant, whose rate user space may change while requests flow. */
#include <linux/bpf.h>
#include <accelerator.h>

/* What user space states, and may change at any time. */
struct policy {
  __u64 period_ns; /* Of the device's clock. */
  __u32 rate; /* Tokens that a period brings. */
  __u32 burst; /* Tokens that the bucket holds at most. */
  __u32 priority; /* Of the tenant's commands; higher goes first. */
  __u32 reserved;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u32);
  __type(value, struct policy);
} policies SEC(".maps");

/* What the program keeps. It stands apart from what user space writes, so that neither overwrites the other. */
struct bucket {
  __u64 filled_ns;
  __u64 level; /* Tokens times period_ns: a nanosecond brings `rate` of these, and nothing is ever rounded. */
  __u64 passed;
  __u64 deferrals;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u32);
  __type(value, struct bucket);
} buckets SEC(".maps");

/* A token of the bucket is one token of the model: one pass. */
SEC("accelerator/token")
int token_bucket(struct bpf_context *ctx)
{
  __u32 tenant = ctx->tenant;
  struct policy *policy = bpf_map_lookup_elem(&policies, &tenant);
  struct bucket *bucket;
  __u64 now = ctx->now_ns, room, elapsed, wait;

  if (!policy || !policy->period_ns)
    return 0;
  ctx->priority = policy->priority;
  room = policy->period_ns * policy->burst;
  bucket = bpf_map_lookup_elem(&buckets, &tenant);
  if (!bucket) {
    struct bucket full = { .filled_ns = now, .level = room };

    bpf_map_update_elem(&buckets, &tenant, &full, BPF_NOEXIST);
    bucket = bpf_map_lookup_elem(&buckets, &tenant);
    if (!bucket)
      return -ENOMEM;
  }

  elapsed = now - bucket->filled_ns;
  bucket->filled_ns = now;
  /* Longer than the bucket takes to fill counts no more: the product below stays far from 2^64. */
  if (policy->rate && elapsed > room / policy->rate + 1)
    elapsed = room / policy->rate + 1;
  bucket->level += elapsed * policy->rate;
  if (bucket->level > room)
    bucket->level = room;

  if (bucket->level >= policy->period_ns) {
    bucket->level -= policy->period_ns;
    bucket->passed++;
    return ACCEL_CONTINUE;
  }
  bucket->deferrals++;
  /* Until the next token is there, but not longer than a period: by then the rate may be another. */
  wait = policy->period_ns;
  if (policy->rate > 1)
    wait = (policy->period_ns - bucket->level + policy->rate - 1) / policy->rate;
  if (wait > policy->period_ns)
    wait = policy->period_ns;
  ctx->defer_ns = wait;
  return ACCEL_DEFER;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
