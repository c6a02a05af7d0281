/* Helpers for GPL programs only, in an object that says it is none. */
#define LICENCE "Proprietary"
#include "common.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, u32);
	__type(value, u32);
} events SEC(".maps");

SEC("kprobe") int prints(void *ctx) { bpf_printk("here"); return 0; }
SEC("kprobe") int reads_the_kernel(void *ctx)
{
	u64 value;

	return bpf_probe_read_kernel(&value, sizeof(value), NULL);
}
SEC("kprobe") int tells_the_time(void *ctx) { return bpf_ktime_get_ns(); }
SEC("kprobe") int knows_who(void *ctx) { return bpf_get_current_pid_tgid(); }
SEC("xdp") int sends_events(void *ctx)
{
	u32 data = 0;

	return bpf_perf_event_output(ctx, &events, 0, &data, sizeof(data));
}
SEC("xdp") int random(void *ctx) { return bpf_get_prandom_u32() & 1; }
SEC("tc") int redirects(void *ctx) { return bpf_redirect(1, 0); }
SEC("struct_ops/none") int operation(void *ctx) { return 0; }
SEC("tp_btf/sched_switch") int typed(void *ctx) { return 0; }
