// Drops a packet whose score is above 0.9. eBPF has no floating point, so score and threshold are
// integers in units of 1/1024: 0.9 becomes 921 (1024 * 9 / 10). The weights lie in a map and can be replaced.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

#define ONE 1024
#define THRESHOLD (ONE * 9 / 10)
#define BYTES 64

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __s32);
} model_weights SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

// The model: a weight for each value of a byte, summed over the payload and held between 0 and 1.
static __s32 perform_inference(const __u8 *data, const __u8 *data_end)
{
	__s32 score = 0;

	for (int i = 0; i < BYTES; i++) {
		if (data + i + 1 > data_end)
			break;
		__u32 token = data[i];
		__s32 *weight = bpf_map_lookup_elem(&model_weights, &token);
		if (weight)
			score += *weight;
	}
	if (score < 0)
		score = 0;
	return score > ONE ? ONE : score;
}

SEC("xdp")
int run_classifier_on_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;

	if (data + sizeof(struct ethhdr) > data_end)
		return XDP_PASS;
	__s32 score = perform_inference(data + sizeof(struct ethhdr), data_end);
	__u32 dropped = score > THRESHOLD;
	__u64 *count = bpf_map_lookup_elem(&verdicts, &dropped);
	if (count)
		*count += 1;
	return dropped ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
