/* Metrics by layer, and quotas by tenant and by token. */
#include <linux/bpf.h>
#include <accelerator.h>

#define MOST_LAYERS 64
#define SLOTS 32
#define REPORT_MAGIC 0x5254454d /* "METR" */

struct layer {
  __u64 commands;
  __u64 flops;
  __u64 bytes;
  __u64 queued_ns;
  __u64 busy_ns;
  __u64 failed;
  __u64 took[SLOTS]; /* Commands whose time on the units has its highest bit at n: 2^n to 2^(n+1) - 1 ns. */
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, MOST_LAYERS);
  __type(key, __u32);
  __type(value, struct layer);
} layers SEC(".maps");

/* What user space allows a tenant. Zero means no limit. */
struct quota {
  __u64 window_ns; /* Of the device's clock. */
  __u32 tokens; /* In a window. */
  __u32 tokens_per_request;
  __u32 holds; /* Whether passes beyond the quota wait for the next window; else they are refused. */
  __u32 reserved;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u32);
  __type(value, struct quota);
} quotas SEC(".maps");

struct usage {
  __u64 window; /* Number of the window. */
  __u64 in_window; /* Tokens in it. */
  __u64 tokens;
  __u64 held;
  __u64 refused;
  __u64 flops;
  __u64 busy_ns;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 256);
  __type(key, __u32);
  __type(value, struct usage);
} tenants SEC(".maps");

/* Commands and nanoseconds of all layers, for the reports. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u64);
} totals SEC(".maps");

struct report {
  __u32 magic;
  __u32 queue_depth;
  __u32 units_busy;
  __u32 reserved;
  __u64 now_ns;
  __u64 commands;
  __u64 busy_ns;
};

static __always_inline struct usage *usage_of(__u32 tenant)
{
  struct usage none = {};
  struct usage *usage = bpf_map_lookup_elem(&tenants, &tenant);

  if (usage)
    return usage;
  bpf_map_update_elem(&tenants, &tenant, &none, BPF_NOEXIST);
  return bpf_map_lookup_elem(&tenants, &tenant);
}

/* Place of the highest bit, without a branch that the verifier would have to follow twice. */
static __always_inline __u32 log2_of(__u64 value)
{
  __u32 place = 0;
#pragma clang loop unroll(full)
  for (int shift = 32; shift > 0; shift >>= 1) {
    __u64 above = value >> shift;
    __u64 is_above = (above | -above) >> 63;

    place += is_above * shift;
    value >>= is_above * shift;
  }
  return place;
}

SEC("accelerator/token")
int count_tokens(struct bpf_context *ctx)
{
  __u32 tenant = ctx->tenant;
  struct quota *quota = bpf_map_lookup_elem(&quotas, &tenant);
  struct usage *usage = usage_of(tenant);

  if (!usage)
    return -ENOMEM;
  if (quota && quota->tokens_per_request && ctx->token >= quota->tokens_per_request) {
    usage->refused++;
    return -EDQUOT;
  }
  if (quota && quota->window_ns && quota->tokens) {
    __u64 window = ctx->now_ns / quota->window_ns;

    if (window != usage->window) {
      usage->window = window;
      usage->in_window = 0;
    }
    if (usage->in_window >= quota->tokens) {
      if (!quota->holds) {
        usage->refused++;
        return -EDQUOT;
      }
      usage->held++;
      ctx->defer_ns = (window + 1) * quota->window_ns - ctx->now_ns;
      return ACCEL_DEFER;
    }
    usage->in_window++;
  }
  usage->tokens++;
  return 0;
}

SEC("accelerator/complete")
int measure_layer(struct bpf_context *ctx)
{
  __u32 which = ctx->layer < MOST_LAYERS ? ctx->layer : MOST_LAYERS - 1;
  struct layer *layer = bpf_map_lookup_elem(&layers, &which);
  struct usage *usage = usage_of(ctx->tenant);
  __u32 commands = 0, busy = 1;
  __u64 *total;

  if (!layer || !usage)
    return 0;
  layer->commands++;
  layer->flops += ctx->flops;
  layer->bytes += ctx->bytes;
  layer->queued_ns += ctx->queued_ns;
  layer->busy_ns += ctx->elapsed_ns;
  layer->failed += ctx->status != 0;
  layer->took[log2_of(ctx->elapsed_ns) & (SLOTS - 1)]++;
  __sync_fetch_and_add(&usage->flops, ctx->flops);
  __sync_fetch_and_add(&usage->busy_ns, ctx->elapsed_ns);
  total = bpf_map_lookup_elem(&totals, &commands);
  if (total)
    __sync_fetch_and_add(total, 1);
  total = bpf_map_lookup_elem(&totals, &busy);
  if (total)
    __sync_fetch_and_add(total, ctx->elapsed_ns);
  return 0;
}

SEC("accelerator/telemetry")
int report(struct bpf_context *ctx)
{
  struct report report = { .magic = REPORT_MAGIC };
  __u32 commands = 0, busy = 1;
  __u64 *total;

  report.queue_depth = ctx->queue_depth;
  report.units_busy = ctx->units_busy;
  report.now_ns = ctx->now_ns;
  total = bpf_map_lookup_elem(&totals, &commands);
  if (total)
    report.commands = *total;
  total = bpf_map_lookup_elem(&totals, &busy);
  if (total)
    report.busy_ns = *total;
  /* A report that finds no room is lost; the next one says more. */
  accel_trace(ctx, &report, sizeof(report));
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
